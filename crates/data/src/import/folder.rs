//! Walking over a folder of files without following links.

use std::fs;
use std::io::Read;
use std::path::Path;

use super::entry::{Entry, EntryLimits, Visit, check_component};
use crate::error::DataError;

/// Visits every regular file below `root` in the order of names.
///
/// # Errors
/// A symbolic link, device or socket; a name that is not UTF-8; a broken limit.
pub fn walk(root: &Path, limits: &EntryLimits, visit: &mut Visit) -> Result<(), DataError> {
    let mut walker = Walker { limits, entries: 0, total_bytes: 0, visit };
    walker.enter(root, "")
}

struct Walker<'a, 'b> {
    limits: &'a EntryLimits,
    entries: u64,
    total_bytes: u64,
    visit: &'a mut Visit<'b>,
}

/// Deepest folder that is entered; images lie at most four deep.
const DEPTH_LIMIT: usize = 16;

impl Walker<'_, '_> {
    fn enter(&mut self, folder: &Path, prefix: &str) -> Result<(), DataError> {
        let listing = fs::read_dir(folder).map_err(DataError::io("list", folder))?;
        let mut names = Vec::new();
        for item in listing {
            let item = item.map_err(DataError::io("list", folder))?;
            names.push(item.file_name());
            self.entries += 1;
            if self.entries > self.limits.entries {
                return Err(refused(folder, format!("at most {} files", self.limits.entries), "more"));
            }
        }
        names.sort();
        for name in names {
            let path = folder.join(&name);
            let Some(name) = name.to_str() else {
                return Err(refused(&path, "a name in UTF-8", "other bytes"));
            };
            check_component(name).map_err(|found| refused(&path, "a plain name", found))?;
            let inner = if prefix.is_empty() { name.to_string() } else { format!("{prefix}/{name}") };
            // The link itself is looked at, not its target, so that nothing outside the root is read.
            let metadata = fs::symlink_metadata(&path).map_err(DataError::io("read", &path))?;
            if metadata.is_dir() {
                if inner.split('/').count() >= DEPTH_LIMIT {
                    return Err(refused(&path, format!("at most {DEPTH_LIMIT} levels of folders"), "more"));
                }
                self.enter(&path, &inner)?;
            } else if metadata.is_file() {
                self.read(&path, inner)?;
            } else {
                return Err(refused(&path, "a regular file or a folder", "a link or a device"));
            }
        }
        Ok(())
    }

    fn read(&mut self, path: &Path, inner: String) -> Result<(), DataError> {
        let mut bytes = Vec::new();
        let file = fs::File::open(path).map_err(DataError::io("read", path))?;
        file.take(self.limits.file_bytes + 1).read_to_end(&mut bytes).map_err(DataError::io("read", path))?;
        if bytes.len() as u64 > self.limits.file_bytes {
            return Err(refused(path, format!("at most {} bytes", self.limits.file_bytes), "more"));
        }
        self.total_bytes += bytes.len() as u64;
        if self.total_bytes > self.limits.total_bytes {
            return Err(refused(
                path,
                format!("at most {} bytes in all files", self.limits.total_bytes),
                "more",
            ));
        }
        (self.visit)(Entry { path: inner, bytes })
    }
}

fn refused(path: &Path, expected: impl ToString, found: impl ToString) -> DataError {
    DataError::bad_file(path.display(), expected, found, "remove it from the folder")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk_all(root: &Path, limits: &EntryLimits) -> Result<Vec<String>, DataError> {
        let mut paths = Vec::new();
        walk(root, limits, &mut |entry| {
            paths.push(entry.path);
            Ok(())
        })?;
        Ok(paths)
    }

    #[test]
    fn files_come_in_the_order_of_names() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for file in ["b/2", "a/9", "b/1", "a/10"] {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, file).expect("a file");
        }
        let paths = walk_all(folder.path(), &EntryLimits::default()).expect("plain files");
        assert_eq!(paths, ["a/10", "a/9", "b/1", "b/2"]);
        let few = EntryLimits { entries: 5, ..EntryLimits::default() };
        assert!(
            walk_all(folder.path(), &few).expect_err("six entries").to_string().contains("at most 5 files")
        );
        let small = EntryLimits { file_bytes: 2, ..EntryLimits::default() };
        assert!(
            walk_all(folder.path(), &small).expect_err("three bytes").to_string().contains("at most 2 bytes")
        );
        let little = EntryLimits { total_bytes: 10, ..EntryLimits::default() };
        assert!(walk_all(folder.path(), &little).expect_err("13 bytes").to_string().contains("in all files"));
    }

    #[cfg(unix)]
    #[test]
    fn a_symbolic_link_is_refused_even_if_its_target_is_harmless() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("real"), b"x").expect("a file");
        std::os::unix::fs::symlink("real", folder.path().join("link")).expect("a link");
        let error = walk_all(folder.path(), &EntryLimits::default()).expect_err("a link");
        assert!(error.to_string().contains("link: expected a regular file"), "{error}");
    }
}
