//! The results of a study: values per run, summaries per arm, comparisons with the baseline, verdicts.
//!
//! Everything that a report, a table or a README shows is computed here, once, from the study file and the run directories.

mod analysis;
mod anchor;
mod arm;
mod claim_power;
mod claim_verdict;
mod claims;
mod classes;
mod collect;
mod comparison;
mod contradiction;
mod copies;
mod curve;
mod disagreement;
mod examples;
mod factorial;
mod folds;
mod forward_pass;
mod gap;
mod image_scores;
mod journal_check;
mod outcome_table;
mod overall;
mod pairs;
mod pictures;
mod regime;
mod run;
mod secondary;
mod sequential;
mod serialised;
mod study_file_changes;
mod study_results;
mod trend;
#[cfg(test)]
mod undecided_tests;
mod verdict;

pub use anchor::Anchor;
pub use arm::ArmResult;
pub(crate) use claim_power::scale;
pub use claim_power::{ClaimChances, ContrastPlan};
pub use claim_verdict::{ClaimVerdict, PartVerdict};
pub use claims::{ClaimResult, ContrastResult};
pub use classes::{ClassDifference, ClassResult, MOST_CLASSES_COUNTED};
pub use comparison::{ComparisonResult, PracticalChances};
pub use contradiction::Contradiction;
pub use curve::{BandPoint, Curve, Trace};
pub use disagreement::Disagreement;
pub use examples::ExampleComparison;
pub use factorial::{EffectResult, FactorialResult};
pub use forward_pass::{ForwardPass, PassRatio};
pub use gap::{GapRow, GapTable, Part, TrainingError};
pub use image_scores::{ImageComparison, ScoreRow, ScoreTable};
pub use outcome_table::{OutcomeRow, OutcomeTable};
pub use overall::OverallResult;
pub use pairs::PairResult;
pub use pictures::{ShownImage, ShownImages, ShownPicture};
pub use regime::Regime;
pub use run::RunResult;
pub use secondary::{SecondaryArm, SecondaryDifference, SecondaryMetric};
pub use sequential::{Look, SequentialResult};
pub use study_results::StudyResults;
pub(crate) use trend::Line;
pub use trend::{NumericFactor, TrendPoint, TrendResult, TrendTable};
pub use verdict::{Direction, Verdict};

/// Level of every interval that is shown.
pub const INTERVAL_LEVEL: f64 = 0.95;
