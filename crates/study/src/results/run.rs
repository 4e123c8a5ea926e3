//! One run as a report sees it: its state, its final value, its measured values over time.

use std::collections::BTreeMap;

use allconv_record::{MetricPoint, RunDirectory, RunRecord, RunSpecification, SplitName};

use crate::file::Primary;
use crate::index::{IndexedRun, RunState};

/// A planned run with everything that was read of it.
#[derive(Clone, Debug, PartialEq)]
pub struct RunResult {
    /// Arm it belongs to.
    pub arm: String,
    /// Position of the arm in the study file.
    pub arm_index: usize,
    /// Seed.
    pub seed: u64,
    /// How far it is.
    pub state: RunState,
    /// Why it did not finish, if it did not.
    pub reason: Option<String>,
    /// The primary metric at the end of a finished run.
    pub value: Option<f64>,
    /// Measured values by split and name, in the order of the steps.
    pub curves: BTreeMap<(SplitName, String), Vec<MetricPoint>>,
    /// Its `run.json`, if it exists.
    pub record: Option<RunRecord>,
    /// Its `spec.toml`, if it exists and can be read.
    pub specification: Option<RunSpecification>,
    /// Where it lies, if it exists.
    pub directory: Option<RunDirectory>,
}

impl RunResult {
    /// Reads what a report needs of an indexed run; what cannot be read becomes a sentence in `warnings`.
    pub(crate) fn read(indexed: &IndexedRun, primary: &Primary, warnings: &mut Vec<String>) -> RunResult {
        let planned = &indexed.planned;
        let mut result = RunResult {
            arm: planned.arm.clone(),
            arm_index: planned.arm_index,
            seed: planned.seed,
            state: indexed.state,
            reason: None,
            value: None,
            curves: BTreeMap::new(),
            record: None,
            specification: None,
            directory: None,
        };
        let Some(found) = &indexed.found else { return result };
        result.reason = found.record.reason.clone();
        result.record = Some(found.record.clone());
        // The index has warned about a specification that cannot be read.
        result.specification = found.directory.read_specification().ok();
        result.directory = Some(found.directory.clone());
        if !found.directory.journal_path().exists() {
            if result.state == RunState::Done {
                warnings.push(format!(
                    "The finished run {} with seed {} has no metrics.",
                    result.arm, result.seed
                ));
            }
            return result;
        }
        match found.directory.read_metrics() {
            Ok(points) => {
                for point in points {
                    result.curves.entry((point.split, point.name.clone())).or_default().push(point);
                }
            }
            Err(error) => warnings
                .push(format!("Metrics of {} with seed {} were left out: {error}.", result.arm, result.seed)),
        }
        if result.state == RunState::Done {
            let points = result.curves.get(&(primary.split, primary.metric.clone()));
            result.value = points.and_then(|points| points.last()).map(|point| point.value);
            if result.value.is_none() {
                warnings.push(format!(
                    "The finished run {} with seed {} has no {} {}.",
                    result.arm,
                    result.seed,
                    primary.split.name(),
                    primary.metric
                ));
            }
        }
        result
    }

    /// Name of the run's folder, without the path to it.
    pub fn folder_name(&self) -> Option<String> {
        let path = self.directory.as_ref()?.path();
        Some(path.file_name()?.to_string_lossy().into_owned())
    }
}
