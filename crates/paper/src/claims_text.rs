//! Claims as lists: as they were registered, and as they were decided.

use allconv_study::results::{ClaimResult, ContrastResult};
use allconv_study::stats::Statement;
use allconv_study::{Contrast, MetricUnit, metric_label};

use crate::latex;
use crate::library::{Standing, Study};
use crate::show;

/// The claims as the study file has them: `\regclaims`.
pub(crate) fn registered(study: &Study) -> String {
    let items: Vec<String> = study
        .file
        .claims
        .iter()
        .map(|claim| {
            let contrasts: Vec<String> = claim
                .contrasts
                .iter()
                .map(|contrast| format!("{} {}", latex::escaped(&spelled(&contrast.name)), stated(contrast)))
                .collect();
            format!(
                "  \\item {}: {} {{\\footnotesize ({})}}",
                latex::code(&claim.name),
                latex::escaped(&claim.text),
                contrasts.join("; ")
            )
        })
        .collect();
    list(&items)
}

/// The claims with their verdicts: `\claimtable`. Empty before the first run.
pub(crate) fn decided(study: &Study) -> String {
    if study.made() == 0 {
        return String::new();
    }
    list(&study.results.claims.iter().map(|claim| item(study, claim)).collect::<Vec<_>>())
}

fn item(study: &Study, claim: &ClaimResult) -> String {
    let is_final = study.standing() == Standing::Final;
    let verdict = if is_final { claim.verdict.label() } else { "runs missing" };
    let contrasts: Vec<String> = claim.contrasts.iter().filter_map(found).collect();
    let chances = claim.chances.filter(|_| is_final).map(|chances| {
        format!(
            "; chance of ``holds'' if true {}, of ``fails'' if false {}",
            show::chance(chances.holds_if_true),
            show::chance(chances.fails_if_false)
        )
    });
    format!(
        "  \\item \\textbf{{{verdict}}}: {} {{\\footnotesize ({}{})}}",
        latex::escaped(&claim.text),
        contrasts.join("; "),
        chances.unwrap_or_default()
    )
}

/// What was found for a contrast; `None` without a value.
fn found(contrast: &ContrastResult) -> Option<String> {
    let unit = MetricUnit::of(&contrast.metric);
    let interval = contrast.interval.map(|interval| format!(" {}", show::bare_interval(unit, interval)));
    Some(format!(
        "{}: {}{}, $n={}$",
        latex::escaped(&spelled(&contrast.name)),
        show::difference(unit, contrast.mean?),
        interval.unwrap_or_default(),
        contrast.values.len()
    ))
}

/// Where a contrast is said to lie.
fn stated(contrast: &Contrast) -> String {
    let unit = MetricUnit::of(&contrast.metric);
    let margin = show::difference(unit, contrast.margin).replacen("$+", "$", 1);
    let stated = match contrast.shows {
        Statement::Lower if contrast.margin == 0.0 => "is below zero".to_owned(),
        Statement::Higher if contrast.margin == 0.0 => "is above zero".to_owned(),
        Statement::Lower => format!("is below zero by more than {margin}"),
        Statement::Higher => format!("is above zero by more than {margin}"),
        Statement::Equivalent => format!("lies within {}", show::margin(unit, contrast.margin)),
        Statement::NotLower => format!("is not below zero by {margin} or more"),
        Statement::NotHigher => format!("is not above zero by {margin} or more"),
    };
    format!("in {} {stated}", latex::escaped(&metric_label(&contrast.metric)))
}

/// Names of arms with spaces for underscores: they are words here, and lines may end in them.
fn spelled(name: &str) -> String {
    name.replace('_', " ")
}

fn list(items: &[String]) -> String {
    if items.is_empty() {
        return String::new();
    }
    format!(
        "\\begin{{itemize}}\\setlength{{\\itemsep}}{{1pt}}\\setlength{{\\parskip}}{{0pt}}\n{}\n\\end{{itemize}}",
        items.join("\n")
    )
}
