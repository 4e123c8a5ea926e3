//! `results.json`: all results of a study. Each part serialises itself; here they are joined.

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::file::{Correction, CostQuantity, TestKind};
use crate::index::RunState;
use crate::results::{ClaimVerdict, PartVerdict, StudyResults, TrainingError, Verdict};
use crate::sections::{claim_label, exploratory, sentence, verdict_sentence};
use crate::stats::{Interval, Statement};

/// The `schema` field of `results.json`. `docs/studies.md` lists the fields; the number is raised when a field changes its meaning or
/// goes away, not when one is added.
pub const RESULTS_SCHEMA: &str = "allconv.study.results/1";

/// The file, keys sorted, two spaces of indent.
pub(super) fn results_json(results: &StudyResults) -> String {
    format!("{:#}\n", json!(results))
}

impl Serialize for StudyResults {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = [design(self), answers(self), measurements(self)];
        let fields = fields.into_iter().filter_map(|fields| match fields {
            Value::Object(fields) => Some(fields),
            _ => None,
        });
        serializer.collect_map(fields.flatten())
    }
}

/// Returns the settings of the study file.
fn design(results: &StudyResults) -> Value {
    let study = &results.study;
    json!({
        "schema": RESULTS_SCHEMA,
        "study": study.name,
        "question": study.question,
        "caveat": study.caveat,
        "disclosures": study.disclosures,
        "study_file_sha256": study.sha256(),
        "primary": { "metric": study.primary.metric, "split": study.primary.split, "better": study.primary.better },
        "compare": {
            "baseline": study.compare.baseline.name(),
            "test": study.compare.test,
            "alpha": study.compare.alpha,
            "correction": study.compare.correction,
            "equivalence_margin": study.compare.equivalence_margin,
            "seeds_needed": results.statistics.seeds_needed,
        },
        "reference": study.reference.as_ref().map(|reference| &reference.label),
        "families": { "confirmatory": results.claims.len(), "exploratory": exploratory(results) },
        "folds": results.statistics.folds.map(|folds| json!({
            "folds": folds.folds,
            "test_per_training": folds.test_per_training,
            "is_counted": folds.is_counted,
            "interval_factor": folds.factor(),
        })),
        "warnings": results.warnings,
    })
}

/// Returns the verdicts and the tests behind them.
fn answers(results: &StudyResults) -> Value {
    let study = &results.study;
    let name = |arm: usize| json!(results.arms[arm].name);
    let claims = results.claims.iter().map(|claim| {
        let sentence = json!(verdict_sentence(results, claim));
        let mut value = with(claim, [("label", json!(claim_label(claim))), ("sentence", sentence)]);
        value["contradicts_reference"] = json!(claim.contradiction.is_some());
        if let Some(contradiction) = claim.contradiction {
            value["contradicted_because"] = json!(contradiction.name());
        }
        value
    });
    let comparisons =
        results.comparisons.iter().map(|found| with(found, [("sentence", json!(sentence(results, found)))]));
    let pairs = results.pairs.iter();
    let pairs =
        pairs.map(|pair| with(pair, [("arm", name(pair.arm_index)), ("other", name(pair.other_index))]));
    json!({
        "claims": claims.collect::<Vec<_>>(),
        "arms": results.arms,
        "comparisons": comparisons.collect::<Vec<_>>(),
        "pooled": results.pooled,
        "gap": results.gap.as_ref().map(|table| json!({
            "training_error_measured": table.source,
            "rows": table.rows.iter().map(|row| {
                with(row, [("arm", name(row.arm_index)), ("baseline", name(row.baseline_index))])
            }).collect::<Vec<_>>(),
        })),
        "trend": results.trend.as_ref().map(|table| json!({
            "factor": study.factors[table.factor.index].name,
            "quantity": table.factor.quantity,
            "rows": table.rows,
        })),
        "factorial": results.factorial.as_ref().map(|factorial| json!({
            "factors": study.factors.iter().map(|factor| json!({ "name": factor.name, "levels": factor.levels })).collect::<Vec<_>>(),
            "seeds": factorial.seeds,
            "main_effects": factorial.main,
            "interactions": factorial.interactions,
        })),
        "overall": results.overall.as_ref().map(|overall| json!({
            "friedman_statistic": overall.friedman.statistic,
            "friedman_p": overall.friedman.p,
            "blocks": overall.friedman.blocks,
            "mean_ranks": overall.friedman.mean_ranks,
            "critical_difference": overall.critical_difference,
        })),
        "pairs": pairs.collect::<Vec<_>>(),
        "sequential": results.sequential,
    })
}

/// Returns the measurements.
fn measurements(results: &StudyResults) -> Value {
    let study = &results.study;
    let name = |arm: usize| json!(results.arms[arm].name);
    let secondary = results.secondary.iter().map(|metric| {
        let arms = metric.arms.iter().map(|arm| with(arm, [("arm", name(arm.arm_index))]));
        json!({ "metric": metric.name, "is_claimed": metric.is_claimed, "arms": arms.collect::<Vec<_>>() })
    });
    let images = results.scores.images.iter().enumerate().map(|(image, name)| {
        let means = (0..results.arms.len()).map(|arm| results.scores.mean(arm, image));
        json!({ "name": name, "means": means.collect::<Vec<_>>() })
    });
    let classes = results.classes.iter().map(|class| with(class, [("arm", name(class.arm_index))]));
    json!({
        "runs": results.runs,
        "regime": results.regime.map(|regime| json!({
            "training_error": regime.training_error,
            "training_error_measured": regime.source,
            "training_error_of_arms": regime.of_arms,
            "test_error": regime.test_error,
            "runs": regime.runs,
            "is_underfitted": regime.is_underfitted(),
        })),
        "anchor": results.anchor,
        "secondary": secondary.collect::<Vec<_>>(),
        "images": images.collect::<Vec<_>>(),
        "classes": classes.collect::<Vec<_>>(),
        "disagreements": results.disagreements,
        "search": study.search.as_ref().zip(results.search.as_ref()).map(|(asked, found)| json!({
            "lr": asked.lr,
            "rounds": found.rungs.iter().map(|rung| json!({
                "length": rung.length,
                "cells": rung.cells.iter().map(|cell| json!({
                    "arm": name(cell.arm_index),
                    "lr": cell.lr,
                    "value": cell.value,
                    "lost": cell.lost(),
                    "runs": cell.runs,
                    "survives": cell.survives,
                })).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
        })),
    })
}

/// Returns a value's own fields and fields from the surrounding results.
fn with<const N: usize>(value: impl Serialize, fields: [(&str, Value); N]) -> Value {
    let mut object = json!(value);
    for (key, value) in fields {
        object[key] = value;
    }
    object
}

/// Serialises the values of types as their stable names.
macro_rules! serialise_as_names {
    ($($named:ty),*) => {$(
        impl Serialize for $named {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }
    )*};
}

serialise_as_names!(Verdict, ClaimVerdict, PartVerdict, TrainingError, RunState, Statement);
serialise_as_names!(Correction, CostQuantity, TestKind);

impl Serialize for Interval {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        [self.low, self.high].serialize(serializer)
    }
}
