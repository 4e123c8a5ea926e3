//! Exit codes of the program.

use allconv_data::DataError;
use allconv_exchange::ExchangeError;
use allconv_inspect::InspectError;
use allconv_nets::{DescriptionError, OperatorError};
use allconv_paper::PaperError;
use allconv_record::RecordError;
use allconv_study::StudyError;
use allconv_train::TrainError;

/// Every run is finished, diverged or stuck; every check passed.
pub(crate) const OK: u8 = 0;
/// A failure without a code of its own.
pub(crate) const FAILURE: u8 = 1;
/// The command line, a study file or a specification is wrong.
pub(crate) const USAGE: u8 = 2;
/// A check or target was missed.
pub(crate) const MISSED: u8 = 3;
/// `train`: the run diverged or is stuck.
pub(crate) const DIVERGED: u8 = 4;
/// The data are wrong.
pub(crate) const BAD_DATA: u8 = 65;
/// Input or output failed, a full disk included.
pub(crate) const IO: u8 = 74;
/// Interrupted after a good checkpoint: start the same command again.
pub(crate) const INTERRUPTED: u8 = 75;

/// A mistake on the command line that clap cannot detect.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(pub(crate) String);

/// Data that cannot be used, found while a request was resolved.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BadData(pub(crate) String);

/// The exit code for an error, by the innermost cause that has one.
pub(crate) fn code(error: &anyhow::Error) -> u8 {
    for cause in error.chain() {
        if cause.is::<UsageError>() {
            return USAGE;
        }
        if cause.is::<BadData>() {
            return BAD_DATA;
        }
        if let Some(error) = cause.downcast_ref::<PaperError>() {
            return paper_code(error);
        }
        if let Some(error) = cause.downcast_ref::<StudyError>() {
            return study_code(error);
        }
        if let Some(error) = cause.downcast_ref::<InspectError>() {
            return inspect_code(error);
        }
        if let Some(error) = cause.downcast_ref::<ExchangeError>() {
            return match error {
                ExchangeError::Record(error) => record_code(error),
                ExchangeError::Inspect(error) => inspect_code(error),
                ExchangeError::Operator { .. } => USAGE,
            };
        }
        if cause.is::<DescriptionError>() || cause.is::<OperatorError>() {
            return USAGE;
        }
        if let Some(error) = cause.downcast_ref::<DataError>() {
            return data_code(error);
        }
        if let Some(error) = cause.downcast_ref::<TrainError>() {
            return train_code(error);
        }
        if let Some(error) = cause.downcast_ref::<RecordError>() {
            return record_code(error);
        }
        if cause.is::<std::io::Error>() {
            return IO;
        }
    }
    FAILURE
}

/// Returns the message of an error with each cause once: most errors here contain the message of their cause, which is not repeated.
pub(crate) fn message(error: &anyhow::Error) -> String {
    let mut message = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if message.is_empty() {
            message = cause;
        } else if !message.contains(&cause) {
            message = format!("{message}: {cause}");
        }
    }
    message
}

fn inspect_code(error: &InspectError) -> u8 {
    match error {
        InspectError::Record(error) => record_code(error),
        InspectError::Data(error) => data_code(error),
        InspectError::Train(error) => train_code(error),
        InspectError::Weights { .. }
        | InspectError::ForeignWeights { .. }
        | InspectError::Folder { .. }
        | InspectError::Image { .. } => BAD_DATA,
        InspectError::NoCheckpoint { .. }
        | InspectError::NoSplit { .. }
        | InspectError::Description(_)
        | InspectError::Request(_) => USAGE,
    }
}

fn paper_code(error: &PaperError) -> u8 {
    match error {
        PaperError::Config { .. } | PaperError::Text(_) | PaperError::Exists(_) | PaperError::Run(_) => USAGE,
        PaperError::Latex(_) => FAILURE,
        PaperError::Study(error) => study_code(error),
        PaperError::Record(error) => record_code(error),
    }
}

fn study_code(error: &StudyError) -> u8 {
    match error {
        StudyError::File(error) if error.bad_data => BAD_DATA,
        StudyError::File(_) | StudyError::Setting(_) => USAGE,
        StudyError::NoValidation { .. } | StudyError::FolderTaken { .. } => USAGE,
        StudyError::DamagedSearch { .. } => BAD_DATA,
        StudyError::Unreadable { .. } => IO,
        StudyError::Record(error) => record_code(error),
    }
}

fn data_code(error: &DataError) -> u8 {
    if error.is_io() { IO } else { BAD_DATA }
}

fn train_code(error: &TrainError) -> u8 {
    match error {
        TrainError::Specification(_) => USAGE,
        TrainError::Record(error) => record_code(error),
        TrainError::Data(error) => data_code(error),
        TrainError::NotFinite { .. } => BAD_DATA,
        TrainError::Measurement(_) | TrainError::Panicked(_) | TrainError::Device { .. } => FAILURE,
    }
}

fn record_code(error: &RecordError) -> u8 {
    match error {
        RecordError::Io { .. }
        | RecordError::NoRun { .. }
        | RecordError::Busy { .. }
        | RecordError::Lost { .. } => IO,
        RecordError::Malformed { .. } | RecordError::Newer { .. } => BAD_DATA,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn every_cause_is_told_once() {
        let io = || std::io::Error::other("the disk is gone");
        let told = RecordError::io("read", std::path::Path::new("run.json"))(io());
        assert_eq!(message(&told.into()), "cannot read run.json: the disk is gone");
        let wrapped = Err::<(), _>(io()).context("cannot start").unwrap_err();
        assert_eq!(message(&wrapped), "cannot start: the disk is gone");
    }

    #[test]
    fn wherever_storage_fails_the_code_is_that_of_input_and_output() {
        let io = || std::io::Error::from(std::io::ErrorKind::StorageFull);
        let path = std::path::Path::new("run.json");
        let record = || RecordError::io("write", path)(io());
        let errors: [anyhow::Error; 5] = [
            io().into(),
            anyhow::Error::new(io()).context("cannot create a folder"),
            record().into(),
            TrainError::from(record()).into(),
            InspectError::from(record()).into(),
        ];
        for error in errors {
            assert_eq!(code(&error), IO, "{error:#}");
        }
        assert_eq!(code(&UsageError("wrong".into()).into()), USAGE);
    }
}
