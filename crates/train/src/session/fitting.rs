//! The check whether a run can continue from a checkpoint.

use allconv_record::{RecordError, RunDirectory};

use crate::checkpoint::State;
use crate::progress::StepPlan;

/// Returns the bytes of `metrics.jsonl`; none when there is no such file.
pub(super) fn existing_journal(directory: &RunDirectory) -> Result<Vec<u8>, RecordError> {
    let path = directory.journal_path();
    match std::fs::read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        bytes => bytes.map_err(RecordError::io("read", &path)),
    }
}

/// Checks whether a run of this specification, plan and journal can continue from a checkpoint; returns the reason if not.
pub(super) fn fits(
    state: &State,
    specification_hash: &str,
    plan: &StepPlan,
    journal: &[u8],
) -> Result<(), String> {
    if state.specification_hash != specification_hash {
        return Err("it belongs to another specification".to_owned());
    }
    if state.step > plan.total_steps() {
        return Err(format!("it is after step {}, and the run has {}", state.step, plan.total_steps()));
    }
    let shown = match state.step.checked_sub(1).map(|step| plan.position(step)) {
        Some(last) if !last.ends_epoch => last.batch * plan.batch() + last.images,
        _ => 0,
    };
    if state.images != shown || state.correct > shown {
        return Err(format!(
            "it counts {} images of the epoch under way, {} of them right, where step {} has shown {shown}",
            state.images, state.correct, state.step
        ));
    }
    match state.journal_mark().mismatch(journal) {
        Some(reason) => Err(format!("metrics.jsonl: {reason}")),
        None => Ok(()),
    }
}
