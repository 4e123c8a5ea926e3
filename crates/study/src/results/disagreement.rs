//! The test examples with the largest differences between arms in the fraction of right runs.

use serde::Serialize;

use super::outcome_table::OutcomeTable;

/// Examples that are kept.
const MOST_EXAMPLES: usize = 24;

/// One test example with how often each arm was right on it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Disagreement {
    /// Its id within the test split.
    pub sample: u32,
    /// Its true class.
    pub label: u16,
    /// For each arm, runs that were right and runs in all; 0 of 0 for an arm without outcomes.
    pub right: Vec<(usize, usize)>,
    /// For each arm, the class that most of its runs gave; the smallest on ties; `None` without runs.
    pub predicted: Vec<Option<u16>>,
}

impl Disagreement {
    /// Difference between the largest and the smallest fraction of right runs over the arms.
    pub fn gap(&self) -> f64 {
        let shares =
            self.right.iter().filter(|(_, runs)| *runs > 0).map(|(right, runs)| *right as f64 / *runs as f64);
        let (low, high) = shares
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), share| (low.min(share), high.max(share)));
        if high >= low { high - low } else { 0.0 }
    }

    /// The examples with the largest gap, at most 24; empty below two arms with outcomes. Among equals the choice is spread over the split,
    /// which often lies in the order of the classes.
    pub(crate) fn largest(table: &OutcomeTable, arms: usize) -> Vec<Disagreement> {
        let runs: Vec<usize> = (0..arms).map(|arm| table.of_arm(arm).count()).collect();
        if runs.iter().filter(|runs| **runs > 0).count() < 2 {
            return Vec::new();
        }
        let mut right = vec![vec![0_usize; arms]; table.samples.len()];
        for row in &table.rows {
            for ((counts, label), predicted) in right.iter_mut().zip(&table.labels).zip(&row.predicted) {
                counts[row.arm_index] += usize::from(label == predicted);
            }
        }
        let mut examples: Vec<(usize, Disagreement)> = right
            .into_iter()
            .enumerate()
            .map(|(position, counts)| {
                let right = counts.into_iter().zip(runs.iter().copied()).collect();
                let (sample, label) = (table.samples[position], table.labels[position]);
                (position, Disagreement { sample, label, right, predicted: Vec::new() })
            })
            .filter(|(_, example)| example.gap() > 0.0)
            .collect();
        examples.sort_by(|(_, a), (_, b)| {
            b.gap().total_cmp(&a.gap()).then(spread(a.sample).cmp(&spread(b.sample)))
        });
        examples.truncate(MOST_EXAMPLES);
        for (position, example) in &mut examples {
            example.predicted = (0..arms).map(|arm| most_frequent(table, arm, *position)).collect();
        }
        examples.into_iter().map(|(_, example)| example).collect()
    }
}

/// A number without any order of its own for each id, no two alike: multiplication by an odd number permutes 32-bit words.
fn spread(sample: u32) -> u32 {
    sample.wrapping_mul(0x9E37_79B1).rotate_left(16).wrapping_mul(0x85EB_CA6B)
}

/// The class that most runs of an arm gave to the example at `position`.
fn most_frequent(table: &OutcomeTable, arm: usize, position: usize) -> Option<u16> {
    let mut predicted: Vec<u16> = table.of_arm(arm).map(|row| row.predicted[position]).collect();
    predicted.sort_unstable();
    let groups = predicted.chunk_by(|a, b| a == b);
    // The first of the longest groups: `max_by_key` would take the last.
    groups.rev().max_by_key(|group| group.len()).map(|group| group[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::outcome_table::OutcomeRow;

    fn table(rows: Vec<(usize, u64, Vec<u16>)>) -> OutcomeTable {
        let rows = rows
            .into_iter()
            .map(|(arm_index, seed, predicted)| OutcomeRow { arm_index, seed, predicted })
            .collect();
        OutcomeTable { samples: vec![10, 11, 12], labels: vec![1, 1, 2], rows }
    }

    #[test]
    fn the_widest_gap_comes_first_and_agreement_is_left_out() {
        let table = table(vec![
            (0, 0, vec![1, 1, 2]),
            (0, 1, vec![1, 0, 2]),
            (1, 0, vec![1, 0, 0]),
            (1, 1, vec![1, 0, 3]),
        ]);
        let examples = Disagreement::largest(&table, 3);
        let samples: Vec<u32> = examples.iter().map(|example| example.sample).collect();
        assert_eq!(samples, [12, 11]);
        assert_eq!(examples[0].right, [(2, 2), (0, 2), (0, 0)]);
        assert_eq!(examples[0].gap(), 1.0);
        assert_eq!(examples[0].predicted, [Some(2), Some(0), None], "the smallest class on ties");
    }

    #[test]
    fn one_arm_cannot_disagree() {
        assert!(Disagreement::largest(&table(vec![(0, 0, vec![1, 1, 2])]), 2).is_empty());
    }
}
