//! The runs of a study as they are now: those that its file plans, and others in its folder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use allconv_study::{MadeSteps, PlannedRun, RunState, RunWork, StudyFile, WorkLeft, plan};

use super::folder::RunFolder;
use super::run::LiveRun;

/// A study with its folders, which are read incrementally and never written.
#[derive(Debug)]
pub struct LiveStudy {
    study: Option<StudyFile>,
    planned: Vec<Planned>,
    folders: Vec<RunFolder>,
}

/// A planned run without its request.
#[derive(Clone, Debug, PartialEq)]
struct Planned {
    arm: String,
    arm_index: usize,
    seed: u64,
    request_hash: String,
}

/// A planned run, or another one in the folder of the study, with its directory.
#[derive(Debug)]
pub struct RunRow<'a> {
    /// Name of its arm.
    pub arm: &'a str,
    /// Position of the arm.
    pub arm_index: usize,
    /// Seed.
    pub seed: u64,
    /// Its state.
    pub state: RunState,
    /// Whether the study file plans it; always true where no plan is known.
    pub is_planned: bool,
    /// Its steps, those since the last checkpoint included; `None` when it has not begun.
    pub made: Option<MadeSteps>,
    /// Its directory.
    pub live: Option<&'a LiveRun>,
}

impl LiveStudy {
    /// Returns a study of which nothing was read, with the plan of its file. Its folders need not exist.
    pub fn new(study: StudyFile, folders: Vec<PathBuf>) -> LiveStudy {
        let folders = folders.into_iter().map(|path| RunFolder::new(path, None));
        let mut live = LiveStudy { study: None, planned: Vec::new(), folders: folders.collect() };
        live.set_study(study);
        live
    }

    /// Returns the runs of folders whose study file is not known. No path leaves `root`.
    pub(crate) fn without_file(folders: Vec<PathBuf>, root: &Path) -> LiveStudy {
        let folders = folders.into_iter().map(|path| RunFolder::new(path, Some(root.to_path_buf())));
        LiveStudy { study: None, planned: Vec::new(), folders: folders.collect() }
    }

    /// Takes a study file, and the runs that it plans before any of them is made. Those of a search or of a sequential study follow from
    /// results: until [`Self::set_plan`] is called, all runs that are there count as planned.
    pub(crate) fn set_study(&mut self, study: StudyFile) {
        let follows_results = study.search.is_some() || study.sequential.is_some();
        self.set_plan(&if follows_results { Vec::new() } else { plan(&study) });
        self.study = Some(study);
    }

    /// Takes other runs as planned: a search for learning rates and a sequential study plan them as results arrive.
    pub fn set_plan(&mut self, planned: &[PlannedRun]) {
        let brief = |run: &PlannedRun| Planned {
            arm: run.arm.clone(),
            arm_index: run.arm_index,
            seed: run.seed,
            request_hash: run.request_hash.clone(),
        };
        self.planned = planned.iter().map(brief).collect();
    }

    /// Returns the study file.
    pub fn study(&self) -> Option<&StudyFile> {
        self.study.as_ref()
    }

    /// Returns the folders of runs.
    pub(crate) fn folders(&self) -> Vec<PathBuf> {
        self.folders.iter().map(|folder| folder.path().to_path_buf()).collect()
    }

    /// Reads what changed in the folders since the last call; returns whether anything did.
    pub fn refresh(&mut self) -> bool {
        self.folders.iter_mut().fold(false, |is_changed, folder| folder.refresh() | is_changed)
    }

    /// Returns all runs of the folders, by folder and name.
    pub(crate) fn runs(&self) -> impl Iterator<Item = &LiveRun> {
        self.folders.iter().flat_map(RunFolder::runs)
    }

    /// Returns the run whose folder has this name.
    pub(crate) fn run(&self, name: &str) -> Option<&LiveRun> {
        self.runs().find(|run| run.name() == name)
    }

    /// Returns a number that is another one when other runs have ended or failed than before.
    pub fn ended(&self) -> u64 {
        let ended = self.runs().filter_map(|run| Some((run.record()?, run.state())));
        ended
            .filter(|(_, state)| state.is_final() || *state == RunState::Failed)
            .map(|(record, _)| record.changed_unix_seconds.rotate_left(record.seed as u32 % 64) | 1)
            .fold(0_u64, |sum, number| sum.wrapping_mul(31).wrapping_add(number))
    }

    /// Returns the names of the arms: those of the file, else those of the runs, in the order of their positions.
    pub(crate) fn arms(&self) -> Vec<String> {
        match &self.study {
            Some(study) => study.arms.iter().map(|arm| arm.name.clone()).collect(),
            None => {
                let names: BTreeSet<&str> =
                    self.runs().filter_map(|run| Some(run.record()?.arm.as_str())).collect();
                names.into_iter().map(str::to_owned).collect()
            }
        }
    }

    /// Returns every planned run with its directory, then the others of the folders.
    pub fn rows(&self) -> Vec<RunRow<'_>> {
        let mut by_request: BTreeMap<&str, &LiveRun> = BTreeMap::new();
        for run in self.runs() {
            let Some(record) = run.record() else { continue };
            let best = by_request.entry(&record.request_hash).or_insert(run);
            if preference(run) > preference(best) {
                *best = run;
            }
        }
        let mut used = BTreeSet::new();
        let mut rows = Vec::with_capacity(self.planned.len());
        for planned in &self.planned {
            let live = by_request.get(planned.request_hash.as_str()).copied();
            used.extend(live.map(|run| run.directory().path()));
            rows.push(RunRow {
                arm: &planned.arm,
                arm_index: planned.arm_index,
                seed: planned.seed,
                state: live.map_or(RunState::Left, LiveRun::state),
                is_planned: true,
                made: live.and_then(LiveRun::made),
                live,
            });
        }
        rows.extend(self.others(&used));
        rows
    }

    /// Returns the runs that the study file does not plan.
    fn others<'a>(&'a self, used: &BTreeSet<&Path>) -> Vec<RunRow<'a>> {
        let arms = self.arms();
        let others = self.runs().filter(|run| !used.contains(run.directory().path()));
        let row = |run: &'a LiveRun| {
            let record = run.record();
            let arm = record.map_or("?", |record| record.arm.as_str());
            RunRow {
                arm,
                arm_index: arms.iter().position(|name| name == arm).unwrap_or(arms.len()),
                seed: record.map_or(0, |record| record.seed),
                state: run.state(),
                is_planned: self.planned.is_empty(),
                made: run.made(),
                live: Some(run),
            }
        };
        others.map(row).collect()
    }
}

/// Returns the rank of a run among those of one request, as reports choose: one that ended, then the newest.
fn preference(run: &LiveRun) -> (bool, u64) {
    (run.state().is_final(), run.record().map_or(0, |record| record.created_unix_seconds))
}

/// The progress of a study: its planned runs by state, and the work that is left.
#[derive(Clone, Debug, PartialEq)]
pub struct StudyProgress {
    /// Number of planned runs in each state; states without a run are left out.
    pub counts: BTreeMap<RunState, usize>,
    /// The remaining work.
    pub left: WorkLeft,
    /// Training images per second of the runs under way, together.
    pub images_per_second: f64,
}

impl StudyProgress {
    /// Adds up the planned runs among `rows`.
    pub fn of(rows: &[RunRow<'_>]) -> StudyProgress {
        let planned = || rows.iter().filter(|row| row.is_planned);
        let mut counts = BTreeMap::new();
        for row in planned() {
            *counts.entry(row.state).or_default() += 1;
        }
        let works: Vec<RunWork> = planned()
            .map(|row| RunWork { arm_index: row.arm_index, state: row.state, made: row.made })
            .collect();
        let running = planned().filter(|row| row.state == RunState::Running);
        let speeds = running.filter_map(|row| Some(row.live?.record()?.timings.images_per_second));
        StudyProgress { counts, left: WorkLeft::of(&works), images_per_second: speeds.sum() }
    }

    /// Returns the number of planned runs.
    pub fn planned(&self) -> usize {
        self.counts.values().sum()
    }

    /// Returns the number of runs that came to an end that repeating them would reproduce.
    pub fn ended(&self) -> usize {
        self.counts.iter().filter(|(state, _)| state.is_final()).map(|(_, count)| count).sum()
    }

    /// Returns the number of runs in a state.
    pub fn count(&self, state: RunState) -> usize {
        self.counts.get(&state).copied().unwrap_or(0)
    }

    /// Returns whether every planned run has ended.
    pub fn is_complete(&self) -> bool {
        self.planned() > 0 && self.ended() == self.planned()
    }

    /// Returns the counts and the time left in words: `12 runs: 5 done, 1 running, 6 left; about 3 min left with 1 under way`.
    pub fn sentence(&self) -> String {
        let counts: Vec<String> =
            self.counts.iter().map(|(state, count)| format!("{count} {}", state.name())).collect();
        let left = self.left.sentence().map(|left| format!("; {left}")).unwrap_or_default();
        let runs = if self.planned() == 1 { "run" } else { "runs" };
        format!("{} {runs}: {}{left}", self.planned(), counts.join(", "))
    }
}
