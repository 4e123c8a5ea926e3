//! What a metric means: its unit, and which direction is good.

mod registry;
mod unit;

pub use registry::{METRICS, Metric, Task, find_metric, metric_label};
pub use unit::MetricUnit;
