//! How far a run has come, and how it ended.

use serde::{Deserialize, Serialize};

/// State of a run, as `run.json` holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The directory exists, no step has been made.
    Created,
    /// A process was training when the file was written; if none lives, the run was killed and may be continued.
    Running,
    /// All steps made, final evaluation recorded.
    Finished,
    /// Stopped by an external cause: disk, memory, data.
    Failed,
    /// A loss or gradient was not finite.
    Diverged,
    /// The loss stayed at that of guessing.
    Stuck,
    /// Stopped on request after a good checkpoint; may be continued.
    Interrupted,
}

impl Status {
    /// Whether the run has come to an end that repeating the same specification would only repeat.
    pub fn is_final(self) -> bool {
        matches!(self, Status::Finished | Status::Diverged | Status::Stuck)
    }

    /// The word used in files, tables and reports.
    pub fn name(self) -> &'static str {
        match self {
            Status::Created => "created",
            Status::Running => "running",
            Status::Finished => "finished",
            Status::Failed => "failed",
            Status::Diverged => "diverged",
            Status::Stuck => "stuck",
            Status::Interrupted => "interrupted",
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_what_the_file_holds() {
        for status in [
            Status::Created,
            Status::Running,
            Status::Finished,
            Status::Failed,
            Status::Diverged,
            Status::Stuck,
            Status::Interrupted,
        ] {
            assert_eq!(serde_json::to_string(&status).unwrap(), format!("\"{status}\""));
        }
    }
}
