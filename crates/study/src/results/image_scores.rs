//! The primary metric on every test image, and comparisons of arms over images, for tasks whose images have scores.

use allconv_record::{ExampleScores, Scores};
use serde::Serialize;

use super::INTERVAL_LEVEL;
use super::anchor::Anchor;
use super::comparison::difference_of;
use super::run::RunResult;
use crate::file::{Better, Primary};
use crate::stats::{Interval, bootstrap_mean_interval};
use crate::text::visible;

/// The primary metric of every test image of every run that recorded it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScoreTable {
    /// Names of all images, in the order in which the runs first name them.
    pub images: Vec<String>,
    /// One row a run.
    pub rows: Vec<ScoreRow>,
}

/// The scores of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreRow {
    /// Position of its arm in the study file.
    pub arm_index: usize,
    /// Its seed.
    pub seed: u64,
    /// One value per image of the table; `None` for an image that this run did not see, e.g. of another fold.
    pub values: Vec<Option<f64>>,
    /// Where the run recorded an anchor per image: the smallest gain over it on any image, positive when every image is better.
    pub least_gain: Option<f64>,
}

impl ScoreTable {
    /// Reads the scores of the runs with a value. Scores that cannot be read, or lack the primary metric where others have it, become a
    /// sentence in `warnings`; a metric that no run has of single images is one of whole splits.
    pub(crate) fn read(runs: &[RunResult], primary: &Primary, warnings: &mut Vec<String>) -> ScoreTable {
        let mut table = ScoreTable::default();
        let mut positions = std::collections::BTreeMap::new();
        let mut lacking = Vec::new();
        for run in runs.iter().filter(|run| run.value.is_some()) {
            let Some(scores) = scores(run, warnings) else { continue };
            let Some(column) = scores.metrics.iter().position(|metric| *metric == primary.metric) else {
                lacking.push(format!(
                    "The scores per image of {} with seed {} hold no {} and were left out.",
                    run.arm, run.seed, primary.metric
                ));
                continue;
            };
            let anchor = Anchor::metrics_of(&primary.metric)
                .find_map(|name| scores.metrics.iter().position(|metric| *metric == name));
            let gain = |example: &ExampleScores| {
                let difference = example.values[column] - example.values[anchor?];
                Some(if primary.better == Better::Higher { difference } else { -difference })
            };
            let least_gain = scores.examples.iter().filter_map(gain).reduce(f64::min);
            let mut values = vec![None; table.images.len()];
            for example in scores.examples {
                let position = *positions.entry(visible(&example.name)).or_insert_with(|| {
                    table.images.push(visible(&example.name));
                    table.images.len() - 1
                });
                values.resize(values.len().max(position + 1), None);
                values[position] = Some(example.values[column]);
            }
            table.rows.push(ScoreRow { arm_index: run.arm_index, seed: run.seed, values, least_gain });
        }
        if !table.rows.is_empty() {
            warnings.extend(lacking);
        }
        for row in &mut table.rows {
            row.values.resize(table.images.len(), None);
        }
        table
    }

    /// Mean over the runs of an arm for one image; `None` without any.
    pub fn mean(&self, arm_index: usize, image: usize) -> Option<f64> {
        let rows = self.rows.iter().filter(|row| row.arm_index == arm_index);
        mean(rows.filter_map(|row| row.values[image]))
    }

    /// Rows of two arms with equal seeds.
    fn pairs(&self, arm: usize, baseline: usize) -> Vec<(&ScoreRow, &ScoreRow)> {
        let of_arm = |arm: usize| self.rows.iter().filter(move |row| row.arm_index == arm);
        of_arm(arm)
            .filter_map(|row| Some((row, of_arm(baseline).find(|other| other.seed == row.seed)?)))
            .collect()
    }
}

/// An arm against its baseline on the same images. Differences are arm − baseline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ImageComparison {
    /// Seeds for which both runs recorded scores.
    pub seeds: usize,
    /// For each image of the table, the mean difference over the seeds in which both runs saw it.
    #[serde(skip)]
    pub differences: Vec<Option<f64>>,
    /// Images with a difference.
    pub images: usize,
    /// Of these, images on which the arm is better in the mean over seeds.
    pub better: usize,
    /// Mean difference over the images.
    #[serde(rename = "difference")]
    pub mean: f64,
    /// Bootstrap interval for it over images, for these trained nets; `None` below eight images. It says nothing about other seeds.
    #[serde(rename = "interval_95")]
    pub interval: Option<Interval>,
}

impl ImageComparison {
    /// Compares the runs of an arm and its baseline with equal seeds; `None` when no pair shares an image.
    pub(crate) fn of(
        table: &ScoreTable,
        (arm, baseline): (usize, usize),
        better: Better,
    ) -> Option<ImageComparison> {
        let pairs = table.pairs(arm, baseline);
        let differences: Vec<Option<f64>> = (0..table.images.len())
            .map(|image| {
                let difference = |(own, other): &(&ScoreRow, &ScoreRow)| {
                    Some(difference_of(own.values[image]?, other.values[image]?))
                };
                mean(pairs.iter().filter_map(difference))
            })
            .collect();
        let known: Vec<f64> = differences.iter().copied().flatten().collect();
        let is_better = |difference: &&f64| match better {
            Better::Lower => **difference < 0.0,
            Better::Higher => **difference > 0.0,
        };
        Some(ImageComparison {
            seeds: pairs.len(),
            images: known.len(),
            better: known.iter().filter(is_better).count(),
            mean: mean(known.iter().copied())?,
            interval: bootstrap_mean_interval(&known, INTERVAL_LEVEL),
            differences,
        })
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0_u32);
    for value in values {
        sum += value;
        count += 1;
    }
    (count > 0).then(|| sum / f64::from(count))
}

fn scores(run: &RunResult, warnings: &mut Vec<String>) -> Option<Scores> {
    let directory = run.directory.as_ref()?;
    if !directory.scores_path().exists() {
        return None;
    }
    match directory.read_scores() {
        Ok(scores) => Some(scores),
        Err(error) => {
            warnings.push(format!("Scores per image were left out: {error}."));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::plan;
    use crate::results::StudyResults;
    use crate::testing::{small_study, write_run, write_scores};
    use allconv_record::Status;

    fn row(arm_index: usize, seed: u64, values: &[Option<f64>]) -> ScoreRow {
        ScoreRow { arm_index, seed, values: values.to_vec(), least_gain: None }
    }

    #[test]
    fn images_are_paired_within_a_seed_and_averaged_over_seeds() {
        let table = ScoreTable {
            images: ["a", "b", "c"].map(String::from).to_vec(),
            rows: vec![
                row(0, 0, &[Some(30.0), Some(31.0), None]),
                row(0, 1, &[Some(32.0), None, Some(20.0)]),
                row(1, 0, &[Some(31.0), Some(30.5), None]),
                row(1, 1, &[Some(35.0), None, Some(20.0)]),
                // A seed that the baseline lacks pairs with nothing.
                row(1, 2, &[Some(99.0), Some(99.0), Some(99.0)]),
            ],
        };
        let compared = ImageComparison::of(&table, (1, 0), Better::Higher).unwrap();
        assert_eq!(compared.differences, [Some(2.0), Some(-0.5), Some(0.0)]);
        assert_eq!((compared.seeds, compared.images, compared.better), (2, 3, 1));
        assert_eq!(compared.mean, 0.5);
        assert_eq!(compared.interval, None, "no bootstrap over three images");
        assert_eq!(ImageComparison::of(&table, (1, 0), Better::Lower).unwrap().better, 1);
        assert_eq!(table.mean(0, 0), Some(31.0));
        assert_eq!(ImageComparison::of(&table, (2, 0), Better::Higher), None);
    }

    #[test]
    fn scores_are_read_from_the_runs_and_broken_ones_are_reported() {
        let folder = tempfile::tempdir().unwrap();
        let study = small_study(2);
        for planned in plan(&study) {
            let directory = write_run(folder.path(), &planned, Status::Finished, Some(0.2));
            let shift = 0.01 * planned.arm_index as f64;
            let metric = if planned.arm == "all_conv" { "joy" } else { "error" };
            write_scores(&directory, metric, 10, |image| 0.1 + shift * image as f64);
            if planned.arm == "strided" && planned.seed == 1 {
                std::fs::write(directory.scores_path(), "{").unwrap();
            }
        }
        let results = StudyResults::collect(&study, &[folder.path().to_path_buf()]).unwrap();
        assert_eq!(results.scores.images.len(), 10);
        let images = results.comparisons[0].images.as_ref().unwrap();
        assert_eq!((images.seeds, images.images, images.better), (1, 10, 0));
        // Differences 0.00, 0.01, … 0.09.
        assert!((images.mean - 0.045).abs() < 1e-12);
        let interval = images.interval.unwrap();
        assert!(0.02 < interval.low && interval.low < images.mean && images.mean < interval.high);
        assert_eq!(results.comparisons[1].images, None);
        let told = |text: &str| results.warnings.iter().filter(|warning| warning.contains(text)).count();
        assert_eq!((told("hold no error"), told("scores.json")), (2, 1), "{:?}", results.warnings);
    }

    #[test]
    fn a_metric_of_whole_splits_that_no_image_has_gives_no_warning() {
        let folder = tempfile::tempdir().unwrap();
        let study = small_study(2);
        for planned in plan(&study) {
            let directory = write_run(folder.path(), &planned, Status::Finished, Some(0.2));
            write_scores(&directory, "joy", 10, |image| image as f64);
        }
        let results = StudyResults::collect(&study, &[folder.path().to_path_buf()]).unwrap();
        assert!(results.scores.rows.is_empty());
        assert!(results.warnings.iter().all(|warning| !warning.contains("scores")), "{:?}", results.warnings);
    }
}
