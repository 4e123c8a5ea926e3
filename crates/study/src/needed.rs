//! The runs that a study needs, as far as they are known so far.

use std::path::PathBuf;

use crate::error::StudyError;
use crate::file::StudyFile;
use crate::matrix::{PlannedRun, plan};
use crate::results::StudyResults;
use crate::search::SearchResult;

/// The runs of the search that could be planned so far, then those of the comparison; a sequential study needs only the seeds up to its
/// next look, or to the one at which it stopped.
///
/// # Errors
/// [`StudyError`] when a folder cannot be listed, or the study's test could never reject.
pub fn needed_runs(study: &StudyFile, folders: &[PathBuf]) -> Result<Vec<PlannedRun>, StudyError> {
    let mut runs = Vec::new();
    let compared = match SearchResult::collect(study, folders)? {
        None => plan(study),
        Some(search) => {
            runs = search.all_runs(study);
            search.compared_runs(study)
        }
    };
    let seeds = match &study.sequential {
        None => study.seeds.count,
        Some(_) => {
            let results = StudyResults::collect(study, folders)?;
            results.sequential.map_or(study.seeds.count, |sequential| sequential.seeds_needed())
        }
    };
    let end = study.seeds.from + u64::from(seeds);
    runs.extend(compared.into_iter().filter(|run| run.seed < end));
    Ok(runs)
}
