//! `results.json`: everything the report says, for machines.

use serde_json::{Value, json};

use crate::file::{Better, StudyFile};
use crate::results::{
    ArmResult, ClaimResult, ComparisonResult, EffectResult, GapTable, Part, RunResult, SecondaryMetric,
    StudyResults, TrendTable,
};
use crate::sections::{claim_label, exploratory, sentence, verdict_sentence};
use crate::stats::Interval;

/// The `schema` field of `results.json`. `docs/studies.md` lists the fields; the number is raised when a field changes its meaning or
/// goes away, not when one is added.
pub const RESULTS_SCHEMA: &str = "allconv.study.results/1";

/// The file, keys sorted, two spaces of indent.
pub(crate) fn results_json(results: &StudyResults) -> String {
    let study = &results.study;
    let better = match study.primary.better {
        Better::Lower => "lower",
        Better::Higher => "higher",
    };
    let value = json!({
        "schema": RESULTS_SCHEMA,
        "study": study.name,
        "question": study.question,
        "caveat": study.caveat,
        "disclosures": study.disclosures,
        "study_file_sha256": study.sha256(),
        "primary": { "metric": study.primary.metric, "split": study.primary.split.name(), "better": better },
        "compare": {
            "baseline": study.compare.baseline.name(),
            "test": study.compare.test.name(),
            "alpha": study.compare.alpha,
            "correction": study.compare.correction.name(),
            "equivalence_margin": study.compare.equivalence_margin,
            "seeds_needed": results.statistics.seeds_needed,
        },
        "warnings": results.warnings,
        "regime": results.regime.map(|regime| json!({
            "training_error": regime.training_error,
            "training_error_measured": regime.source.name(),
            "training_error_of_arms": [regime.of_arms.0, regime.of_arms.1],
            "test_error": regime.test_error,
            "runs": regime.runs,
            "is_underfitted": regime.is_underfitted(),
        })),
        "anchor": results.anchor.as_ref().map(|anchor| json!({
            "label": anchor.label,
            "value": anchor.value,
            "runs": anchor.runs,
            "gains": [anchor.gains.0, anchor.gains.1],
            "least_image_gain": anchor.least_image_gain,
        })),
        "families": {
            "confirmatory": results.claims.len(),
            "exploratory": exploratory(results).iter().map(|family| json!({ "name": family.name, "families": family.families, "tests": family.tests })).collect::<Vec<_>>(),
        },
        "folds": results.statistics.folds.map(|folds| json!({
            "folds": folds.folds,
            "test_per_training": folds.test_per_training,
            "is_counted": folds.is_counted,
            "interval_factor": folds.factor(),
        })),
        "pooled": results.pooled.map(|pooled| json!({
            "standard_deviation": pooled.spread,
            "degrees_of_freedom": pooled.degrees_of_freedom,
            "seeds": pooled.seeds,
            "equal_spread_p": pooled.equal_spread_p,
        })),
        "gap": results.gap.as_ref().map(|table| gap(results, table)),
        "trend": results.trend.as_ref().map(|table| trend(study, table)),
        "claims": results.claims.iter().map(|claim| self::claim(results, claim)).collect::<Vec<_>>(),
        "secondary": results.secondary.iter().map(|metric| secondary(results, metric)).collect::<Vec<_>>(),
        "images": images(results),
        "arms": results.arms.iter().map(arm).collect::<Vec<_>>(),
        "comparisons": results.comparisons.iter().map(|comparison| self::comparison(results, comparison)).collect::<Vec<_>>(),
        "reference": study.reference.as_ref().map(|reference| &reference.label),
        "sequential": results.sequential.as_ref().map(|sequential| json!({
            "looks": sequential.looks.iter().map(|look| json!({ "seeds": look.seeds, "level": look.level })).collect::<Vec<_>>(),
            "reached": sequential.reached,
            "has_stopped": sequential.has_stopped,
            "decided_at": sequential.decided_at,
        })),
        "factorial": results.factorial.as_ref().map(|factorial| json!({
            "factors": study.factors.iter().map(|factor| json!({ "name": factor.name, "levels": factor.levels })).collect::<Vec<_>>(),
            "seeds": factorial.seeds,
            "main_effects": factorial.main.iter().map(effect).collect::<Vec<_>>(),
            "interactions": factorial.interactions.iter().map(effect).collect::<Vec<_>>(),
        })),
        "search": study.search.as_ref().zip(results.search.as_ref()).map(|(asked, found)| json!({
            "lr": asked.lr,
            "rounds": found.rungs.iter().map(|rung| json!({
                "length": rung.length,
                "cells": rung.cells.iter().map(|cell| json!({
                    "arm": study.arms[cell.arm_index].name,
                    "lr": cell.lr,
                    "value": cell.value,
                    "lost": cell.lost(),
                    "runs": cell.runs.iter().map(run).collect::<Vec<_>>(),
                    "survives": cell.survives,
                })).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
        })),
        "pairs": results.pairs.iter().map(|pair| json!({
            "arm": results.arms[pair.arm_index].name,
            "other": results.arms[pair.other_index].name,
            "n": pair.n,
            "difference": pair.mean,
            "interval_95": interval(pair.interval),
            "corrected_p": pair.corrected_p,
            "rank_difference": pair.ranks.map(|(gap, _)| gap),
            "ranks_differ": pair.ranks.map(|(_, differs)| differs),
        })).collect::<Vec<_>>(),
        "classes": results.classes.iter().map(|class| json!({
            "arm": results.arms[class.arm_index].name,
            "runs": class.runs,
            "confusion": class.confusion,
            "differences": class.differences.iter().map(|difference| difference.map(|difference| json!({
                "difference": difference.mean,
                "interval_95": interval(difference.interval),
                "corrected_p": difference.corrected_p,
            }))).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "disagreements": results.disagreements.iter().map(|example| json!({
            "sample": example.sample,
            "label": example.label,
            "right": example.right,
            "predicted": example.predicted,
        })).collect::<Vec<_>>(),
        "overall": results.overall.as_ref().map(|overall| json!({
            "friedman_statistic": overall.friedman.statistic,
            "friedman_p": overall.friedman.p,
            "blocks": overall.friedman.blocks,
            "mean_ranks": overall.friedman.mean_ranks,
            "critical_difference": overall.critical_difference,
        })),
        "runs": results.runs.iter().map(run).collect::<Vec<_>>(),
    });
    format!("{value:#}\n")
}

fn interval(interval: Option<Interval>) -> Value {
    interval.map_or(Value::Null, |interval| json!([interval.low, interval.high]))
}

fn part(part: Part) -> Value {
    json!({ "difference": part.mean, "interval_95": interval(part.interval) })
}

fn gap(results: &StudyResults, table: &GapTable) -> Value {
    json!({
        "training_error_measured": table.source.name(),
        "rows": table.rows.iter().map(|row| json!({
            "arm": results.arms[row.arm_index].name,
            "baseline": results.arms[row.baseline_index].name,
            "n": row.n,
            "test": part(row.test),
            "training": part(row.training),
            "gap": part(row.gap),
        })).collect::<Vec<_>>(),
    })
}

fn trend(study: &StudyFile, table: &TrendTable) -> Value {
    json!({
        "factor": study.factors[table.factor.index].name,
        "quantity": table.factor.quantity,
        "rows": table.rows.iter().map(|row| json!({
            "name": row.name,
            "n": row.n,
            "points": row.points.iter().map(|(number, mean, ends)| json!({
                "number": number,
                "difference": mean,
                "interval_95": interval(*ends),
            })).collect::<Vec<_>>(),
            "per_doubling": row.slope,
            "interval_95": interval(row.slope_interval),
            "corrected_p": row.corrected_p,
            // A power of two may be too large for a number; then it is no place.
            "crossing": row.crossing.and_then(|found| found.place).map(f64::exp2).filter(|place| place.is_finite()),
            "crossing_95": row
                .crossing
                .and_then(|found| found.interval)
                .map(|ends| [ends.low.exp2(), ends.high.exp2()])
                .filter(|ends| ends[1].is_finite()),
        })).collect::<Vec<_>>(),
    })
}

fn arm(arm: &ArmResult) -> Value {
    let summary = arm.summary;
    let cost = arm.cost.as_ref();
    let mut value = json!({
        "name": arm.name,
        "is_baseline": arm.is_baseline,
        "reference": arm.reference,
        "searched_lr": arm.searched_lr,
        "n": arm.values.len(),
        "mean": summary.map(|summary| summary.mean),
        "standard_deviation": summary.and_then(|summary| summary.standard_deviation),
        "median": summary.map(|summary| summary.median),
        "interquartile_mean": summary.map(|summary| summary.interquartile_mean),
        "interval_95": interval(arm.interval),
        "bootstrap_95": interval(arm.bootstrap),
        "ended": arm.ended,
        "lost": arm.lost,
        "lost_interval_95": interval(arm.lost_interval),
        "parameters": cost.map(|cost| cost.parameters),
        "macs": cost.map(|cost| cost.macs),
        "activation_bytes": cost.map(|cost| cost.activation_bytes),
        "receptive_field": cost.map(|cost| cost.receptive_field),
        "training_seconds": arm.training_seconds,
        "images_per_second": arm.images_per_second,
        "peak_memory_bytes": arm.peak_memory_bytes,
        "latency_1_seconds": arm.latency_1_seconds,
        "latency_128_seconds": arm.latency_128_seconds,
    });
    if let Some(pass) = arm.forward_pass {
        value["forward_pass"] = json!({
            "images": pass.images,
            "rounds": pass.rounds,
            "seconds": pass.seconds,
            "ratio": pass.ratio.map(|(median, least, most)| json!({ "median": median, "least": least, "most": most })),
        });
    }
    // Only where arms are matched, which most studies do not do.
    if let Some(matched) = &arm.matched {
        value["matched"] = json!({
            "quantity": matched.quantity.name(),
            "baseline": matched.baseline,
            "share": matched.share,
            "width": matched.width,
        });
    }
    value
}

fn effect(effect: &EffectResult) -> Value {
    json!({
        "name": effect.name,
        "n": effect.values.len(),
        "difference": effect.mean,
        "interval_95": interval(effect.interval),
        "p": effect.p,
        "corrected_p": effect.corrected_p,
        "corrected_equivalence_p": effect.corrected_equivalence_p,
        "verdict": effect.verdict.name(),
    })
}

fn claim(results: &StudyResults, claim: &ClaimResult) -> Value {
    let mut value = json!({
        "name": claim.name,
        "text": claim.text,
        "verdict": claim.verdict.name(),
        "corrected_p_for": claim.corrected.p_for,
        "corrected_p_against": claim.corrected.p_against,
        "corrected_flip_p_for": claim.corrected_by_flips.map(|flips| flips.p_for),
        "corrected_flip_p_against": claim.corrected_by_flips.map(|flips| flips.p_against),
        "tests_disagree": claim.tests_disagree,
        "chance_holds_if_true": claim.chances.map(|chances| chances.holds_if_true),
        "chance_fails_if_false": claim.chances.map(|chances| chances.fails_if_false),
        "contradicts_reference": claim.contradiction.is_some(),
        "label": claim_label(claim),
        "sentence": verdict_sentence(results, claim),
        "contrasts": claim.contrasts.iter().map(|contrast| json!({
            "name": contrast.name,
            "metric": contrast.metric,
            "shows": contrast.shows.name(),
            "margin": contrast.margin,
            "n": contrast.values.len(),
            "difference": contrast.mean,
            "interval_95": interval(contrast.interval),
            "p_for": contrast.evidence.map(|evidence| evidence.p_for),
            "p_against": contrast.evidence.map(|evidence| evidence.p_against),
            "flip_p_for": contrast.flip_evidence.map(|evidence| evidence.p_for),
            "flip_p_against": contrast.flip_evidence.map(|evidence| evidence.p_against),
            "part": contrast.part.name(),
        })).collect::<Vec<_>>(),
    });
    if let Some(contradiction) = claim.contradiction {
        value["contradicted_because"] = contradiction.name().into();
    }
    value
}

fn secondary(results: &StudyResults, metric: &SecondaryMetric) -> Value {
    json!({
        "metric": metric.name,
        "is_claimed": metric.is_claimed,
        "arms": metric.arms.iter().map(|arm| json!({
            "arm": results.arms[arm.arm_index].name,
            "n": arm.values.len(),
            "mean": arm.summary.map(|summary| summary.mean),
            "standard_deviation": arm.summary.and_then(|summary| summary.standard_deviation),
            "interval_95": interval(arm.interval),
            "difference": arm.difference.map(|difference| json!({
                "n": difference.n,
                "difference": difference.mean,
                "interval_95": interval(difference.interval),
                "corrected_p": difference.corrected_p,
            })),
        })).collect::<Vec<_>>(),
    })
}

/// The mean of the primary metric over the runs of every arm, image by image.
fn images(results: &StudyResults) -> Vec<Value> {
    let arms = 0..results.arms.len();
    let of_image = |(position, name): (usize, &String)| {
        let means: Vec<Option<f64>> = arms.clone().map(|arm| results.scores.mean(arm, position)).collect();
        json!({ "name": name, "means": means })
    };
    results.scores.images.iter().enumerate().map(of_image).collect()
}

fn comparison(results: &StudyResults, comparison: &ComparisonResult) -> Value {
    json!({
        "arm": comparison.arm,
        "baseline": comparison.baseline,
        "n": comparison.n(),
        "difference": comparison.mean_difference,
        "interval_95": interval(comparison.interval),
        "pooled_interval_95": interval(comparison.pooled_interval),
        "practical": comparison.practical.map(|(worse, within, better)| json!({ "worse": worse, "within": within, "better": better })),
        "p": comparison.p,
        "corrected_p": comparison.corrected_p,
        "equivalence_p": comparison.equivalence_p,
        "corrected_equivalence_p": comparison.corrected_equivalence_p,
        "paired_t_p": comparison.paired_t_p,
        "permutation_p": comparison.permutation_p,
        "corrected_permutation_p": comparison.corrected_permutation_p,
        "tests_disagree": comparison.tests_disagree,
        "wilcoxon_p": comparison.wilcoxon_p,
        "effect_size": comparison.effect.map(|effect| effect.value),
        "effect_size_95": interval(comparison.effect.map(|effect| effect.interval)),
        "probability_of_improvement": comparison.probability_of_improvement,
        "seeds_for_margin": comparison.seeds_for_margin,
        "examples": comparison.examples.as_ref().map(|examples| json!({
            "examples": examples.examples,
            "seeds": examples.seeds,
            "only_arm_right": examples.only_arm_right,
            "only_baseline_right": examples.only_baseline_right,
            "difference": examples.difference,
            "interval_95": interval(examples.interval),
            "seeds_that_differ": examples.seeds_that_differ,
        })),
        "images": comparison.images.as_ref().map(|images| json!({
            "images": images.images,
            "seeds": images.seeds,
            "better": images.better,
            "difference": images.mean,
            "interval_95": interval(images.interval),
        })),
        "verdict": comparison.verdict.name(),
        "sentence": sentence(results, comparison),
    })
}

fn run(run: &RunResult) -> Value {
    let record = run.record.as_ref();
    json!({
        "arm": run.arm,
        "seed": run.seed,
        "state": run.state.name(),
        "reason": run.reason,
        "value": run.value,
        "folder": run.folder_name(),
        "step": record.map(|record| record.step),
        "total_steps": record.map(|record| record.total_steps),
        "training_seconds": record.map(|record| record.timings.training_seconds),
        "images_per_second": record.map(|record| record.timings.images_per_second),
        "measured": record.and_then(|record| record.measured.as_ref()),
        "study_file_sha256": record.and_then(|record| record.study_file_sha256.as_deref()),
        "specification_hash": record.map(|record| record.specification_hash.as_str()),
        "request_hash": record.map(|record| record.request_hash.as_str()),
    })
}
