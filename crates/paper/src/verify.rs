//! `paper verify`: everything derived again and compared with the lock.

use crate::building::Paper;
use crate::difference::{Difference, DifferenceKind, of_cells, of_runs};
use crate::error::PaperError;
use crate::lock::Lock;

/// What was compared, and what differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// Studies.
    pub studies: usize,
    /// Runs.
    pub runs: usize,
    /// Of these, those whose weights are recorded.
    pub runs_with_weights: usize,
    /// Numbers, sentences, tables and figures.
    pub cells: usize,
    /// Everything that is not as the lock says.
    pub differences: Vec<Difference>,
}

/// Derives runs, numbers and generated files again and compares them with `paper.lock`.
///
/// # Errors
/// [`PaperError`] when the lock is missing or a file cannot be read. Differences, and sources that would not build, are part of the answer.
pub fn verify(paper: &Paper) -> Result<Verification, PaperError> {
    let locked = Lock::read(&paper.folder)?;
    // Compared first: what changed in a run says why a number did.
    let mut differences = of_runs(&locked, &Lock::of_runs(&paper.library)?);
    match paper.derive() {
        Ok(derived) => {
            differences.extend(of_cells(&locked, &derived.lock));
            differences.extend(generated(paper, &derived.files));
        }
        Err(PaperError::Text(problems)) => differences.extend(problems.iter().map(|problem| {
            let place = format!("{}:{}:{}", problem.file, problem.line, problem.column);
            Difference::new(DifferenceKind::Text, place, problem.message.clone())
        })),
        Err(other) => return Err(other),
    }
    let runs = || locked.runs.values().flat_map(|runs| runs.values());
    Ok(Verification {
        studies: locked.studies.len(),
        runs: locked.run_count(),
        runs_with_weights: runs().filter(|run| run.weights.is_some()).count(),
        cells: locked.cells.len(),
        differences,
    })
}

/// Generated files that lie there and are not what would be written. A clean clone has none.
fn generated(paper: &Paper, files: &std::collections::BTreeMap<String, String>) -> Vec<Difference> {
    let changed = files.iter().filter(|(path, content)| {
        std::fs::read(paper.folder.join(path)).is_ok_and(|found| found != content.as_bytes())
    });
    changed
        .map(|(path, _)| Difference::new(DifferenceKind::Generated, path, "is not what `build` writes"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::building::build;
    use crate::testing::{SmallPaper, small_paper};

    fn built() -> SmallPaper {
        let paper = small_paper();
        build(&Paper::open(paper.folder()).unwrap()).unwrap();
        paper
    }

    fn kinds(paper: &SmallPaper) -> Vec<DifferenceKind> {
        let mut kinds: Vec<DifferenceKind> = verify(&Paper::open(paper.folder()).unwrap())
            .unwrap()
            .differences
            .iter()
            .map(|difference| difference.kind)
            .collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    #[test]
    fn a_paper_that_nobody_touched_verifies() {
        let paper = built();
        let answer = verify(&Paper::open(paper.folder()).unwrap()).unwrap();
        assert_eq!(answer.differences, []);
        assert_eq!((answer.studies, answer.runs, answer.runs_with_weights), (1, 18, 18));
        assert!(answer.cells >= 10);
        // As on a clean clone, without generated files.
        std::fs::remove_dir_all(paper.folder().join("generated")).unwrap();
        assert_eq!(kinds(&paper), []);
    }

    #[test]
    fn a_planted_change_in_a_number_is_found() {
        let paper = built();
        let lock = std::fs::read_to_string(paper.folder().join("paper.lock")).unwrap();
        paper.write("paper.lock", &lock.replace("$+3.00$", "$+2.00$"));
        assert_eq!(kinds(&paper), [DifferenceKind::Number]);
        let paper = built();
        let values = std::fs::read_to_string(paper.folder().join("generated/values.tex")).unwrap();
        paper.write("generated/values.tex", &values.replace("$+3.00$", "$+2.00$"));
        assert_eq!(kinds(&paper), [DifferenceKind::Generated]);
        let paper = built();
        paper.write("results.tex", "\\restable{small} It errs by 2.00 points.");
        assert!(kinds(&paper).contains(&DifferenceKind::Text));
    }

    #[test]
    fn a_planted_change_in_the_outcome_of_a_run_is_found() {
        let paper = built();
        let run = paper.run("all_conv", 2);
        let journal = std::fs::read_to_string(run.journal_path()).unwrap();
        let last = journal.lines().last().unwrap();
        std::fs::write(run.journal_path(), journal.replace(last, &last.replace("0.2", "0.1"))).unwrap();
        let found = kinds(&paper);
        assert!(
            found.contains(&DifferenceKind::Outcomes) && found.contains(&DifferenceKind::Number),
            "{found:?}"
        );
    }

    #[test]
    fn a_planted_change_in_a_weight_is_found() {
        let paper = built();
        let weights = paper.run("strided_1x1", 4).path().join("weights.blake3");
        let text = std::fs::read_to_string(&weights).unwrap();
        let other = if text.starts_with('0') { "1" } else { "0" };
        std::fs::write(&weights, format!("{other}{}", &text[1..])).unwrap();
        // The text names the hash of the lock file.
        assert_eq!(kinds(&paper), [DifferenceKind::Weights, DifferenceKind::Generated]);
    }

    #[test]
    fn a_planted_change_in_a_study_file_is_found() {
        let paper = built();
        paper.edit_study("Does a strided", "Why does a strided");
        let found = kinds(&paper);
        assert!(found.contains(&DifferenceKind::StudyFile), "{found:?}");
    }

    #[test]
    fn runs_that_vanish_or_appear_are_found() {
        let paper = built();
        paper.remove_run("max_pool", 0);
        let found = kinds(&paper);
        assert!(found.contains(&DifferenceKind::Run) && found.contains(&DifferenceKind::Text), "{found:?}");
    }
}
