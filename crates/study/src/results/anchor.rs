//! Reference without training: the value of the primary metric that bicubic interpolation, the noisy input itself, or always naming the most
//! frequent class reaches on the same images.

use allconv_record::SplitName;
use serde::Serialize;

use super::image_scores::ScoreTable;
use super::outcome_table::OutcomeTable;
use super::run::RunResult;
use crate::file::{Better, Primary};

/// The prefix of an anchor's metric name before the primary metric's name, and its description.
const ANCHORS: [(&str, &str); 2] =
    [("bicubic", "bicubic interpolation"), ("noisy", "the noisy input as it is")];

/// The description of always naming the most frequent class.
const CHANCE: &str = "always naming the most frequent class";

/// All finished runs against an anchor.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Anchor {
    /// Its description.
    pub label: &'static str,
    /// Its value, the mean over the runs that recorded it.
    pub value: f64,
    /// Finished runs that recorded it.
    pub runs: usize,
    /// The smallest and the largest gain of a run over it; positive is better.
    pub gains: (f64, f64),
    /// The smallest gain on a single image over all runs; `None` where images have no scores.
    pub least_image_gain: Option<f64>,
}

impl Anchor {
    /// Names under which anchors of a metric are recorded.
    pub(crate) fn metrics_of(primary: &str) -> impl Iterator<Item = String> + '_ {
        ANCHORS.iter().map(move |(prefix, _)| format!("{prefix}_{primary}"))
    }

    /// `None` when no reference without training is known.
    pub(crate) fn of(
        runs: &[RunResult],
        primary: &Primary,
        (table, scores): (&OutcomeTable, &ScoreTable),
    ) -> Option<Anchor> {
        let (label, pairs) = pairs(runs, primary, table)?;
        let gain = |(own, anchor): &(f64, f64)| match primary.better {
            Better::Higher => own - anchor,
            Better::Lower => anchor - own,
        };
        let least = pairs.iter().map(gain).reduce(f64::min)?;
        let most = pairs.iter().map(gain).reduce(f64::max)?;
        Some(Anchor {
            label,
            value: mean_anchor((label, &pairs)),
            runs: pairs.len(),
            gains: (least, most),
            least_image_gain: scores.rows.iter().filter_map(|row| row.least_gain).reduce(f64::min),
        })
    }

    /// Its value alone, which decides whether an arm has learned anything.
    pub(crate) fn floor(runs: &[RunResult], primary: &Primary, table: &OutcomeTable) -> Option<f64> {
        pairs(runs, primary, table).map(|(label, pairs)| mean_anchor((label, &pairs)))
    }
}

/// The value of every finished run with that of the anchor on the same images, at least one; `None` where there is no anchor.
fn pairs(
    runs: &[RunResult],
    primary: &Primary,
    table: &OutcomeTable,
) -> Option<(&'static str, Vec<(f64, f64)>)> {
    let recorded = Anchor::metrics_of(&primary.metric).zip(ANCHORS).find_map(|(name, (_, label))| {
        let pair = |run: &RunResult| Some((run.value?, run.final_value(primary.split, &name)?));
        let pairs: Vec<(f64, f64)> = runs.iter().filter_map(pair).collect();
        (!pairs.is_empty()).then_some((label, pairs))
    });
    if recorded.is_some() {
        return recorded;
    }
    let is_test_error = primary.metric == "error" && primary.split == SplitName::Test;
    let chance = table.chance_error().filter(|_| is_test_error)?;
    let pairs: Vec<(f64, f64)> = runs.iter().filter_map(|run| Some((run.value?, chance))).collect();
    (!pairs.is_empty()).then_some((CHANCE, pairs))
}

fn mean_anchor((label, pairs): (&str, &[(f64, f64)])) -> f64 {
    let anchors = pairs.iter().map(|(_, anchor)| anchor);
    match pairs.first() {
        // One number for all runs; a mean would only add rounding.
        Some((_, chance)) if label == CHANCE => *chance,
        _ => anchors.sum::<f64>() / pairs.len() as f64,
    }
}

#[cfg(test)]
mod tests {
    use crate::file::StudyFile;
    use crate::matrix::plan;
    use crate::results::StudyResults;
    use crate::testing::{append_metric, small_study_text, write_run};
    use allconv_record::{ExampleScores, Scores, Status};

    #[test]
    fn the_gain_over_bicubic_is_known_for_runs_and_for_the_worst_image() {
        let folder = tempfile::tempdir().unwrap();
        let text = small_study_text(2)
            .replace("metric = \"error\"", "metric = \"psnr_y\"")
            .replace("better = \"lower\"", "better = \"higher\"");
        let study = StudyFile::parse("small.toml", text).unwrap();
        for planned in plan(&study) {
            let run = write_run(folder.path(), &planned, Status::Finished, None);
            append_metric(&run, "psnr_y", 34.0 + planned.arm_index as f64);
            append_metric(&run, "bicubic_psnr_y", 33.0);
            let image = |name: &str, own: f64| ExampleScores { name: name.into(), values: vec![own, 33.0] };
            let scores = Scores::new(
                vec!["psnr_y".into(), "bicubic_psnr_y".into()],
                vec![image("bird", 35.0), image("baby", 33.0 + planned.arm_index as f64 - 0.25)],
            );
            run.write_scores(&scores).unwrap();
        }
        let results = StudyResults::collect(&study, &[folder.path().to_path_buf()]).unwrap();
        let anchor = results.anchor.unwrap();
        assert_eq!((anchor.label, anchor.value, anchor.runs), ("bicubic interpolation", 33.0, 6));
        assert_eq!((anchor.gains, anchor.least_image_gain), ((1.0, 3.0), Some(-0.25)));
    }
}
