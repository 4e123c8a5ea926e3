//! The interim comparison of a study, computed in a thread of its own whenever other runs have ended.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use allconv_document::{Block, Text};
use allconv_study::results::Verdict;
use allconv_study::{
    PlannedRun, RunState, StudyError, StudyFile, StudyResults, needed_runs, summary, summary_table,
};

/// Pause after a computation, as a multiple of its duration: at most a tenth of one processor is used.
const PAUSE: u32 = 9;

/// The results of a study at one time.
#[derive(Debug)]
pub(crate) struct Analysis {
    /// The comparison, with the notes that come before it.
    pub(crate) blocks: Vec<Block>,
    /// The runs that the study needs, as far as they are known now; `None` when it failed.
    pub(crate) planned: Option<Vec<PlannedRun>>,
}

/// The newest analysis of a study, and whether another is being computed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Analyst {
    desk: Arc<Mutex<Desk>>,
}

#[derive(Debug, Default)]
struct Desk {
    newest: Option<Arc<Analysis>>,
    /// The number of the ended runs that it is of.
    of: Option<u64>,
    is_busy: bool,
    not_before: Option<Instant>,
    /// Whether the newest was not yet taken.
    is_new: bool,
}

impl Analyst {
    /// Returns the newest analysis.
    pub(crate) fn newest(&self) -> Option<Arc<Analysis>> {
        self.desk().newest.clone()
    }

    /// Returns the newest analysis if it has not been taken before.
    pub(crate) fn take_new(&self) -> Option<Arc<Analysis>> {
        let mut desk = self.desk();
        std::mem::take(&mut desk.is_new).then(|| desk.newest.clone()).flatten()
    }

    /// Begins an analysis unless that of these ended runs exists, another is under way, or the last one was too recent.
    pub(crate) fn begin(&self, study: &StudyFile, folders: &[PathBuf], ended: u64) {
        let mut desk = self.desk();
        let is_early = desk.not_before.is_some_and(|time| Instant::now() < time);
        if desk.is_busy || is_early || desk.of == Some(ended) {
            return;
        }
        desk.is_busy = true;
        drop(desk);
        let (study, folders, analyst) = (study.clone(), folders.to_vec(), self.clone());
        let work = move || {
            let began = Instant::now();
            // A panic, as of a damaged file that no check foresaw, must not leave the study busy for ever.
            let made = std::panic::catch_unwind(|| analyse(&study, &folders));
            let analysis = made.unwrap_or_else(|_| failed("the comparison ended in an internal error"));
            analyst.finish(analysis, ended, began.elapsed());
        };
        if std::thread::Builder::new().name("analysis".to_owned()).spawn(work).is_err() {
            self.desk().is_busy = false;
        }
    }

    fn finish(&self, analysis: Analysis, ended: u64, took: Duration) {
        let mut desk = self.desk();
        desk.newest = Some(Arc::new(analysis));
        desk.of = Some(ended);
        desk.not_before = Some(Instant::now() + took * PAUSE);
        (desk.is_busy, desk.is_new) = (false, true);
    }

    /// Plain data, consistent after every statement: a thread that panicked does no harm to it.
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn analyse(study: &StudyFile, folders: &[PathBuf]) -> Analysis {
    let made = || -> Result<Analysis, StudyError> {
        let planned = needed_runs(study, folders)?;
        let mut results = StudyResults::collect(study, folders)?;
        if is_unfinished(&results) && results.sequential.is_none() {
            results.comparisons.iter_mut().for_each(|found| found.verdict = Verdict::Interim);
        }
        let blocks = comparison(&results);
        Ok(Analysis { blocks, planned: Some(planned) })
    };
    made().unwrap_or_else(|error| failed(&error.to_string()))
}

fn failed(reason: &str) -> Analysis {
    Analysis { blocks: vec![Block::note("No comparison.", Text::plain(reason))], planned: None }
}

fn is_unfinished(results: &StudyResults) -> bool {
    results.runs.iter().any(|run| !run.state.is_final())
}

/// Returns the comparison of the arms, under a note while runs are missing.
fn comparison(results: &StudyResults) -> Vec<Block> {
    let mut blocks = Vec::new();
    if is_unfinished(results) {
        blocks.push(Block::note("Interim: not for verdicts.", interim(results)));
    }
    if !results.warnings.is_empty() {
        let texts = results.warnings.iter().map(Text::from).collect();
        blocks.push(Block::Note { label: "Before you compare.".to_owned(), texts });
    }
    if results.runs.iter().all(|run| run.value.is_none()) {
        blocks.push(Block::paragraph("No run has finished yet."));
    }
    blocks.extend(found(results));
    blocks
}

/// Returns the table of arms and the verdicts on claims; of an unfinished study the table alone, since claims are told by verdicts.
fn found(results: &StudyResults) -> Vec<Block> {
    if is_unfinished(results) && results.sequential.is_none() {
        let has_values = results.runs.iter().any(|run| run.value.is_some());
        return has_values.then(|| Block::Table(summary_table(results))).into_iter().collect();
    }
    let mut found = summary(results);
    if results.runs.iter().any(|run| run.state != RunState::Done) {
        // Its last block lists the runs without a result, which the page has in a table of its own.
        found.pop();
    }
    found
}

/// Returns what the numbers of an unfinished study may be used for.
fn interim(results: &StudyResults) -> String {
    match &results.sequential {
        None => "Runs are missing. The numbers show how the study goes; whoever looks at them and then decides to stop, or to add seeds, makes false \
                 findings more frequent than the level of the test says. Verdicts come when the last run has ended."
            .to_owned(),
        Some(sequential) => format!(
            "Runs are missing. The study is group-sequential: its looks after {} seeds decide by levels of their own, and only their verdicts count.",
            sequential.looks.iter().map(|look| look.seeds.to_string()).collect::<Vec<_>>().join(", ")
        ),
    }
}
