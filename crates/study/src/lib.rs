//! Studies: the study file, the plan of runs, their order, the index of what exists, statistics and reports.
//!
//! A study file says which arms are compared, with which seeds, by which metric and test. [`StudyFile`] holds its syntax with
//! positions, [`plan`] turns it into runs, [`check()`] asks a resolver whether all of them can be made, [`run_study`] makes those
//! that are missing, and [`index()`] finds them again in run directories. This crate knows no tensors, no images and no
//! terminal; whoever knows them passes in [`Resolve`](allconv_record::Resolve) and [`Execute`].
#![forbid(unsafe_code)]
#![expect(clippy::disallowed_methods, reason = "statistics and figures, not numbers of runs")]

mod arm_match;
mod bench;
mod check;
mod error;
mod file;
mod guide;
mod index;
mod matrix;
mod metric;
mod needed;
mod planning;
mod publish;
mod queue;
mod recorded;
mod relatives;
pub mod report;
pub mod results;
mod room;
mod run;
mod search;
mod sections;
mod side_by_side;
pub mod stats;
mod study_folder;
#[cfg(test)]
mod testing;
mod text;

pub use arm_match::ArmMatch;
pub use bench::{BenchRecord, BenchedArm, in_turns};
pub use check::{
    ArmCheck, CheckReport, SEEDS_FOR_A_VERDICT, StatisticsCheck, check, check_statistics, smallest_exact_p,
};
pub use error::StudyError;
pub use file::{
    Arm, Baseline, Better, Claim, Comparison, Contrast, Correction, CostQuantity, Factor, Halving, Primary,
    Reference, Search, Seeds, Sequential, StudyFile, StudyFileError, TestKind,
};
pub use guide::{guide, read_published};
pub use index::{FoundRun, Index, IndexedRun, RunState, RunStore, index};
pub use matrix::{PlannedRun, plan, plan_with_rates};
pub use metric::{METRICS, Metric, MetricUnit, Task, find_metric, metric_label};
pub use needed::needed_runs;
pub use planning::{ClaimPlan, ComparisonPlan, PlanAims, SPREAD_CONFIDENCE, plan_claims, plan_seeds};
pub use publish::{publish, publish_runs};
pub use report::{ReportFile, report_files, tensorboard_files, write_report};
pub use results::StudyResults;
pub use room::check_room;
pub use run::{Execute, ExecuteError, FailedRun, Progress, RunOptions, RunSummary, Stage, run_study};
pub use search::{SearchCell, SearchResult, SearchRung};
pub use side_by_side::{ArmSideBySide, CompareError, compare_studies};
pub use study_folder::take_folder;
