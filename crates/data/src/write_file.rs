//! Writing a file of the data directory.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

use allconv_files::{LEFT_BEHIND, create_folder, remove_leftovers, write_atomically};

use crate::error::DataError;

/// Writes a file atomically, makes its folder if it is missing, and removes what processes that were killed more than a day ago left there.
///
/// # Errors
/// [`DataError::Io`].
pub(crate) fn write_file(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> Result<(), DataError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    create_folder(folder)?;
    remove_leftovers(folder, LEFT_BEHIND);
    Ok(write_atomically(path, fill)?)
}
