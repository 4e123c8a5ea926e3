//! Images that are in two splits of a study's data at once, so that training images are tested on too.

use std::collections::BTreeSet;

use super::RunResult;

/// A sentence for each pair of splits of each data set that shares images, as the runs recorded them.
pub(super) fn warnings(runs: &[RunResult]) -> Vec<String> {
    let mut sentences = BTreeSet::new();
    for directory in runs.iter().filter_map(|run| run.directory.as_ref()) {
        // Unreadable files are damage, about which the run has its own warning; runs of older versions recorded nothing.
        let Ok(Some(data)) = directory.read_data() else { continue };
        for copies in &data.copies {
            let labels = match copies.labelled_otherwise {
                0 => String::new(),
                number => format!(", {number} of them with another label"),
            };
            sentences.insert(format!(
                "Data set {}: the {} split holds {} copies of images of the {} split{labels}.",
                data.dataset, copies.split, copies.count, copies.of
            ));
        }
    }
    sentences.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use crate::matrix::plan;
    use crate::results::StudyResults;
    use crate::testing::{small_study, write_run};
    use allconv_record::{Copies, RUN_DATA_SCHEMA, RunData, Status};

    #[test]
    fn copies_between_splits_are_reported_once_however_many_runs_have_them() {
        let folder = tempfile::tempdir().unwrap();
        let study = small_study(2);
        for planned in plan(&study) {
            let run = write_run(folder.path(), &planned, Status::Finished, Some(0.3));
            let (split, of) = ("test".to_owned(), "train".to_owned());
            let data = RunData {
                schema: RUN_DATA_SCHEMA.to_owned(),
                dataset: "leak".to_owned(),
                content_hash: "d5".to_owned(),
                classes: vec!["a".to_owned(), "b".to_owned()],
                input: [3, 16, 16],
                copies: vec![Copies { split, of, count: 5, labelled_otherwise: 2 }],
            };
            run.write_data(&data).unwrap();
        }
        let results = StudyResults::collect(&study, &[folder.path().to_path_buf()]).unwrap();
        let wanted = "Data set leak: the test split holds 5 copies of images of the train split, 2 of them with another label.";
        assert_eq!(results.warnings, [wanted]);
    }
}
