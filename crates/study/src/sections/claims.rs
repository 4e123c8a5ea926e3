//! The section of the claims of a study.

use allconv_document::number::p_equation;
use allconv_document::{Badge, Block, Cell, Column, Table, Text, Tone};

use super::cells;
use super::claim_sentence::{label, verdict_sentence};
use super::opening::regime_phrase;
use super::sentence::{NO_SPREAD, split_name};
use crate::metric::{MetricUnit, metric_label};
use crate::results::{ClaimResult, ClaimVerdict, ContrastResult, StudyResults};
use crate::stats::{Evidence, Statement};
use crate::text::counted;

/// Every claim with its verdict and contrasts, and how claims are tested; empty for a study without claims.
pub(crate) fn blocks(results: &StudyResults) -> Vec<Block> {
    if results.claims.is_empty() {
        return Vec::new();
    }
    let verdicts = results.claims.iter().map(|claim| (badge(claim), body(results, claim))).collect();
    vec![Block::heading(2, "Claims"), Block::Verdicts(verdicts), Block::remark(method(results))]
}

/// Every claim with its verdict in a sentence.
pub(crate) fn verdicts(results: &StudyResults) -> Block {
    let body = |claim: &ClaimResult| {
        let sentence = verdict_sentence(results, claim).map(Block::paragraph);
        std::iter::once(Block::paragraph(&claim.text)).chain(sentence).collect()
    };
    Block::Verdicts(results.claims.iter().map(|claim| (badge(claim), body(claim))).collect())
}

/// Returns how claims are tested, in sentences.
fn method(results: &StudyResults) -> String {
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
        results.study.compare.alpha
    )
}

fn badge(claim: &ClaimResult) -> Badge {
    let tone = match claim.verdict {
        ClaimVerdict::Holds => Tone::Good,
        ClaimVerdict::Fails => Tone::Bad,
        ClaimVerdict::Interim
        | ClaimVerdict::IntervalsOnly
        | ClaimVerdict::Open
        | ClaimVerdict::Lost
        | ClaimVerdict::NoSpread
        | ClaimVerdict::AtChance => Tone::Neutral,
    };
    Badge { label: label(claim).to_owned(), tone }
}

fn body(results: &StudyResults, claim: &ClaimResult) -> Vec<Block> {
    let p = claim_p(claim).map(|p| Text::soft(&format!(" ({p})"))).unwrap_or_default();
    let mut blocks = vec![Block::Paragraph(Text::from(&claim.text) + p)];
    blocks.extend(verdict_sentence(results, claim).map(Block::paragraph));
    blocks.push(Block::Table(contrasts(results, claim)));
    blocks.extend(reasons(claim).into_iter().map(Block::remark));
    blocks
}

fn contrasts(results: &StudyResults, claim: &ClaimResult) -> Table {
    let split = split_name(results.study.primary.split);
    let unit = |contrast: &ContrastResult| MetricUnit::of(&contrast.metric);
    let has_p =
        !matches!(claim.verdict, ClaimVerdict::Interim | ClaimVerdict::IntervalsOnly | ClaimVerdict::Lost);
    let p = |evidence: Option<Evidence>, read: fn(Evidence) -> f64| cells::p(evidence.map(read));
    let column = |heading: &str, test: &str| has_p.then(|| Column::number(heading).unit(test));
    Table::of(&claim.contrasts)
        .column(Column::prose("Contrast"), |contrast| Cell::plain(&contrast.name))
        .column(Column::text("In"), |contrast| format!("{split} {}", metric_label(&contrast.metric)))
        .column(Column::prose("Claimed"), |contrast| stated(contrast))
        .column(Column::number("Found"), |contrast| {
            let symbol = unit(contrast).difference_symbol();
            contrast
                .mean
                .map(|mean| format!("{} {symbol}", unit(contrast).signed(mean)).trim_end().to_owned())
        })
        .column(Column::number("95\u{a0}% interval"), |contrast| {
            cells::signed_interval(unit(contrast), contrast.interval)
        })
        .column(Column::number("n"), |contrast| contrast.values.len())
        .column(column("p for", "t"), |contrast| p(contrast.evidence, |found| found.p_for))
        .column(column("p against", "t"), |contrast| p(contrast.evidence, |found| found.p_against))
        .column(column("p for", "sign flips"), |contrast| p(contrast.flip_evidence, |found| found.p_for))
        .column(column("p against", "sign flips"), |contrast| {
            p(contrast.flip_evidence, |found| found.p_against)
        })
        .table()
}

/// Returns why a claim has no verdict, in sentences.
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
            "The arms of a contrast are no better than a reference without training; equivalence and non-inferiority are not claimed for arms that learned nothing."
                .to_owned(),
        );
    }
    reasons
}

/// The corrected p behind the verdict.
fn claim_p(claim: &ClaimResult) -> Option<String> {
    match claim.verdict {
        ClaimVerdict::Holds => Some(format!("corrected {}", p_equation(claim.corrected.p_for))),
        ClaimVerdict::Fails => {
            Some(format!("its opposite: corrected {}", p_equation(claim.corrected.p_against)))
        }
        ClaimVerdict::Open => Some(format!(
            "corrected {} for it, {} against it",
            p_equation(claim.corrected.p_for),
            p_equation(claim.corrected.p_against)
        )),
        ClaimVerdict::Interim
        | ClaimVerdict::IntervalsOnly
        | ClaimVerdict::Lost
        | ClaimVerdict::NoSpread
        | ClaimVerdict::AtChance => None,
    }
}

/// Returns the statement of a contrast: `lower`, `within ±1.00 pp`, `lower, or higher by less than 1.00 pp`.
fn stated(contrast: &ContrastResult) -> String {
    let unit = MetricUnit::of(&contrast.metric);
    let margin = match unit.difference_symbol() {
        "" => unit.value(contrast.margin),
        symbol => format!("{}\u{a0}{symbol}", unit.value(contrast.margin)),
    };
    match contrast.shows {
        Statement::Lower if contrast.margin == 0.0 => "lower".to_owned(),
        Statement::Higher if contrast.margin == 0.0 => "higher".to_owned(),
        Statement::Lower => format!("lower by more than {margin}"),
        Statement::Higher => format!("higher by more than {margin}"),
        Statement::Equivalent => format!("within ±{margin}"),
        Statement::NotLower => format!("at most {margin} lower"),
        Statement::NotHigher => format!("at most {margin} higher"),
    }
}
