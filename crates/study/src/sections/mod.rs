//! Sections of documents about a study: each a function from its results to blocks, of which the reports select.

pub(crate) mod answers;
pub(crate) mod arms;
pub(crate) mod cells;
mod claim_sentence;
pub(crate) mod claims;
pub(crate) mod classes;
pub(crate) mod comparisons;
pub(crate) mod disagreement;
pub(crate) mod factors;
mod families;
mod figure_cost;
mod figure_curves;
mod figure_results;
mod figure_trend;
pub(crate) mod figures;
pub(crate) mod gap;
mod images;
pub(crate) mod methods;
pub(crate) mod opening;
mod pairs;
pub(crate) mod pictures;
pub(crate) mod reproduction;
pub(crate) mod runs;
pub(crate) mod search;
pub(crate) mod secondary;
mod sentence;
mod summary;
pub(crate) mod trend;

pub(crate) use claim_sentence::{label as claim_label, verdict_sentence};
pub(crate) use disagreement::Pictures;
pub(crate) use families::exploratory;
pub use sentence::primary_value;
pub(crate) use sentence::{metric_name, sentence, with_unit};
pub(crate) use summary::best_first;
pub use summary::{summary, summary_table};
