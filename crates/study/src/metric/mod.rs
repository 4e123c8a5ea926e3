//! Metrics: their units and good directions.

mod better;
mod registry;
mod unit;

pub use better::Better;
pub use registry::{METRICS, Metric, Task, find_metric, metric_label};
pub use unit::MetricUnit;
