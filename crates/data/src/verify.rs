//! `verify`: a complete check of a dataset, and its report.

use crate::dataset::{Split, SyntheticSettings};
use crate::directory::DataDirectory;
use crate::error::DataError;
use crate::registry::{self, HashCheck};

/// The results of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyReport {
    /// Registry name.
    pub name: String,
    /// Class names.
    pub classes: Vec<String>,
    /// Number of training images.
    pub train: usize,
    /// Number of validation images that the source brings along.
    pub validation: Option<usize>,
    /// Number of test images.
    pub test: usize,
    /// BLAKE3 of everything the source holds, in hex.
    pub content_hash: String,
    /// The hashes that the content was compared with.
    pub hashes: HashCheck,
}

/// Reads a dataset and checks sizes, label ranges, class counts and, where they were recorded, hashes.
///
/// # Errors
/// An unknown name, or the first thing that is wrong.
pub fn verify(name: &str, directory: &DataDirectory) -> Result<VerifyReport, DataError> {
    if registry::holds_pictures(name, directory)? {
        let source = registry::read_pictures(name, directory, &SyntheticSettings::default())?;
        return Ok(VerifyReport {
            name: name.to_string(),
            content_hash: source.content_hash(),
            classes: source.classes,
            train: source.train.len(),
            validation: (!source.validation.is_empty()).then_some(source.validation.len()),
            test: source.test.len(),
            hashes: HashCheck::Recorded,
        });
    }
    if let Some(set) = registry::sharded(name, directory)? {
        set.verify()?;
        let header = set.header();
        return Ok(VerifyReport {
            name: name.to_string(),
            classes: header.classes.clone(),
            train: header.train,
            validation: (header.validation > 0).then_some(header.validation),
            test: header.test,
            content_hash: header.content_hash.clone(),
            hashes: HashCheck::Recorded,
        });
    }
    let source = registry::read_source(name, directory, &SyntheticSettings::default())?;
    source.check(name)?;
    Ok(VerifyReport {
        name: name.to_string(),
        train: source.train.len(),
        validation: source.validation.as_ref().map(Split::len),
        test: source.test.len(),
        content_hash: source.content_hash(),
        classes: source.classes,
        hashes: registry::hash_check(name, directory)?,
    })
}
