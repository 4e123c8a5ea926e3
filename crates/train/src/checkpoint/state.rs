//! `state.json`: the place of a checkpoint in its run.

use allconv_record::JournalMark;
use serde::{Deserialize, Serialize};

/// The state that a run needs to continue, in addition to weights and optimiser state. Everything else is a pure function of the
/// specification and `step`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Version of the checkpoint's format.
    pub schema: u32,
    /// Hash of the specification the checkpoint belongs to.
    pub specification_hash: String,
    /// Steps made.
    pub step: u64,
    /// Sum of the losses of the images shown in the epoch under way, as the bits of an f64: decimal text could round.
    pub loss_sum_bits: u64,
    /// Images of the epoch under way that were classified correctly while training; 0 in tasks that classify none.
    pub correct: u64,
    /// Images shown in the epoch under way.
    pub images: u64,
    /// Bytes of `metrics.jsonl` that belong to the steps made.
    pub journal_length: u64,
    /// BLAKE3 of these bytes in hexadecimal; absent before version 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal_hash: Option<String>,
    /// Best validation result so far.
    pub best: Option<Best>,
}

impl State {
    /// Returns the state before the first step.
    #[must_use]
    pub fn start(specification_hash: String) -> State {
        State {
            schema: CHECKPOINT_VERSION,
            specification_hash,
            step: 0,
            loss_sum_bits: 0f64.to_bits(),
            correct: 0,
            images: 0,
            journal_length: 0,
            journal_hash: None,
            best: None,
        }
    }

    /// Returns the place of the checkpoint in the journal.
    #[must_use]
    pub fn journal_mark(&self) -> JournalMark {
        JournalMark { length: self.journal_length, hash: self.journal_hash.clone() }
    }
}

/// The best validation result of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Best {
    /// Validation images classified wrongly; in other tasks the bits of the mean validation loss, which are in the order of the losses.
    #[serde(alias = "wrong")]
    pub rank: u64,
    /// Steps made when it was reached.
    pub step: u64,
}

/// Version of the checkpoint's format.
///
/// 1: as first published. 2: what `best` is chosen by is called `rank`, `wrong` before. 3: `journal_hash`.
pub const CHECKPOINT_VERSION: u32 = 3;
