//! The mark in a study's folder that names its study file.
//!
//! The folder of a study is named after its file, so that two files of the same name would overwrite each other's report. The first of them
//! leaves its mark in the folder: `study.json` with the file's path and the hash of its text. The same file may say something else later
//! (more seeds, another question); another file may have the same content (a copy, a mount under another name). Another file with other
//! content is refused, and nothing of the first is changed.

use std::io::Write;
use std::path::{Path, PathBuf};

use allconv_record::{LEFT_BEHIND, RecordError, create_folder, remove_leftovers, write_atomically};
use serde::{Deserialize, Serialize};

use crate::error::StudyError;
use crate::file::StudyFile;

/// Name of the mark in the folder.
const MARK: &str = "study.json";

/// The `schema` field of the mark.
const SCHEMA: &str = "allconv.study.folder/1";

/// The mark of a study's folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StudyMark {
    schema: String,
    /// Absolute path of the study file, links resolved.
    pub file: PathBuf,
    /// SHA-256 of its text, 64 hexadecimal digits.
    pub sha256: String,
    /// Its question, for people who open the mark.
    pub question: String,
}

/// Reads the mark of a study's folder; `None` where there is none or it cannot be read, since it holds no information of its own.
pub fn read_mark(folder: &Path) -> Option<StudyMark> {
    serde_json::from_slice(&std::fs::read(folder.join(MARK)).ok()?).ok()
}

/// Takes a folder for a study file, or keeps it; the folder is made as needed, and what killed processes left in it a day ago is removed.
///
/// # Errors
/// [`StudyError::FolderTaken`] when it belongs to another file with other content; [`StudyError::Record`] when the mark cannot be
/// written. A mark that cannot be read is written again, since it holds no information.
pub fn take_folder(study: &StudyFile, file: &Path, folder: &Path) -> Result<(), StudyError> {
    let mark = StudyMark {
        schema: SCHEMA.to_owned(),
        file: file.canonicalize().unwrap_or_else(|_| file.to_path_buf()),
        sha256: study.sha256(),
        question: study.question.clone(),
    };
    let path = folder.join(MARK);
    let text = format!("{:#}\n", serde_json::to_value(&mark).unwrap_or_default());
    create_folder(folder)?;
    remove_leftovers(folder, LEFT_BEHIND);
    if create_new(&path, text.as_bytes()).map_err(RecordError::io("write", &path))? {
        return Ok(());
    }
    let found = std::fs::read(&path).map_err(RecordError::io("read", &path))?;
    let found: Option<StudyMark> = serde_json::from_slice(&found).ok();
    match found {
        Some(found) if found == mark => Ok(()),
        Some(found) if found.file != mark.file && found.sha256 != mark.sha256 => {
            Err(StudyError::FolderTaken {
                folder: folder.display().to_string(),
                owner: found.file.display().to_string(),
                file: mark.file.display().to_string(),
                mark: path.display().to_string(),
            })
        }
        _ => Ok(write_atomically(&path, text.as_bytes())?),
    }
}

/// Writes a file that is not there yet; false when it is. Two processes that try at once do not both succeed, and neither sees half of it.
fn create_new(path: &Path, bytes: &[u8]) -> std::io::Result<bool> {
    if path.exists() {
        return Ok(false);
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let temporary = folder.join(format!(".{MARK}.{}.{:x}.tmp", std::process::id(), fresh()));
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(&temporary)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| std::fs::hard_link(&temporary, path));
    let _ = std::fs::remove_file(&temporary);
    match linked {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        // A file system without links: the plain way, in which only a crash can leave half of a mark.
        Err(error) if error.kind() == std::io::ErrorKind::StorageFull => Err(error),
        Err(_) => match std::fs::OpenOptions::new().write(true).create_new(true).open(path) {
            Ok(mut file) => file.write_all(bytes).and_then(|()| file.sync_all()).map(|()| true),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        },
    }
}

/// A number that no other process draws at the same time: containers share process ids.
fn fresh() -> u128 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let place = std::ptr::from_ref(&now) as usize as u128;
    now.map_or(0, |elapsed| elapsed.as_nanos()) ^ (place << 64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::small_study_text;

    fn write(path: &Path, text: &str) -> StudyFile {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        StudyFile::read(path).unwrap()
    }

    #[test]
    fn another_file_that_says_something_else_is_refused_and_told_how_to_go_on() {
        let place = tempfile::tempdir().unwrap();
        let (first, second) = (place.path().join("a/pilot.toml"), place.path().join("b/pilot.toml"));
        let folder = place.path().join("runs/pilot");
        take_folder(&write(&first, &small_study_text(5)), &first, &folder).unwrap();
        let before = std::fs::read(folder.join(MARK)).unwrap();
        let error = take_folder(&write(&second, &small_study_text(6)), &second, &folder).unwrap_err();
        let message = error.to_string();
        for part in ["a/pilot.toml", "b/pilot.toml", "--out", "study.json", "another name"] {
            assert!(message.contains(part), "{message}");
        }
        assert_eq!(std::fs::read(folder.join(MARK)).unwrap(), before);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "nothing is left behind");
        take_folder(&write(&second, &small_study_text(6)), &second, &place.path().join("other/pilot"))
            .unwrap();
    }

    #[test]
    fn an_edited_study_keeps_its_folder_and_a_copy_may_use_it() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("pilot.toml");
        let folder = place.path().join("runs/pilot");
        take_folder(&write(&file, &small_study_text(5)), &file, &folder).unwrap();
        let edited = write(&file, &small_study_text(9));
        take_folder(&edited, &file, &folder).unwrap();
        let copy = place.path().join("copy/pilot.toml");
        take_folder(&write(&copy, &small_study_text(9)), &copy, &folder).unwrap();
        // The copy was the last to say so; the edited original says the same.
        take_folder(&edited, &file, &folder).unwrap();
    }

    #[test]
    fn of_two_that_start_at_once_one_is_refused() {
        for _ in 0..20 {
            let place = tempfile::tempdir().unwrap();
            let folder = place.path().join("runs/pilot");
            let studies: Vec<(PathBuf, StudyFile)> = (5..9)
                .map(|seeds| {
                    let path = place.path().join(format!("{seeds}/pilot.toml"));
                    let study = write(&path, &small_study_text(seeds));
                    (path, study)
                })
                .collect();
            let taken: usize = std::thread::scope(|scope| {
                let threads: Vec<_> = studies
                    .iter()
                    .map(|(path, study)| scope.spawn(|| take_folder(study, path, &folder).is_ok()))
                    .collect();
                threads.into_iter().map(|thread| usize::from(thread.join().unwrap())).sum()
            });
            assert_eq!(taken, 1);
        }
    }

    #[test]
    fn a_mark_that_cannot_be_read_is_written_anew() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("pilot.toml");
        std::fs::write(place.path().join(MARK), "{").unwrap();
        take_folder(&write(&file, &small_study_text(5)), &file, place.path()).unwrap();
        assert!(std::fs::read_to_string(place.path().join(MARK)).unwrap().contains("pilot.toml"));
    }
}
