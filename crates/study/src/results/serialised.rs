//! Serialisers of values whose form in `results.json` differs from that in Rust: counts of values, and parts that are null together.

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
pub(super) fn summary<S: Serializer>(found: &Option<Summary>, serializer: S) -> Written<S> {
    let part = |read: fn(&Summary) -> f64| json!(found.as_ref().map(read));
    let deviation = json!(found.and_then(|summary| summary.standard_deviation));
    serializer.collect_map([
        ("mean", part(|summary| summary.mean)),
        ("standard_deviation", deviation),
        ("median", part(|summary| summary.median)),
        ("interquartile_mean", part(|summary| summary.interquartile_mean)),
    ])
}

/// The mean and the standard deviation of a summary.
pub(super) fn mean_and_deviation<S: Serializer>(found: &Option<Summary>, serializer: S) -> Written<S> {
    let deviation = found.and_then(|summary| summary.standard_deviation);
    serializer.collect_map([("mean", found.map(|summary| summary.mean)), ("standard_deviation", deviation)])
}

/// The cost of a network.
pub(super) fn cost<S: Serializer>(found: &Option<Cost>, serializer: S) -> Written<S> {
    let part = |read: fn(&Cost) -> u64| found.as_ref().map(read);
    serializer.collect_map([
        ("parameters", part(|cost| cost.parameters)),
        ("macs", part(|cost| cost.macs)),
        ("activation_bytes", part(|cost| cost.activation_bytes)),
        ("receptive_field", part(|cost| cost.receptive_field)),
    ])
}

/// A standardised difference with its interval.
pub(super) fn effect<S: Serializer>(found: &Option<EffectSize>, serializer: S) -> Written<S> {
    let (size, interval) = (found.map(|effect| effect.value), found.map(|effect| effect.interval));
    serializer.collect_map([("effect_size", json!(size)), ("effect_size_95", json!(interval))])
}

/// Evidence for and against a claim, corrected.
pub(super) fn corrected<S: Serializer>(found: &Evidence, serializer: S) -> Written<S> {
    serializer.collect_map([("corrected_p_for", found.p_for), ("corrected_p_against", found.p_against)])
}

/// The same by sign flips.
pub(super) fn corrected_flips<S: Serializer>(found: &Option<Evidence>, serializer: S) -> Written<S> {
    both_p(found, ["corrected_flip_p_for", "corrected_flip_p_against"], serializer)
}

/// Evidence for and against a contrast.
pub(super) fn evidence<S: Serializer>(found: &Option<Evidence>, serializer: S) -> Written<S> {
    both_p(found, ["p_for", "p_against"], serializer)
}

/// The same by sign flips.
pub(super) fn flip_evidence<S: Serializer>(found: &Option<Evidence>, serializer: S) -> Written<S> {
    both_p(found, ["flip_p_for", "flip_p_against"], serializer)
}

fn both_p<S: Serializer>(found: &Option<Evidence>, keys: [&str; 2], serializer: S) -> Written<S> {
    let values = [found.map(|found| found.p_for), found.map(|found| found.p_against)];
    serializer.collect_map(keys.into_iter().zip(values))
}

/// The chances of the verdicts on a claim.
pub(super) fn chances<S: Serializer>(found: &Option<ClaimChances>, serializer: S) -> Written<S> {
    let fails = found.map(|chances| chances.fails_if_false);
    let holds = found.map(|chances| chances.holds_if_true);
    serializer.collect_map([("chance_holds_if_true", holds), ("chance_fails_if_false", fails)])
}

/// The difference of two mean ranks, and whether it is shown.
pub(super) fn ranks<S: Serializer>(found: &Option<(f64, bool)>, serializer: S) -> Written<S> {
    let (gap, differs) = found.unzip();
    serializer.collect_map([("rank_difference", json!(gap)), ("ranks_differ", json!(differs))])
}

/// Where a line crosses zero. Infinite powers of two are null.
pub(super) fn crossing<S: Serializer>(found: &Option<Crossing>, serializer: S) -> Written<S> {
    let place = found.and_then(|found| found.place).map(f64::exp2).filter(|place| place.is_finite());
    let ends = found.and_then(|found| found.interval).map(|ends| [ends.low.exp2(), ends.high.exp2()]);
    let ends = ends.filter(|ends| ends[1].is_finite());
    serializer.collect_map([("crossing", json!(place)), ("crossing_95", json!(ends))])
}

/// The record of a run.
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
