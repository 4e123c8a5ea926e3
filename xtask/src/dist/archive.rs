//! A compressed archive whose bytes depend on its files alone.

use std::collections::BTreeMap;
use std::io::Write;

use flate2::{Compression, GzBuilder};

/// Files below one folder, in the order of their names.
pub(super) struct Archive {
    folder: String,
    time: u64,
    files: BTreeMap<String, (Vec<u8>, u32)>,
}

impl Archive {
    /// Begins an archive; `time`, in seconds since 1970, is that of all files.
    pub(super) fn new(folder: &str, time: u64) -> Archive {
        Archive { folder: folder.to_owned(), time, files: BTreeMap::new() }
    }

    /// Adds a file.
    pub(super) fn add(&mut self, path: &str, content: Vec<u8>) {
        self.files.insert(path.to_owned(), (content, 0o644));
    }

    /// Adds a program.
    pub(super) fn add_program(&mut self, path: &str, content: Vec<u8>) {
        self.files.insert(path.to_owned(), (content, 0o755));
    }

    /// Returns the archive as `.tar.gz`.
    pub(super) fn into_bytes(self) -> anyhow::Result<Vec<u8>> {
        // No time and no name of a file in the header of the compression.
        let mut archive = tar::Builder::new(GzBuilder::new().write(Vec::new(), Compression::best()));
        for (path, (content, mode)) in &self.files {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            header.set_mode(*mode);
            header.set_mtime(self.time);
            archive.append_data(&mut header, format!("{}/{path}", self.folder), &content[..])?;
        }
        let mut compressed = archive.into_inner()?;
        compressed.flush()?;
        Ok(compressed.finish()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn the_same_files_in_another_order_are_the_same_bytes_and_come_out_again() {
        let of = |files: [&str; 2]| {
            let mut archive = Archive::new("allconv", 1_700_000_000);
            files.iter().for_each(|file| archive.add(file, file.as_bytes().to_vec()));
            archive.add_program("bin/allconv", b"program".to_vec());
            archive.into_bytes().unwrap()
        };
        let bytes = of(["a", "b/c"]);
        assert_eq!(bytes, of(["b/c", "a"]));
        let mut found = Vec::new();
        for entry in tar::Archive::new(flate2::read::GzDecoder::new(&bytes[..])).entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            let header = entry.header();
            assert_eq!(header.mtime().unwrap(), 1_700_000_000);
            found.push((entry.path().unwrap().display().to_string(), header.mode().unwrap(), text));
        }
        let wanted = [("a", 0o644, "a"), ("b/c", 0o644, "b/c"), ("bin/allconv", 0o755, "program")];
        assert_eq!(
            found,
            wanted.map(|(path, mode, text)| (format!("allconv/{path}"), mode, text.to_owned()))
        );
    }
}
