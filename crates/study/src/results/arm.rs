//! One arm over all its seeds: summary, intervals, failures, cost.

use allconv_record::{Cost, Measured};
use serde::Serialize;

use super::INTERVAL_LEVEL;
use super::forward_pass::ForwardPass;
use super::run::RunResult;
use super::serialised;
use crate::arm_match::ArmMatch;
use crate::file::{Better, StudyFile};
use crate::index::RunState;
use crate::stats::{Interval, Summary, bootstrap_mean_interval, mean_interval, summarise, wilson_interval};
use crate::text::counted;

/// States of runs that have ended without a result.
const LOST: [RunState; 3] = [RunState::Diverged, RunState::Stuck, RunState::Skipped];

/// The results of an arm.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ArmResult {
    /// Its name.
    pub name: String,
    /// Whether it is a baseline.
    pub is_baseline: bool,
    /// A reference value from another source, if the study file names one.
    pub reference: Option<f64>,
    /// The learning rate that the study's search gave it, if there was one.
    pub searched_lr: Option<f64>,
    /// The study's number of seeds.
    #[serde(skip)]
    pub planned: usize,
    /// Final values with their seeds, in the order of the seeds.
    #[serde(rename = "n", serialize_with = "serialised::count")]
    pub values: Vec<(u64, f64)>,
    /// Summary of the values; `None` without any.
    #[serde(flatten, serialize_with = "serialised::summary")]
    pub summary: Option<Summary>,
    /// t interval for the mean; `None` below two values.
    #[serde(rename = "interval_95")]
    pub interval: Option<Interval>,
    /// Bootstrap interval for the mean; `None` below eight values.
    #[serde(rename = "bootstrap_95")]
    pub bootstrap: Option<Interval>,
    /// Runs that came to an end: finished, diverged or stuck, or skipped because the search found no learning rate.
    pub ended: usize,
    /// Of these, those that did not finish.
    pub lost: usize,
    /// The numbers of these by state.
    #[serde(skip)]
    pub lost_as: Vec<(RunState, usize)>,
    /// Wilson interval for the fraction of lost runs; `None` if none has ended.
    #[serde(rename = "lost_interval_95")]
    pub lost_interval: Option<Interval>,
    /// Cost of the network, from the first run that has one.
    #[serde(flatten, serialize_with = "serialised::cost")]
    pub cost: Option<Cost>,
    /// The cost it has in common with its baseline; `None` where it is not matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matched: Option<ArmMatch>,
    /// Its forward pass as `study bench` measured it; `None` where it was not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forward_pass: Option<ForwardPass>,
    /// Median seconds inside the training loop over finished runs.
    pub training_seconds: Option<f64>,
    /// Median training images per second over finished runs.
    pub images_per_second: Option<f64>,
    /// Median of the measured peak of memory in use over finished runs, in bytes.
    pub peak_memory_bytes: Option<f64>,
    /// Median seconds of a forward pass of one image.
    pub latency_1_seconds: Option<f64>,
    /// Median seconds of a forward pass of 128 images.
    pub latency_128_seconds: Option<f64>,
}

impl ArmResult {
    pub(crate) fn of(study: &StudyFile, arm_index: usize, runs: &[&RunResult]) -> ArmResult {
        let name = &study.arms[arm_index].name;
        let values: Vec<(u64, f64)> =
            runs.iter().filter_map(|run| run.value.map(|value| (run.seed, value))).collect();
        let plain: Vec<f64> = values.iter().map(|(_, value)| *value).collect();
        let ended_as = |state: RunState| (state, runs.iter().filter(|run| run.state == state).count());
        let lost_as: Vec<(RunState, usize)> =
            LOST.map(ended_as).into_iter().filter(|(_, count)| *count > 0).collect();
        let lost = lost_as.iter().map(|(_, count)| count).sum();
        let done: Vec<_> = runs
            .iter()
            .filter(|run| run.state == RunState::Done)
            .filter_map(|run| run.record.as_ref())
            .collect();
        let ended = lost + runs.iter().filter(|run| run.state == RunState::Done).count();
        let median = |read: fn(&&allconv_record::RunRecord) -> f64| {
            let values: Vec<f64> = done.iter().map(read).collect();
            summarise(&values).map(|summary| summary.median)
        };
        let median_measured = |read: fn(&Measured) -> Option<f64>| {
            let values: Vec<f64> =
                done.iter().filter_map(|record| record.measured.as_ref().and_then(read)).collect();
            summarise(&values).map(|summary| summary.median)
        };
        ArmResult {
            name: name.clone(),
            is_baseline: study.baseline_of(arm_index).is_none(),
            reference: study.reference.as_ref().and_then(|reference| reference.value(name)),
            searched_lr: None,
            planned: runs.len(),
            summary: summarise(&plain),
            interval: mean_interval(&plain, INTERVAL_LEVEL),
            bootstrap: bootstrap_mean_interval(&plain, INTERVAL_LEVEL),
            values,
            ended,
            lost,
            lost_as,
            lost_interval: wilson_interval(lost, ended, INTERVAL_LEVEL),
            cost: runs.iter().find_map(|run| run.record.as_ref()).map(|record| record.cost.clone()),
            matched: None,
            forward_pass: None,
            training_seconds: median(|record| record.timings.training_seconds),
            images_per_second: median(|record| record.timings.images_per_second),
            peak_memory_bytes: median_measured(|measured| {
                measured.peak_memory_bytes.map(|bytes| bytes as f64)
            }),
            latency_1_seconds: median_measured(|measured| measured.latency_1_seconds),
            latency_128_seconds: median_measured(|measured| measured.latency_128_seconds),
        }
    }

    /// Returns whether its interval includes the value without training, or is worse than it; false where no such value is known.
    pub(crate) fn reaches(&self, floor: Option<f64>, better: Better) -> bool {
        let (Some(floor), Some(summary)) = (floor, self.summary) else { return false };
        let ends = self.interval.unwrap_or(Interval { low: summary.mean, high: summary.mean });
        match better {
            Better::Lower => ends.high >= floor,
            Better::Higher => ends.low <= floor,
        }
    }

    /// Returns how its runs were lost, as a clause: `all 6 runs diverged`, `4 of 6 runs diverged, 2 got stuck`.
    pub(crate) fn losses(&self) -> String {
        let all = counted(self.planned, "run");
        match self.lost_as.as_slice() {
            [] => format!("none of its {all} was lost"),
            [(RunState::Skipped, _)] => {
                "the search found no learning rate for it, so that no run was made".into()
            }
            [(state, count)] if *count == self.planned && *count > 1 => {
                format!("all {all} {}", ended(*state))
            }
            [(first, count), others @ ..] => {
                let mut text = format!("{count} of {all} {}", ended(*first));
                for (state, count) in others {
                    text.push_str(&format!(", {count} {}", ended(*state)));
                }
                text
            }
        }
    }

    /// The value of one seed.
    pub fn value(&self, seed: u64) -> Option<f64> {
        self.values.iter().find(|(other, _)| *other == seed).map(|(_, value)| *value)
    }
}

/// The state as a verb.
fn ended(state: RunState) -> &'static str {
    match state {
        RunState::Diverged => "diverged",
        RunState::Stuck => "got stuck",
        _ => "was not made",
    }
}
