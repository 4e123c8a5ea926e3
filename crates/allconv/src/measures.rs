//! What runs can have measured when they are finished: the crate that asks networks, as the training loop calls it.

use std::sync::Arc;

use allconv_inspect::measure::{Asked, DEFAULT_LARGEST_SHIFT, metric_revisions, take_metrics};
use allconv_inspect::{CheckpointChoice, InspectError, Subject, checkpoint_file};
use allconv_kernels::Isa;
use allconv_record::{Measurer, RunDirectory, SplitName};
use allconv_train::{DataStore, RunSettings};

use crate::subject::Pool;

/// Test images that are loaded; each measure takes as many of them as its card says.
const IMAGES: usize = 1000;

/// The measures, with the data they need.
pub(crate) struct Measures {
    data: Arc<DataStore>,
    isa: Isa,
}

impl Measures {
    /// Measures on the data sets of a store.
    pub(crate) fn new(data: Arc<DataStore>, isa: Isa) -> Measures {
        Measures { data, isa }
    }

    fn take(&self, names: &[String], run: &RunDirectory) -> Result<Vec<(String, f64)>, InspectError> {
        let specification = run.read_specification()?;
        let settings =
            RunSettings::read(&specification).map_err(|error| InspectError::Question(error.to_string()))?;
        let Pool { blueprint, pictures, .. } =
            Pool::of_run(run, &settings, &self.data, SplitName::Test, IMAGES)?;
        let weights = checkpoint_file(run, CheckpointChoice::Last)?;
        let subject = Subject::new(blueprint, Some(&weights), self.isa)?;
        let asked = Asked {
            subject: &subject,
            pictures: &pictures,
            // Which checkpoints lie there depends on interruptions, and a run's metrics must not.
            run: None,
            history: &run.read_metrics()?,
            largest_shift: DEFAULT_LARGEST_SHIFT,
        };
        take_metrics(names, &asked)
    }
}

impl Measurer for Measures {
    fn measure(&self, names: &[String], run: &RunDirectory) -> Result<Vec<(String, f64)>, String> {
        self.take(names, run).map_err(|error| error.to_string())
    }
}

/// Every metric that can be named, with its revision.
pub(crate) fn metrics() -> Vec<(String, u32)> {
    metric_revisions().into_iter().map(|(name, revision)| (name.to_owned(), revision)).collect()
}
