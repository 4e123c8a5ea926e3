//! What came of a study: values per run, summaries per arm, comparisons with the baseline, verdicts.
//!
//! Everything that a report, a table or a README shows is computed here, once, from the study file and the run directories.

mod arm;
mod comparison;
mod curve;
mod examples;
mod factorial;
mod metric;
mod run;
mod sequential;
mod study_results;
mod verdict;

pub use arm::ArmResult;
pub use comparison::ComparisonResult;
pub use curve::{BandPoint, Curve, Trace};
pub use examples::ExampleComparison;
pub use factorial::{EffectResult, FactorialResult};
pub use metric::MetricUnit;
pub use run::RunResult;
pub use sequential::{Look, SequentialResult};
pub use study_results::{OverallResult, StudyResults};
pub use verdict::{Direction, Verdict};

/// Level of every interval that is shown.
pub const INTERVAL_LEVEL: f64 = 0.95;
