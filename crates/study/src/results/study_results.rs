//! The results of a study as one value.

use allconv_record::SplitName;

use super::anchor::Anchor;
use super::arm::ArmResult;
use super::claims::ClaimResult;
use super::classes::ClassResult;
use super::comparison::ComparisonResult;
use super::curve::Curve;
use super::disagreement::Disagreement;
use super::factorial::FactorialResult;
use super::gap::GapTable;
use super::image_scores::ScoreTable;
use super::overall::OverallResult;
use super::pairs::PairResult;
use super::pictures::ShownImages;
use super::regime::Regime;
use super::run::{RunResult, of_arm};
use super::secondary::SecondaryMetric;
use super::sequential::SequentialResult;
use super::trend::TrendTable;
use crate::bench::BenchRecord;
use crate::check::StatisticsCheck;
use crate::file::StudyFile;
use crate::metric::MetricUnit;
use crate::search::SearchResult;
use crate::stats::PooledSpread;

/// The results of a study.
#[derive(Clone, Debug, PartialEq)]
pub struct StudyResults {
    /// The study file.
    pub study: StudyFile,
    /// The unit of the primary metric.
    pub unit: MetricUnit,
    /// The verdicts that the statistics of this study can give.
    pub statistics: StatisticsCheck,
    /// The planned runs in the order of the plan; in a sequential study, those of the seeds that are needed so far.
    pub runs: Vec<RunResult>,
    /// The arms in the order of the file.
    pub arms: Vec<ArmResult>,
    /// Every arm that is not a baseline compared with its baseline, in the order of the arms.
    pub comparisons: Vec<ComparisonResult>,
    /// Main effects and interactions; `None` when the study crosses no factors.
    pub factorial: Option<FactorialResult>,
    /// The spread that all arms have in common, over the seeds that every arm finished; `None` below three arms.
    pub pooled: Option<PooledSpread>,
    /// Differences in test error as differences in training error and in the gap; `None` for other metrics.
    pub gap: Option<GapTable>,
    /// How differences change along a numeric factor; `None` for a study without.
    pub trend: Option<TrendTable>,
    /// The results of the study's claims, in the order of the file.
    pub claims: Vec<ClaimResult>,
    /// The other metrics on the primary split: planned ones first, then the others by name.
    pub secondary: Vec<SecondaryMetric>,
    /// Errors on training and test images at the end; `None` for tasks other than classification.
    pub regime: Option<Regime>,
    /// The runs compared with a reference without training; `None` where no run recorded one.
    pub anchor: Option<Anchor>,
    /// The search for learning rates; `None` when the study has none.
    pub search: Option<SearchResult>,
    /// The looks at the results; `None` when the study takes none before its end.
    pub sequential: Option<SequentialResult>,
    /// All arms at once; `None` below three arms or five complete seeds.
    pub overall: Option<OverallResult>,
    /// Every pair of arms, corrected for all of them; empty above thirty arms.
    pub pairs: Vec<PairResult>,
    /// Per-class results of every arm whose runs recorded outcomes.
    pub classes: Vec<ClassResult>,
    /// The test examples on which the arms disagree most.
    pub disagreements: Vec<Disagreement>,
    /// The primary metric of every test image, for tasks whose images have scores; empty for others.
    pub scores: ScoreTable,
    /// Images that the runs kept of their final evaluation.
    pub shown_images: ShownImages,
    /// Times of forward passes that were measured in turn; `None` where they were not.
    pub bench: Option<BenchRecord>,
    /// Warnings about the numbers, as sentences.
    pub warnings: Vec<String>,
}

impl StudyResults {
    /// The learning curves of all arms for one metric; arms without any point are left out.
    pub fn curves(&self, split: SplitName, metric: &str) -> Vec<Curve> {
        (0..self.arms.len())
            .map(|position| Curve::of(position, &of_arm(&self.runs, position), split, metric))
            .filter(|curve| !curve.is_empty())
            .collect()
    }

    /// The comparison of an arm with its baseline; `None` for a baseline itself.
    pub fn comparison(&self, arm_index: usize) -> Option<&ComparisonResult> {
        self.comparisons.iter().find(|comparison| comparison.arm_index == arm_index)
    }
}
