//! The description of its data set that a run keeps, and the refusal of other data under the same name.

use allconv_data::{DataError, SharedImages};
use allconv_record::{Copies, RUN_DATA_SCHEMA, RunData};

use crate::TrainError;

/// Returns the description of a data set that a run keeps.
pub(super) fn run_data(dataset: &str, content_hash: &str, classes: &[String], input: [usize; 3]) -> RunData {
    RunData {
        schema: RUN_DATA_SCHEMA.to_owned(),
        dataset: dataset.to_owned(),
        content_hash: content_hash.to_owned(),
        classes: classes.to_vec(),
        input,
        copies: Vec::new(),
    }
}

/// Returns the images in two splits, as a run records them.
pub(super) fn copies(shared: &[SharedImages]) -> Vec<Copies> {
    let copies = |shared: &SharedImages| Copies {
        split: shared.of.folder().to_owned(),
        of: shared.with.folder().to_owned(),
        count: shared.count as u64,
        labelled_otherwise: shared.labelled_otherwise as u64,
    };
    shared.iter().map(copies).collect()
}

/// Refuses a data set whose content is not that which a run was made with.
///
/// # Errors
/// [`TrainError::Data`] with both hashes.
pub fn check_content(dataset: &str, found: &str, recorded: &str) -> Result<(), TrainError> {
    if found == recorded { Ok(()) } else { Err(other_data(dataset, found, recorded)) }
}

pub(super) fn other_data(dataset: &str, found: &str, recorded: &str) -> TrainError {
    TrainError::Data(DataError::BadFile {
        file: format!("data set {dataset}"),
        expected: format!("the content {recorded}, with which the run was made"),
        found: format!("{found}, which is other data under the same name"),
        fix: "import the data that the run was made with, or make the run again".to_owned(),
    })
}
