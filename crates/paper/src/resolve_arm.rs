//! Values of arms: the primary metric, cost, the difference to the baseline, other metrics, pairs.

use allconv_study::MetricUnit;
use allconv_study::results::{ComparisonResult, GapRow, PracticalChances, SecondaryArm};
use allconv_study::stats::Interval;

use crate::key::suggestion;
use crate::library::Study;
use crate::show;
use crate::value::{Value, unknown_quantity};

/// Quantities of an arm by itself.
pub(crate) const OWN: [&str; 12] = [
    "mean",
    "sd",
    "median",
    "mean_interval",
    "n",
    "ended",
    "lost",
    "parameters",
    "macs",
    "receptive_field",
    "learning_rate",
    "reference",
];

/// Quantities of an arm that is compared with a baseline.
pub(crate) const COMPARED: [&str; 17] = [
    "difference",
    "interval",
    "pooled_interval",
    "p",
    "raw_p",
    "equivalence_p",
    "flip_p",
    "verdict",
    "pairs",
    "effect",
    "worse",
    "within",
    "better",
    "training_difference",
    "gap_difference",
    "macs_ratio",
    "parameters_ratio",
];

/// Quantities of another metric.
pub(crate) const METRIC: [&str; 6] = ["mean", "sd", "n", "difference", "interval", "p"];

/// Quantities of a pair of arms.
pub(crate) const PAIR: [&str; 4] = ["difference", "interval", "p", "n"];

/// A quantity of an arm.
pub(crate) fn arm_value(study: &Study, arm_index: usize, quantity: &str) -> Result<Value, String> {
    if OWN.contains(&quantity) {
        return Ok(own_value(study, arm_index, quantity));
    }
    let name = &study.file.arms[arm_index].name;
    if !COMPARED.contains(&quantity) {
        let known: Vec<&str> = OWN.iter().chain(&COMPARED).copied().collect();
        return Err(unknown_quantity(&format!("arm `{name}` of `{}`", study.name()), quantity, &known));
    }
    match study.results.comparison(arm_index) {
        Some(comparison) => Ok(compared_value(study, comparison, quantity)),
        None => Err(format!("arm `{name}` of `{}` is a baseline and has no `{quantity}`", study.name())),
    }
}

fn own_value(study: &Study, arm_index: usize, quantity: &str) -> Value {
    let (arm, unit) = (&study.results.arms[arm_index], study.unit());
    let (summary, cost) = (arm.summary, arm.cost.as_ref());
    let text = match quantity {
        "mean" => summary.map(|summary| show::value(unit, summary.mean)),
        "sd" => {
            summary.and_then(|summary| summary.standard_deviation).map(|spread| spread_text(unit, spread))
        }
        "median" => summary.map(|summary| show::value(unit, summary.median)),
        "mean_interval" => arm.interval.map(|interval| show::value_interval(unit, interval)),
        "n" => Some(show::count(arm.values.len() as u64)),
        "ended" => Some(show::count(arm.ended as u64)),
        "lost" => Some(show::count(arm.lost as u64)),
        "parameters" => cost.map(|cost| show::count(cost.parameters)),
        "macs" => cost.map(|cost| show::magnitude(cost.macs as f64)),
        "receptive_field" => cost.map(|cost| show::count(cost.receptive_field)),
        "learning_rate" => arm.searched_lr.map(|rate| rate.to_string()),
        _ => arm.reference.map(|reference| show::value(unit, reference)),
    };
    Value::of_arms(study, &[arm_index], text)
}

fn compared_value(study: &Study, comparison: &ComparisonResult, quantity: &str) -> Value {
    let unit = study.unit();
    let interval =
        |interval: Option<Interval>| interval.map(|interval| show::difference_interval(unit, interval));
    let chance =
        |of: fn(PracticalChances) -> f64| comparison.practical.map(|practical| show::chance(of(practical)));
    let whole = |text: Option<String>| Value::of_study(study, text);
    let arms = [comparison.arm_index, comparison.baseline_index];
    let pair = |text: Option<String>| Value::of_arms(study, &arms, text);
    match quantity {
        "difference" => pair(comparison.mean_difference.map(|mean| show::difference(unit, mean))),
        "interval" => pair(interval(comparison.interval)),
        "pooled_interval" => whole(interval(comparison.pooled_interval)),
        "p" => whole(comparison.corrected_p.map(show::p)),
        "raw_p" => pair(comparison.p.map(show::p)),
        "equivalence_p" => whole(comparison.corrected_equivalence_p.map(show::p)),
        "flip_p" => whole(comparison.corrected_permutation_p.map(show::p)),
        "verdict" => whole(Some(comparison.verdict.label().to_owned())),
        "pairs" => pair(Some(show::count(comparison.n() as u64))),
        "effect" => pair(comparison.effect.map(|effect| show::signed(&format!("{:.2}", effect.value)))),
        "worse" => pair(chance(|chances| chances.worse)),
        "within" => pair(chance(|chances| chances.within)),
        "better" => pair(chance(|chances| chances.better)),
        "training_difference" => {
            pair(gap_row(study, comparison.arm_index).map(|row| show::difference(unit, row.training.mean)))
        }
        "gap_difference" => {
            pair(gap_row(study, comparison.arm_index).map(|row| show::difference(unit, row.gap.mean)))
        }
        "macs_ratio" => pair(cost_ratio(study, comparison, |cost| cost.macs).map(show::ratio)),
        _ => pair(cost_ratio(study, comparison, |cost| cost.parameters).map(show::ratio)),
    }
}

/// An arm's cost by its baseline's; `None` while either is unknown.
pub(crate) fn cost_ratio(
    study: &Study,
    comparison: &ComparisonResult,
    of: fn(&allconv_record::Cost) -> u64,
) -> Option<f64> {
    let cost = |arm: usize| study.results.arms[arm].cost.as_ref().map(of);
    Some(cost(comparison.arm_index)? as f64 / cost(comparison.baseline_index)? as f64)
}

fn gap_row(study: &Study, arm_index: usize) -> Option<&GapRow> {
    study.results.gap.as_ref()?.rows.iter().find(|row| row.arm_index == arm_index)
}

/// A standard deviation in the unit of differences.
fn spread_text(unit: MetricUnit, spread: f64) -> String {
    show::difference(unit, spread).replacen("$+", "$", 1)
}

/// A quantity of another metric of an arm.
pub(crate) fn metric_value(
    study: &Study,
    arm_index: usize,
    (metric, quantity): (&str, &str),
) -> Result<Value, String> {
    if !METRIC.contains(&quantity) {
        return Err(unknown_quantity(&format!("metric `{metric}` of an arm"), quantity, &METRIC));
    }
    let unit = MetricUnit::of(metric);
    let found = study.results.secondary.iter().find(|secondary| secondary.name == metric);
    let is_named = study.file.secondary.iter().any(|name| name == metric);
    if found.is_none() && !is_named && study.made() > 0 {
        let known = study.results.secondary.iter().map(|secondary| secondary.name.as_str());
        return Err(format!("no run of `{}` measured `{metric}`{}", study.name(), suggestion(metric, known)));
    }
    let arm = found.and_then(|secondary| secondary.arms.iter().find(|arm| arm.arm_index == arm_index));
    let text = arm.and_then(|arm| metric_text(unit, arm, quantity));
    let baseline = study.file.baseline_of(arm_index);
    Ok(match quantity {
        "p" => Value::of_study(study, text),
        "difference" | "interval" => {
            let arms: Vec<usize> = std::iter::once(arm_index).chain(baseline).collect();
            Value::of_arms(study, &arms, text)
        }
        _ => Value::of_arms(study, &[arm_index], text),
    })
}

fn metric_text(unit: MetricUnit, arm: &SecondaryArm, quantity: &str) -> Option<String> {
    match quantity {
        "mean" => arm.summary.map(|summary| show::value(unit, summary.mean)),
        "sd" => {
            arm.summary.and_then(|summary| summary.standard_deviation).map(|spread| spread_text(unit, spread))
        }
        "n" => Some(show::count(arm.values.len() as u64)),
        "difference" => arm.difference.map(|difference| show::difference(unit, difference.mean)),
        "interval" => arm
            .difference
            .and_then(|difference| difference.interval)
            .map(|interval| show::difference_interval(unit, interval)),
        _ => arm.difference.and_then(|difference| difference.corrected_p).map(show::p),
    }
}

/// A quantity of one arm minus another, out of the family of all pairs.
pub(crate) fn pair_value(
    study: &Study,
    (arm, other): (usize, usize),
    quantity: &str,
) -> Result<Value, String> {
    if !PAIR.contains(&quantity) {
        return Err(unknown_quantity("a pair of arms", quantity, &PAIR));
    }
    let unit = study.unit();
    let pairs = &study.results.pairs;
    let forward = pairs.iter().find(|pair| (pair.arm_index, pair.other_index) == (arm, other));
    let backward = pairs.iter().find(|pair| (pair.arm_index, pair.other_index) == (other, arm));
    let (pair, sign) = (forward.or(backward), if forward.is_some() { 1.0 } else { -1.0 });
    let turned = |interval: Interval| match forward {
        Some(_) => interval,
        None => Interval { low: -interval.high, high: -interval.low },
    };
    let text = pair.and_then(|pair| match quantity {
        "difference" => Some(show::difference(unit, sign * pair.mean)),
        "interval" => pair.interval.map(|interval| show::difference_interval(unit, turned(interval))),
        "p" => pair.corrected_p.map(show::p),
        _ => Some(show::count(pair.n as u64)),
    });
    Ok(match quantity {
        "p" => Value::of_study(study, text),
        _ => Value::of_arms(study, &[arm, other], text),
    })
}
