//! The status of a run.

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
    /// The loss stayed at chance level.
    Stuck,
    /// Stopped on request after a good checkpoint; may be continued.
    Interrupted,
}

impl Status {
    /// Returns whether the run has ended in a way that repeating the same specification would reproduce.
    pub fn is_final(self) -> bool {
        matches!(self, Status::Finished | Status::Diverged | Status::Stuck)
    }

    /// Returns the name in files, tables and reports.
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
