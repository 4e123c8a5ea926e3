//! What came of the claims of a study.

use maud::{Markup, html};

use super::claim_sentence::{label, verdict_sentence};
use super::markdown::inline;
use super::number::p_value;
use super::opening::regime_phrase;
use super::sentence::{NO_SPREAD, split_name};
use crate::file::StudyFile;
use crate::metric::{MetricUnit, metric_label};
use crate::results::{ClaimResult, ClaimVerdict, ContrastResult, StudyResults};
use crate::stats::Statement;
use crate::text::counted;

/// The section; empty for a study without claims.
pub(crate) fn section(study: &StudyFile, results: &StudyResults) -> Markup {
    html! {
        @if !results.claims.is_empty() {
            section aria-label="Claims" {
                ul.answers {
                    @for claim in &results.claims {
                        li {
                            div { (badge(claim)) }
                            div { (body(study, results, claim)) }
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
        "A claim holds here when every one of its contrasts is shown, and fails here when the opposite of one is shown; else it is open here. “Here” is {}: \
         a claim that fails here is not contradicted elsewhere. One-sided paired t \
         tests on the seeds that all arms of a contrast finished; joined within a claim (intersection–union; Bonferroni for the opposite) and corrected \
         over the {} by Bonferroni's inequality, so that the chance of any wrong verdict here is at most α = {}. The parts of a claim that fails are \
         named at α divided by the claims and by its contrasts. Intervals are 95\u{a0}%, each for \
         itself; the p of single contrasts are uncorrected. The chances of a claim are those of its design at the spread that was found: true is no difference \
         (for “lower” and “higher”, one by the margin), false is a difference of twice the margin in one contrast.",
        regime_phrase(results).trim_start_matches("in "),
        counted(results.claims.len(), "claim"),
        study.compare.alpha
    )
}

fn badge(claim: &ClaimResult) -> Markup {
    let class = match claim.verdict {
        ClaimVerdict::Holds => "badge better",
        ClaimVerdict::Fails => "badge worse",
        ClaimVerdict::Interim
        | ClaimVerdict::IntervalsOnly
        | ClaimVerdict::Open
        | ClaimVerdict::Lost
        | ClaimVerdict::NoSpread
        | ClaimVerdict::AtChance => "badge",
    };
    html! { span class=(class) { (label(claim)) } }
}

fn body(study: &StudyFile, results: &StudyResults, claim: &ClaimResult) -> Markup {
    let has_p = has_p(claim);
    html! {
        p { strong { (claim.text) } @if let Some(p) = claim_p(claim) { " " span.soft { "(" (p) ")" } } }
        @if let Some(sentence) = verdict_sentence(results, claim) { p { (sentence) } }
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
                        @if has_p {
                            th scope="col" { "p for" span.unit { "t" } }
                            th scope="col" { "p against" span.unit { "t" } }
                            th scope="col" { "p for" span.unit { "sign flips" } }
                            th scope="col" { "p against" span.unit { "sign flips" } }
                        }
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
                                @for evidence in [contrast.evidence, contrast.flip_evidence] {
                                    td { (evidence.map_or("–".to_string(), |evidence| p_value(evidence.p_for))) }
                                    td { (evidence.map_or("–".to_string(), |evidence| p_value(evidence.p_against))) }
                                }
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
        ClaimVerdict::Holds => Some(format!("corrected {}", equation(claim.corrected.p_for))),
        ClaimVerdict::Fails => {
            Some(format!("its opposite: corrected {}", equation(claim.corrected.p_against)))
        }
        ClaimVerdict::Open => Some(format!(
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
        text.push_str(&format!("- **{}**: {}{p}\n", label(claim), inline(&claim.text)));
        if let Some(sentence) = verdict_sentence(results, claim) {
            text.push_str(&format!("  {}\n", inline(&sentence)));
        }
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
