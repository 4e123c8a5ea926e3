//! `run.json`: the record of a run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Cost, Status, canonical_json};

/// Version of the run directory's formats. Readers accept this and everything older, and refuse anything newer.
///
/// 1: as first published. 2: `measured` was added to `run.json`; absent in version 1. 3: `results` and `hash` were added to `run.json`,
/// and `data.json` to the run directory. 4: `study_file_sha256` and `parent` were added to `run.json`.
pub const FORMAT_VERSION: u32 = 4;

/// The machine and program of a run.
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
    /// Device of the tensors, e.g. `cpu`.
    pub device: String,
    /// Threads the kernels used.
    pub threads: u32,
}

/// Durations in seconds, summed over resumptions.
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

/// The measured cost of a finished run. Absent where it could not be measured.
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

/// The run that made the first steps of another: they differ only in the length of the training.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parent {
    /// Hash of its specification.
    pub specification_hash: String,
    /// Steps taken over.
    pub step: u64,
}

/// The content of `run.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    /// [`FORMAT_VERSION`] of the writer.
    pub schema: u32,
    /// The state of the run.
    pub status: Status,
    /// The reason why it did not finish.
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
    /// SHA-256 of the text of the study file as it was when the run began, 64 hexadecimal digits; absent where no study file asked for the run,
    /// and in records before version 4. It shows whether a file was changed after its first run; it has no effect on the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub study_file_sha256: Option<String>,
    /// The command that made it.
    pub command: Vec<String>,
    /// The machine and program that made it.
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
    /// Its durations.
    pub timings: Timings,
    /// The run whose steps it took over, where it did not make its first ones itself; none in records before version 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    /// Its measured cost; absent before the end and in records of version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<Measured>,
    /// Continuations after interruptions.
    pub resumptions: Vec<Resumption>,
    /// BLAKE3 of the files that hold the results, by path, from the end of the run on; none in records before version 3.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub results: BTreeMap<String, String>,
}

/// The key in `run.json` of the hash over the fields that the specification decides.
const HASH_KEY: &str = "hash";

/// Fields that differ when a run is made twice, and are not covered by the hash.
const CIRCUMSTANCES: [&str; 9] = [
    "study_file_sha256",
    "command",
    "environment",
    "created_unix_seconds",
    "changed_unix_seconds",
    "timings",
    "parent",
    "measured",
    "resumptions",
];

impl RunRecord {
    /// The text of `run.json`: the record, and as its last field a hash over the fields that the specification decides.
    ///
    /// # Errors
    /// When a number is not finite.
    pub(crate) fn to_text(&self) -> Result<String, serde_json::Error> {
        let hash = content_hash(&serde_json::to_value(self)?);
        let pretty = serde_json::to_string_pretty(self)?;
        let fields = pretty.trim_end_matches('}').trim_end();
        Ok(format!("{fields},\n  \"{HASH_KEY}\": \"{hash}\"\n}}\n"))
    }

    /// Reads a record from the JSON of `run.json`, whose version the caller has checked.
    ///
    /// # Errors
    /// The mismatch, that of the hash included. Records before version 3 have none.
    pub(crate) fn from_json(mut value: serde_json::Value) -> Result<RunRecord, String> {
        let recorded = value.as_object_mut().and_then(|fields| fields.remove(HASH_KEY));
        if recorded.is_some_and(|recorded| recorded != content_hash(&value)) {
            return Err("its content does not match the hash in it".to_owned());
        }
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    /// Returns the command that made the run, quoted for a shell; the program without its folder.
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

/// Returns BLAKE3 of the canonical JSON of a record without [`CIRCUMSTANCES`].
fn content_hash(value: &serde_json::Value) -> String {
    let mut decided = value.clone();
    if let Some(fields) = decided.as_object_mut() {
        fields.retain(|name, _| !CIRCUMSTANCES.contains(&name.as_str()));
    }
    blake3::hash(canonical_json(&decided).as_bytes()).to_hex().to_string()
}

/// Quotes an argument for a shell.
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
    fn arguments_with_spaces_and_quotes_survive_a_shell() {
        assert_eq!(quoted("runs/x.toml"), "runs/x.toml");
        assert_eq!(quoted("it's here"), r"'it'\''s here'");
        assert_eq!(quoted(""), "''");
    }
}
