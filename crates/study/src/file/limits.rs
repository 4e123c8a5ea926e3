//! The limits of a study's size. Larger values are mistakes or attacks, and are refused with the field, its value and the limit before
//! anything is allocated for them.

use super::document::{Document, StudyFileError};
use super::node::Node;

/// Bytes of a study file: the longest committed one has about ten thousand.
pub(super) const MOST_BYTES: u64 = 1 << 20;

/// Seeds of a study.
pub(super) const MOST_SEEDS: i64 = 10_000;

/// The bound of `compare.alpha`, excluded.
pub(super) const LARGEST_ALPHA: f64 = 0.5;

/// Arms of a study.
pub(super) const MOST_ARMS: usize = 1000;

/// Arms times seeds, and arms times rates times seeds of a search.
pub(super) const MOST_RUNS: u64 = 100_000;

/// Learning rates that a search tries.
pub(super) const MOST_RATES: usize = 100;

/// Metrics that `secondary` names.
pub(super) const MOST_METRICS: usize = 100;

/// Contrasts of a claim, as they are written.
pub(super) const MOST_CONTRASTS: usize = 1000;

/// Refuses a list that is too long.
pub(super) fn length(
    document: &Document,
    node: &Node,
    (field, found): (&str, usize),
    most: usize,
) -> Result<(), StudyFileError> {
    if found <= most {
        return Ok(());
    }
    Err(document.error(&node.key, format!("`{field}` has {found} entries; at most {most} are possible")))
}

/// Returns the error for a file of this many bytes, if it is too large.
pub(super) fn too_large(bytes: u64) -> String {
    format!("the file has {bytes} bytes; a study file has at most {MOST_BYTES}")
}
