//! Why a study cannot be read, checked, run or reported.

use allconv_record::RecordError;

use crate::file::StudyFileError;

/// Why a study cannot be read, checked, run or reported.
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
    /// The study file is wrong; says where. Its `bad_data` tells whether the data are to blame.
    #[error(transparent)]
    File(#[from] StudyFileError),
    /// The search for learning rates has nothing to choose by.
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
    /// A run by which the search for learning rates chooses cannot be believed.
    #[error(
        "the search's run of arm `{arm}` with seed {seed} is damaged: {reason}; restore it from a copy, or remove its folder and run the study again"
    )]
    DamagedSearch {
        /// The arm.
        arm: String,
        /// The seed of the search.
        seed: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The folder in which the study's runs and report lie belongs to another study.
    #[error(
        "{folder} belongs to the study file {owner}, which says something else than {file}; give one of them another name, or another folder with --out. \
         If it is the same study and its file was moved, remove {mark}"
    )]
    FolderTaken {
        /// The folder.
        folder: String,
        /// The file that it belongs to.
        owner: String,
        /// The file that wants it.
        file: String,
        /// The file that says so.
        mark: String,
    },
    /// A folder of runs or a file in it cannot be read or written.
    #[error(transparent)]
    Record(#[from] RecordError),
}
