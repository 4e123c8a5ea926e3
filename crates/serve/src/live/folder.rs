//! A folder of run directories, listed again when it changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::contained::is_contained;
use super::run::LiveRun;

/// Age from which on the time of change of a folder shows that nothing was added since: file systems record it coarsely.
const SETTLED: Duration = Duration::from_secs(3);

/// A folder with its runs.
#[derive(Debug)]
pub(crate) struct RunFolder {
    path: PathBuf,
    /// The folder that no path may leave, without links; the folder itself where none was named.
    root: Option<PathBuf>,
    listed: Option<SystemTime>,
    /// Entries that are no runs, or none yet: `run.json` is written after the folder was made.
    pending: BTreeSet<PathBuf>,
    runs: BTreeMap<PathBuf, LiveRun>,
}

impl RunFolder {
    /// Returns a folder of which nothing was read. It need not exist.
    pub(crate) fn new(path: PathBuf, root: Option<PathBuf>) -> RunFolder {
        RunFolder { path, root, listed: None, pending: BTreeSet::new(), runs: BTreeMap::new() }
    }

    /// Reads what changed since the last call; returns whether anything did.
    pub(crate) fn refresh(&mut self) -> bool {
        let modified = fs::metadata(&self.path).and_then(|about| about.modified()).ok();
        let is_settled = modified.and_then(|time| time.elapsed().ok()).is_some_and(|age| age > SETTLED);
        // A folder that is made later has no real path before.
        let Some(root) = self.root.clone().or_else(|| self.path.canonicalize().ok()) else { return false };
        let mut is_changed = false;
        if modified != self.listed || !is_settled {
            is_changed |= self.list(&root);
            self.listed = modified;
        }
        let found: Vec<PathBuf> =
            self.pending.iter().filter(|path| path.join("run.json").is_file()).cloned().collect();
        for path in found {
            self.pending.remove(&path);
            self.runs.insert(path.clone(), LiveRun::at(&path));
            is_changed = true;
        }
        for run in self.runs.values_mut() {
            is_changed |= run.refresh(&root);
        }
        is_changed
    }

    /// Takes new entries as pending and drops runs that are gone; returns whether any is.
    fn list(&mut self, root: &Path) -> bool {
        let mut found = BTreeSet::new();
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            let path = entry.path();
            let is_inside = match entry.file_type() {
                Ok(kind) if kind.is_dir() => true,
                Ok(kind) if kind.is_symlink() => is_contained(root, &path),
                _ => false,
            };
            if is_inside {
                found.insert(path);
            }
        }
        let before = self.runs.len();
        self.runs.retain(|path, _| found.contains(path));
        self.pending = found.into_iter().filter(|path| !self.runs.contains_key(path)).collect();
        self.runs.len() != before
    }

    /// Returns the folder's path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the runs in the order of their names.
    pub(crate) fn runs(&self) -> impl Iterator<Item = &LiveRun> {
        self.runs.values()
    }
}
