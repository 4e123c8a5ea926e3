//! Errors of reading, checking, running and reporting a study.

use allconv_record::RecordError;

use crate::file::StudyFileError;

/// An error of reading, checking, running or reporting a study.
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    /// The study file cannot be opened.
    #[error("cannot read the study file {path}: {source}; name a file such as studies/quickstart.toml")]
    Unreadable {
        /// The file.
        path: String,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The study file is wrong, with the position. `bad_data` is set where the cause is the data.
    #[error(transparent)]
    File(#[from] StudyFileError),
    /// A setting that was given beside the file is wrong.
    #[error("{0}")]
    Setting(String),
    /// The search for learning rates has no validation metric to choose by.
    #[error(
        "arm `{arm}` with seed {seed} finished without a validation {metric}, by which `search` chooses; hold images out with `data.validation`"
    )]
    NoValidation {
        /// The arm.
        arm: String,
        /// The seed of the search.
        seed: u64,
        /// The primary metric.
        metric: String,
    },
    /// The values of a run of the search for learning rates are damaged.
    #[error(
        "the search's run of arm `{arm}` with seed {seed} is damaged: {reason}; restore it from a copy, or remove its folder and run the study again"
    )]
    DamagedSearch {
        /// The arm.
        arm: String,
        /// The seed of the search.
        seed: u64,
        /// The defect.
        reason: String,
    },
    /// The folder of the study's runs and report belongs to another study.
    #[error(
        "{folder} belongs to the study file {owner}, which says something else than {file}; give one of them another name, or another folder with --out. \
         If it is the same study and its file was moved, remove {mark}"
    )]
    FolderTaken {
        /// The folder.
        folder: String,
        /// The file that it belongs to.
        owner: String,
        /// The file of this study.
        file: String,
        /// The file that records it.
        mark: String,
    },
    /// A folder of runs or a file in it cannot be read or written.
    #[error(transparent)]
    Record(#[from] RecordError),
}
