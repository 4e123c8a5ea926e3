//! `metrics.csv`: the final value of every metric of every run, in long form.

use super::results_csv::escaped;
use crate::file::StudyFile;
use crate::index::RunState;
use crate::results::StudyResults;

/// The file: one line per finished run, split and metric; values as stored.
pub(crate) fn metrics_csv(study: &StudyFile, results: &StudyResults) -> String {
    let mut text = String::from("study,arm,seed,split,metric,value\n");
    for run in results.runs.iter().filter(|run| run.state == RunState::Done) {
        for ((split, name), points) in &run.curves {
            let Some(last) = points.last() else { continue };
            text.push_str(&format!(
                "{},{},{},{},{},{}\n",
                escaped(&study.name),
                escaped(&run.arm),
                run.seed,
                split.name(),
                escaped(name),
                last.value
            ));
        }
    }
    text
}
