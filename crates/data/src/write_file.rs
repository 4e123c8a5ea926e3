//! Writing a file of the data directory.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;
use std::time::Duration;

use allconv_files::{create_folder, remove_leftovers, write_atomically};

use crate::error::DataError;

/// Age at which a temporary file or folder belongs to no process any more.
pub(crate) const LEFT_BEHIND: Duration = Duration::from_secs(24 * 60 * 60);

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
