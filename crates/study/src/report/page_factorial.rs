//! Main effects and interactions of a factorial study: sentences for the main effects, tables for both.

use maud::{Markup, html};

use super::number::{p_equation, p_value};
use super::page::badge;
use super::page_table::has_p;
use super::sentence::{correction_name, metric_name, signed_interval, with_unit};
use crate::file::StudyFile;
use crate::results::{EffectResult, FactorialResult, StudyResults};

/// How the effects are corrected.
pub(crate) const FAMILIES: &str = "Main effects and interactions are two families, each corrected by itself; where there is a margin, the equivalences of main effects are a third.";

/// The section; empty unless the study crosses factors and has a complete seed.
pub(crate) fn section(study: &StudyFile, results: &StudyResults) -> Markup {
    html! {
        @if let Some(factorial) = &results.factorial {
            section {
                h2 { "Factors" }
                p { (method(study, results, factorial)) " " (FAMILIES) }
                h3 { "Main effects" }
                (table(study, results, &factorial.main, study.compare.equivalence_margin.is_some()))
                @if !factorial.interactions.is_empty() {
                    h3 { "Interactions" }
                    p { "By how much the first difference is larger where the second factor has its other level. Zero means that the two factors add up." }
                    (table(study, results, &factorial.interactions, false))
                }
            }
        }
    }
}

fn method(study: &StudyFile, results: &StudyResults, factorial: &FactorialResult) -> String {
    let factors: Vec<String> = study
        .factors
        .iter()
        .map(|factor| format!("{} ({})", factor.name, factor.levels.join(", ")))
        .collect();
    let mut text = format!(
        "Every combination of {} was run. An effect is computed within each seed, and averaged over the {} of {} seeds in which every arm \
         finished; a main effect is the difference between two levels, averaged over all levels of the other factors. Intervals and p are those \
         of a paired t test over the seeds",
        factors.join(" × "),
        factorial.seeds.len(),
        factorial.planned,
    );
    if has_p(results) {
        text.push_str(&format!(", {}over each table", correction_name(study.compare.correction)));
    }
    text.push_str(&format!(". Differences are of the {}.", metric_name(study)));
    text
}

fn table(study: &StudyFile, results: &StudyResults, effects: &[EffectResult], has_margin: bool) -> Markup {
    let unit = results.unit.difference_symbol();
    let p = |p: Option<f64>| p.filter(|_| has_p(results)).map_or("–".to_string(), p_value);
    html! {
        div.scroll {
            table {
                thead {
                    tr {
                        th.text scope="col" { "Effect" }
                        th.text scope="col" { "Verdict" }
                        th scope="col" { "Difference" span.unit { (unit) } }
                        th scope="col" { "95\u{a0}% interval" span.unit { (unit) } }
                        th scope="col" { "p" span.unit { (study.compare.correction.name()) } }
                        @if has_margin { th scope="col" { "Equivalence" span.unit { "p, corrected" } } }
                    }
                }
                tbody {
                    @for effect in effects {
                        tr {
                            th scope="row" { (effect.name) }
                            td.text { (badge(effect.verdict)) }
                            td { (results.unit.signed(effect.mean)) }
                            td { (signed_interval(results, effect.interval)) }
                            td { (p(effect.corrected_p)) }
                            @if has_margin { td { (p(effect.corrected_equivalence_p)) } }
                        }
                    }
                }
            }
        }
    }
}

/// One main effect as a sentence for texts.
pub(crate) fn effect_sentence(study: &StudyFile, results: &StudyResults, effect: &EffectResult) -> String {
    let shown = effect.corrected_p.filter(|_| has_p(results));
    let p = shown.map(|p| format!("; {}{}", correction_name(study.compare.correction), p_equation(p)));
    // A main effect names one factor, an interaction two.
    let named = effect.name.matches(": ").count();
    let averaged = if study.factors.len() > named { ", averaged over the other factors" } else { "" };
    format!(
        "{}{averaged}: {} (95\u{a0}% interval {}; n\u{a0}=\u{a0}{}{}): {}.",
        effect.name,
        with_unit(results, results.unit.signed(effect.mean)),
        signed_interval(results, effect.interval),
        effect.values.len(),
        p.unwrap_or_default(),
        effect.verdict.label()
    )
}
