//! Which direction of a metric is good.

use serde::Serialize;

/// Which direction of a metric is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// E.g. error, loss.
    Lower,
    /// E.g. accuracy, PSNR.
    Higher,
}
