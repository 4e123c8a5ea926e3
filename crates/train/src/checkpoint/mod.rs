//! Checkpoints: complete or absent, verified before use, the newest valid one wins.
//!
//! A checkpoint is a folder `step-NNNNNNNN` with `model.safetensors`, `optimizer.safetensors`, `state.json` and, written last,
//! `MANIFEST.sha256`. It is made under a temporary name and renamed when every byte is durable. Which one is the last and which the
//! best follows from the folders and their states alone; the links `last` and `best` are for people, and nothing here reads them.

mod state;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use allconv_record::{RecordError, create_folder, sync_directory, write_atomically};

use crate::tensors::{NamedTensors, read_safetensors, write_safetensors};
pub use state::{Best, CHECKPOINT_VERSION, State};

const FILES: [&str; 3] = ["model.safetensors", "optimizer.safetensors", "state.json"];
const MANIFEST: &str = "MANIFEST.sha256";

/// Prefix of the name of a checkpoint's folder; the step follows.
const PREFIX: &str = "step-";
/// Prefix of the name of an unfinished checkpoint's folder.
const UNFINISHED: &str = "tmp-";
/// Permissions of a new folder before the process's mask is applied, as for `fs::create_dir`.
const NEW_FOLDER_MODE: u32 = 0o777;

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
    branching: Option<u64>,
}

/// The result of [`CheckpointStore::newest`].
#[derive(Debug)]
pub struct Found {
    /// The newest checkpoint that verifies, if any.
    pub checkpoint: Option<Checkpoint>,
    /// Why newer ones were skipped.
    pub rejected: Vec<String>,
}

impl CheckpointStore {
    /// Returns the store in `folder`, which need not exist yet.
    pub fn at(folder: impl Into<PathBuf>) -> CheckpointStore {
        CheckpointStore { folder: folder.into(), branching: None }
    }

    /// Returns the same store, which keeps the checkpoint of `step` and the best one before it as long as the run exists: other runs go on
    /// from there.
    #[must_use]
    pub fn keeping(self, step: u64) -> CheckpointStore {
        CheckpointStore { branching: Some(step), ..self }
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

    /// Returns the newest checkpoint whose manifest verifies and that `accept` takes.
    ///
    /// # Errors
    /// [`RecordError::Io`] when the folder exists and cannot be read; [`RecordError::Newer`] for a checkpoint of a later version, which
    /// must neither be skipped nor overwritten. A damaged checkpoint is not an error: the one before is taken.
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

    /// Returns the checkpoint of one step, verified.
    ///
    /// # Errors
    /// [`RecordError::Io`] when it is not there; [`RecordError::Malformed`] when it is damaged; [`RecordError::Newer`].
    pub fn read(&self, step: u64) -> Result<Checkpoint, RecordError> {
        read(&self.folder_of(step))
    }

    /// Returns the weights of the checkpoint of one step.
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

    /// Returns the steps of the complete checkpoints, in order; none when there is no such folder.
    ///
    /// # Errors
    /// [`RecordError::Io`] when the folder exists and cannot be read.
    pub fn steps(&self) -> Result<Vec<u64>, RecordError> {
        let mut steps: Vec<u64> = self.names()?.iter().filter_map(|name| step_of(name)).collect();
        steps.sort_unstable();
        Ok(steps)
    }

    /// Returns the names of everything in the folder; none when it does not exist.
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

    /// Points the link `link` at the checkpoint of `step`, atomically. The writer holds the run's lock, so one temporary name suffices.
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

    /// Returns the steps of the checkpoints that other runs go on from.
    fn branching(&self) -> Vec<u64> {
        let Some(step) = self.branching else { return Vec::new() };
        let best = self.read(step).ok().and_then(|checkpoint| checkpoint.state.best);
        best.map(|best| best.step).into_iter().chain([step]).collect()
    }

    /// Keeps the newest two, the best and those that other runs go on from; removes the others and what killed processes left.
    fn prune(&self, newest: &State) -> Result<(), RecordError> {
        let best = newest.best.as_ref().map(|best| best.step);
        let steps = self.steps()?;
        let older = &steps[..steps.len().saturating_sub(2)];
        let branching = if older.is_empty() { Vec::new() } else { self.branching() };
        let is_needed = |step: &u64| Some(*step) == best || *step == newest.step || branching.contains(step);
        for &step in older.iter().filter(|step| !is_needed(step)) {
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

/// Returns the step of a checkpoint's folder; `None` for any other name.
fn step_of(name: &str) -> Option<u64> {
    let step = name.strip_prefix(PREFIX)?.parse().ok()?;
    (folder_name(step) == name).then_some(step)
}

/// Removes a file, a link or a folder with all that is in it; a missing one is not an error.
fn remove(path: &Path) -> Result<(), RecordError> {
    let is_folder = fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
    match if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) } {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(RecordError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// Returns the manifest, one line per file: SHA-256, two spaces, name, as `sha256sum` reads it.
fn manifest(folder: &Path) -> Result<String, RecordError> {
    let mut lines = String::new();
    for name in FILES {
        let path = folder.join(name);
        let bytes = fs::read(&path).map_err(RecordError::io("read", &path))?;
        lines.push_str(&format!("{}  {name}\n", allconv_files::sha256(&bytes)));
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
mod tests;
