//! The good direction of a metric.

use serde::Serialize;

/// The good direction of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// E.g. error, loss.
    Lower,
    /// E.g. accuracy, PSNR.
    Higher,
}
