//! What the study fixed beforehand, in which regime it was run, and what came of its claims.

use maud::{Markup, html};

use super::markdown::inline;
use super::number::p_value;
use super::page::with_code;
use super::sentence::{NO_SPREAD, metric_name, split_name, with_unit};
use crate::file::StudyFile;
use crate::metric::{MetricUnit, metric_label};
use crate::results::{ClaimResult, ClaimVerdict, ContrastResult, StudyResults};
use crate::stats::Statement;
use crate::text::counted;

/// The sentences on what counts as equal and on the regime.
pub(crate) fn beforehand(study: &StudyFile, results: &StudyResults) -> Markup {
    html! {
        @for sentence in opening_sentences(study, results) { p.fixed { (with_code(&sentence)) } }
    }
}

/// What counts as equal, the regime, and the anchor, as far as each is known.
pub(crate) fn opening_sentences(study: &StudyFile, results: &StudyResults) -> Vec<String> {
    [margin_sentence(study, results), regime_sentence(results), anchor_sentence(study, results)]
        .into_iter()
        .flatten()
        .collect()
}

/// What counts as equal; `None` for a study without a margin.
fn margin_sentence(study: &StudyFile, results: &StudyResults) -> Option<String> {
    let margin = study.compare.equivalence_margin?;
    Some(format!(
        "Fixed in the study file: two arms count as equivalent when their difference in {} is shown to lie within ±{}; no difference “not shown” counts as equality.",
        metric_name(study),
        with_unit(results, results.unit.value(margin))
    ))
}

/// Whether the networks fitted their training images; `None` where nobody measured it.
fn regime_sentence(results: &StudyResults) -> Option<String> {
    let regime = results.regime?;
    let unit = MetricUnit::Percent;
    let (training, test) = (unit.value(regime.training_error), unit.value(regime.test_error));
    Some(if regime.is_underfitted() {
        format!(
            "The regime is underfitted: at the end of training the networks still got {training}\u{a0}% of their training images wrong (last epoch, dropout included) and {test}\u{a0}% of the test images, means over {}. What holds here need not hold for networks trained to their end.",
            counted(regime.runs, "run")
        )
    } else {
        format!(
            "At the end of training the networks got {training}\u{a0}% of their training images wrong (last epoch, dropout included) and {test}\u{a0}% of the test images, means over {}.",
            counted(regime.runs, "run")
        )
    })
}

/// How the runs stand to what needs no network; `None` where nobody recorded it.
fn anchor_sentence(study: &StudyFile, results: &StudyResults) -> Option<String> {
    let anchor = results.anchor.as_ref()?;
    let unit = results.unit;
    let (least, most) = anchor.gains;
    let mut text = format!(
        "On the same images {} reaches a {} of {}. The {} gain {} to {} over it",
        anchor.label,
        metric_name(study),
        match unit {
            // Of a value, not of a difference.
            MetricUnit::Percent => format!("{}\u{a0}%", unit.value(anchor.value)),
            _ => with_unit(results, unit.value(anchor.value)),
        },
        counted(anchor.runs, "finished run"),
        unit.signed(least),
        with_unit(results, unit.signed(most)),
    );
    match anchor.least_image_gain {
        Some(gain) if gain > 0.0 => text.push_str(&format!(
            ", and are better on every single image, by at least {}",
            with_unit(results, unit.value(gain))
        )),
        Some(gain) => text.push_str(&format!(
            ", but on the image that suits them least one gains only {}",
            with_unit(results, unit.signed(gain))
        )),
        None => {}
    }
    text.push('.');
    Some(text)
}

/// The section; empty for a study without claims.
pub(crate) fn section(study: &StudyFile, results: &StudyResults) -> Markup {
    html! {
        @if !results.claims.is_empty() {
            section aria-label="Claims" {
                ul.answers {
                    @for claim in &results.claims {
                        li {
                            div { (badge(claim.verdict)) }
                            div { (body(study, claim)) }
                        }
                    }
                }
                p.soft.small { (method(study, results)) }
            }
        }
    }
}

/// How claims are judged, in sentences.
pub(crate) fn method(study: &StudyFile, results: &StudyResults) -> String {
    format!(
        "A claim is supported when every one of its contrasts is shown, and contradicted when the opposite of one is shown; else it is not decided. One-sided paired t \
         tests on the seeds that all arms of a contrast finished; joined within a claim (intersection–union; Bonferroni for the opposite) and corrected \
         over the {} by Bonferroni's inequality, so that the chance of any wrong verdict here is at most α = {}. Intervals are 95\u{a0}%, each for \
         itself; the p of single contrasts are uncorrected.",
        counted(results.claims.len(), "claim"),
        study.compare.alpha
    )
}

fn badge(verdict: ClaimVerdict) -> Markup {
    let class = match verdict {
        ClaimVerdict::Supported => "badge better",
        ClaimVerdict::Contradicted => "badge worse",
        ClaimVerdict::Interim
        | ClaimVerdict::IntervalsOnly
        | ClaimVerdict::NotDecided
        | ClaimVerdict::Lost
        | ClaimVerdict::NoSpread
        | ClaimVerdict::AtChance => "badge",
    };
    html! { span class=(class) { (verdict.label()) } }
}

fn body(study: &StudyFile, claim: &ClaimResult) -> Markup {
    let has_p = has_p(claim);
    html! {
        p { strong { (claim.text) } @if let Some(p) = claim_p(claim) { " " span.soft { "(" (p) ")" } } }
        div.scroll {
            table.contrasts {
                thead {
                    tr {
                        th.text scope="col" { "Contrast" }
                        th.text scope="col" { "In" }
                        th.text scope="col" { "Claimed" }
                        th scope="col" { "Found" }
                        th scope="col" { "95\u{a0}% interval" }
                        th scope="col" { "n" }
                        @if has_p { th scope="col" { "p for" } th scope="col" { "p against" } }
                    }
                }
                tbody {
                    @for contrast in &claim.contrasts {
                        @let unit = MetricUnit::of(&contrast.metric);
                        tr {
                            th scope="row" { (contrast.name) }
                            td.text { (split_name(study.primary.split)) " " (metric_label(&contrast.metric)) }
                            td.text { (stated(contrast)) }
                            td { (contrast.mean.map_or("–".to_string(), |mean| unit.signed(mean))) }
                            td { (interval(contrast)) }
                            td { (contrast.values.len()) }
                            @if has_p {
                                td { (contrast.evidence.map_or("–".to_string(), |evidence| p_value(evidence.p_for))) }
                                td { (contrast.evidence.map_or("–".to_string(), |evidence| p_value(evidence.p_against))) }
                            }
                        }
                    }
                }
            }
        }
        @for reason in reasons(claim) { p.soft.small { (reason) } }
    }
}

/// Why a claim has less than a verdict, in sentences.
fn reasons(claim: &ClaimResult) -> Vec<String> {
    let any = |is_so: fn(&ContrastResult) -> bool| claim.contrasts.iter().any(is_so);
    let mut reasons = Vec::new();
    if any(|contrast| contrast.values.is_empty()) {
        reasons.push("A contrast has no seed in which all of its values were measured.".to_owned());
    }
    if any(|contrast| contrast.has_no_spread) {
        reasons.push(format!("A contrast is the same in every seed. {NO_SPREAD}"));
    }
    if any(|contrast| contrast.is_at_chance) {
        reasons.push(
            "The arms of a contrast are no better than what needs no learning; that they are alike, or not worse, is not claimed of arms that learned nothing."
                .to_owned(),
        );
    }
    reasons
}

fn has_p(claim: &ClaimResult) -> bool {
    !matches!(claim.verdict, ClaimVerdict::Interim | ClaimVerdict::IntervalsOnly | ClaimVerdict::Lost)
}

/// The corrected p behind the verdict.
fn claim_p(claim: &ClaimResult) -> Option<String> {
    let equation = super::number::p_equation;
    match claim.verdict {
        ClaimVerdict::Supported => Some(format!("corrected {}", equation(claim.corrected.p_for))),
        ClaimVerdict::Contradicted => {
            Some(format!("its opposite: corrected {}", equation(claim.corrected.p_against)))
        }
        ClaimVerdict::NotDecided => Some(format!(
            "corrected {} for it, {} against it",
            equation(claim.corrected.p_for),
            equation(claim.corrected.p_against)
        )),
        ClaimVerdict::Interim
        | ClaimVerdict::IntervalsOnly
        | ClaimVerdict::Lost
        | ClaimVerdict::NoSpread
        | ClaimVerdict::AtChance => None,
    }
}

/// Where a contrast is said to lie: `lower`, `within ±1.00 pp`, `lower, or higher by less than 1.00 pp`.
fn stated(contrast: &ContrastResult) -> String {
    let unit = MetricUnit::of(&contrast.metric);
    let margin = match unit.difference_symbol() {
        "" => unit.value(contrast.margin),
        symbol => format!("{}\u{a0}{symbol}", unit.value(contrast.margin)),
    };
    match contrast.shows {
        Statement::Lower if contrast.margin == 0.0 => "lower".to_string(),
        Statement::Higher if contrast.margin == 0.0 => "higher".to_string(),
        Statement::Lower => format!("lower by more than {margin}"),
        Statement::Higher => format!("higher by more than {margin}"),
        Statement::Equivalent => format!("within ±{margin}"),
        Statement::NotLower => format!("at most {margin} lower"),
        Statement::NotHigher => format!("at most {margin} higher"),
    }
}

fn interval(contrast: &ContrastResult) -> String {
    let unit = MetricUnit::of(&contrast.metric);
    contrast
        .interval
        .map_or("–".to_string(), |ends| format!("{} to {}", unit.signed(ends.low), unit.signed(ends.high)))
}

/// The claims as a list in Markdown; empty for a study without.
pub(crate) fn markdown(study: &StudyFile, results: &StudyResults) -> String {
    if results.claims.is_empty() {
        return String::new();
    }
    let mut text = String::from("\n## Claims\n\n");
    for claim in &results.claims {
        let p = claim_p(claim).map(|p| format!(" ({p})")).unwrap_or_default();
        text.push_str(&format!("- **{}**: {}{p}\n", claim.verdict.label(), inline(&claim.text)));
        for contrast in &claim.contrasts {
            let unit = MetricUnit::of(&contrast.metric);
            let symbol = match unit.difference_symbol() {
                "" => String::new(),
                symbol => format!(" {symbol}"),
            };
            let found = contrast.mean.map_or("nothing measured".to_string(), |mean| {
                let (mean, n) = (unit.signed(mean), contrast.values.len());
                format!("found {mean}{symbol} (95 % interval {}; n = {n})", interval(contrast))
            });
            text.push_str(&format!(
                "  - {}, {} {}: claimed {}; {found}\n",
                inline(&contrast.name),
                split_name(study.primary.split),
                inline(&metric_label(&contrast.metric)),
                stated(contrast),
            ));
        }
        for reason in reasons(claim) {
            text.push_str(&format!("  - {reason}\n"));
        }
    }
    text.push_str(&format!("\n{}\n", method(study, results)));
    text
}
