//! Runs trained again, and their weights and outcomes compared with the published ones by hash.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use allconv_record::{Environment, RunDirectory, RunSpecification};
use allconv_study::results::RunResult;
use allconv_study::{PlannedRun, RunState, StudyFile, plan, plan_with_rates};

use crate::building::Paper;
use crate::error::PaperError;
use crate::key::suggestion;
use crate::library::{Study, seconds_of};

/// Longest run that a sample draws, in seconds of training and evaluation when it was made first.
const LONGEST_SECONDS: f64 = 600.0;

/// Trains runs. Implemented where tensors are known.
pub trait Retrain {
    /// The specification that this program would train for the request.
    ///
    /// # Errors
    /// A sentence when the request cannot be resolved here, e.g. because its data set is missing.
    fn specification(&self, study: &StudyFile, planned: &PlannedRun) -> Result<RunSpecification, String>;

    /// Trains the run in a new directory below `folder`.
    ///
    /// # Errors
    /// A sentence when it does not finish.
    fn train(&self, study: &StudyFile, planned: &PlannedRun, folder: &Path) -> Result<RunDirectory, String>;
}

/// Which runs are trained again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// So many, drawn among those that took less than ten minutes and that this program can make.
    Sample {
        /// How many.
        count: usize,
        /// What decides the draw: the same text draws the same runs.
        draw: String,
    },
    /// The run of a name, `ARM-sSEED-HASH` or `STUDY/ARM-sSEED-HASH`.
    Named(String),
    /// All that this program can make.
    All,
}

/// A run that was trained again.
#[derive(Clone, Debug, PartialEq)]
pub struct Retrained {
    /// Study and name of the run, `STUDY/ARM-sSEED-HASH`.
    pub run: String,
    /// What differs, as half sentences; empty when everything has the same bits.
    pub differences: Vec<String>,
    /// Whether the published run has a hash of its weights, so that they were compared.
    pub compared_weights: bool,
    /// Seconds that it took here.
    pub seconds: f64,
    /// Where it was trained now.
    pub environment: Environment,
}

/// What came of training runs again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Retraining {
    /// The runs, in the order in which they were trained.
    pub runs: Vec<Retrained>,
    /// Runs among which they were chosen.
    pub candidates: usize,
    /// Runs that this program cannot make, with the reason: it resolves their request otherwise, or lacks their data.
    pub not_makeable: Vec<(String, String)>,
}

/// A run that could be trained again.
struct Candidate<'a> {
    study: &'a Study,
    planned: PlannedRun,
    run: &'a RunResult,
    name: String,
}

/// Trains the chosen runs again below `folder` and compares them; `told` hears of each when it is done.
///
/// # Errors
/// [`PaperError::Run`] when no run has the name, or the named run cannot be made; [`PaperError`] when a file cannot be read.
pub fn retrain(
    paper: &Paper,
    choice: &Choice,
    program: &dyn Retrain,
    folder: &Path,
    told: &mut dyn FnMut(&Retrained),
) -> Result<Retraining, PaperError> {
    let mut candidates: Vec<Candidate<'_>> = paper.library.studies.values().flat_map(candidates_of).collect();
    if let Choice::Named(name) = choice {
        candidates = named(candidates, name)?;
    }
    if let Choice::Sample { draw, .. } = choice {
        candidates.retain(|candidate| {
            candidate.run.record.as_ref().is_some_and(|record| seconds_of(record) < LONGEST_SECONDS)
        });
        candidates.sort_by_cached_key(|candidate| {
            *blake3::hash(format!("{draw} {}", candidate.name).as_bytes()).as_bytes()
        });
    }
    let mut retraining = Retraining::default();
    let mut chosen = Vec::new();
    for candidate in candidates {
        match why_not(program, &candidate)? {
            None => chosen.push(candidate),
            Some(reason) => retraining.not_makeable.push((candidate.name, reason)),
        }
    }
    if let (Choice::Named(_), Some((name, reason))) = (choice, retraining.not_makeable.first()) {
        return Err(PaperError::Run(format!("{name} cannot be trained again by this program: {reason}")));
    }
    retraining.candidates = chosen.len();
    let count = if let Choice::Sample { count, .. } = choice { *count } else { chosen.len() };
    for candidate in chosen.into_iter().take(count) {
        let retrained = again(program, &candidate, folder)?;
        told(&retrained);
        retraining.runs.push(retrained);
    }
    Ok(retraining)
}

/// The finished runs of a study's comparison.
fn candidates_of(study: &Study) -> Vec<Candidate<'_>> {
    let planned = match &study.results.search {
        Some(search) => plan_with_rates(&study.file, &search.rates),
        None => plan(&study.file),
    };
    let find = |run: &RunResult| {
        planned.iter().find(|planned| planned.arm_index == run.arm_index && planned.seed == run.seed).cloned()
    };
    let done = study.results.runs.iter().filter(|run| run.state == RunState::Done);
    done.filter_map(|run| {
        let name = format!("{}/{}", study.name(), run.folder_name()?);
        Some(Candidate { study, planned: find(run)?, run, name })
    })
    .collect()
}

fn named<'a>(candidates: Vec<Candidate<'a>>, name: &str) -> Result<Vec<Candidate<'a>>, PaperError> {
    let is_it = |candidate: &Candidate<'_>| {
        candidate.name == name || candidate.name.split_once('/').is_some_and(|(_, run)| run == name)
    };
    let names: Vec<String> = candidates
        .iter()
        .filter_map(|candidate| Some(candidate.name.split_once('/')?.1.to_owned()))
        .collect();
    let found: Vec<Candidate<'a>> = candidates.into_iter().filter(is_it).collect();
    if found.is_empty() {
        let nearest = suggestion(name, names.iter().map(String::as_str));
        return Err(PaperError::Run(format!("no finished run is called {name}{nearest}")));
    }
    Ok(found)
}

/// Why the program cannot make a run again; `None` when it can.
fn why_not(program: &dyn Retrain, candidate: &Candidate<'_>) -> Result<Option<String>, PaperError> {
    let ours = match program.specification(&candidate.study.file, &candidate.planned) {
        Ok(specification) => specification,
        Err(reason) => return Ok(Some(reason)),
    };
    let theirs = published(candidate)?.read_specification()?;
    Ok((ours.hash() != theirs.hash()).then(|| deviation(&theirs, &ours)))
}

/// In what the specification of a published run deviates from the one that this program would train.
fn deviation(theirs: &RunSpecification, ours: &RunSpecification) -> String {
    if theirs.dataset_hash != ours.dataset_hash {
        return "its data set had another content than the one here".to_owned();
    }
    let revision = |of: Option<&u32>| of.map_or_else(|| "absent".to_owned(), u32::to_string);
    let parts: BTreeSet<&String> = theirs.numerics.keys().chain(ours.numerics.keys()).collect();
    let revised: Vec<String> = parts
        .into_iter()
        .map(|part| (part, theirs.numerics.get(part), ours.numerics.get(part)))
        .filter(|(_, theirs, ours)| theirs != ours)
        .map(|(part, theirs, ours)| format!("{part} ({} then, {} now)", revision(theirs), revision(ours)))
        .collect();
    if revised.is_empty() {
        return format!(
            "its settings, device ({}) or precision ({}) resolve otherwise here",
            theirs.device_kind, theirs.precision
        );
    }
    format!("numeric parts were revised since: {}; the program of its commit can", revised.join(", "))
}

/// The directory of a published run.
fn published<'a>(candidate: &'a Candidate<'_>) -> Result<&'a RunDirectory, PaperError> {
    let directory = candidate.run.directory.as_ref();
    directory.ok_or_else(|| PaperError::Run(format!("{} has no directory", candidate.name)))
}

/// Trains a run again and compares it with the published one.
fn again(program: &dyn Retrain, candidate: &Candidate<'_>, folder: &Path) -> Result<Retrained, PaperError> {
    let began = Instant::now();
    let made = program.train(&candidate.study.file, &candidate.planned, folder);
    let seconds = began.elapsed().as_secs_f64();
    let run = candidate.name.clone();
    let made = made.map_err(|reason| PaperError::Run(format!("{run} did not finish: {reason}")))?;
    let published = published(candidate)?;
    let (then, now) = (published.hash_results()?, made.hash_results()?);
    // Later versions record more; what was published must be there again.
    let differing = then.iter().filter(|(name, hash)| now.get(*name) != Some(*hash));
    let mut differences: Vec<String> = differing.map(|(name, _)| format!("{name} has other bits")).collect();
    let record = made.read_record()?;
    let weights = published.weights_hash(record.step)?;
    if weights.is_some() && weights != made.weights_hash(record.step)? {
        differences.push("the final weights have other bits".to_owned());
    }
    let compared_weights = weights.is_some();
    Ok(Retrained { run, differences, compared_weights, seconds, environment: record.environment })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeTrainer, SmallPaper, small_paper};

    fn trained(paper: &SmallPaper, choice: &Choice, program: &FakeTrainer) -> Result<Retraining, PaperError> {
        let folder = tempfile::tempdir().unwrap();
        retrain(&Paper::open(paper.folder()).unwrap(), choice, program, folder.path(), &mut |_| {})
    }

    #[test]
    fn runs_that_are_made_again_to_the_same_bits_pass() {
        let paper = small_paper();
        let all = trained(&paper, &Choice::All, &FakeTrainer::default()).unwrap();
        assert_eq!((all.runs.len(), all.candidates), (18, 18));
        assert!(all.runs.iter().all(|run| run.differences.is_empty() && run.compared_weights));
        assert_eq!(all.runs[0].environment.instruction_set, "avx2");
    }

    #[test]
    fn a_sample_is_drawn_again_by_the_same_text_and_not_by_another() {
        let paper = small_paper();
        let drawn = |draw: &str| {
            let choice = Choice::Sample { count: 3, draw: draw.to_owned() };
            let runs = trained(&paper, &choice, &FakeTrainer::default()).unwrap().runs;
            runs.into_iter().map(|run| run.run).collect::<Vec<_>>()
        };
        assert_eq!(drawn("one").len(), 3);
        assert_eq!(drawn("one"), drawn("one"));
        assert_ne!(drawn("one"), drawn("two"));
    }

    #[test]
    fn other_outcomes_and_other_weights_are_found() {
        let paper = small_paper();
        let choice = Choice::Named("small/strided_1x1-s1-".to_owned() + &paper.short_hash("strided_1x1", 1));
        let program = FakeTrainer { other_outcomes: true, ..FakeTrainer::default() };
        assert_eq!(
            trained(&paper, &choice, &program).unwrap().runs[0].differences,
            ["metrics.jsonl has other bits"]
        );
        let program = FakeTrainer { other_weights: true, ..FakeTrainer::default() };
        assert_eq!(
            trained(&paper, &choice, &program).unwrap().runs[0].differences,
            ["the final weights have other bits"]
        );
    }

    #[test]
    fn runs_that_this_program_cannot_make_are_named_with_the_reason() {
        let paper = small_paper();
        let program = FakeTrainer { other_numerics: true, ..FakeTrainer::default() };
        let all = trained(&paper, &Choice::All, &program).unwrap();
        assert_eq!((all.runs.len(), all.not_makeable.len()), (0, 18));
        let choice = Choice::Named(format!("max_pool-s0-{}", paper.short_hash("max_pool", 0)));
        let message = trained(&paper, &choice, &program).unwrap_err().to_string();
        assert!(message.contains("revised since: loop (1 then, 2 now)"), "{message}");
        let unknown = Choice::Named("max_pol-s0-00000000".to_owned());
        assert!(trained(&paper, &unknown, &program).unwrap_err().to_string().contains("no finished run"));
    }
}
