//! Where the weights of an exported model come from: the run, its specification, its data, its program, and what it measured.

use serde::{Deserialize, Serialize};

use crate::{RecordError, RunDirectory, SplitName};

/// The origin of a set of weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Name of the run directory.
    pub run: String,
    /// Study that the run was made for.
    pub study: String,
    /// Arm of the study.
    pub arm: String,
    /// Seed of the run.
    pub seed: u64,
    /// Hash of the specification of the run, 64 hexadecimal digits.
    pub specification_hash: String,
    /// Which weights: `last`, `best`, or `file` for those of another file.
    pub weights: String,
    /// Optimiser steps made when the weights were kept.
    pub step: u64,
    /// Optimiser steps of the whole run.
    pub total_steps: u64,
    /// Version of the program that trained.
    pub allconv: String,
    /// Commit of that program's sources, or `unknown`.
    pub commit: String,
    /// Metrics of these weights, in the order in which the run recorded them; none for weights of another file.
    pub results: Vec<ReportedMetric>,
}

/// A metric of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportedMetric {
    /// Name of the metric, as in `metrics.jsonl`.
    pub metric: String,
    /// The split that it was measured on.
    pub split: SplitName,
    /// The value of the exported weights.
    pub value: f64,
    /// The same over the runs of the study that differ in the seed alone; absent where there is one run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seeds: Option<SeedMean>,
}

/// The mean of a metric over runs that differ in the seed alone, with its confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedMean {
    /// Number of runs.
    pub n: u64,
    /// Mean.
    pub mean: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// Level of the interval, e.g. 0.95.
    pub level: f64,
}

impl Provenance {
    /// Describes the weights that `run` had after `step` steps, called `weights`; their metrics are those recorded at that step.
    ///
    /// # Errors
    /// [`RecordError`] when the record, the specification or the metrics of the run are missing or damaged.
    pub fn of_run(run: &RunDirectory, weights: &str, step: u64) -> Result<Provenance, RecordError> {
        let results = run.final_metrics(step)?;
        Ok(Provenance { results, step, ..Provenance::of_other_weights(run, weights)? })
    }

    /// Describes weights that are not those of a checkpoint of `run`: without metrics.
    ///
    /// # Errors
    /// [`RecordError`] when the record or the specification of the run is missing or damaged.
    pub fn of_other_weights(run: &RunDirectory, weights: &str) -> Result<Provenance, RecordError> {
        let record = run.read_record()?;
        let specification = run.read_specification()?;
        Ok(Provenance {
            run: run.name(),
            study: record.study,
            arm: record.arm,
            seed: specification.seed,
            specification_hash: specification.hash(),
            weights: weights.to_owned(),
            step: record.step,
            total_steps: record.total_steps,
            allconv: record.environment.allconv,
            commit: record.environment.commit,
            results: Vec::new(),
        })
    }
}

impl RunDirectory {
    /// The name of the folder.
    pub fn name(&self) -> String {
        let absolute = std::path::absolute(self.path()).unwrap_or_else(|_| self.path().to_path_buf());
        absolute.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The metrics of the validation and the test split that were recorded at `step`; of a metric recorded twice, the later value.
    ///
    /// # Errors
    /// [`RecordError`] when `metrics.jsonl` is missing or damaged.
    pub fn final_metrics(&self, step: u64) -> Result<Vec<ReportedMetric>, RecordError> {
        let mut found: Vec<ReportedMetric> = Vec::new();
        for point in self.read_metrics()? {
            if point.step != step || point.split == SplitName::Train {
                continue;
            }
            found.retain(|known| (known.split, &known.metric) != (point.split, &point.name));
            let (metric, split, value) = (point.name, point.split, point.value);
            found.push(ReportedMetric { metric, split, value, seeds: None });
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MetricPoint;

    #[test]
    fn the_metrics_are_the_latest_of_the_step_and_none_of_training() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDirectory::at(folder.path());
        let mut journal = run.open_journal(0).unwrap();
        for (step, split, name, value) in [
            (5, SplitName::Valid, "error", 0.9),
            (10, SplitName::Train, "error", 0.1),
            (10, SplitName::Valid, "error", 0.3),
            (10, SplitName::Test, "error", 0.5),
            (10, SplitName::Test, "error", 0.4),
        ] {
            let point = MetricPoint { step, epoch: 1.0, split, name: name.to_owned(), value };
            journal.append(&point).unwrap();
        }
        drop(journal);
        let found = run.final_metrics(10).unwrap();
        let values: Vec<(SplitName, f64)> = found.iter().map(|metric| (metric.split, metric.value)).collect();
        assert_eq!(values, [(SplitName::Valid, 0.3), (SplitName::Test, 0.4)]);
    }
}
