//! Checkpoints: complete or absent, verified before use, the newest valid one wins.
//!
//! A checkpoint is a folder `step-NNNNNNNN` with `model.safetensors`, `optimizer.safetensors`, `state.json` and, written last,
//! `MANIFEST.sha256`. It is made under a temporary name and renamed when every byte is durable. Which one is the last and which the
//! best follows from the folders and their states alone; the links `last` and `best` are for people, and nothing here reads them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use allconv_record::{JournalMark, RecordError, create_folder, sync_directory, write_atomically};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::tensors::{NamedTensors, read_safetensors, write_safetensors};

const FILES: [&str; 3] = ["model.safetensors", "optimizer.safetensors", "state.json"];
const MANIFEST: &str = "MANIFEST.sha256";

/// How the name of a checkpoint's folder begins; the step follows.
const PREFIX: &str = "step-";
/// How the name of an unfinished checkpoint's folder begins.
const UNFINISHED: &str = "tmp-";
/// Permissions of a new folder before the process's mask takes its part away, as `fs::create_dir` asks for them.
const NEW_FOLDER_MODE: u32 = 0o777;

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
    /// BLAKE3 of these bytes in hexadecimal; absent before version 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal_hash: Option<String>,
    /// Best validation result so far.
    pub best: Option<Best>,
}

impl State {
    /// The state before the first step.
    #[must_use]
    pub fn start(specification_hash: String) -> State {
        State {
            schema: CHECKPOINT_VERSION,
            specification_hash,
            step: 0,
            loss_sum_bits: 0f64.to_bits(),
            correct: 0,
            images: 0,
            journal_length: 0,
            journal_hash: None,
            best: None,
        }
    }

    /// Where the checkpoint stands in the journal.
    #[must_use]
    pub fn journal_mark(&self) -> JournalMark {
        JournalMark { length: self.journal_length, hash: self.journal_hash.clone() }
    }
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
/// 1: as first published. 2: what `best` is chosen by is called `rank`, `wrong` before. 3: `journal_hash`.
pub const CHECKPOINT_VERSION: u32 = 3;

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

    /// Writes a checkpoint, moves the links and removes those checkpoints that nothing needs any more.
    ///
    /// # Errors
    /// [`RecordError::Io`], disk full included; what was there before stays usable.
    pub fn write(&self, checkpoint: &Checkpoint) -> Result<(), RecordError> {
        create_folder(&self.folder)?;
        let unfinished = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .permissions(fs::Permissions::from_mode(NEW_FOLDER_MODE))
            .tempdir_in(&self.folder)
            .map_err(RecordError::io("create a checkpoint in", &self.folder))?;
        let temporary = unfinished.path();
        write_safetensors(&temporary.join(FILES[0]), &checkpoint.model)?;
        write_safetensors(&temporary.join(FILES[1]), &checkpoint.optimizer)?;
        let state =
            serde_json::to_string_pretty(&checkpoint.state).map_err(|error| RecordError::Malformed {
                path: temporary.join(FILES[2]),
                format: "state.json",
                reason: error.to_string(),
            })?;
        write_atomically(&temporary.join(FILES[2]), state.as_bytes())?;
        write_atomically(&temporary.join(MANIFEST), manifest(temporary)?.as_bytes())?;
        let target = self.folder_of(checkpoint.state.step);
        // A folder of this name can only be left over from before a resumption at an older step; its content would be the same.
        remove(&target)?;
        fs::rename(temporary, &target).map_err(RecordError::io("rename into place", &target))?;
        // It has become the checkpoint, and must not be removed as a temporary folder.
        let _ = unfinished.keep();
        sync_directory(&self.folder)?;
        self.mend_links(&checkpoint.state)?;
        self.prune(&checkpoint.state)
    }

    /// The newest checkpoint whose manifest verifies and that `accept` takes.
    ///
    /// # Errors
    /// [`RecordError::Io`] when the folder exists and cannot be read; [`RecordError::Newer`] for a checkpoint of a later version, which
    /// must neither be passed over nor overwritten. A broken checkpoint is no error: the one before is taken.
    pub fn newest(&self, accept: &dyn Fn(&State) -> Result<(), String>) -> Result<Found, RecordError> {
        let mut found = Found { checkpoint: None, rejected: Vec::new() };
        for step in self.steps()?.into_iter().rev() {
            match self.read(step).and_then(|checkpoint| self.accepted(checkpoint, accept)) {
                Ok(checkpoint) => {
                    found.checkpoint = Some(checkpoint);
                    break;
                }
                Err(error @ RecordError::Newer { .. }) => return Err(error),
                Err(error) => found.rejected.push(error.to_string()),
            }
        }
        Ok(found)
    }

    /// The checkpoint of one step, verified.
    ///
    /// # Errors
    /// [`RecordError::Io`] when it is not there; [`RecordError::Malformed`] when it is damaged; [`RecordError::Newer`].
    pub fn read(&self, step: u64) -> Result<Checkpoint, RecordError> {
        read(&self.folder_of(step))
    }

    /// The weights of the checkpoint of one step.
    #[must_use]
    pub fn weights_of(&self, step: u64) -> PathBuf {
        self.folder_of(step).join(FILES[0])
    }

    /// Points `last` at the checkpoint of `state` and `best` at the best one that it names, where they do not point there already.
    ///
    /// # Errors
    /// [`RecordError::Io`].
    pub fn mend_links(&self, state: &State) -> Result<(), RecordError> {
        self.link("last", state.step)?;
        state.best.as_ref().map_or(Ok(()), |best| self.link("best", best.step))
    }

    fn folder_of(&self, step: u64) -> PathBuf {
        self.folder.join(folder_name(step))
    }

    fn accepted(
        &self,
        checkpoint: Checkpoint,
        accept: &dyn Fn(&State) -> Result<(), String>,
    ) -> Result<Checkpoint, RecordError> {
        let path = self.folder_of(checkpoint.state.step);
        match accept(&checkpoint.state) {
            Ok(()) => Ok(checkpoint),
            Err(reason) => Err(RecordError::Malformed { path, format: "checkpoint of this run", reason }),
        }
    }

    /// Steps of the complete checkpoints, in order; none when there is no such folder.
    ///
    /// # Errors
    /// [`RecordError::Io`] when the folder exists and cannot be read.
    pub fn steps(&self) -> Result<Vec<u64>, RecordError> {
        let mut steps: Vec<u64> = self.names()?.iter().filter_map(|name| step_of(name)).collect();
        steps.sort_unstable();
        Ok(steps)
    }

    /// Names of everything in the folder; none when it does not exist.
    fn names(&self) -> Result<Vec<String>, RecordError> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(RecordError::io("read", &self.folder))?,
        };
        entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<Result<_, _>>()
            .map_err(RecordError::io("read", &self.folder))
    }

    /// Points the link `link` at the checkpoint of `step`, atomically. Whoever writes holds the run's lock, so one temporary name will do.
    fn link(&self, link: &str, step: u64) -> Result<(), RecordError> {
        let (path, name) = (self.folder.join(link), folder_name(step));
        if fs::read_link(&path).is_ok_and(|target| target == Path::new(&name)) {
            return Ok(());
        }
        let temporary = self.folder.join(format!("{link}.tmp"));
        remove(&temporary)?;
        std::os::unix::fs::symlink(name, &temporary).map_err(RecordError::io("link", &temporary))?;
        fs::rename(&temporary, &path).map_err(RecordError::io("rename into place", &path))?;
        sync_directory(&self.folder)
    }

    /// Keeps the newest two and the best; removes the others and what killed processes left.
    fn prune(&self, newest: &State) -> Result<(), RecordError> {
        let best = newest.best.as_ref().map(|best| best.step);
        let steps = self.steps()?;
        let older = &steps[..steps.len().saturating_sub(2)];
        for &step in older.iter().filter(|&&step| Some(step) != best && step != newest.step) {
            remove(&self.folder_of(step))?;
        }
        let is_left_over = |name: &&String| name.starts_with(UNFINISHED) || name.ends_with(".tmp");
        for name in self.names()?.iter().filter(is_left_over) {
            remove(&self.folder.join(name))?;
        }
        Ok(())
    }
}

fn folder_name(step: u64) -> String {
    format!("{PREFIX}{step:08}")
}

/// The step of a checkpoint's folder; `None` for any other name.
fn step_of(name: &str) -> Option<u64> {
    let step = name.strip_prefix(PREFIX)?.parse().ok()?;
    (folder_name(step) == name).then_some(step)
}

/// Removes a file, a link or a folder with all that is in it; one that is not there is no error.
fn remove(path: &Path) -> Result<(), RecordError> {
    let is_folder = fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
    match if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) } {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(RecordError::io("remove", path)(error))
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
    let state_path = folder.join(FILES[2]);
    let text = fs::read_to_string(&state_path).map_err(RecordError::io("read", &state_path))?;
    // The version comes before everything else: a later one may have other files, another manifest and other fields.
    let schema = serde_json::from_str::<serde_json::Value>(&text)
        .ok()
        .and_then(|value| value.get("schema").and_then(serde_json::Value::as_u64));
    if let Some(found) = schema.filter(|&found| found > u64::from(CHECKPOINT_VERSION)) {
        let found = u32::try_from(found).unwrap_or(u32::MAX);
        return Err(RecordError::Newer { path: state_path, found, supported: CHECKPOINT_VERSION });
    }
    let path = folder.join(MANIFEST);
    let expected = fs::read_to_string(&path).map_err(RecordError::io("read", &path))?;
    if manifest(folder)? != expected {
        return Err(RecordError::Malformed {
            path: folder.to_path_buf(),
            format: "checkpoint",
            reason: format!("the files do not match {MANIFEST}"),
        });
    }
    let state: State = serde_json::from_str(&text).map_err(|error| RecordError::Malformed {
        path: state_path.clone(),
        format: "state.json",
        reason: error.to_string(),
    })?;
    if folder.file_name().and_then(|name| name.to_str()).and_then(step_of) != Some(state.step) {
        let reason = format!("it holds step {}, which its folder's name does not say", state.step);
        return Err(RecordError::Malformed { path: state_path, format: "state.json", reason });
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
                journal_hash: Some("aa".into()),
                best: Some(Best { rank: 1, step: best_step }),
            },
            model: tensors.clone(),
            optimizer: tensors,
        }
    }

    /// Takes the checkpoints of one specification.
    fn of(specification: &str) -> impl Fn(&State) -> Result<(), String> {
        move |state| match state.specification_hash == specification {
            true => Ok(()),
            false => Err("another specification".to_owned()),
        }
    }

    fn links(folder: &Path) -> [Option<PathBuf>; 2] {
        ["last", "best"].map(|link| fs::read_link(folder.join(link)).ok())
    }

    #[test]
    fn the_newest_checkpoint_comes_back_bit_for_bit() {
        let folder = tempfile::tempdir().unwrap();
        let store = CheckpointStore::at(folder.path().join("checkpoints"));
        assert!(store.newest(&of("abc")).unwrap().checkpoint.is_none());
        store.write(&checkpoint(1, 1)).unwrap();
        store.write(&checkpoint(2, 1)).unwrap();
        let found = store.newest(&of("abc")).unwrap();
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
            let found = store.newest(&of("abc")).unwrap();
            assert_eq!(found.checkpoint, Some(checkpoint(1, 1)), "damage in {file} went unseen");
            assert!(found.rejected[0].contains("step-00000002"), "{:?}", found.rejected);
        }
    }

    #[test]
    fn the_best_and_the_newest_two_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let store = CheckpointStore::at(folder.path());
        fs::create_dir(folder.path().join("tmp-1-step-00000001")).unwrap();
        fs::write(folder.path().join("tmp-2-step-00000001"), "a file").unwrap();
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
        let found = store.newest(&of("other")).unwrap();
        assert!(found.checkpoint.is_none());
        assert_eq!(found.rejected.len(), 1);
    }

    #[test]
    fn the_newest_is_the_one_with_the_largest_step_whatever_the_names_look_like() {
        let folder = tempfile::tempdir().unwrap();
        let store = CheckpointStore::at(folder.path());
        store.write(&checkpoint(99_999_999, 99_999_999)).unwrap();
        store.write(&checkpoint(100_000_000, 99_999_999)).unwrap();
        for name in ["step-zzz", "step-1", "step-+0000003"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let found = store.newest(&of("abc")).unwrap();
        assert_eq!(found.checkpoint.unwrap().state.step, 100_000_000);
        assert!(found.rejected.is_empty(), "{:?}", found.rejected);
    }

    #[test]
    fn links_that_were_left_behind_are_mended_and_never_read() {
        let folder = tempfile::tempdir().unwrap();
        let store = CheckpointStore::at(folder.path());
        store.write(&checkpoint(1, 1)).unwrap();
        let behind = links(folder.path());
        store.write(&checkpoint(2, 2)).unwrap();
        let right = links(folder.path());
        // A stop between the rename of a checkpoint and its links.
        for (link, target) in ["last", "best"].into_iter().zip(&behind) {
            fs::remove_file(folder.path().join(link)).unwrap();
            std::os::unix::fs::symlink(target.as_ref().unwrap(), folder.path().join(link)).unwrap();
        }
        let found = store.newest(&of("abc")).unwrap().checkpoint.unwrap();
        assert_eq!(found, checkpoint(2, 2));
        store.mend_links(&found.state).unwrap();
        assert_eq!(links(folder.path()), right);
        // The best one survives although its link is wrong.
        store.mend_links(&checkpoint(2, 1).state).unwrap();
        for step in 3..=5 {
            store.write(&checkpoint(step, 2)).unwrap();
        }
        assert_eq!(store.read(2).unwrap(), checkpoint(2, 2));
    }

    #[test]
    fn a_checkpoint_of_a_later_version_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let store = CheckpointStore::at(folder.path());
        store.write(&checkpoint(1, 1)).unwrap();
        store.write(&checkpoint(2, 1)).unwrap();
        let path = folder.path().join("step-00000002").join(FILES[2]);
        fs::write(&path, r#"{"schema": 99, "unheard_of": 1}"#).unwrap();
        assert!(matches!(store.newest(&of("abc")), Err(RecordError::Newer { found: 99, .. })));
    }

    #[test]
    fn a_checkpoint_under_the_name_of_another_step_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let store = CheckpointStore::at(folder.path());
        store.write(&checkpoint(1, 1)).unwrap();
        fs::rename(folder.path().join("step-00000001"), folder.path().join("step-00000007")).unwrap();
        let found = store.newest(&of("abc")).unwrap();
        assert!(found.checkpoint.is_none() && found.rejected[0].contains("step 1"), "{:?}", found.rejected);
    }
}
