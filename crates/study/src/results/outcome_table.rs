//! The predictions of all finished runs for all test examples, read once.

use std::collections::BTreeMap;

use allconv_record::{Outcomes, SplitName};

use super::run::RunResult;
use crate::text::visible;

/// No data set has more classes than this; a larger number in a file is damage.
const MOST_CLASSES: u16 = 4096;

/// How far the fraction of wrong outcomes may lie from the recorded test error: both are counts over the same number.
const ERROR_TOLERANCE: f64 = 1e-9;

/// The outcomes of all runs of a study that recorded them for the same test examples.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutcomeTable {
    /// Ids of the examples within the test split.
    pub samples: Vec<u32>,
    /// Their true classes.
    pub labels: Vec<u16>,
    /// One row a run.
    pub rows: Vec<OutcomeRow>,
}

/// The predictions of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct OutcomeRow {
    /// Position of its arm in the study file.
    pub arm_index: usize,
    /// Its seed.
    pub seed: u64,
    /// The predicted class of each example.
    pub predicted: Vec<u16>,
}

/// Ids of examples and their true classes.
type ExampleList = (Vec<u32>, Vec<u16>);

impl OutcomeTable {
    /// Reads the outcomes of the runs with a value. Those that cannot be read, contradict the run's own test error, or are of other examples
    /// than those of most runs, become a sentence in `warnings`.
    pub(crate) fn read(runs: &[RunResult], warnings: &mut Vec<String>) -> OutcomeTable {
        let mut groups: BTreeMap<ExampleList, Vec<(usize, OutcomeRow)>> = BTreeMap::new();
        for (position, run) in runs.iter().enumerate().filter(|(_, run)| run.value.is_some()) {
            let Some(Outcomes(outcomes)) = outcomes(run, warnings) else { continue };
            let examples = outcomes.iter().map(|outcome| (outcome.sample, outcome.label)).unzip();
            let predicted = outcomes.iter().map(|outcome| outcome.predicted).collect();
            let row = OutcomeRow { arm_index: run.arm_index, seed: run.seed, predicted };
            groups.entry(examples).or_default().push((position, row));
        }
        // The labels of most runs count; with several candidates, those of the first run.
        let most = groups
            .iter()
            .max_by_key(|(_, rows)| (rows.len(), usize::MAX - rows[0].0))
            .map(|(examples, _)| examples.clone());
        let Some(examples) = most else { return OutcomeTable::default() };
        let kept = groups.remove(&examples).unwrap_or_default();
        let mut others: Vec<usize> = groups.values().flatten().map(|(position, _)| *position).collect();
        others.sort_unstable();
        for position in others {
            let run = &runs[position];
            warnings.push(format!(
                "Outcomes of {} with seed {} are of other test examples than those of most runs and were not compared.",
                run.arm, run.seed
            ));
        }
        let (samples, labels) = examples;
        OutcomeTable { samples, labels, rows: kept.into_iter().map(|(_, row)| row).collect() }
    }

    /// The rows of an arm.
    pub fn of_arm(&self, arm_index: usize) -> impl Iterator<Item = &OutcomeRow> {
        self.rows.iter().filter(move |row| row.arm_index == arm_index)
    }

    /// Rows of two arms with equal seeds.
    pub(crate) fn pairs(&self, arm: usize, baseline: usize) -> Vec<(&OutcomeRow, &OutcomeRow)> {
        self.of_arm(arm)
            .filter_map(|row| Some((row, self.of_arm(baseline).find(|other| other.seed == row.seed)?)))
            .collect()
    }

    /// Number of classes that occur as labels or predictions.
    pub fn classes(&self) -> usize {
        let predicted = self.rows.iter().flat_map(|row| &row.predicted);
        self.labels.iter().chain(predicted).max().map_or(0, |largest| usize::from(*largest) + 1)
    }

    /// Error of always naming the class that most examples have; `None` without examples.
    pub(crate) fn chance_error(&self) -> Option<f64> {
        let mut counts: BTreeMap<u16, usize> = BTreeMap::new();
        for label in &self.labels {
            *counts.entry(*label).or_default() += 1;
        }
        let most = *counts.values().max()?;
        Some((self.labels.len() - most) as f64 / self.labels.len() as f64)
    }
}

fn outcomes(run: &RunResult, warnings: &mut Vec<String>) -> Option<Outcomes> {
    let directory = run.directory.as_ref()?;
    if !directory.path().join("outcomes.bin").exists() {
        return None;
    }
    let read = directory.read_outcomes().map_err(|error| visible(&error.to_string()));
    match read.and_then(|outcomes| checked(outcomes, run)) {
        Ok(outcomes) => Some(outcomes),
        Err(reason) => {
            warnings.push(format!("Outcomes of {} with seed {} were left out: {reason}.", run.arm, run.seed));
            None
        }
    }
}

/// Refuses outcomes that no run of this program writes: a table over their classes may be as large as the square of the largest number.
fn checked(outcomes: Outcomes, run: &RunResult) -> Result<Outcomes, String> {
    if outcomes.0.is_empty() {
        return Err("outcomes.bin holds no example".to_owned());
    }
    let largest = outcomes.0.iter().map(|outcome| outcome.label.max(outcome.predicted)).max().unwrap_or(0);
    if largest >= MOST_CLASSES {
        return Err(format!(
            "outcomes.bin is damaged: it names class {largest}, of at most {MOST_CLASSES} classes"
        ));
    }
    let wrong = outcomes.0.iter().filter(|outcome| outcome.label != outcome.predicted).count();
    let error = wrong as f64 / outcomes.0.len() as f64;
    match run.final_value(SplitName::Test, "error") {
        Some(recorded) if (recorded - error).abs() > ERROR_TOLERANCE => Err(format!(
            "outcomes.bin is damaged: {wrong} of its {} examples are wrong, the recorded test error is {recorded}",
            outcomes.0.len()
        )),
        _ => Ok(outcomes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::plan;
    use crate::results::StudyResults;
    use crate::testing::{small_study, write_run};
    use allconv_record::{Outcome, RunDirectory, Status};

    /// Three arms, two seeds, four examples of classes 0 to 3, of which each run gets one wrong.
    fn collected(change: impl Fn(&RunDirectory, &mut Vec<Outcome>)) -> StudyResults {
        let folder = tempfile::tempdir().unwrap();
        let study = small_study(2);
        for (position, planned) in plan(&study).iter().enumerate() {
            let run = write_run(folder.path(), planned, Status::Finished, Some(0.25));
            let of_example = |sample: u32| {
                let label = sample as u16;
                Outcome { sample, label, predicted: if sample == 1 { 0 } else { label }, loss: 1.0 }
            };
            let mut outcomes: Vec<Outcome> = (0..4).map(of_example).collect();
            if position == 0 {
                change(&run, &mut outcomes);
            }
            run.write_outcomes(&Outcomes(outcomes)).unwrap();
        }
        StudyResults::collect(&study, &[folder.path().to_path_buf()]).unwrap()
    }

    #[test]
    fn a_flipped_label_costs_the_outcomes_of_its_run_and_no_memory() {
        for (label, reason) in [
            (8192, "names class 8192"),
            (1000, "2 of its 4 examples are wrong, the recorded test error is 0.25"),
        ] {
            let results = collected(|_, outcomes| outcomes[0].label = label);
            assert_eq!(results.warnings.len(), 1, "{:?}", results.warnings);
            assert!(results.warnings[0].contains(reason), "{:?}", results.warnings);
            assert!(results.classes.iter().all(|class| class.confusion.len() == 4));
            assert_eq!(results.classes[0].runs, 1, "the other seed of the arm stays");
            assert_eq!(results.arms[0].values.len(), 2, "the run keeps its value");
        }
        let results = collected(|_, outcomes| outcomes[0].predicted = u16::MAX);
        assert!(results.warnings[0].contains("names class 65535"), "{:?}", results.warnings);
    }

    #[test]
    fn the_labels_of_most_runs_count_also_where_the_first_is_wrong() {
        // The label of an example that is wrong anyway: the error stays what it is.
        let results = collected(|_, outcomes| outcomes[1].label = 3000);
        assert!(results.warnings[0].contains("max_pool with seed 0 are of other test examples"));
        assert!(results.classes.iter().all(|class| class.confusion.len() == 4));
        assert_eq!((results.classes[0].runs, results.classes[1].runs), (1, 2));
    }

    #[test]
    fn chance_is_the_fraction_of_all_classes_but_the_largest() {
        let table = OutcomeTable { samples: vec![0, 1, 2, 3], labels: vec![0, 2, 2, 1], rows: Vec::new() };
        assert_eq!(table.chance_error(), Some(0.5));
        assert_eq!(OutcomeTable::default().chance_error(), None);
    }
}
