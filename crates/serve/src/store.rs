//! The studies in the folders that are shown, found and read again when a page asks for them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use allconv_study::{StudyFile, read_mark};

use crate::analysis::Analyst;
use crate::error::ServeError;
use crate::live::{LiveStudy, is_contained};

/// Time during which what was read counts as current, however many pages ask.
pub(crate) const REFRESHED: Duration = Duration::from_millis(900);

/// All studies with their runs.
#[derive(Debug)]
pub(crate) struct Store {
    /// The folders, without links.
    roots: Vec<PathBuf>,
    studies: BTreeMap<String, Entry>,
    /// Number of refreshes that found a change.
    generation: u64,
    refreshed: Option<Instant>,
}

/// A study with its folder.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Its folder, without links.
    pub(crate) folder: PathBuf,
    pub(crate) live: LiveStudy,
    pub(crate) analyst: Analyst,
    /// Why its file is not used.
    pub(crate) file_note: Option<String>,
    /// Path and time of change of the file.
    file: Option<(PathBuf, Option<std::time::SystemTime>)>,
}

impl Store {
    /// Returns the store of some folders of runs, or of studies with runs.
    ///
    /// # Errors
    /// [`ServeError::Folder`] when one is no folder, or that of a single run.
    pub(crate) fn new(folders: &[PathBuf]) -> Result<Store, ServeError> {
        let mut roots = Vec::new();
        for folder in folders {
            let refused = |reason: String| ServeError::Folder { path: folder.clone(), reason };
            let root = folder.canonicalize().map_err(|error| refused(error.to_string()))?;
            if !root.is_dir() {
                return Err(refused("it is no folder".to_owned()));
            }
            if root.join("run.json").is_file() {
                return Err(refused("it is a single run; name the folder that holds it".to_owned()));
            }
            if !roots.contains(&root) {
                roots.push(root);
            }
        }
        Ok(Store { roots, studies: BTreeMap::new(), generation: 0, refreshed: None })
    }

    /// Reads what changed, unless that was done a moment ago. Returns a number that grows with every change.
    pub(crate) fn refresh(&mut self) -> u64 {
        if self.refreshed.is_some_and(|time| time.elapsed() < REFRESHED) {
            return self.generation;
        }
        let mut is_changed = self.find_studies();
        for entry in self.studies.values_mut() {
            is_changed |= entry.refresh();
        }
        self.generation += u64::from(is_changed);
        self.refreshed = Some(Instant::now());
        self.generation
    }

    /// Returns the studies by name.
    pub(crate) fn studies(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.studies.iter().map(|(name, entry)| (name.as_str(), entry))
    }

    /// Returns the study of a name.
    pub(crate) fn study(&self, name: &str) -> Option<&Entry> {
        self.studies.get(name)
    }

    /// Adds studies that are new in the folders and drops those that are gone; returns whether there were any.
    fn find_studies(&mut self) -> bool {
        let before = self.studies.len();
        self.studies.retain(|_, entry| entry.folder.is_dir());
        let mut is_changed = self.studies.len() != before;
        for root in self.roots.clone() {
            let inside = fs::read_dir(&root).into_iter().flatten().flatten().map(|entry| entry.path());
            let mut folders: Vec<PathBuf> = inside.filter(|path| path.is_dir()).collect();
            folders.sort();
            folders.insert(0, root.clone());
            for folder in folders {
                if !self.is_known(&folder) && is_study(&folder) && is_contained(&root, &folder) {
                    let name = self.free_name(&folder);
                    self.studies.insert(name, Entry::new(folder, &root));
                    is_changed = true;
                }
            }
        }
        is_changed
    }

    fn is_known(&self, folder: &Path) -> bool {
        self.studies.values().any(|entry| entry.folder == folder)
    }

    /// Returns the folder's name, with a number where another study has it.
    fn free_name(&self, folder: &Path) -> String {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        std::iter::once(name.clone())
            .chain(numbered)
            .find(|name| !self.studies.contains_key(name))
            .unwrap_or(name)
    }
}

/// Returns whether a folder holds runs, or the mark of a study whose first run has not begun.
fn is_study(folder: &Path) -> bool {
    let has_run = |folder: &Path| {
        let inside = fs::read_dir(folder).into_iter().flatten().flatten();
        inside.map(|entry| entry.path().join("run.json")).any(|record| record.is_file())
    };
    // Where a root is the folder of one study, its runs are looked at here again and again.
    if folder.join("run.json").is_file() {
        return false;
    }
    folder.join("study.json").is_file() || has_run(folder) || has_run(&folder.join("runs"))
}

impl Entry {
    fn new(folder: PathBuf, root: &Path) -> Entry {
        let live = LiveStudy::without_file(vec![folder.clone(), folder.join("runs")], root);
        Entry { folder, live, analyst: Analyst::default(), file_note: None, file: None }
    }

    /// Reads what changed; returns whether anything did.
    fn refresh(&mut self) -> bool {
        let mut is_changed = self.refresh_file() | self.live.refresh();
        if let Some(analysis) = self.analyst.take_new() {
            if let Some(planned) = &analysis.planned {
                self.live.set_plan(planned);
            }
            is_changed = true;
        }
        if let Some(study) = self.live.study() {
            self.analyst.begin(study, &self.live.folders(), self.live.ended());
        }
        is_changed
    }

    /// Reads the study file again when it changed: the one next to published runs, else the one that the mark names.
    fn refresh_file(&mut self) -> bool {
        let name = self.folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let published = self.folder.join(format!("{name}.toml"));
        let mark = read_mark(&self.folder);
        let path =
            if published.is_file() { Some(published) } else { mark.as_ref().map(|mark| mark.file.clone()) };
        let Some(path) = path else { return false };
        let modified = fs::metadata(&path).and_then(|about| about.modified()).ok();
        let found = Some((path.clone(), modified));
        if found == self.file {
            return false;
        }
        self.file = found;
        // The content of what is no study file is not told: the mark may name any file.
        self.file_note = match StudyFile::read(&path) {
            Ok(study) => {
                let is_changed = mark.is_some_and(|mark| mark.sha256 != study.sha256());
                self.live.set_study(study);
                // Of the new file: the analysis of the old one is not its own.
                self.analyst = Analyst::default();
                is_changed.then(|| {
                    format!(
                        "{} is not as it was when the study was last run, or settings were given by --set: runs made otherwise count as others.",
                        path.display()
                    )
                })
            }
            Err(_) => Some(format!(
                "The study file {} cannot be read: only the runs are shown. `allconv study check` tells what is wrong with it.",
                path.display()
            )),
        };
        true
    }
}
