//! The formats shared by writers and readers of runs: requests, resolved
//! specifications, events, the run directory and its formats.
//!
//! A *request* is a run as a study file states it; the [`Resolve`] trait turns it into a
//! [`RunSpecification`] in which every default is written out; a *run directory* holds one
//! specification together with its results. This crate depends on no tensors, no
//! statistics and no terminal.
#![forbid(unsafe_code)]

use allconv_files::FileError;

mod artefacts;
mod cost;
mod event;
mod examples;
mod files;
mod journal;
mod measurer;
mod outcomes;
mod provenance;
mod request;
mod results;
mod run_data;
mod run_directory;
mod run_record;
mod scores;
mod specification;
mod status;
mod timing;
mod weights;

pub use allconv_files::{
    DEFAULT_HEARTBEAT, FreeSpace, Holder, LEFT_BEHIND, Lease, Leases, free_space, remove_leftovers,
};
pub use artefacts::{ARTEFACTS_SCHEMA, ArtefactPicture, Artefacts, PictureRole};
pub use cost::{Cost, StageShape};
pub use event::{Event, MetricPoint, Observer, SplitName};
pub use examples::Examples;
pub use files::{create_folder, sync_directory, write_atomically};
pub use journal::{Journal, JournalMark, read_journal};
pub use measurer::Measurer;
pub use outcomes::{Outcome, Outcomes};
pub use provenance::{Provenance, ReportedMetric, SeedMean};
pub use request::{Request, Resolve, ResolveError, Resolved};
pub use run_data::{Copies, RUN_DATA_SCHEMA, RunData};
pub use run_directory::RunDirectory;
pub use run_record::{Environment, FORMAT_VERSION, Measured, Parent, Resumption, RunRecord, Timings};
pub use scores::{ExampleScores, SCORES_SCHEMA, Scores};
pub use specification::{RunSpecification, canonical_json};
pub use status::Status;
pub use timing::Spread;

/// A file of a run directory could not be read or written, or is malformed.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The operating system refused.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was attempted, as a verb: `read`, `write`, `rename`.
        action: &'static str,
        /// The file or folder.
        path: std::path::PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The named run does not exist.
    #[error(
        "{path} is not a run: it has no spec.toml; name the folder of a run, RUNS/STUDY/ARM-sSEED-HASH, or of an exported network"
    )]
    NoRun {
        /// The folder.
        path: std::path::PathBuf,
    },
    /// The file exists, but its content does not match the format.
    #[error("{path} is not a valid {format}: {reason}; restore it from a copy, or make the run again")]
    Malformed {
        /// The file.
        path: std::path::PathBuf,
        /// The format that was expected, e.g. `run.json`.
        format: &'static str,
        /// The defect, and its position.
        reason: String,
    },
    /// The file was written by a later version of this program.
    #[error("{path} has format version {found}, this program reads up to {supported}: use a newer allconv")]
    Newer {
        /// The file.
        path: std::path::PathBuf,
        /// Version in the file.
        found: u32,
        /// Newest version this program reads.
        supported: u32,
    },
    /// Another process has the run directory.
    #[error("{path} is in use by {}; wait for it, or stop it", holder.process)]
    Busy {
        /// The run directory.
        path: std::path::PathBuf,
        /// The process.
        holder: Holder,
    },
    /// Another process has taken the run over while this one was stopped.
    #[error(
        "{path} was taken over by another process, because this one made no heartbeat for too long; the run continues there. Where storage is that slow, give a longer --heartbeat-seconds"
    )]
    Lost {
        /// The run directory.
        path: std::path::PathBuf,
    },
}

impl RecordError {
    /// Returns the closure for `map_err` on an input/output failure of `path`.
    pub fn io(action: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> RecordError {
        let path = path.to_path_buf();
        move |source| FileError::of(action, &path)(source).into()
    }
}

impl From<FileError> for RecordError {
    fn from(FileError { action, path, source }: FileError) -> RecordError {
        RecordError::Io { action, path, source }
    }
}
