//! The analysis of the runs of a look: arms, comparisons, effects of factors.

use super::arm::ArmResult;
use super::comparison::ComparisonResult;
use super::factorial::FactorialResult;
use super::run::{RunResult, of_first_seeds};
use super::sequential::SequentialResult;
use crate::check::StatisticsCheck;
use crate::file::StudyFile;
use crate::index::IndexedRun;

/// The analysis of some of the runs.
pub(super) struct Analysis {
    pub(super) arms: Vec<ArmResult>,
    pub(super) comparisons: Vec<ComparisonResult>,
    pub(super) factorial: Option<FactorialResult>,
}

impl Analysis {
    fn of(
        study: &StudyFile,
        (statistics, level): (&StatisticsCheck, f64),
        (runs, floor): (&[&RunResult], Option<f64>),
    ) -> Analysis {
        let of_arm = |arm: usize| -> Vec<&RunResult> {
            runs.iter().copied().filter(|run| run.arm_index == arm).collect()
        };
        let arms: Vec<ArmResult> =
            (0..study.arms.len()).map(|arm| ArmResult::of(study, arm, &of_arm(arm))).collect();
        let mut comparisons: Vec<ComparisonResult> = (0..arms.len())
            .filter_map(|arm| Some((arm, study.baseline_of(arm)?)))
            .map(|positions| ComparisonResult::of(study, statistics, &arms, positions))
            .collect();
        ComparisonResult::decide_all(study, (statistics, level), (&arms, floor), &mut comparisons);
        let factorial = FactorialResult::of(study, (statistics, level), (&arms, floor));
        Analysis { arms, comparisons, factorial }
    }

    /// The analysis of the last look that could be taken, or of all runs where no look was.
    pub(super) fn with_looks(
        study: &StudyFile,
        statistics: &StatisticsCheck,
        (runs, indexed, floor): (&[RunResult], &[IndexedRun], Option<f64>),
    ) -> (Analysis, Option<SequentialResult>) {
        let mut sequential = SequentialResult::planned(study);
        let mut analysis = None;
        if let Some(sequential) = &mut sequential {
            let mut verdicts = Vec::new();
            while sequential.can_look(study, indexed) {
                let look = sequential.looks[sequential.reached];
                let seen = of_first_seeds(study, runs, look.seeds);
                let mut looked = Analysis::of(study, (statistics, look.level), (&seen, floor));
                sequential.look(&mut looked.comparisons, &verdicts);
                verdicts = looked.comparisons.iter().map(|comparison| comparison.verdict).collect();
                analysis = Some(looked);
            }
        }
        let needed = sequential.as_ref().map_or(study.seeds.count, SequentialResult::seeds_needed);
        let mut analysis = analysis.unwrap_or_else(|| {
            let seen = of_first_seeds(study, runs, needed);
            Analysis::of(study, (statistics, study.compare.alpha), (&seen, floor))
        });
        if let Some(sequential) = &sequential {
            sequential.withhold(&mut analysis.comparisons);
        }
        (analysis, sequential)
    }
}
