//! Studies: the study file, the plan of runs, their execution, the index of run directories, statistics, results and reports.
//!
//! A study file states which arms are compared, with which seeds, by which metric and test:
//!
//! 1. [`StudyFile`] is the parsed file; [`plan`] turns it into runs, [`check()`] resolves them to find mistakes.
//! 2. [`run_study`] makes those that are missing; [`index()`] finds them again in run directories.
//! 3. [`StudyResults::collect`] computes their results with the methods of [`stats`].
//! 4. [`report_files`] writes them as a page, tables, a draft of a paper and JSON; [`publish()`] copies the files of a study to commit;
//!    [`guide()`] is one page over all published studies.
//!
//! This crate does not depend on tensors, images or a terminal: its caller passes in [`Resolve`](allconv_record::Resolve), [`Execute`] and
//! [`Examples`](allconv_record::Examples).
//!
//! # Example
//!
//! ```
//! use allconv_study::{StudyFile, StudyResults, plan, report_files};
//!
//! let text = r#"
//! question = "Does a strided convolution replace max pooling?"
//! primary  = { metric = "error", split = "test", better = "lower" }
//! compare  = { baseline = "max_pool", equivalence_margin = 0.005 }
//! seeds    = { from = 0, count = 9 }
//! [base.data]
//! dataset = "cifar10"
//! [arms.max_pool.net.downsample]
//! max_pool = { kernel = 3, stride = 2 }
//! [arms.all_conv.net.downsample]
//! strided_conv = { kernel = 3, stride = 2 }
//! "#;
//! let study = StudyFile::parse("pooling.toml", text.to_owned()).unwrap();
//! assert_eq!(plan(&study).len(), 18, "two arms, nine seeds");
//!
//! // Nothing was run yet: the report says so.
//! let results = StudyResults::collect(&study, &[]).unwrap();
//! let files = report_files(&results, &());
//! let page = String::from_utf8(files[0].content.clone()).unwrap();
//! assert!(page.contains("18 runs: 18 left"));
//! ```
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
mod work_left;

pub use arm_match::ArmMatch;
pub use bench::{BenchRecord, BenchedArm, in_turns};
pub use check::{ArmCheck, CheckReport, StatisticsCheck, check, check_statistics, smallest_exact_p};
pub use error::StudyError;
pub use file::{
    Arm, Baseline, Better, Claim, Comparison, Contrast, Correction, CostQuantity, Factor, Halving, Primary,
    Reference, SECTION_NAMES, Search, Seeds, Sequential, StudyFile, StudyFileError, TestKind, schema,
    with_settings,
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
pub use run::{
    Execute, ExecuteError, FailedRun, Progress, RunOptions, RunSummary, RunToMake, Share, Slice, SliceError,
    Stage, run_study,
};
pub use search::{SearchCell, SearchResult, SearchRung};
pub use sections::{curve_title, primary_value, summary, summary_table};
pub use side_by_side::{ArmSideBySide, CompareError, compare_studies};
pub use stats::SEEDS_FOR_A_VERDICT;
pub use study_folder::{StudyMark, read_mark, take_folder};
pub use work_left::{MadeSteps, RunWork, WorkLeft};
