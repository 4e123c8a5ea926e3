//! What needs no network: the value of the primary metric that bicubic interpolation, or the noisy input as it is, reaches on the same images.

use super::image_scores::ScoreTable;
use super::run::RunResult;
use crate::file::{Better, Primary};
use crate::index::RunState;

/// What stands before the name of the primary metric in the name of its anchor, and what that is in words.
const ANCHORS: [(&str, &str); 2] =
    [("bicubic", "bicubic interpolation"), ("noisy", "the noisy input as it is")];

/// All finished runs against an anchor.
#[derive(Clone, Debug, PartialEq)]
pub struct Anchor {
    /// What it is, in words.
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

    /// `None` when no finished run recorded an anchor of the primary metric.
    pub(crate) fn of(runs: &[RunResult], primary: &Primary, scores: &ScoreTable) -> Option<Anchor> {
        let names = Anchor::metrics_of(&primary.metric);
        names.zip(ANCHORS).find_map(|(name, (_, label))| {
            let key = (primary.split, name);
            let pairs: Vec<(f64, f64)> = runs
                .iter()
                .filter(|run| run.state == RunState::Done)
                .filter_map(|run| Some((run.value?, run.curves.get(&key)?.last()?.value)))
                .collect();
            let gain = |(own, anchor): &(f64, f64)| match primary.better {
                Better::Higher => own - anchor,
                Better::Lower => anchor - own,
            };
            let least = pairs.iter().map(gain).reduce(f64::min)?;
            let most = pairs.iter().map(gain).reduce(f64::max)?;
            Some(Anchor {
                label,
                value: pairs.iter().map(|(_, anchor)| anchor).sum::<f64>() / pairs.len() as f64,
                runs: pairs.len(),
                gains: (least, most),
                least_image_gain: scores.rows.iter().filter_map(|row| row.least_gain).reduce(f64::min),
            })
        })
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
