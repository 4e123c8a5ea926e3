//! Checkpoints: complete or absent, verified before use, the newest valid one wins.
//!
//! A checkpoint is a folder `step-NNNNNNNN` with `model.safetensors`, `optimizer.safetensors`, `state.json` and, written last,
//! `MANIFEST.sha256`. It is made under a temporary name and renamed when every byte is durable; `last` and `best` are links to it.

use std::fs;
use std::path::{Path, PathBuf};

use allconv_record::{RecordError, sync_directory, write_atomically};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::tensors::{NamedTensors, read_safetensors, write_safetensors};

const FILES: [&str; 3] = ["model.safetensors", "optimizer.safetensors", "state.json"];
const MANIFEST: &str = "MANIFEST.sha256";

/// What a run must know to go on, beside weights and optimiser state. Everything else is a pure function of the specification and `step`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Version of the checkpoint's format.
    pub schema: u32,
    /// Hash of the specification the checkpoint belongs to.
    pub specification_hash: String,
    /// Steps made.
    pub step: u64,
    /// Sum of the losses of the images shown in the epoch under way, as the bits of an f64: decimal text could round.
    pub loss_sum_bits: u64,
    /// Images of the epoch under way that were classified correctly while training; 0 in tasks that classify none.
    pub correct: u64,
    /// Images shown in the epoch under way.
    pub images: u64,
    /// Bytes of `metrics.jsonl` that belong to the steps made.
    pub journal_length: u64,
    /// Best validation result so far.
    pub best: Option<Best>,
}

/// The best validation result of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Best {
    /// Validation images classified wrongly; in other tasks the bits of the mean validation loss, which are in the order of the losses.
    #[serde(alias = "wrong")]
    pub rank: u64,
    /// Steps made when it was reached.
    pub step: u64,
}

/// Version of the checkpoint's format.
///
/// 1: as first published. 2: what `best` is chosen by is called `rank`, `wrong` before.
pub const CHECKPOINT_VERSION: u32 = 2;

/// A checkpoint in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// The rest of the state.
    pub state: State,
    /// Weights by path.
    pub model: NamedTensors,
    /// Optimiser state by path.
    pub optimizer: NamedTensors,
}

/// The checkpoints of one run.
#[derive(Clone, Debug)]
pub struct CheckpointStore {
    folder: PathBuf,
}

/// What [`CheckpointStore::newest`] found.
#[derive(Debug)]
pub struct Found {
    /// The newest checkpoint that verifies, if any.
    pub checkpoint: Option<Checkpoint>,
    /// Why newer ones were passed over.
    pub rejected: Vec<String>,
}

impl CheckpointStore {
    /// The store in `folder`, which need not exist yet.
    pub fn at(folder: impl Into<PathBuf>) -> CheckpointStore {
        CheckpointStore { folder: folder.into() }
    }

    /// Writes a checkpoint, moves `last` (and `best`, when it is the best) to it and removes those that nothing refers to any more.
    ///
    /// # Errors
    /// [`RecordError::Io`], disk full included; what was there before stays usable.
    pub fn write(&self, checkpoint: &Checkpoint) -> Result<(), RecordError> {
        fs::create_dir_all(&self.folder).map_err(RecordError::io("create", &self.folder))?;
        let name = folder_name(checkpoint.state.step);
        let temporary = self.folder.join(format!("tmp-{}-{name}", std::process::id()));
        remove_folder(&temporary)?;
        fs::create_dir(&temporary).map_err(RecordError::io("create", &temporary))?;
        write_safetensors(&temporary.join(FILES[0]), &checkpoint.model)?;
        write_safetensors(&temporary.join(FILES[1]), &checkpoint.optimizer)?;
        let state =
            serde_json::to_string_pretty(&checkpoint.state).map_err(|error| RecordError::Malformed {
                path: temporary.join(FILES[2]),
                format: "state.json",
                reason: error.to_string(),
            })?;
        write_atomically(&temporary.join(FILES[2]), state.as_bytes())?;
        write_atomically(&temporary.join(MANIFEST), manifest(&temporary)?.as_bytes())?;
        let target = self.folder.join(&name);
        // A folder of this name can only be left over from before a resumption at an older step; its content would be the same.
        remove_folder(&target)?;
        fs::rename(&temporary, &target).map_err(RecordError::io("rename into place", &target))?;
        sync_directory(&self.folder)?;
        self.link("last", &name)?;
        if checkpoint.state.best.as_ref().is_some_and(|best| best.step == checkpoint.state.step) {
            self.link("best", &name)?;
        }
        self.prune(checkpoint.state.step)
    }

    /// The newest checkpoint whose manifest verifies and which belongs to the specification.
    ///
    /// # Errors
    /// [`RecordError::Io`] when the folder exists and cannot be read. A broken checkpoint is no error: the one before is taken.
    pub fn newest(&self, specification_hash: &str) -> Result<Found, RecordError> {
        let mut found = Found { checkpoint: None, rejected: Vec::new() };
        for name in self.names()?.into_iter().rev() {
            let folder = self.folder.join(&name);
            match read(&folder) {
                Ok(checkpoint) if checkpoint.state.specification_hash == specification_hash => {
                    found.checkpoint = Some(checkpoint);
                    break;
                }
                Ok(_) => {
                    found.rejected.push(format!("{} belongs to another specification", folder.display()))
                }
                Err(error) => found.rejected.push(error.to_string()),
            }
        }
        Ok(found)
    }

    /// Names of the complete checkpoint folders, oldest first.
    fn names(&self) -> Result<Vec<String>, RecordError> {
        if !self.folder.exists() {
            return Ok(Vec::new());
        }
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(RecordError::io("read", &self.folder))? {
            let entry = entry.map_err(RecordError::io("read", &self.folder))?;
            if let Some(name) = entry.file_name().to_str().filter(|name| name.starts_with("step-")) {
                names.push(name.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// Points the link `link` at the folder `name`, atomically.
    fn link(&self, link: &str, name: &str) -> Result<(), RecordError> {
        let path = self.folder.join(link);
        let temporary = self.folder.join(format!("{link}.{}.tmp", std::process::id()));
        let _ = fs::remove_file(&temporary);
        std::os::unix::fs::symlink(name, &temporary).map_err(RecordError::io("link", &temporary))?;
        fs::rename(&temporary, &path).map_err(RecordError::io("rename into place", &path))?;
        sync_directory(&self.folder)
    }

    /// Keeps the newest two and the best; removes the others and what killed processes left.
    fn prune(&self, newest_step: u64) -> Result<(), RecordError> {
        let best = fs::read_link(self.folder.join("best")).ok();
        let names = self.names()?;
        let keep = names.len().saturating_sub(2);
        for name in &names[..keep] {
            if best.as_deref() != Some(Path::new(name)) && *name != folder_name(newest_step) {
                remove_folder(&self.folder.join(name))?;
            }
        }
        for entry in fs::read_dir(&self.folder).map_err(RecordError::io("read", &self.folder))? {
            let entry = entry.map_err(RecordError::io("read", &self.folder))?;
            if entry.file_name().to_string_lossy().starts_with("tmp-") {
                remove_folder(&entry.path())?;
            }
        }
        Ok(())
    }
}

fn folder_name(step: u64) -> String {
    format!("step-{step:08}")
}

fn remove_folder(folder: &Path) -> Result<(), RecordError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(RecordError::Io { action: "remove", path: folder.to_path_buf(), source: error })
        }
        _ => Ok(()),
    }
}

/// One line a file: SHA-256, two spaces, name, as `sha256sum` reads it.
fn manifest(folder: &Path) -> Result<String, RecordError> {
    let mut lines = String::new();
    for name in FILES {
        let path = folder.join(name);
        let bytes = fs::read(&path).map_err(RecordError::io("read", &path))?;
        let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        lines.push_str(&format!("{digest}  {name}\n"));
    }
    Ok(lines)
}

fn read(folder: &Path) -> Result<Checkpoint, RecordError> {
    let path = folder.join(MANIFEST);
    let expected = fs::read_to_string(&path).map_err(RecordError::io("read", &path))?;
    if manifest(folder)? != expected {
        return Err(RecordError::Malformed {
            path: folder.to_path_buf(),
            format: "checkpoint",
            reason: format!("the files do not match {MANIFEST}"),
        });
    }
    let path = folder.join(FILES[2]);
    let text = fs::read_to_string(&path).map_err(RecordError::io("read", &path))?;
    let state: State = serde_json::from_str(&text).map_err(|error| RecordError::Malformed {
        path: path.clone(),
        format: "state.json",
        reason: error.to_string(),
    })?;
    if state.schema > CHECKPOINT_VERSION {
        return Err(RecordError::Newer { path, found: state.schema, supported: CHECKPOINT_VERSION });
    }
    Ok(Checkpoint {
        state,
        model: read_safetensors(&folder.join(FILES[0]))?,
        optimizer: read_safetensors(&folder.join(FILES[1]))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensors::NamedTensor;

    fn checkpoint(step: u64, best_step: u64) -> Checkpoint {
        let tensor = NamedTensor { shape: vec![2], values: vec![step as f32, -0.0] };
        let tensors = NamedTensors::from([("features.0.weight".to_owned(), tensor)]);
        Checkpoint {
            state: State {
                schema: CHECKPOINT_VERSION,
                specification_hash: "abc".into(),
                step,
                loss_sum_bits: 0.1f64.to_bits(),
                correct: 3,
                images: 10,
                journal_length: 5,
                best: Some(Best { rank: 1, step: best_step }),
            },
            model: tensors.clone(),
            optimizer: tensors,
        }
    }

    #[test]
    fn the_newest_checkpoint_comes_back_bit_for_bit() {
        let folder = tempfile::tempdir().unwrap();
        let store = CheckpointStore::at(folder.path().join("checkpoints"));
        assert!(store.newest("abc").unwrap().checkpoint.is_none());
        store.write(&checkpoint(1, 1)).unwrap();
        store.write(&checkpoint(2, 1)).unwrap();
        let found = store.newest("abc").unwrap();
        assert_eq!(found.checkpoint, Some(checkpoint(2, 1)));
        assert!(found.rejected.is_empty());
    }

    #[test]
    fn a_state_of_version_1_is_read() {
        let text = serde_json::to_string(&State { schema: 1, ..checkpoint(2, 1).state }).unwrap();
        let old = text.replace("rank", "wrong");
        assert_eq!(serde_json::from_str::<State>(&old).unwrap().best, Some(Best { rank: 1, step: 1 }));
    }

    #[test]
    fn a_damaged_checkpoint_gives_way_to_the_one_before_and_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let store = CheckpointStore::at(folder.path());
        for file in [FILES[0], FILES[1], FILES[2], MANIFEST] {
            store.write(&checkpoint(1, 1)).unwrap();
            store.write(&checkpoint(2, 1)).unwrap();
            let path = folder.path().join("step-00000002").join(file);
            let mut bytes = fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(&path, &bytes).unwrap();
            let found = store.newest("abc").unwrap();
            assert_eq!(found.checkpoint, Some(checkpoint(1, 1)), "damage in {file} went unseen");
            assert!(found.rejected[0].contains("step-00000002"), "{:?}", found.rejected);
        }
    }

    #[test]
    fn the_best_and_the_newest_two_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let store = CheckpointStore::at(folder.path());
        fs::create_dir(folder.path().join("tmp-1-step-00000001")).unwrap();
        for step in 1..=5 {
            store.write(&checkpoint(step, step.min(2))).unwrap();
        }
        let mut names: Vec<String> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["best", "last", "step-00000002", "step-00000004", "step-00000005"]);
        assert_eq!(fs::read_link(folder.path().join("best")).unwrap(), Path::new("step-00000002"));
        assert_eq!(fs::read_link(folder.path().join("last")).unwrap(), Path::new("step-00000005"));
    }

    #[test]
    fn a_checkpoint_of_another_specification_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let store = CheckpointStore::at(folder.path());
        store.write(&checkpoint(1, 1)).unwrap();
        let found = store.newest("other").unwrap();
        assert!(found.checkpoint.is_none());
        assert_eq!(found.rejected.len(), 1);
    }
}
