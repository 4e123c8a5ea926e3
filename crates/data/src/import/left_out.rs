//! What an import did not read.

use std::collections::BTreeMap;

use super::layout::{IMAGE_ENDINGS, is_image_name, is_system_folder, unread_ending};
use crate::error::DataError;

/// Largest number of files left out that a report names.
pub const IGNORED_NAMED: usize = 16;

/// Files of a source that were left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Number of them.
    pub files: usize,
    /// The first of them, at most [`IGNORED_NAMED`].
    pub examples: Vec<String>,
    /// How many of them have the name of an image, by folder. Files of operating systems and hidden ones do not count.
    pub images: BTreeMap<String, usize>,
    /// Image files in formats that are not read, by their ending.
    pub unread: BTreeMap<&'static str, usize>,
}

/// Image files left out that end an import: so many, if they are more than one for each ten that are taken.
const MANY: usize = 10;

impl LeftOut {
    /// Number of files with the name of an image.
    pub fn image_count(&self) -> usize {
        self.images.values().sum()
    }

    /// The image files in formats that are not read, in words; empty without any.
    pub fn unread_text(&self) -> String {
        self.unread.iter().map(|(ending, count)| format!("{count} .{ending}")).collect::<Vec<_>>().join(", ")
    }

    /// Refuses many images in folders that do not fit the layout beside `taken` that do.
    ///
    /// # Errors
    /// [`DataError::BadFile`] that names the first folders.
    pub(super) fn check_folders(&self, source: impl ToString, taken: usize) -> Result<(), DataError> {
        let missed = self.image_count();
        if missed < MANY || missed * 10 <= taken {
            return Ok(());
        }
        let folders: Vec<&str> = self.images.keys().take(4).map(String::as_str).collect();
        Err(DataError::bad_file(
            source,
            "images whose folders fit the layout, but for one in ten",
            format!("{missed} that do not beside {taken} that do, in the folders {}", folders.join(", ")),
            "rename the folders, or choose the files to read with --select",
        ))
    }

    /// Refuses many images in formats that are not read beside `taken` that are.
    ///
    /// # Errors
    /// [`DataError::BadFile`] that names the endings.
    pub(super) fn check_formats(&self, source: impl ToString, taken: usize) -> Result<(), DataError> {
        let unread: usize = self.unread.values().sum();
        if unread < MANY || unread * 10 <= taken {
            return Ok(());
        }
        Err(DataError::bad_file(
            source,
            format!("images in the formats {}, but for one in ten", IMAGE_ENDINGS.join(", ")),
            format!("{} beside {taken} in these", self.unread_text()),
            "convert them, e.g. to PNG, or choose the files to read with --select",
        ))
    }

    /// Notes a file that does not belong to the layout.
    pub(super) fn add(&mut self, path: String) {
        let (folder, file) = path.rsplit_once('/').unwrap_or(("", &path));
        if !folder.split('/').any(is_system_folder) {
            if is_image_name(file) {
                *self.images.entry(folder.to_string()).or_default() += 1;
            } else if let Some(ending) = unread_ending(file) {
                *self.unread.entry(ending).or_default() += 1;
            }
        }
        self.add_unwanted(path);
    }

    /// Notes a file that nobody asked for.
    pub(super) fn add_unwanted(&mut self, path: String) {
        self.files += 1;
        if self.examples.len() < IGNORED_NAMED {
            self.examples.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_counted_by_folder_and_junk_is_not() {
        let mut left_out = LeftOut::default();
        for path in [
            "valid/cat/1.png",
            "valid/cat/2.JPG",
            "train/animal/cat/3.png",
            "4.jpeg",
            "README.md",
            "train/cat/._1.png",
            "__MACOSX/train/cat/1.png",
            "train/@eaDir/1.jpg",
            "train/.thumbs/1.jpg",
            "train/cat/5.TIF",
            "train/cat/6.gif",
            "train/cat/._7.tif",
        ] {
            left_out.add(path.to_string());
        }
        assert_eq!((left_out.files, left_out.image_count()), (12, 4));
        assert_eq!(left_out.unread_text(), "1 .gif, 1 .tif");
        let folders: Vec<(&str, usize)> =
            left_out.images.iter().map(|(folder, count)| (folder.as_str(), *count)).collect();
        assert_eq!(folders, [("", 1), ("train/animal/cat", 1), ("valid/cat", 2)]);
    }
}
