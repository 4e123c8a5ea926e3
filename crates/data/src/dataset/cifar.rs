//! CIFAR-10 and CIFAR-100 in the official binary layout.
//!
//! A file is a sequence of records: label bytes, then the red, green and blue planes of 32×32 bytes each
//! (Krizhevsky 2009, <https://www.cs.toronto.edu/~kriz/cifar.html>).

use std::fs;
use std::path::{Path, PathBuf};

use super::cifar100_classes::CIFAR100_CLASSES;
use super::{Source, Split};
use crate::directory::DataDirectory;
use crate::download::manifest::HashManifest;
use crate::error::DataError;
use crate::image_shape::ImageShape;

/// The layout of one of the two datasets: its folder, files and records.
#[derive(Clone, Copy, Debug)]
pub struct CifarLayout {
    /// Registry name.
    pub name: &'static str,
    /// Folder inside the data directory, as the official archive unpacks.
    pub folder: &'static str,
    /// Files of the training split.
    pub train_files: &'static [&'static str],
    /// File of the test split.
    pub test_file: &'static str,
    /// Records of a training file.
    pub train_records: usize,
    /// Records of the test file.
    pub test_records: usize,
    /// Label bytes before the pixels with the number of values each may take; the last one is the class.
    pub labels: &'static [u8],
    /// Class names.
    pub classes: &'static [&'static str],
}

const SHAPE: ImageShape = ImageShape { height: 32, width: 32, channels: 3 };

/// CIFAR-10: 50,000 training and 10,000 test images of 10 classes.
pub const CIFAR10: CifarLayout = CifarLayout {
    name: "cifar10",
    folder: "cifar-10-batches-bin",
    train_files: &[
        "data_batch_1.bin",
        "data_batch_2.bin",
        "data_batch_3.bin",
        "data_batch_4.bin",
        "data_batch_5.bin",
    ],
    test_file: "test_batch.bin",
    train_records: 10_000,
    test_records: 10_000,
    labels: &[10],
    classes: &["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"],
};

/// CIFAR-100: 50,000 training and 10,000 test images of 100 fine classes (20 coarse ones, which are checked and left).
pub const CIFAR100: CifarLayout = CifarLayout {
    name: "cifar100",
    folder: "cifar-100-binary",
    train_files: &["train.bin"],
    test_file: "test.bin",
    train_records: 50_000,
    test_records: 10_000,
    labels: &[20, 100],
    classes: &CIFAR100_CLASSES,
};

impl CifarLayout {
    /// Returns the names of all files, training first.
    pub fn files(&self) -> impl Iterator<Item = &'static str> {
        self.train_files.iter().copied().chain([self.test_file])
    }

    /// Returns the folder of this dataset.
    pub fn path(&self, directory: &DataDirectory) -> PathBuf {
        directory.root().join(self.folder)
    }

    /// Returns whether any of the files is there.
    pub fn is_present(&self, directory: &DataDirectory) -> bool {
        self.files().any(|file| self.path(directory).join(file).exists())
    }

    /// Returns the bytes of one record.
    pub fn record_bytes(&self) -> usize {
        self.labels.len() + SHAPE.len()
    }

    /// Reads all files and checks sizes, label ranges, class counts and, where [`HashManifest`] holds them, hashes.
    pub fn read(&self, directory: &DataDirectory) -> Result<Source, DataError> {
        let folder = self.path(directory);
        let manifest = HashManifest::read(&folder)?;
        let read_split = |files: &[&str], records: usize| -> Result<Split, DataError> {
            let mut pixels = Vec::with_capacity(files.len() * records * SHAPE.len());
            let mut labels = Vec::with_capacity(files.len() * records);
            for file in files {
                let path = folder.join(file);
                let bytes = self.read_file(&path, records)?;
                if let Some(manifest) = &manifest {
                    manifest.check(&path, &bytes, &self.fix())?;
                }
                self.decode(&path, &bytes, &mut pixels, &mut labels)?;
            }
            let split = Split::new(pixels, labels, SHAPE);
            self.check_balance(&folder.join(files[0]), &split)?;
            Ok(split)
        };
        Ok(Source {
            classes: self.classes.iter().map(ToString::to_string).collect(),
            shape: SHAPE,
            train: read_split(self.train_files, self.train_records)?,
            validation: None,
            test: read_split(&[self.test_file], self.test_records)?,
        })
    }

    fn fix(&self) -> String {
        format!("delete the folder and run `allconv data fetch {}`", self.name)
    }

    fn read_file(&self, path: &Path, records: usize) -> Result<Vec<u8>, DataError> {
        let expected = (records * self.record_bytes()) as u64;
        let expected_text = format!("{records} records of {} bytes = {expected} bytes", self.record_bytes());
        let length = match fs::metadata(path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(DataError::bad_file(
                    path.display(),
                    expected_text,
                    "no file",
                    format!(
                        "run `allconv data fetch {}`, or name the right folder with --data-dir",
                        self.name
                    ),
                ));
            }
            Err(error) => return Err(DataError::io("read", path)(error)),
        };
        // The size is checked before reading, so that a wrong file of any length costs nothing.
        if length != expected {
            return Err(DataError::bad_file(
                path.display(),
                expected_text,
                format!("{length} bytes"),
                self.fix(),
            ));
        }
        fs::read(path).map_err(DataError::io("read", path))
    }

    fn decode(
        &self,
        path: &Path,
        bytes: &[u8],
        pixels: &mut Vec<u8>,
        labels: &mut Vec<u16>,
    ) -> Result<(), DataError> {
        let plane = SHAPE.height * SHAPE.width;
        for (number, record) in bytes.chunks_exact(self.record_bytes()).enumerate() {
            let (label_bytes, image) = record.split_at(self.labels.len());
            for (&label, &limit) in label_bytes.iter().zip(self.labels) {
                if label >= limit {
                    return Err(DataError::bad_file(
                        path.display(),
                        format!("labels from 0 to {}", limit - 1),
                        format!("label {label} in record {number}"),
                        self.fix(),
                    ));
                }
            }
            labels.push(u16::from(label_bytes[self.labels.len() - 1]));
            for place in 0..plane {
                pixels.extend_from_slice(&[image[place], image[plane + place], image[2 * plane + place]]);
            }
        }
        Ok(())
    }

    /// Checks that a split holds equally many images of each class, as both datasets do.
    fn check_balance(&self, path: &Path, split: &Split) -> Result<(), DataError> {
        let expected = split.len() / self.classes.len();
        let counts = split.class_counts(self.classes.len());
        match counts.iter().position(|&count| count != expected) {
            None => Ok(()),
            Some(class) => Err(DataError::bad_file(
                path.display(),
                format!("{expected} images of each class in its split"),
                format!("{} of class {class} ({})", counts[class], self.classes[class]),
                self.fix(),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: CifarLayout = CifarLayout { train_records: 20, test_records: 10, ..CIFAR10 };
    const SMALL_100: CifarLayout = CifarLayout { train_records: 200, test_records: 100, ..CIFAR100 };

    /// Writes files whose record `r` has class `r % classes` and pixel value `plane * 80 + r % 80`.
    fn write_small(layout: &CifarLayout) -> (tempfile::TempDir, DataDirectory) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let directory = DataDirectory::new(folder.path());
        fs::create_dir_all(layout.path(&directory)).expect("a folder");
        for file in layout.files() {
            let records = if file == layout.test_file { layout.test_records } else { layout.train_records };
            let mut bytes = Vec::new();
            for record in 0..records {
                bytes.extend(std::iter::repeat_n(3u8, layout.labels.len() - 1));
                bytes.push((record % layout.classes.len()) as u8);
                for plane in 0..3u8 {
                    bytes.extend(std::iter::repeat_n(plane * 80 + (record % 80) as u8, 1024));
                }
            }
            fs::write(layout.path(&directory).join(file), bytes).expect("a file");
        }
        (folder, directory)
    }

    fn message_after(change: impl FnOnce(&Path)) -> String {
        let (_folder, directory) = write_small(&SMALL);
        change(&SMALL.path(&directory));
        let error = SMALL.read(&directory).expect_err("a broken file");
        assert!(!error.is_io(), "{error}");
        error.to_string()
    }

    #[test]
    fn planes_become_interleaved_channels() {
        for layout in [SMALL, SMALL_100] {
            let (_folder, directory) = write_small(&layout);
            let source = layout.read(&directory).expect("whole files");
            assert_eq!(source.train.len(), layout.train_records * layout.train_files.len());
            assert_eq!(source.train.image(7)[..6], [7, 87, 167, 7, 87, 167]);
            assert_eq!(source.train.labels()[7], 7);
            assert_eq!(source.test.len(), layout.test_records);
        }
    }

    #[test]
    fn files_cut_or_lengthened_by_any_amount_are_named() {
        for length in [0usize, 1, 20 * 3073 / 2, 20 * 3073 - 1, 20 * 3073 + 1] {
            let message = message_after(|folder| {
                let mut bytes = fs::read(folder.join("data_batch_3.bin")).expect("a file");
                bytes.resize(length, 0);
                fs::write(folder.join("data_batch_3.bin"), bytes).expect("a file");
            });
            assert!(message.contains("data_batch_3.bin") && message.contains("61460 bytes"), "{message}");
            assert!(message.contains(&format!("found {length} bytes")), "{message}");
        }
    }

    #[test]
    fn a_label_out_of_range_is_named_with_its_record() {
        let message = message_after(|folder| {
            let mut bytes = fs::read(folder.join("test_batch.bin")).expect("a file");
            bytes[4 * 3073] = 10;
            fs::write(folder.join("test_batch.bin"), bytes).expect("a file");
        });
        assert!(message.contains("test_batch.bin") && message.contains("label 10 in record 4"), "{message}");
    }

    #[test]
    fn wrong_labels_inside_the_range_break_the_balance() {
        let message = message_after(|folder| {
            let mut bytes = fs::read(folder.join("data_batch_1.bin")).expect("a file");
            bytes[0] = 1;
            fs::write(folder.join("data_batch_1.bin"), bytes).expect("a file");
        });
        assert!(message.contains("10 images of each class") && message.contains("9 of class 0"), "{message}");
    }

    #[test]
    fn a_missing_file_names_the_command_that_fetches_it() {
        let message =
            message_after(|folder| fs::remove_file(folder.join("data_batch_5.bin")).expect("a file"));
        assert!(
            message.contains("data_batch_5.bin") && message.contains("allconv data fetch cifar10"),
            "{message}"
        );
    }

    #[test]
    fn one_flipped_pixel_bit_is_found_once_hashes_are_recorded() {
        let (_folder, directory) = write_small(&SMALL);
        let folder = SMALL.path(&directory);
        HashManifest::record(&folder, SMALL.files()).expect("hashes");
        SMALL.read(&directory).expect("untouched files");
        let mut bytes = fs::read(folder.join("data_batch_2.bin")).expect("a file");
        bytes[100] ^= 1;
        fs::write(folder.join("data_batch_2.bin"), bytes).expect("a file");
        let message = SMALL.read(&directory).expect_err("a flipped bit").to_string();
        assert!(message.contains("data_batch_2.bin") && message.contains("BLAKE3"), "{message}");
    }

    #[test]
    fn class_lists_are_complete_and_sorted() {
        for layout in [CIFAR10, CIFAR100] {
            assert_eq!(layout.classes.len(), usize::from(layout.labels[layout.labels.len() - 1]));
            assert!(layout.classes.is_sorted(), "official labels are in alphabetical order");
        }
    }
}
