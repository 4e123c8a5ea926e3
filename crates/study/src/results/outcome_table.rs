//! What every finished run said of every test example, read once.

use allconv_record::Outcomes;

use super::run::RunResult;

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

/// What one run said.
#[derive(Clone, Debug, PartialEq)]
pub struct OutcomeRow {
    /// Position of its arm in the study file.
    pub arm_index: usize,
    /// Its seed.
    pub seed: u64,
    /// The class it gave to each example.
    pub predicted: Vec<u16>,
}

impl OutcomeTable {
    /// Reads the outcomes of the runs with a value. Those that cannot be read, or are of other examples than the first's, become a
    /// sentence in `warnings`.
    pub(crate) fn read(runs: &[RunResult], warnings: &mut Vec<String>) -> OutcomeTable {
        let mut table = OutcomeTable::default();
        for run in runs.iter().filter(|run| run.value.is_some()) {
            let Some(Outcomes(outcomes)) = outcomes(run, warnings) else { continue };
            if table.rows.is_empty() {
                table.samples = outcomes.iter().map(|outcome| outcome.sample).collect();
                table.labels = outcomes.iter().map(|outcome| outcome.label).collect();
            }
            let examples = table.samples.iter().zip(&table.labels);
            let is_same = outcomes.len() == table.samples.len()
                && outcomes
                    .iter()
                    .zip(examples)
                    .all(|(a, (sample, label))| (a.sample, a.label) == (*sample, *label));
            if !is_same || outcomes.is_empty() {
                warnings.push(format!(
                    "Outcomes of {} with seed {} are of other test examples than the first run's and were not compared.",
                    run.arm, run.seed
                ));
                continue;
            }
            let predicted = outcomes.iter().map(|outcome| outcome.predicted).collect();
            table.rows.push(OutcomeRow { arm_index: run.arm_index, seed: run.seed, predicted });
        }
        table
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
}

fn outcomes(run: &RunResult, warnings: &mut Vec<String>) -> Option<Outcomes> {
    let directory = run.directory.as_ref()?;
    if !directory.path().join("outcomes.bin").exists() {
        return None;
    }
    match directory.read_outcomes() {
        Ok(outcomes) => Some(outcomes),
        Err(error) => {
            warnings.push(format!("Outcomes were left out: {error}."));
            None
        }
    }
}
