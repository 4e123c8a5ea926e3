//! The check of a run's measured values for damage; a damaged run has no result.
//!
//! The rules follow from how a journal is written. Of each metric of each split the steps rise and lie within the run; a finished run made
//! all of its steps, measured everything at the last of them, and the test split there alone; a value lies in the range of its metric
//! ([`find_metric`]), and none is as large as [`LARGEST_VALUE`].

use std::collections::BTreeMap;

use allconv_record::{MetricPoint, RunRecord, SplitName, Status};

use crate::metric::find_metric;
use crate::text::visible;

/// No measured value reaches this size; twice its square still has a double.
const LARGEST_VALUE: f64 = 1e100;

/// How far rounding may carry a value out of its range: sums in single precision over a few thousand values.
const RANGE_TOLERANCE: f64 = 1e-5;

/// Returns the defect of a journal's lines, if there is one.
pub(super) fn damage(points: &[MetricPoint], record: &RunRecord) -> Option<String> {
    let total = record.total_steps;
    let is_finished = record.status == Status::Finished;
    if is_finished && record.step != total {
        return Some(format!("run.json calls it finished after {} of {total} steps", record.step));
    }
    let mut last: BTreeMap<(SplitName, &str), u64> = BTreeMap::new();
    for (index, point) in points.iter().enumerate() {
        let wrong = |what: String| {
            let (line, split) = (index + 1, point.split.name());
            Some(format!("metrics.jsonl, line {line}: {split} {} {what}", visible(&shortened(&point.name))))
        };
        if let Some(reason) = out_of_range(point) {
            return wrong(reason);
        }
        if point.step > total {
            return wrong(format!("at step {} of {total}", point.step));
        }
        match last.insert((point.split, &point.name), point.step) {
            Some(before) if before == point.step => {
                return wrong(format!("has a second value at step {before}"));
            }
            Some(before) if before > point.step => {
                return wrong(format!("at step {} is after step {before}", point.step));
            }
            _ => {}
        }
        if point.split == SplitName::Test && point.step != total {
            return wrong(format!(
                "at step {} of {total}; the test split is measured at the last step alone",
                point.step
            ));
        }
    }
    if !is_finished {
        return None;
    }
    if !last.keys().any(|(split, _)| *split == SplitName::Test) {
        return Some(
            "metrics.jsonl holds no value of the test split, which every finished run has".to_owned(),
        );
    }
    let early = last.iter().find(|(_, step)| **step != total);
    early.map(|((split, name), step)| {
        let name = visible(&shortened(name));
        format!("metrics.jsonl: {} {name} ends at step {step} of {total}", split.name())
    })
}

fn out_of_range(point: &MetricPoint) -> Option<String> {
    let (least, most) = find_metric(&point.name).map_or((f64::NEG_INFINITY, f64::INFINITY), |m| m.range());
    let value = point.value;
    let fits = (least - RANGE_TOLERANCE..=most + RANGE_TOLERANCE).contains(&value);
    if !fits {
        let range = match (least.is_finite(), most.is_finite()) {
            (true, true) => format!("from {least} to {most}"),
            (true, false) => format!("at least {least}"),
            (false, _) => format!("at most {most}"),
        };
        return Some(format!("is {value:e}, which must be {range}"));
    }
    (value.abs() >= LARGEST_VALUE).then(|| format!("is {value:e}, which no measurement gives"))
}

/// A name that fits into a line.
fn shortened(name: &str) -> String {
    const LONGEST: usize = 60;
    if name.chars().count() <= LONGEST {
        return name.to_owned();
    }
    name.chars().take(LONGEST).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use crate::file::StudyFile;
    use crate::index::RunState;
    use crate::matrix::plan;
    use crate::results::{StudyResults, Verdict};
    use crate::testing::{small_study, write_run};
    use allconv_record::{RunDirectory, Status};

    /// A study of six seeds in which the journal of `strided`, seed 2, was changed.
    fn collected(change: impl Fn(&RunDirectory, String) -> String) -> (StudyFile, StudyResults) {
        let folder = tempfile::tempdir().unwrap();
        let study = small_study(6);
        for planned in plan(&study) {
            let noise = 0.001 * ((planned.seed * 7 + 3 * planned.arm_index as u64) % 5) as f64;
            let error = 0.2 + 0.02 * planned.arm_index as f64 + noise;
            let run = write_run(folder.path(), &planned, Status::Finished, Some(error));
            if planned.arm == "strided" && planned.seed == 2 {
                let text = std::fs::read_to_string(run.journal_path()).unwrap();
                std::fs::write(run.journal_path(), change(&run, text)).unwrap();
            }
        }
        let results = StudyResults::collect(&study, &[folder.path().to_path_buf()]).unwrap();
        (study, results)
    }

    /// The last line, of the test error, with this value at this step.
    fn with_last(text: &str, step: u64, value: &str) -> String {
        let end = text.trim_end().rfind('\n').unwrap() + 1;
        let line = format!(
            "{{\"step\":{step},\"epoch\":2.0,\"split\":\"test\",\"name\":\"error\",\"value\":{value}}}\n"
        );
        format!("{}{line}", &text[..end])
    }

    fn damaged(reason: &str, change: impl Fn(String) -> String) {
        let (_, results) = collected(|_, text| change(text));
        let run = results.runs.iter().find(|run| run.state == RunState::Damaged).expect(reason);
        assert_eq!((run.arm.as_str(), run.seed, run.value), ("strided", 2, None));
        let told = run.reason.as_deref().unwrap();
        assert!(told.contains(reason), "{told}");
        let warned = |warning: &String| warning.contains("strided with seed 2") && warning.contains(reason);
        assert!(results.warnings.iter().any(warned), "{:?}", results.warnings);
        assert!(run.curves.is_empty(), "what cannot be believed is not drawn");
        // A damaged run counts as missing, and no verdict is given without it; the others are kept.
        assert_eq!(results.comparisons[0].verdict, Verdict::Interim);
        assert_eq!(results.comparisons[0].n(), 5);
        assert!(results.comparisons[1].verdict.is_decision());
    }

    #[test]
    fn values_that_no_run_writes_damage_it_and_are_never_averaged() {
        damaged("error is 5e0, which must be from 0 to 1", |text| with_last(&text, 20, "5"));
        damaged("error is -3e0", |text| with_last(&text, 20, "-3"));
        damaged("error is -1e308", |text| with_last(&text, 20, "-1e308"));
        damaged("out of range", |text| with_last(&text, 20, "1e999"));
        damaged("line 5", |text| with_last(&text, 20, "NaN"));
        damaged("null", |text| with_last(&text, 20, "null"));
        damaged("unknown field", |text| with_last(&text, 20, "0.2,\"more\":1"));
        damaged("odd is 1e160, which no measurement gives", |text| {
            text + "{\"step\":20,\"epoch\":2.0,\"split\":\"test\",\"name\":\"odd\",\"value\":1e160}\n"
        });
    }

    #[test]
    fn a_second_value_and_one_of_another_step_are_damage() {
        damaged("has a second value at step 20", |text| {
            let last = with_last(&text, 20, "0.01");
            text + last.lines().last().unwrap() + "\n"
        });
        damaged("at step 1 of 20; the test split", |text| with_last(&text, 1, "0.02"));
        damaged("at step 21 of 20", |text| with_last(&text, 21, "0.2"));
        damaged("at step 10 is after step 20", |text| {
            let mut lines: Vec<&str> = text.lines().collect();
            lines.swap(0, 2);
            lines.join("\n") + "\n"
        });
    }

    #[test]
    fn a_truncated_journal_is_damage() {
        damaged("no value of the test split", |text| {
            let lines: Vec<&str> = text.lines().collect();
            lines[..4].join("\n") + "\n"
        });
        damaged("train loss ends at step 10 of 20", |text| {
            let kept = text.lines().enumerate().filter(|(index, _)| *index != 2);
            kept.map(|(_, line)| format!("{line}\n")).collect()
        });
        let (_, results) = collected(|run, text| {
            let mut record = run.read_record().unwrap();
            record.step = 19;
            run.write_record(&record).unwrap();
            text
        });
        let run = results.runs.iter().find(|run| run.state == RunState::Damaged).unwrap();
        assert!(run.reason.as_deref().unwrap().contains("after 19 of 20 steps"));
    }

    #[test]
    fn rounding_at_the_end_of_a_range_and_unknown_metrics_are_not_damage() {
        let (_, results) = collected(|_, text| {
            let more = |name: &str, value: f64| {
                format!(
                    "{{\"step\":20,\"epoch\":2.0,\"split\":\"test\",\"name\":\"{name}\",\"value\":{value}}}\n"
                )
            };
            text + &more("aliasing_share", 1.0 + 1e-7) + &more("joy", -40.0) + &more("psnr", 148.131)
        });
        assert!(results.runs.iter().all(|run| run.state == RunState::Done), "{:?}", results.warnings);
    }

    #[test]
    fn a_run_that_did_not_finish_keeps_its_state_and_loses_its_curves() {
        let folder = tempfile::tempdir().unwrap();
        let study = small_study(1);
        let run = write_run(folder.path(), &plan(&study)[0], Status::Diverged, None);
        let text = std::fs::read_to_string(run.journal_path()).unwrap();
        std::fs::write(run.journal_path(), text.replace("0.8", "-0.8")).unwrap();
        let results = StudyResults::collect(&study, &[folder.path().to_path_buf()]).unwrap();
        assert_eq!(results.runs[0].state, RunState::Diverged);
        assert!(results.runs[0].curves.is_empty());
        assert!(results.warnings[0].contains("valid error is -8e-1"), "{:?}", results.warnings);
    }
}
