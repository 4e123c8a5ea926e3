//! `study compare`: the comparison of the arms of two studies.
//!
//! The studies were made apart, so that their seeds do not pair: differences are tested by Welch's t test, Holm-corrected over the arms that
//! both have. It shows what changed between them; the comparisons that a study plans are its own.

use crate::file::StudyFile;
use crate::results::{ArmResult, INTERVAL_LEVEL, StudyResults};
use crate::stats::SEEDS_FOR_A_VERDICT;
use crate::stats::{Interval, holm, welch_test};

/// The reason why two studies cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// They do not measure the same.
    #[error(
        "the studies measure different things: {first} is about {first_metric}, {second} about {second_metric}"
    )]
    Metric {
        /// Name of the first study.
        first: String,
        /// Its split and metric.
        first_metric: String,
        /// Name of the second.
        second: String,
        /// Its split and metric.
        second_metric: String,
    },
    /// No arm has the same name in both.
    #[error("the studies {first} and {second} have no arm of the same name")]
    NoSharedArm {
        /// Name of the first study.
        first: String,
        /// Name of the second.
        second: String,
    },
}

/// One arm in both studies. Differences are second − first.
#[derive(Clone, Debug, PartialEq)]
pub struct ArmSideBySide {
    /// Its name.
    pub arm: String,
    /// Mean and number of values in the first study; `None` when the arm is not there or has no value.
    pub first: Option<(f64, usize)>,
    /// The same in the second.
    pub second: Option<(f64, usize)>,
    /// Difference of the means.
    pub difference: Option<f64>,
    /// Welch's 95 % interval for it.
    pub interval: Option<Interval>,
    /// p of Welch's test after Holm's correction over the arms of both; `None` below five values in either study.
    pub corrected_p: Option<f64>,
    /// What the first study says of the arm against its baseline, in words.
    pub first_verdict: Option<&'static str>,
    /// What the second says.
    pub second_verdict: Option<&'static str>,
}

/// Compares the arms of two studies: those of the first in its order, then those that only the second has.
///
/// # Errors
/// [`CompareError`] when they measure different things or share no arm.
pub fn compare_studies(
    (first, first_results): (&StudyFile, &StudyResults),
    (second, second_results): (&StudyFile, &StudyResults),
) -> Result<Vec<ArmSideBySide>, CompareError> {
    let metric = |study: &StudyFile| format!("{} {}", study.primary.split.name(), study.primary.metric);
    if metric(first) != metric(second) {
        return Err(CompareError::Metric {
            first: first.name.clone(),
            first_metric: metric(first),
            second: second.name.clone(),
            second_metric: metric(second),
        });
    }
    let only_second =
        second_results.arms.iter().filter(|arm| first_results.arms.iter().all(|own| own.name != arm.name));
    let names: Vec<&str> =
        first_results.arms.iter().chain(only_second).map(|arm| arm.name.as_str()).collect();
    let mut p = Vec::with_capacity(names.len());
    let mut rows: Vec<ArmSideBySide> = Vec::with_capacity(names.len());
    for name in names {
        let [own, other] = [first_results, second_results].map(|results| find(results, name));
        let values = |arm: Option<&ArmResult>| -> Vec<f64> {
            arm.map(|arm| arm.values.iter().map(|(_, value)| *value).collect()).unwrap_or_default()
        };
        let (own_values, other_values) = (values(own), values(other));
        let test = welch_test(&other_values, &own_values);
        let is_enough = own_values.len().min(other_values.len()) >= SEEDS_FOR_A_VERDICT as usize;
        p.push(test.as_ref().filter(|_| is_enough).map(|test| test.p));
        let mean = |arm: Option<&ArmResult>| arm.and_then(|arm| Some((arm.summary?.mean, arm.values.len())));
        let (first, second) = (mean(own), mean(other));
        rows.push(ArmSideBySide {
            arm: name.to_string(),
            first,
            second,
            difference: first.zip(second).map(|((own, _), (other, _))| other - own),
            interval: test.map(|test| test.interval(INTERVAL_LEVEL)),
            corrected_p: None,
            first_verdict: verdict(first_results, name),
            second_verdict: verdict(second_results, name),
        });
    }
    if !rows
        .iter()
        .any(|row| find(first_results, &row.arm).is_some() && find(second_results, &row.arm).is_some())
    {
        return Err(CompareError::NoSharedArm { first: first.name.clone(), second: second.name.clone() });
    }
    let tested: Vec<f64> = p.iter().copied().flatten().collect();
    let mut corrected = holm(&tested).into_iter();
    for (row, p) in rows.iter_mut().zip(p) {
        row.corrected_p = p.and_then(|_| corrected.next());
    }
    Ok(rows)
}

fn find<'a>(results: &'a StudyResults, name: &str) -> Option<&'a ArmResult> {
    results.arms.iter().find(|arm| arm.name == name)
}

fn verdict(results: &StudyResults, name: &str) -> Option<&'static str> {
    results
        .comparisons
        .iter()
        .find(|comparison| comparison.arm == name)
        .map(|comparison| comparison.verdict.label())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::plan;
    use crate::testing::{small_study_text, write_run};
    use allconv_record::Status;

    fn study(name: &str, change: impl Fn(String) -> String) -> StudyFile {
        StudyFile::parse(&format!("{name}.toml"), change(small_study_text(6))).unwrap()
    }

    fn results(study: &StudyFile, shift: f64) -> StudyResults {
        let folder = tempfile::tempdir().unwrap();
        for planned in plan(study) {
            let noise = 0.001 * ((planned.seed * 3 + planned.arm_index as u64) % 5) as f64;
            let shift = if planned.arm == "strided" { shift } else { 0.0 };
            write_run(folder.path(), &planned, Status::Finished, Some(0.2 + shift + noise));
        }
        StudyResults::collect(study, &[folder.path().to_path_buf()]).unwrap()
    }

    #[test]
    fn what_changed_between_two_studies_is_shown_and_what_did_not_is_not() {
        let old = study("old", |text| text);
        let new = study("new", |text| {
            text.replace("epochs = 2", "epochs = 3").replace("arms.all_conv", "arms.other")
        });
        let (old_results, new_results) = (results(&old, 0.0), results(&new, 0.05));
        let rows = compare_studies((&old, &old_results), (&new, &new_results)).unwrap();
        let names: Vec<&str> = rows.iter().map(|row| row.arm.as_str()).collect();
        assert_eq!(names, ["max_pool", "strided", "all_conv", "other"]);
        assert!((rows[1].difference.unwrap() - 0.05).abs() < 1e-9);
        assert!(rows[1].corrected_p.unwrap() < 0.001 && rows[0].corrected_p.unwrap() > 0.5);
        assert_eq!((rows[2].second, rows[2].difference, rows[3].first), (None, None, None));
        assert_eq!(rows[0].first_verdict, None, "a baseline has no verdict");
        assert!(rows[1].second_verdict.is_some());
    }

    #[test]
    fn studies_of_different_metrics_or_without_a_shared_arm_are_refused() {
        let old = study("old", |text| text);
        let loss = study("loss", |text| text.replace("metric = \"error\"", "metric = \"loss\""));
        let old_results = results(&old, 0.0);
        let error = compare_studies((&old, &old_results), (&loss, &old_results)).unwrap_err();
        assert!(error.to_string().contains("old is about test error, loss about test loss"), "{error}");
        let other = study("other", |text| {
            ["max_pool", "strided", "all_conv"].iter().fold(text, |text, arm| {
                text.replace(&format!("arms.{arm}"), &format!("arms.new_{arm}"))
                    .replace(&format!("baseline = \"{arm}\""), &format!("baseline = \"new_{arm}\""))
            })
        });
        let other_results = results(&other, 0.0);
        assert!(matches!(
            compare_studies((&old, &old_results), (&other, &other_results)),
            Err(CompareError::NoSharedArm { .. })
        ));
    }
}
