//! Detection of changes of the study file after its first run, from the hashes that runs recorded.

use std::collections::BTreeMap;

use super::run::RunResult;
use crate::file::StudyFile;

/// Hexadecimal digits of a hash that a sentence shows.
const SHOWN_DIGITS: usize = 8;

/// A sentence where runs were made from another text of the study file; `None` where every run that recorded its hash was made from this one.
pub(crate) fn changed_file(study: &StudyFile, runs: &[RunResult]) -> Option<String> {
    let now = study.sha256();
    let recorded: Vec<(u64, &str)> = runs
        .iter()
        .filter_map(|run| run.record.as_ref())
        .filter_map(|record| Some((record.created_unix_seconds, record.study_file_sha256.as_deref()?)))
        .collect();
    let mut others: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, hash) in recorded.iter().filter(|(_, hash)| *hash != now) {
        *others.entry(hash).or_default() += 1;
    }
    if others.is_empty() {
        return None;
    }
    let first = recorded.iter().min_by_key(|(created, _)| *created)?.1;
    let short = |hash: &str| hash.chars().take(SHOWN_DIGITS).collect::<String>();
    let texts: Vec<String> =
        others.iter().map(|(hash, count)| format!("{count} from {}", short(hash))).collect();
    let when = if first == now { "while its runs were made" } else { "after its first run" };
    Some(format!(
        "The study file was changed {when}: of {} runs that recorded its hash, {} were made from another text ({}; now {}).",
        recorded.len(),
        others.values().sum::<usize>(),
        texts.join(", "),
        short(&now)
    ))
}

#[cfg(test)]
mod tests {
    use crate::file::StudyFile;
    use crate::matrix::plan;
    use crate::results::StudyResults;
    use crate::testing::{small_study_text, write_run};
    use allconv_record::Status;

    /// The warnings of a study whose runs recorded these hashes of its file, in the order of their creation.
    fn warnings(hash: impl Fn(&StudyFile, usize) -> Option<String>) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let study = StudyFile::parse("small.toml", small_study_text(2)).unwrap();
        for (position, planned) in plan(&study).iter().enumerate() {
            let error = 0.2 + 0.01 * position as f64;
            let run = write_run(folder.path(), planned, Status::Finished, Some(error));
            let mut record = run.read_record().unwrap();
            record.study_file_sha256 = hash(&study, position);
            record.created_unix_seconds = 1_700_000_000 + position as u64;
            run.write_record(&record).unwrap();
        }
        StudyResults::collect(&study, &[folder.path().to_path_buf()]).unwrap().warnings
    }

    #[test]
    fn a_file_that_changed_after_the_first_run_is_reported_and_one_that_did_not_is_not() {
        assert!(warnings(|_, _| None).is_empty(), "records of older versions");
        assert!(warnings(|study, _| Some(study.sha256())).is_empty());
        let early =
            warnings(|study, position| Some(if position < 2 { "ab".repeat(32) } else { study.sha256() }));
        assert_eq!(early.len(), 1);
        assert!(
            early[0].starts_with("The study file was changed after its first run: of 6 runs"),
            "{early:?}"
        );
        assert!(early[0].contains("2 were made from another text (2 from abababab; now "), "{early:?}");
        let late =
            warnings(|study, position| Some(if position == 4 { "cd".repeat(32) } else { study.sha256() }));
        assert!(late[0].starts_with("The study file was changed while its runs were made"), "{late:?}");
    }
}
