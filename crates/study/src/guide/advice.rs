//! The rules by which results become advice.
//!
//! The arms of a study that share a baseline are a group. Let m be the study's equivalence margin (0 without one). An arm is *affordable* when
//! the 95 % interval of its difference to the baseline excludes a loss larger than m, or when it is the baseline itself. The advice:
//!
//! - *best result*: the arm with the best mean, whether or not its lead is shown;
//! - *least of a cost*: among the affordable arms, the one that costs least; of several within 1 % of that, the one with the best mean;
//! - *front*: the arms than which no other has both a lower cost and a better mean, for those who will pay for less cost with a loss.
//!
//! The best of many means is partly the luckiest, and an interval of its own does not know of the others; the page says so.

use crate::file::{Better, StudyFile};
use crate::results::{ArmResult, StudyResults};

/// Costs closer together than this share are equal.
const EQUAL_COST: f64 = 0.01;

/// A cost that an engineer may want to keep low.
#[derive(Clone, Copy)]
pub(super) struct CostKind {
    /// As in "choose for the …".
    pub(super) wish: &'static str,
    /// As in a column.
    pub(super) name: &'static str,
    /// Reads it off an arm.
    pub(super) read: fn(&ArmResult) -> Option<f64>,
}

/// All costs, in the order of the tables.
pub(super) const COSTS: [CostKind; 6] = [
    CostKind {
        wish: "fewest multiply-accumulates",
        name: "MACs",
        read: |arm| Some(arm.cost.as_ref()?.macs as f64),
    },
    CostKind {
        wish: "fewest parameters",
        name: "parameters",
        read: |arm| Some(arm.cost.as_ref()?.parameters as f64),
    },
    CostKind {
        wish: "smallest activations",
        name: "activations",
        read: |arm| Some(arm.cost.as_ref()?.activation_bytes as f64),
    },
    CostKind { wish: "least memory in training", name: "memory", read: |arm| arm.peak_memory_bytes },
    CostKind {
        wish: "fastest inference (128 images)",
        name: "inference",
        read: |arm| arm.latency_128_seconds,
    },
    CostKind { wish: "fastest training", name: "training time", read: |arm| arm.training_seconds },
];

/// The arms of a study with one baseline, by position, the baseline first.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Group {
    pub(super) baseline: usize,
    pub(super) arms: Vec<usize>,
}

/// The groups in the order of their baselines; arms without a value are left out.
pub(super) fn groups(study: &StudyFile, results: &StudyResults) -> Vec<Group> {
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

/// The arm of a group with the best mean; the first of equals.
pub(super) fn best(study: &StudyFile, results: &StudyResults, group: &Group) -> usize {
    best_of(study, results, group.arms.iter().copied()).unwrap_or(group.baseline)
}

fn best_of(study: &StudyFile, results: &StudyResults, arms: impl Iterator<Item = usize>) -> Option<usize> {
    let mean = |arm: usize| results.arms[arm].summary.map_or(f64::NAN, |summary| summary.mean);
    let is_better = |a: f64, b: f64| match study.primary.better {
        Better::Lower => a < b,
        Better::Higher => a > b,
    };
    arms.reduce(|best, arm| if is_better(mean(arm), mean(best)) { arm } else { best })
}

/// Whether the interval excludes a loss larger than the margin.
pub(super) fn is_affordable(study: &StudyFile, results: &StudyResults, arm: usize) -> bool {
    let Some(comparison) = results.comparison(arm) else { return true };
    let Some(interval) = comparison.interval else { return false };
    let worst = match study.primary.better {
        Better::Lower => interval.high,
        Better::Higher => -interval.low,
    };
    worst <= study.compare.equivalence_margin.unwrap_or(0.0)
}

/// What the cheapest affordable arm of a group is, and how many cheaper ones are not affordable.
pub(super) struct Cheapest {
    pub(super) arm: usize,
    pub(super) cheaper: usize,
}

/// `None` where an arm's cost is not known, or the costs of the group do not differ.
pub(super) fn cheapest(
    study: &StudyFile,
    results: &StudyResults,
    group: &Group,
    cost: CostKind,
) -> Option<Cheapest> {
    let costs: Vec<(usize, f64)> = group
        .arms
        .iter()
        .map(|arm| Some((*arm, (cost.read)(&results.arms[*arm])?)))
        .collect::<Option<_>>()?;
    let least = costs.iter().map(|(_, cost)| *cost).fold(f64::INFINITY, f64::min);
    let most = costs.iter().map(|(_, cost)| *cost).fold(0.0, f64::max);
    if most <= least * (1.0 + EQUAL_COST) {
        return None;
    }
    let affordable: Vec<&(usize, f64)> =
        costs.iter().filter(|(arm, _)| is_affordable(study, results, *arm)).collect();
    let paid = affordable.iter().map(|(_, cost)| *cost).fold(f64::INFINITY, f64::min);
    let as_cheap = affordable.iter().filter(|(_, cost)| *cost <= paid * (1.0 + EQUAL_COST));
    let arm = best_of(study, results, as_cheap.map(|(arm, _)| *arm))?;
    let cheaper = costs.iter().filter(|(_, cost)| *cost < paid * (1.0 - EQUAL_COST)).count();
    Some(Cheapest { arm, cheaper })
}

/// The arms that nothing cheaper (or as cheap) beats, from the cheapest on; empty where a cost is not known.
pub(super) fn front(study: &StudyFile, results: &StudyResults, group: &Group, cost: CostKind) -> Vec<usize> {
    let key = |arm: usize| {
        let mean = results.arms[arm].summary.map_or(f64::INFINITY, |summary| summary.mean);
        if study.primary.better == Better::Lower { mean } else { -mean }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::plan;
    use crate::testing::{factorial_study_text, write_run};
    use allconv_record::Status;

    /// Errors by arm in hundredths: with base `a`, `strided` loses 3 points and `all_conv` nothing; with base `c`, `all_conv` wins 2.
    fn filled(folder: &std::path::Path) -> (StudyFile, StudyResults) {
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
        let results = StudyResults::collect(&study, &[folder.to_path_buf()]).unwrap();
        (study, results)
    }

    #[test]
    fn each_base_is_a_group_and_the_cheapest_arm_must_not_lose_more_than_the_margin() {
        let folder = tempfile::tempdir().unwrap();
        let (study, results) = filled(folder.path());
        let groups = groups(&study, &results);
        assert_eq!(groups[0], Group { baseline: 0, arms: vec![0, 1, 2] });
        assert_eq!(groups[1].baseline, 3);
        assert_eq!(best(&study, &results, &groups[1]), 5);
        assert!(is_affordable(&study, &results, 0) && !is_affordable(&study, &results, 1));
        let found = cheapest(&study, &results, &groups[0], COSTS[0]).unwrap();
        assert_eq!((found.arm, found.cheaper), (2, 1), "`strided` is cheaper and loses too much");
        assert_eq!(front(&study, &results, &groups[1], COSTS[0]), [4, 5]);
        let parameters = cheapest(&study, &results, &groups[1], COSTS[1]).unwrap();
        assert_eq!(
            (parameters.arm, parameters.cheaper),
            (3, 0),
            "`all_conv` is better and has three times as many"
        );
        assert!(cheapest(&study, &results, &groups[0], COSTS[3]).is_none(), "memory was not measured");
        assert!(cheapest(&study, &results, &groups[0], COSTS[2]).is_none(), "activations do not differ");
    }
}
