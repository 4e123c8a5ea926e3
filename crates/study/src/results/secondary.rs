//! All other metrics on the primary metric's split: per arm, and compared with the baseline.
//!
//! Every metric gets means and intervals. p values are given only for those that the study file names under `secondary`: the comparisons of
//! all of these are one family, within which Holm's correction keeps the chance of any false claim at α. The other metrics in the tables
//! were not planned, and the most extreme of many numbers is no evidence.

use std::collections::BTreeSet;

use serde::Serialize;

use super::INTERVAL_LEVEL;
use super::folds::independent;
use super::run::RunResult;
use super::serialised;
use crate::check::StatisticsCheck;
use crate::file::{Correction, StudyFile};
use crate::index::RunState;
use crate::results::comparison::{corrected, differences_per_seed, spread_interval};
use crate::stats::{FoldCorrection, Interval, Summary, mean_interval, paired_t_test, summarise};

/// One further metric, over all arms.
#[derive(Clone, Debug, PartialEq)]
pub struct SecondaryMetric {
    /// Its name in `metrics.jsonl`.
    pub name: String,
    /// Whether the study file names it under `secondary`.
    pub is_claimed: bool,
    /// The arms that measured it, in the order of the study file.
    pub arms: Vec<SecondaryArm>,
}

/// One arm's values of a metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SecondaryArm {
    /// Position of the arm in the study file.
    #[serde(skip)]
    pub arm_index: usize,
    /// Final values of the finished runs that measured it, with their seeds.
    #[serde(rename = "n", serialize_with = "serialised::count")]
    pub values: Vec<(u64, f64)>,
    /// Their summary; `None` without any.
    #[serde(flatten, serialize_with = "serialised::mean_and_deviation")]
    pub summary: Option<Summary>,
    /// t interval for the mean.
    #[serde(rename = "interval_95")]
    pub interval: Option<Interval>,
    /// Difference to the baseline; `None` for a baseline, or without a shared seed.
    pub difference: Option<SecondaryDifference>,
}

/// An arm's difference to its baseline, paired by seed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SecondaryDifference {
    /// Seeds that both measured.
    pub n: usize,
    /// Mean of arm − baseline.
    #[serde(rename = "difference")]
    pub mean: f64,
    /// t interval for it.
    #[serde(rename = "interval_95")]
    pub interval: Option<Interval>,
    /// p of the paired t test, Holm-corrected over all comparisons of the claimed metrics; `None` for other metrics, while runs are missing,
    /// and with too few seeds.
    pub corrected_p: Option<f64>,
}

impl SecondaryMetric {
    /// All metrics of the split but the primary one, by name.
    pub(crate) fn all(
        study: &StudyFile,
        statistics: &StatisticsCheck,
        runs: &[RunResult],
    ) -> Vec<SecondaryMetric> {
        let names: BTreeSet<&String> = runs
            .iter()
            .filter(|run| run.state == RunState::Done)
            .flat_map(|run| run.curves.keys())
            .filter(|(split, name)| *split == study.primary.split && *name != study.primary.metric)
            .map(|(_, name)| name)
            .collect();
        let mut metrics: Vec<SecondaryMetric> =
            names.into_iter().map(|name| SecondaryMetric::of(study, statistics.folds, name, runs)).collect();
        correct(study, statistics, runs, &mut metrics);
        // Planned metrics come first.
        metrics.sort_by_key(|metric| !metric.is_claimed);
        metrics
    }

    fn of(
        study: &StudyFile,
        folds: Option<FoldCorrection>,
        name: &str,
        runs: &[RunResult],
    ) -> SecondaryMetric {
        let values_of = |arm: usize| -> Vec<(u64, f64)> {
            let of_arm = runs.iter().filter(|run| run.arm_index == arm);
            of_arm.filter_map(|run| Some((run.seed, run.final_value(study.primary.split, name)?))).collect()
        };
        let is_claimed = study.secondary.iter().any(|own| own == name);
        let values: Vec<Vec<(u64, f64)>> = (0..study.arms.len()).map(values_of).collect();
        let arms = (0..study.arms.len())
            .filter(|arm| !values[*arm].is_empty())
            .map(|arm| {
                let plain: Vec<f64> = values[arm].iter().map(|(_, value)| *value).collect();
                let differences = study
                    .baseline_of(arm)
                    .map(|baseline| differences_per_seed(&values[arm], &values[baseline]));
                SecondaryArm {
                    arm_index: arm,
                    summary: summarise(&plain),
                    interval: mean_interval(&plain, INTERVAL_LEVEL),
                    difference: differences.and_then(|per_seed| {
                        let differences = independent(folds, &per_seed);
                        Some(SecondaryDifference {
                            n: per_seed.len(),
                            mean: summarise(&differences)?.mean,
                            // A property of the network alone (its receptive field) is the same in every seed, and known exactly.
                            interval: if is_claimed {
                                spread_interval(&differences)
                            } else {
                                mean_interval(&differences, INTERVAL_LEVEL)
                            },
                            corrected_p: paired_t_test(&differences).map(|test| test.p),
                        })
                    }),
                    values: values[arm].clone(),
                }
            })
            .collect();
        SecondaryMetric { name: name.to_string(), is_claimed, arms }
    }
}

/// Replaces the raw p of claimed metrics by corrected ones, and removes those that were not planned.
///
/// The family is what the study planned (claimed metrics × comparisons), also where runs were lost or a metric was never measured.
fn correct(
    study: &StudyFile,
    statistics: &StatisticsCheck,
    runs: &[RunResult],
    metrics: &mut [SecondaryMetric],
) {
    let is_complete = runs.iter().all(|run| run.state.is_final());
    let mut planned: Vec<&mut SecondaryDifference> = Vec::new();
    for metric in metrics {
        for difference in metric.arms.iter_mut().filter_map(|arm| arm.difference.as_mut()) {
            if metric.is_claimed && is_complete && difference.n >= statistics.seeds_needed as usize {
                planned.push(difference);
            } else {
                difference.corrected_p = None;
            }
        }
    }
    let mut family: Vec<Option<f64>> = planned.iter().map(|difference| difference.corrected_p).collect();
    family.resize((study.secondary.len() * study.comparison_count()).max(family.len()), None);
    for (difference, p) in planned.into_iter().zip(corrected(Correction::Holm, &family)) {
        difference.corrected_p = p;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::plan;
    use crate::results::StudyResults;
    use crate::testing::{append_metric, small_study_text, write_run};
    use allconv_record::Status;

    fn study(secondary: &str) -> StudyFile {
        let text = small_study_text(6).replace("[base.data]", &format!("{secondary}\n[base.data]"));
        StudyFile::parse("small.toml", text).unwrap()
    }

    /// Runs that also measured shift agreement, better by 10 points for `all_conv`, and a loss.
    fn filled(study: &StudyFile, folder: &std::path::Path) -> StudyResults {
        for planned in plan(study) {
            let run = write_run(folder, &planned, Status::Finished, Some(0.2));
            let noise = 0.001 * ((planned.seed * 5 + planned.arm_index as u64 * 2) % 7) as f64;
            let shift = if planned.arm == "all_conv" { 0.1 } else { 0.0 };
            append_metric(&run, "shift_agreement", 0.7 + shift + noise);
            append_metric(&run, "loss", 1.0 + noise);
        }
        StudyResults::collect(study, &[folder.to_path_buf()]).unwrap()
    }

    #[test]
    fn every_metric_of_the_split_is_there_and_only_named_ones_have_a_p() {
        let folder = tempfile::tempdir().unwrap();
        let results = filled(&study("secondary = [\"shift_agreement\"]"), folder.path());
        let names: Vec<&str> = results.secondary.iter().map(|metric| metric.name.as_str()).collect();
        assert_eq!(names, ["shift_agreement", "loss"], "what was planned comes first");
        let all_conv = results.secondary[0].arms[2].difference.unwrap();
        assert_eq!(all_conv.n, 6);
        let interval = all_conv.interval.unwrap();
        assert!(interval.low < 0.1 + 0.001 && 0.1 - 0.001 < interval.high, "{interval:?}");
        assert!(all_conv.corrected_p.unwrap() < 0.001);
        // Two comparisons of one claimed metric: the smaller p was doubled.
        let differences: Vec<f64> = (0..6)
            .map(|seed| {
                results.secondary[0].arms[2].values[seed].1 - results.secondary[0].arms[0].values[seed].1
            })
            .collect();
        let raw = paired_t_test(&differences).unwrap().p;
        assert!((all_conv.corrected_p.unwrap() - 2.0 * raw).abs() < 1e-15);
        assert!(results.secondary[1].arms.iter().all(|arm| {
            arm.difference
                .is_none_or(|difference| difference.corrected_p.is_none() && difference.interval.is_some())
        }));
        assert_eq!(results.secondary[0].arms[0].difference, None, "a baseline");
    }

    #[test]
    fn a_planned_metric_that_was_never_measured_does_not_weaken_the_correction() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let one = filled(&study("secondary = [\"shift_agreement\"]"), first.path());
        let two = filled(&study("secondary = [\"shift_agreement\", \"absent\"]"), second.path());
        let p =
            |results: &StudyResults| results.secondary[0].arms[2].difference.unwrap().corrected_p.unwrap();
        assert!((p(&two) - 2.0 * p(&one)).abs() < 1e-15);
    }

    #[test]
    fn a_missing_run_withholds_every_p() {
        let folder = tempfile::tempdir().unwrap();
        let study = study("secondary = [\"shift_agreement\"]");
        filled(&study, folder.path());
        write_run(folder.path(), &plan(&study)[1], Status::Running, None);
        let results = StudyResults::collect(&study, &[folder.path().to_path_buf()]).unwrap();
        let differences =
            results.secondary.iter().flat_map(|metric| &metric.arms).filter_map(|arm| arm.difference);
        assert!(differences.clone().count() > 0);
        assert!(differences.into_iter().all(|difference| difference.corrected_p.is_none()));
    }
}
