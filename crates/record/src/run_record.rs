//! `run.json`: what happened to a run, for people and for the index.

use serde::{Deserialize, Serialize};

use crate::{Cost, Status};

/// Version of the run directory's formats. Readers accept this and everything older, and refuse anything newer.
///
/// 1: as first published. 2: `measured` was added to `run.json`; absent in version 1.
pub const FORMAT_VERSION: u32 = 2;

/// Where and with what a run was made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// Version of allconv.
    pub allconv: String,
    /// Commit of the sources the program was built from, or `unknown`.
    pub commit: String,
    /// Compiler, as `rustc --version` prints it.
    pub compiler: String,
    /// Operating system and architecture.
    pub platform: String,
    /// Name of the processor.
    pub cpu: String,
    /// Instruction set the kernels used.
    pub instruction_set: String,
    /// Device the tensors lived on, e.g. `cpu`.
    pub device: String,
    /// Threads the kernels used.
    pub threads: u32,
}

/// How long things took, in seconds; summed over resumptions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timings {
    /// Inside the training loop, evaluations on the validation split excluded.
    pub training_seconds: f64,
    /// Evaluations.
    pub evaluation_seconds: f64,
    /// Training images per second of `training_seconds`.
    pub images_per_second: f64,
}

/// What a finished run cost, as measured while it was made and right after. Absent where it could not be measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// Most bytes of large memory blocks (256 KiB and above) in use at once, data set included; only for runs made one at a time.
    pub peak_memory_bytes: Option<u64>,
    /// Median seconds of a forward pass of one image, loading excluded, on the threads of the run.
    pub latency_1_seconds: Option<f64>,
    /// The same for 128 images together.
    pub latency_128_seconds: Option<f64>,
}

/// One continuation of an interrupted run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resumption {
    /// Steps made before the continuation.
    pub step: u64,
    /// Seconds since 1970 when it began.
    pub unix_seconds: u64,
}

/// The content of `run.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    /// [`FORMAT_VERSION`] of the writer.
    pub schema: u32,
    /// How far the run has come.
    pub status: Status,
    /// Why it stopped, when it did not finish.
    pub reason: Option<String>,
    /// Study it was made for.
    pub study: String,
    /// Arm it was made for.
    pub arm: String,
    /// Seed.
    pub seed: u64,
    /// [`RunSpecification::hash`](crate::RunSpecification::hash).
    pub specification_hash: String,
    /// [`Request::hash`](crate::Request::hash).
    pub request_hash: String,
    /// The command that made it.
    pub command: Vec<String>,
    /// Where it was made.
    pub environment: Environment,
    /// Cost of the network.
    pub cost: Cost,
    /// Seconds since 1970 when the run was created.
    pub created_unix_seconds: u64,
    /// Seconds since 1970 of the last change of status.
    pub changed_unix_seconds: u64,
    /// Steps made.
    pub step: u64,
    /// Steps of the whole run.
    pub total_steps: u64,
    /// How long it took.
    pub timings: Timings,
    /// What it cost, measured; absent before the end and in records of version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<Measured>,
    /// Continuations after interruptions.
    pub resumptions: Vec<Resumption>,
}

impl RunRecord {
    /// The command that made the run, as a shell takes it; the program without its folder.
    #[must_use]
    pub fn command_line(&self) -> String {
        let mut words = self.command.iter();
        let program = words.next().map_or("", |word| word.rsplit(['/', '\\']).next().unwrap_or(word));
        std::iter::once(program.to_owned())
            .chain(words.map(|word| quoted(word)))
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_./=:,+@%".contains(character);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_spaces_and_quotes_survive_a_shell() {
        assert_eq!(quoted("runs/x.toml"), "runs/x.toml");
        assert_eq!(quoted("it's here"), r"'it'\''s here'");
        assert_eq!(quoted(""), "''");
    }
}
