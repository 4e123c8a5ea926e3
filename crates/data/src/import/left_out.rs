//! What an import did not read.

use std::collections::BTreeMap;

use super::layout::{is_image_name, is_system_folder};

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
}

impl LeftOut {
    /// Number of files with the name of an image.
    pub fn image_count(&self) -> usize {
        self.images.values().sum()
    }

    /// Notes a file that does not belong to the layout.
    pub(super) fn add(&mut self, path: String) {
        let (folder, file) = path.rsplit_once('/').unwrap_or(("", &path));
        if is_image_name(file) && !folder.split('/').any(is_system_folder) {
            *self.images.entry(folder.to_string()).or_default() += 1;
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
        ] {
            left_out.add(path.to_string());
        }
        assert_eq!((left_out.files, left_out.image_count()), (9, 4));
        let folders: Vec<(&str, usize)> =
            left_out.images.iter().map(|(folder, count)| (folder.as_str(), *count)).collect();
        assert_eq!(folders, [("", 1), ("train/animal/cat", 1), ("valid/cat", 2)]);
    }
}
