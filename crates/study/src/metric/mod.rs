//! Metrics: their units and good directions.

mod better;
mod find;
mod registry;
mod unit;

pub use better::Better;
pub use find::{find_metric, metric_label};
pub use registry::{METRICS, Metric, Task};
pub use unit::MetricUnit;
