//! The forms in which `results.json` holds values that Rust holds otherwise: counts of values, and parts that are null together.

use allconv_record::{Cost, RunDirectory, RunRecord};
use serde::{Serialize, Serializer};
use serde_json::json;

use super::claim_power::ClaimChances;
use crate::stats::{Crossing, EffectSize, Evidence, Summary};

/// What a `serialize_with` function returns.
type Written<S> = Result<<S as Serializer>::Ok, <S as Serializer>::Error>;

/// The number of values.
pub(super) fn count<T, S: Serializer>(values: &[T], serializer: S) -> Written<S> {
    values.len().serialize(serializer)
}

/// Every part of a summary.
pub(super) fn summary<S: Serializer>(summary: &Option<Summary>, serializer: S) -> Written<S> {
    let part = |read: fn(&Summary) -> f64| summary.as_ref().map(read);
    json!({
        "mean": part(|summary| summary.mean),
        "standard_deviation": summary.and_then(|summary| summary.standard_deviation),
        "median": part(|summary| summary.median),
        "interquartile_mean": part(|summary| summary.interquartile_mean),
    })
    .serialize(serializer)
}

/// The mean and the standard deviation of a summary.
pub(super) fn mean_and_deviation<S: Serializer>(found: &Option<Summary>, serializer: S) -> Written<S> {
    let deviation = found.and_then(|summary| summary.standard_deviation);
    json!({ "mean": found.map(|summary| summary.mean), "standard_deviation": deviation })
        .serialize(serializer)
}

/// What a network costs.
pub(super) fn cost<S: Serializer>(cost: &Option<Cost>, serializer: S) -> Written<S> {
    let part = |read: fn(&Cost) -> u64| cost.as_ref().map(read);
    json!({
        "parameters": part(|cost| cost.parameters),
        "macs": part(|cost| cost.macs),
        "activation_bytes": part(|cost| cost.activation_bytes),
        "receptive_field": part(|cost| cost.receptive_field),
    })
    .serialize(serializer)
}

/// A standardised difference with its interval.
pub(super) fn effect<S: Serializer>(effect: &Option<EffectSize>, serializer: S) -> Written<S> {
    let (size, interval) = (effect.map(|effect| effect.value), effect.map(|effect| effect.interval));
    json!({ "effect_size": size, "effect_size_95": interval }).serialize(serializer)
}

/// Evidence for and against a claim, corrected.
pub(super) fn corrected<S: Serializer>(found: &Evidence, serializer: S) -> Written<S> {
    json!({ "corrected_p_for": found.p_for, "corrected_p_against": found.p_against }).serialize(serializer)
}

/// The same by sign flips.
pub(super) fn corrected_flips<S: Serializer>(found: &Option<Evidence>, serializer: S) -> Written<S> {
    let [p_for, p_against] = p(found);
    json!({ "corrected_flip_p_for": p_for, "corrected_flip_p_against": p_against }).serialize(serializer)
}

/// Evidence for and against a contrast.
pub(super) fn evidence<S: Serializer>(found: &Option<Evidence>, serializer: S) -> Written<S> {
    let [p_for, p_against] = p(found);
    json!({ "p_for": p_for, "p_against": p_against }).serialize(serializer)
}

/// The same by sign flips.
pub(super) fn flip_evidence<S: Serializer>(found: &Option<Evidence>, serializer: S) -> Written<S> {
    let [p_for, p_against] = p(found);
    json!({ "flip_p_for": p_for, "flip_p_against": p_against }).serialize(serializer)
}

fn p(found: &Option<Evidence>) -> [Option<f64>; 2] {
    [found.map(|found| found.p_for), found.map(|found| found.p_against)]
}

/// The chances of the verdicts on a claim.
pub(super) fn chances<S: Serializer>(found: &Option<ClaimChances>, serializer: S) -> Written<S> {
    let holds = found.map(|chances| chances.holds_if_true);
    let fails = found.map(|chances| chances.fails_if_false);
    json!({ "chance_holds_if_true": holds, "chance_fails_if_false": fails }).serialize(serializer)
}

/// The difference of two mean ranks, and whether it is shown.
pub(super) fn ranks<S: Serializer>(found: &Option<(f64, bool)>, serializer: S) -> Written<S> {
    let (gap, differs) = (found.map(|found| found.0), found.map(|found| found.1));
    json!({ "rank_difference": gap, "ranks_differ": differs }).serialize(serializer)
}

/// Where a line crosses zero. A power of two may be too large for a number; then it is no place.
pub(super) fn crossing<S: Serializer>(found: &Option<Crossing>, serializer: S) -> Written<S> {
    let place = found.and_then(|found| found.place).map(f64::exp2).filter(|place| place.is_finite());
    let ends = found.and_then(|found| found.interval).map(|ends| [ends.low.exp2(), ends.high.exp2()]);
    json!({ "crossing": place, "crossing_95": ends.filter(|ends| ends[1].is_finite()) }).serialize(serializer)
}

/// What a run recorded of itself.
pub(super) fn record<S: Serializer>(record: &Option<RunRecord>, serializer: S) -> Written<S> {
    let record = record.as_ref();
    json!({
        "step": record.map(|record| record.step),
        "total_steps": record.map(|record| record.total_steps),
        "training_seconds": record.map(|record| record.timings.training_seconds),
        "images_per_second": record.map(|record| record.timings.images_per_second),
        "measured": record.and_then(|record| record.measured.as_ref()),
        "study_file_sha256": record.and_then(|record| record.study_file_sha256.as_deref()),
        "specification_hash": record.map(|record| record.specification_hash.as_str()),
        "request_hash": record.map(|record| record.request_hash.as_str()),
    })
    .serialize(serializer)
}

/// The name of the folder of a run.
pub(super) fn folder<S: Serializer>(directory: &Option<RunDirectory>, serializer: S) -> Written<S> {
    let name = directory.as_ref().and_then(|directory| directory.path().file_name());
    name.map(|name| name.to_string_lossy()).serialize(serializer)
}
