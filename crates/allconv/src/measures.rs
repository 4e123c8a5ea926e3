//! Measures and explanations of finished runs, as the training loop calls them.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Arc;

use allconv_inspect::explain::{signal_explanations, strips};
use allconv_inspect::measure::{DEFAULT_LARGEST_SHIFT, Fits, MeasureRequest, study_metrics, take_metrics};
use allconv_inspect::{CheckpointChoice, InspectError, Pictures, RunWeights, Subject, TrainedNetwork};
use allconv_kernels::Isa;
use allconv_record::{ArtefactPicture, Measurer, PictureRole, RunDirectory, SplitName};
use allconv_train::{DataStore, MeasurableMetric, MeasuredOf};
use burn::tensor::Device;
use image::ImageFormat;

/// Test images that are loaded; each measure takes as many of them as its description says.
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

    /// The finished network of a run with up to `count` test images.
    fn subject(&self, run: &RunDirectory, count: usize) -> Result<(Subject, Pictures), InspectError> {
        let weights = RunWeights::Checkpoint(CheckpointChoice::Last);
        let trained = TrainedNetwork::of_run(run, &weights, &self.data, self.isa, &Device::flex())?;
        let pictures = trained.pictures_of_split(SplitName::Test, count, &self.data)?;
        Ok((trained.into_subject(), pictures))
    }

    fn take(&self, names: &[String], run: &RunDirectory) -> Result<Vec<(String, f64)>, InspectError> {
        let (subject, pictures) = self.subject(run, IMAGES)?;
        let request = MeasureRequest {
            subject: &subject,
            pictures: &pictures,
            // The set of checkpoints depends on interruptions, and a run's metrics must not.
            run: None,
            history: &run.read_metrics()?,
            largest_shift: DEFAULT_LARGEST_SHIFT,
        };
        take_metrics(names, &request)
    }
}

/// Test images whose explanations are kept.
const EXPLAINED: usize = 4;

impl Measures {
    fn strips(
        &self,
        methods: &[String],
        run: &RunDirectory,
    ) -> anyhow::Result<Vec<(ArtefactPicture, Vec<u8>)>> {
        let (subject, pictures) = self.subject(run, EXPLAINED)?;
        let caption = format!("{}; the same before training", methods.join(", "));
        let mut kept = Vec::new();
        for (index, strip) in strips(&subject, &pictures, methods)?.into_iter().enumerate() {
            let example = pictures.name(index).to_owned();
            let parts = [
                (PictureRole::Input, strip.input, None),
                (PictureRole::Explanation, strip.signals, Some(caption.clone())),
            ];
            for (role, picture, caption) in parts {
                let mut png = Cursor::new(Vec::new());
                picture.write_to(&mut png, ImageFormat::Png)?;
                let file = format!("{}-{}.png", example.replace(' ', "-"), role.name());
                let picture = ArtefactPicture {
                    file,
                    example: example.clone(),
                    role,
                    caption,
                    metrics: BTreeMap::new(),
                };
                kept.push((picture, png.into_inner()));
            }
        }
        Ok(kept)
    }
}

impl Measurer for Measures {
    fn measure(&self, names: &[String], run: &RunDirectory) -> Result<Vec<(String, f64)>, String> {
        self.take(names, run).map_err(|error| error.to_string())
    }

    fn explain(
        &self,
        methods: &[String],
        run: &RunDirectory,
    ) -> Result<Vec<(ArtefactPicture, Vec<u8>)>, String> {
        self.strips(methods, run).map_err(|error| error.to_string())
    }
}

/// Every method that can be named.
pub(crate) fn methods() -> Vec<String> {
    signal_explanations().map(|(name, _)| name.to_owned()).collect()
}

/// Every metric that can be named.
pub(crate) fn metrics() -> Vec<MeasurableMetric> {
    let metric = |(name, revision, fits): (&str, u32, Fits)| MeasurableMetric {
        name: name.to_owned(),
        revision,
        of: match fits {
            Fits::Any => MeasuredOf::Any,
            Fits::Classes => MeasuredOf::Classifiers,
            Fits::Maps => MeasuredOf::Maps,
            Fits::Regions => MeasuredOf::Regions,
        },
    };
    study_metrics().into_iter().map(metric).collect()
}

#[cfg(test)]
mod tests {
    use allconv_study::find_metric;

    #[test]
    fn every_metric_that_a_study_can_measure_has_its_own_description_in_reports() {
        for metric in super::metrics() {
            assert_eq!(find_metric(&metric.name).map(|known| known.name), Some(metric.name.as_str()));
        }
    }
}
