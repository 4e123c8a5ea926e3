//! One run in a report: its state, its final value, its measured values over time.

use std::collections::BTreeMap;

use allconv_record::{MetricPoint, RecordError, RunDirectory, RunRecord, RunSpecification, SplitName};
use serde::Serialize;

use super::journal_check::damage;
use super::serialised;
use crate::file::{Primary, StudyFile};
use crate::index::{IndexedRun, RunState};
use crate::text::visible;

/// A planned run with its records.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunResult {
    /// Arm it belongs to.
    pub arm: String,
    /// Position of the arm in the study file.
    #[serde(skip)]
    pub arm_index: usize,
    /// Seed.
    pub seed: u64,
    /// Its state.
    pub state: RunState,
    /// Why it did not finish, if it did not.
    pub reason: Option<String>,
    /// The primary metric at the end of a finished run.
    pub value: Option<f64>,
    /// Measured values by split and name, in the order of the steps.
    #[serde(skip)]
    pub curves: BTreeMap<(SplitName, String), Vec<MetricPoint>>,
    /// Its `run.json`, if it exists.
    #[serde(flatten, serialize_with = "serialised::record")]
    pub record: Option<RunRecord>,
    /// Its `spec.toml`, if it exists and can be read.
    #[serde(skip)]
    pub specification: Option<RunSpecification>,
    /// Where it lies, if it exists.
    #[serde(rename = "folder", serialize_with = "serialised::folder")]
    pub directory: Option<RunDirectory>,
}

impl RunResult {
    /// Reads the records of an indexed run; unreadable ones become a sentence in `warnings`.
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
        let record = with_visible_texts(&found.record);
        result.reason.clone_from(&record.reason);
        // The index warns about an unreadable specification.
        result.specification = found.directory.read_specification().ok();
        result.directory = Some(found.directory.clone());
        if let Some(damage) = &found.damage {
            let reason = visible(damage);
            warnings.push(format!(
                "The run {} with seed {} has ended, but it is damaged and has no result: {reason}. `study run` makes it again.",
                result.arm, result.seed
            ));
            result.reason = Some(reason);
            result.record = Some(record);
            return result;
        }
        result.read_curves(&found.directory, &record, warnings);
        result.record = Some(record);
        result.read_value(primary, warnings);
        result
    }

    fn read_curves(&mut self, directory: &RunDirectory, record: &RunRecord, warnings: &mut Vec<String>) {
        match measured(directory, record) {
            Ok(points) => {
                for point in points {
                    self.curves.entry((point.split, visible(&point.name))).or_default().push(point);
                }
            }
            Err(reason) if self.state == RunState::Done => {
                warnings.push(format!(
                    "The finished run {} with seed {} is damaged and has no result: {reason}. Restore it from a copy, or remove its folder and run \
                     the study again.",
                    self.arm, self.seed
                ));
                self.state = RunState::Damaged;
                self.reason = Some(reason);
            }
            Err(reason) => warnings
                .push(format!("Metrics of {} with seed {} were left out: {reason}.", self.arm, self.seed)),
        }
    }

    /// The primary metric at the end of a finished run.
    fn read_value(&mut self, primary: &Primary, warnings: &mut Vec<String>) {
        if self.state != RunState::Done {
            return;
        }
        self.value = self.final_value(primary.split, &primary.metric);
        if self.value.is_none() {
            warnings.push(format!(
                "The finished run {} with seed {} has no {} {}.",
                self.arm,
                self.seed,
                primary.split.name(),
                primary.metric
            ));
        }
    }

    /// The last value of a metric of a finished run.
    pub(crate) fn final_value(&self, split: SplitName, metric: &str) -> Option<f64> {
        if self.state != RunState::Done {
            return None;
        }
        Some(self.curves.get(&(split, metric.to_owned()))?.last()?.value)
    }

    /// Name of the run's folder, without the path to it.
    pub fn folder_name(&self) -> Option<String> {
        let path = self.directory.as_ref()?.path();
        Some(path.file_name()?.to_string_lossy().into_owned())
    }
}

/// The runs of an arm.
pub(super) fn of_arm(runs: &[RunResult], arm_index: usize) -> Vec<&RunResult> {
    runs.iter().filter(|run| run.arm_index == arm_index).collect()
}

/// The runs of the first `count` seeds.
pub(super) fn of_first_seeds<'a>(study: &StudyFile, runs: &'a [RunResult], count: u32) -> Vec<&'a RunResult> {
    runs.iter().filter(|run| run.seed < study.seeds.from + u64::from(count)).collect()
}

/// Returns the measured values of a run, or the defect of its journal.
fn measured(directory: &RunDirectory, record: &RunRecord) -> Result<Vec<MetricPoint>, String> {
    let is_finished = record.status == allconv_record::Status::Finished;
    if !directory.journal_path().exists() {
        // A run that was only just begun has none yet.
        return if is_finished { Err("metrics.jsonl is missing".to_owned()) } else { Ok(Vec::new()) };
    }
    let points = directory.read_metrics().map_err(|error| match error {
        // Without the path, so that a report does not depend on where the runs are.
        RecordError::Malformed { reason, .. } => format!("metrics.jsonl, {}", visible(&reason)),
        other => visible(&other.to_string()),
    })?;
    match damage(&points, record) {
        Some(reason) => Err(reason),
        None => Ok(points),
    }
}

/// Returns the record with hidden characters in its texts made visible.
fn with_visible_texts(record: &RunRecord) -> RunRecord {
    let mut record = record.clone();
    let environment = &mut record.environment;
    let texts = [
        &mut record.study,
        &mut record.arm,
        &mut record.specification_hash,
        &mut record.request_hash,
        &mut environment.allconv,
        &mut environment.commit,
        &mut environment.compiler,
        &mut environment.platform,
        &mut environment.cpu,
        &mut environment.instruction_set,
        &mut environment.device,
    ];
    for text in texts.into_iter().chain(&mut record.command).chain(&mut record.reason) {
        *text = visible(text);
    }
    record
}
