//! The search for a learning rate per arm: its runs, their results, and the rate of each arm.
//!
//! Everything follows from the study file and the run directories: a rung is planned once the one before has ended, so several
//! processes, and a process started again, plan the same. Only the validation split is read; the test split of a search run is
//! only in its record.

use std::path::PathBuf;

use allconv_record::{RecordError, SplitName};

use crate::file::{Better, Primary, Search, StudyFile};
use crate::index::{RunState, RunStore};
use crate::matrix::{PlannedRun, plan_with_rates};
use crate::results::RunResult;

/// The results of the search so far.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchResult {
    /// The rounds that could be planned so far; one without halving.
    pub rungs: Vec<SearchRung>,
    /// The rate of each arm, in the order of the arms; `None` while the search is under way, and for an arm that has failed.
    pub rates: Vec<Option<f64>>,
    /// For each arm, whether it finished with none of its rates: then it has no rate, and its runs are not made.
    pub failed: Vec<bool>,
    /// Warnings, as sentences.
    pub warnings: Vec<String>,
}

/// One round: every surviving rate of every arm.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchRung {
    /// Length of its runs as a fraction of the study's runs.
    pub length: f64,
    /// Arm by arm, in the order of the rates in the file.
    pub cells: Vec<SearchCell>,
}

/// One rate of one arm in one round.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchCell {
    /// Position of the arm in the study file.
    pub arm_index: usize,
    /// The rate.
    pub lr: f64,
    /// Its runs, one per seed of the search.
    pub runs: Vec<RunResult>,
    /// Mean of the primary metric on the validation split; `None` unless every seed finished.
    pub value: Option<f64>,
    /// Whether the next round tries the rate again, or, in the last, whether the arm gets it.
    pub survives: bool,
}

impl SearchCell {
    /// Runs that diverged or got stuck.
    pub fn lost(&self) -> usize {
        self.runs.iter().filter(|run| matches!(run.state, RunState::Diverged | RunState::Stuck)).count()
    }

    fn is_complete(&self) -> bool {
        self.runs.iter().all(|run| run.state.is_final())
    }
}

impl SearchResult {
    /// Finds the runs of the search in the folders; `None` for a study that searches nothing.
    ///
    /// # Errors
    /// [`RecordError`] when a folder cannot be listed.
    pub fn collect(study: &StudyFile, folders: &[PathBuf]) -> Result<Option<SearchResult>, RecordError> {
        Ok(SearchResult::of(study, &RunStore::open(folders)?))
    }

    pub(crate) fn of(study: &StudyFile, store: &RunStore) -> Option<SearchResult> {
        let search = study.search.as_ref()?;
        let arms = study.arms.len();
        let mut result = SearchResult {
            rungs: Vec::new(),
            rates: vec![None; arms],
            failed: vec![false; arms],
            warnings: Vec::new(),
        };
        let mut tried: Vec<Vec<f64>> = vec![search.lr.clone(); arms];
        for rung in 0..search.rungs() {
            let mut made = SearchRung { length: search.length_of(rung), cells: Vec::new() };
            for (arm_index, rates) in tried.iter().enumerate() {
                for &lr in rates {
                    let planned = plan_cell(study, search, (arm_index, lr, rung));
                    made.cells.push(read_cell(study, store, &planned, (arm_index, lr), &mut result.warnings));
                }
            }
            let is_complete = made.cells.iter().all(SearchCell::is_complete);
            if is_complete {
                let is_last = rung + 1 == search.rungs();
                for (arm_index, rates) in tried.iter_mut().enumerate() {
                    let keep = if is_last { 1 } else { search.survivors(rates.len()) };
                    *rates = survive(&mut made.cells, arm_index, keep, study.primary.better);
                }
            }
            result.rungs.push(made);
            if !is_complete {
                return Some(result);
            }
        }
        result.decide(study, &tried);
        Some(result)
    }

    /// Takes the one rate that survived the last round of each arm.
    fn decide(&mut self, study: &StudyFile, survivors: &[Vec<f64>]) {
        for (arm_index, rates) in survivors.iter().enumerate() {
            self.rates[arm_index] = rates.first().copied();
            self.failed[arm_index] = rates.is_empty();
            if rates.is_empty() {
                self.warnings.push(format!(
                    "No learning rate of the search came to an end for arm {}: the arm has failed, its runs are not made, and it has no result.",
                    study.arms[arm_index].name
                ));
            }
        }
    }

    /// Returns whether an arm finished with none of its rates.
    pub fn has_failed(&self, arm_index: usize) -> bool {
        self.failed[arm_index]
    }

    /// The planned runs of the round under way that have not come to an end; empty when every rate is decided.
    pub fn open_runs(&self, study: &StudyFile) -> Vec<PlannedRun> {
        self.planned_runs(study, |cell| !cell.is_complete())
    }

    /// The planned runs of all rounds that could be planned so far.
    pub fn all_runs(&self, study: &StudyFile) -> Vec<PlannedRun> {
        self.planned_runs(study, |_| true)
    }

    fn planned_runs(&self, study: &StudyFile, wanted: impl Fn(&SearchCell) -> bool) -> Vec<PlannedRun> {
        let Some(search) = &study.search else { return Vec::new() };
        let rungs = self.rungs.iter().zip(0..);
        rungs
            .flat_map(|(rung, position)| rung.cells.iter().map(move |cell| (cell, position)))
            .filter(|(cell, _)| wanted(cell))
            .flat_map(|(cell, rung)| plan_cell(study, search, (cell.arm_index, cell.lr, rung)))
            .collect()
    }

    /// Whether every arm has its rate, or has failed.
    pub fn is_decided(&self) -> bool {
        self.rates.iter().zip(&self.failed).all(|(rate, failed)| rate.is_some() || *failed)
    }

    /// The runs that the study compares: those of all arms that did not fail.
    pub(crate) fn compared_runs(&self, study: &StudyFile) -> Vec<PlannedRun> {
        let mut runs = plan_with_rates(study, &self.rates);
        runs.retain(|run| !self.has_failed(run.arm_index));
        runs
    }

    /// Returns a finished run of the search with damaged values that would not be made again, if there is one: its files are those
    /// that it ended with.
    pub(crate) fn damaged(&self) -> Option<&RunResult> {
        let runs = self.rungs.iter().flat_map(|rung| &rung.cells).flat_map(|cell| &cell.runs);
        let stays = |run: &RunResult| match &run.directory {
            Some(directory) => matches!(directory.ended(), Ok(Some(_))),
            None => false,
        };
        runs.into_iter().find(|run| run.state == RunState::Damaged && stays(run))
    }

    /// A finished run of the search without the metric that the search reads, if there is one.
    pub(crate) fn without_metric(&self) -> Option<&RunResult> {
        let runs = self.rungs.iter().flat_map(|rung| &rung.cells).flat_map(|cell| &cell.runs);
        runs.into_iter().find(|run| run.state == RunState::Done && run.value.is_none())
    }
}

/// The runs of one rate of one arm in one round.
fn plan_cell(
    study: &StudyFile,
    search: &Search,
    (arm_index, lr, rung): (usize, f64, u32),
) -> Vec<PlannedRun> {
    let arm = &study.arms[arm_index];
    let length = search.length_of(rung);
    search
        .seeds
        .values()
        .map(|seed| {
            let mut request = study.request(arm, seed);
            request.train.insert("learning_rate".into(), lr.into());
            shorten(&mut request.train, length);
            let request_hash = request.hash();
            PlannedRun { arm: arm.name.clone(), arm_index, seed, request, request_hash }
        })
        .collect()
}

/// Multiplies the length of the training; the study file was refused if it says none.
fn shorten(train: &mut toml::Table, length: f64) {
    if length >= 1.0 {
        return;
    }
    if let Some(epochs) = train.get_mut("epochs") {
        let written = epochs.as_float().or(epochs.as_integer().map(|whole| whole as f64));
        if let Some(written) = written {
            *epochs = (written * length).into();
        }
    }
    if let Some(presentations) = train.get_mut("presentations")
        && let Some(written) = presentations.as_integer()
    {
        *presentations = ((written as f64 * length).round().max(1.0) as i64).into();
    }
}

fn read_cell(
    study: &StudyFile,
    store: &RunStore,
    planned: &[PlannedRun],
    (arm_index, lr): (usize, f64),
    warnings: &mut Vec<String>,
) -> SearchCell {
    let primary = Primary { split: SplitName::Valid, ..study.primary.clone() };
    let indexed = store.index(planned);
    warnings.extend(indexed.warnings);
    let runs: Vec<RunResult> =
        indexed.runs.iter().map(|run| RunResult::read(run, &primary, warnings)).collect();
    let values: Option<Vec<f64>> = runs.iter().map(|run| run.value).collect();
    let value = values.map(|values| values.iter().sum::<f64>() / values.len() as f64);
    SearchCell { arm_index, lr, runs, value, survives: false }
}

/// Marks the `keep` best cells of an arm and returns their rates, best first: by value, then the smaller rate; rates that lost a run
/// come last, the smallest of them first. Where every rate lost a run, none survives.
fn survive(cells: &mut [SearchCell], arm_index: usize, keep: usize, better: Better) -> Vec<f64> {
    let mut order: Vec<&mut SearchCell> =
        cells.iter_mut().filter(|cell| cell.arm_index == arm_index).collect();
    if order.iter().all(|cell| cell.value.is_none()) {
        return Vec::new();
    }
    let key = |cell: &SearchCell| match (cell.value, better) {
        (Some(value), Better::Lower) => value,
        (Some(value), Better::Higher) => -value,
        (None, _) => f64::INFINITY,
    };
    order.sort_by(|a, b| key(a).total_cmp(&key(b)).then(a.lr.total_cmp(&b.lr)));
    order.truncate(keep);
    order
        .into_iter()
        .map(|cell| {
            cell.survives = true;
            cell.lr
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{StudyResults, Verdict};
    use crate::testing::{small_study_text, write_run, write_run_with_validation};
    use allconv_record::Status;

    fn study(search: &str) -> StudyFile {
        let text = small_study_text(5).replace("[base.data]", &format!("{search}\n[base.data]"));
        StudyFile::parse("small.toml", text).unwrap()
    }

    fn collect(study: &StudyFile, folder: &std::path::Path) -> SearchResult {
        SearchResult::collect(study, &[folder.to_path_buf()]).unwrap().unwrap()
    }

    /// Finishes the open runs; the validation error is smallest at the rate 0.1 and runs above 0.5 diverge.
    fn finish(study: &StudyFile, folder: &std::path::Path) -> usize {
        let open = collect(study, folder).open_runs(study);
        for planned in &open {
            let lr = planned.request.train["learning_rate"].as_float().unwrap();
            if lr > 0.5 {
                write_run(folder, planned, Status::Diverged, None);
            } else {
                write_run_with_validation(folder, planned, 0.2 + (lr - 0.1).abs());
            }
        }
        open.len()
    }

    #[test]
    fn each_arm_gets_the_rate_with_the_best_validation_metric() {
        let folder = tempfile::tempdir().unwrap();
        let study = study("search = { lr = [0.9, 0.4, 0.1, 0.01], length = 0.5 }");
        let before = collect(&study, folder.path());
        assert!(!before.is_decided());
        assert!(plan_with_rates(&study, &before.rates).iter().all(|run| run.request_hash.is_empty()));
        let open = before.open_runs(&study);
        assert_eq!(open.len(), 12);
        assert_eq!(open[0].request.train["epochs"].as_float(), Some(1.0), "half of 2 epochs");
        finish(&study, folder.path());
        let after = collect(&study, folder.path());
        assert_eq!(after.rates, [Some(0.1); 3]);
        assert!(after.open_runs(&study).is_empty());
        assert_eq!(after.rungs[0].cells[0].lost(), 1);
        let run = &plan_with_rates(&study, &after.rates)[0];
        assert_eq!(run.request.train["learning_rate"].as_float(), Some(0.1));
        assert_eq!(run.request.train["epochs"].as_integer(), Some(2), "the runs proper are not shortened");
    }

    #[test]
    fn halving_tries_fewer_rates_for_longer() {
        let folder = tempfile::tempdir().unwrap();
        let study = study("search = { lr = [0.9, 0.4, 0.1, 0.01], halving = { rungs = 3, keep = 0.5 } }");
        assert_eq!([(); 4].map(|()| finish(&study, folder.path())), [12, 6, 3, 0]);
        let search = collect(&study, folder.path());
        assert_eq!(search.rates, [Some(0.1); 3]);
        let tried: Vec<f64> =
            search.rungs[1].cells.iter().filter(|cell| cell.arm_index == 0).map(|cell| cell.lr).collect();
        assert_eq!(tried, [0.1, 0.01]);
    }

    #[test]
    fn an_arm_for_which_every_rate_fails_has_none_and_the_others_go_on() {
        for search in [
            "search = { lr = [0.9, 0.7] }",
            "search = { lr = [0.9, 0.7], halving = { rungs = 2, keep = 0.5 } }",
        ] {
            let folder = tempfile::tempdir().unwrap();
            let study = study(search);
            // Only `strided` comes to an end, with the rate 0.7.
            for _ in 0..2 {
                for planned in collect(&study, folder.path()).open_runs(&study) {
                    let lr = planned.request.train["learning_rate"].as_float().unwrap();
                    if planned.arm == "strided" && lr == 0.7 {
                        write_run_with_validation(folder.path(), &planned, 0.3);
                    } else {
                        write_run(folder.path(), &planned, Status::Diverged, None);
                    }
                }
            }
            let search = collect(&study, folder.path());
            assert!(search.is_decided() && search.open_runs(&study).is_empty());
            assert_eq!(
                (&search.rates[..], &search.failed[..]),
                (&[None, Some(0.7), None][..], &[true, false, true][..])
            );
            assert!(
                search.warnings[0].contains("for arm max_pool: the arm has failed"),
                "{:?}",
                search.warnings
            );
            assert_eq!(search.compared_runs(&study).len(), 5);
            let needed = crate::needed_runs(&study, &[folder.path().to_path_buf()]).unwrap();
            assert!(needed.iter().filter(|run| run.seed < 5).all(|run| run.arm == "strided"));
            for planned in search.compared_runs(&study) {
                write_run(folder.path(), &planned, Status::Finished, Some(0.2));
            }
            let results = StudyResults::collect(&study, &[folder.path().to_path_buf()]).unwrap();
            let skipped = results.runs.iter().filter(|run| run.state == RunState::Skipped).count();
            assert_eq!(skipped, 10);
            // The baseline has failed: no comparison is possible, and the search has ended.
            assert!(results.comparisons.iter().all(|comparison| comparison.verdict == Verdict::Lost));
        }
    }
}
