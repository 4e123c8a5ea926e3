//! The arms of a study grouped by baseline, with their costs and the Pareto front.
//!
//! *Front*: the arms for which no other arm has both a lower cost and a better mean. It is made of
//! means; the page marks where the order of two neighbours is not shown. No arm is chosen here: the best of many means is partly the luckiest.

use crate::file::Better;
use crate::results::{ArmResult, StudyResults};

/// A cost that may be limited.
#[derive(Clone, Copy)]
pub(super) struct CostKind {
    /// Its name as a column heading.
    pub(super) name: &'static str,
    /// Reads it from an arm.
    pub(super) read: fn(&ArmResult) -> Option<f64>,
}

/// All costs, in the order of the tables. The only time is that measured in turn; times of runs cannot be compared.
pub(super) const COSTS: [CostKind; 5] = [
    CostKind { name: "MACs", read: |arm| Some(arm.cost.as_ref()?.macs as f64) },
    CostKind { name: "parameters", read: |arm| Some(arm.cost.as_ref()?.parameters as f64) },
    CostKind { name: "activations", read: |arm| Some(arm.cost.as_ref()?.activation_bytes as f64) },
    CostKind { name: "memory", read: |arm| arm.peak_memory_bytes },
    CostKind { name: "forward pass", read: |arm| Some(arm.forward_pass?.seconds) },
];

/// The arms of a study with one baseline, by position, the baseline first.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Group {
    pub(super) baseline: usize,
    pub(super) arms: Vec<usize>,
}

/// The groups in the order of their baselines; arms without a value are left out.
pub(super) fn groups(results: &StudyResults) -> Vec<Group> {
    let study = &results.study;
    let has_value = |arm: &usize| results.arms[*arm].summary.is_some();
    let baselines = (0..results.arms.len()).filter(|arm| study.baseline_of(*arm).is_none());
    baselines
        .filter(has_value)
        .map(|baseline| {
            let others = (0..results.arms.len()).filter(|arm| study.baseline_of(*arm) == Some(baseline));
            let arms = std::iter::once(baseline).chain(others.filter(has_value)).collect();
            Group { baseline, arms }
        })
        .filter(|group| group.arms.len() > 1)
        .collect()
}

/// Returns the arms that no arm of at most their cost surpasses, from the cheapest on; empty where a cost is not known.
pub(super) fn front(results: &StudyResults, group: &Group, cost: CostKind) -> Vec<usize> {
    let key = |arm: usize| {
        let mean = results.arms[arm].summary.map_or(f64::INFINITY, |summary| summary.mean);
        if results.study.primary.better == Better::Lower { mean } else { -mean }
    };
    let Some(mut order) = group
        .arms
        .iter()
        .map(|arm| Some((*arm, (cost.read)(&results.arms[*arm])?)))
        .collect::<Option<Vec<(usize, f64)>>>()
    else {
        return Vec::new();
    };
    order.sort_by(|a, b| a.1.total_cmp(&b.1).then(key(a.0).total_cmp(&key(b.0))));
    let mut best = f64::INFINITY;
    order.retain(|(arm, _)| {
        let improves = key(*arm) < best;
        best = best.min(key(*arm));
        improves
    });
    order.into_iter().map(|(arm, _)| arm).collect()
}

/// Whether it is shown that two arms differ, corrected over all pairs of the study.
pub(super) fn is_order_shown(results: &StudyResults, first: usize, second: usize) -> bool {
    let is_pair = |pair: &&crate::results::PairResult| {
        [(first, second), (second, first)].contains(&(pair.arm_index, pair.other_index))
    };
    let p = results.pairs.iter().find(is_pair).and_then(|pair| pair.corrected_p);
    results.statistics.verdict_possible && p.is_some_and(|p| p <= results.study.compare.alpha)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::StudyFile;
    use crate::matrix::plan;
    use crate::testing::{factorial_study_text, write_run};
    use allconv_record::Status;

    /// Errors by arm in hundredths: with base `a`, `strided` loses 3 points and `all_conv` nothing; with base `c`, `all_conv` wins 2.
    fn filled(folder: &std::path::Path) -> StudyResults {
        let text =
            factorial_study_text(9).replace("alpha = 0.05", "alpha = 0.05, equivalence_margin = 0.005");
        let study = StudyFile::parse("small.toml", text).unwrap();
        let errors = [20.0, 23.0, 20.0, 15.0, 18.0, 13.0];
        for planned in plan(&study) {
            let noise = 0.0005 * ((planned.seed * 7 + 3 * planned.arm_index as u64) % 5) as f64;
            let run =
                write_run(folder, &planned, Status::Finished, Some(0.01 * errors[planned.arm_index] + noise));
            let mut record = run.read_record().unwrap();
            record.cost.macs = [300, 100, 200][planned.arm_index % 3];
            run.write_record(&record).unwrap();
        }
        StudyResults::collect(&study, &[folder.to_path_buf()]).unwrap()
    }

    #[test]
    fn each_base_is_a_group_and_the_front_holds_what_nothing_cheaper_surpasses() {
        let folder = tempfile::tempdir().unwrap();
        let results = filled(folder.path());
        let groups = groups(&results);
        assert_eq!(groups[0], Group { baseline: 0, arms: vec![0, 1, 2] });
        assert_eq!(groups[1].baseline, 3);
        assert_eq!(front(&results, &groups[1], COSTS[0]), [4, 5]);
        assert!(is_order_shown(&results, 4, 5), "five points apart");
        assert!(!is_order_shown(&results, 0, 2), "equal but for noise");
        assert!(COSTS.iter().all(|cost| !cost.name.contains("time")));
    }
}
