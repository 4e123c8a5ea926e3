//! `index.html`: one file that needs no network and no other file, and is whole without its script.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::base64::base64;
use super::figure::{FIGURE_STYLE, Figure, arm_classes};
use super::page_disagreement::Pictures;
use super::sentence::sentence;
use super::{figure_cost, figure_curves, figure_results, figure_trend};
use super::{
    opening, page_claims, page_classes, page_comparisons, page_disagreement, page_factorial, page_gap,
    page_pictures, page_protocol, page_runs, page_search, page_secondary, page_table, page_trend,
};
use crate::file::StudyFile;
use crate::index::RunState;
use crate::results::{Direction, StudyResults, Verdict};
use crate::text::counted;
use allconv_record::SplitName;

const STYLE: &str = include_str!("style.css");

const SCRIPT: &str = include_str!("script.js");

/// No script but the page's own may run and nothing may be fetched, whatever the study file and the runs contain.
fn policy() -> String {
    let hash = base64(&Sha256::digest(SCRIPT.as_bytes()));
    format!(
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'"
    )
}

/// Comparisons up to which their sentences stand before the main figure.
const MOST_ANSWERS_FIRST: usize = 5;

/// Metrics beside the primary one that have a figure; planned ones come first.
const MOST_METRIC_FIGURES: usize = 12;

/// The figures of a report.
pub(crate) struct Figures {
    main: Figure,
    curves: Vec<Figure>,
    costs: Vec<Figure>,
    trend: Option<Figure>,
    /// One for each of the first metrics beside the primary one, in their order.
    pub(crate) secondary: Vec<Figure>,
}

impl Figures {
    /// All of them, in the order of the page.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Figure> {
        std::iter::once(&self.main)
            .chain(&self.trend)
            .chain(&self.curves)
            .chain(&self.costs)
            .chain(&self.secondary)
    }
}

/// Draws all figures of a study.
pub(crate) fn figures(study: &StudyFile, results: &StudyResults) -> Figures {
    let metric = study.primary.metric.as_str();
    let mut curves = vec![
        figure_curves::figure(results, SplitName::Valid, metric, "curve-validation"),
        figure_curves::figure(results, SplitName::Train, "loss", "curve-training-loss"),
    ];
    if curves[0].is_none() && metric != "loss" {
        // Without a validation split, the training curve of the same metric is all there is.
        curves[0] = figure_curves::figure(results, SplitName::Train, metric, "curve-training");
    }
    let secondary = results.secondary.iter().take(MOST_METRIC_FIGURES);
    Figures {
        main: figure_results::figure(study, results),
        curves: curves.into_iter().flatten().collect(),
        costs: figure_cost::figures(study, results),
        trend: figure_trend::figure(study, results),
        secondary: secondary.map(|metric| figure_results::secondary(study, results, metric)).collect(),
    }
}

/// The whole page. `json` is embedded for machines.
pub(crate) fn page(
    study: &StudyFile,
    results: &StudyResults,
    (figures, pictures): (&Figures, &Pictures),
    json: &str,
) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content={ "allconv " (env!("CARGO_PKG_VERSION")) };
                title { (study.name) ": " (study.question) }
                style { (PreEscaped(STYLE)) (PreEscaped(FIGURE_STYLE)) (PreEscaped(toggles(results.arms.len()))) }
            }
            body {
                header { (head(study, results)) }
                main {
                    (opening::beforehand(study, results))
                    (page_claims::section(study, results))
                    // Many sentences would push the picture off the first screen.
                    @if results.comparisons.len() > MOST_ANSWERS_FIRST || !results.claims.is_empty() {
                        (main_figure(study, results, figures))
                        (answers(study, results))
                    } @else {
                        (answers(study, results))
                        (main_figure(study, results, figures))
                    }
                    (page_table::section(study, results))
                    (page_gap::section(results))
                    (page_trend::section(study, results, figures.trend.as_ref()))
                    (page_pictures::section(study, results))
                    (page_factorial::section(study, results))
                    (curves(results, figures))
                    (page_comparisons::section(study, results))
                    (page_secondary::section(study, results, &figures.secondary))
                    (costs(figures))
                    (page_classes::section(results, &pictures.class_names))
                    (page_disagreement::section(results, pictures))
                    (page_search::section(study, results))
                    (page_runs::section(study, results))
                    (page_protocol::section(study, results))
                }
                footer { "Written by allconv " (env!("CARGO_PKG_VERSION")) " from the study file and its run directories; the same input gives the same bytes." }
                // The policy above keeps this from being anything but data.
                script type="application/json" id="results" { (PreEscaped(json.replace('<', "\\u003c"))) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    let mut text = page.into_string();
    text.push('\n');
    text
}

/// Rules by which the boxes of the legend hide arms, without a script.
fn toggles(arms: usize) -> String {
    (0..arms)
        .map(|arm| format!("body:has(#show-a{arm}:not(:checked)) .toggled .a{arm}{{display:none}}"))
        .collect()
}

fn head(study: &StudyFile, results: &StudyResults) -> Markup {
    html! {
        p.kicker { "allconv study " code { (study.name) } " · " (progress(results)) }
        h1 { (study.question) }
        @if let Some(caveat) = &study.caveat { div.note { p { strong { "Caveat. " } (with_code(caveat)) } } }
        @for disclosure in &study.disclosures { div.note { p { strong { "Disclosed. " } (with_code(disclosure)) } } }
        @if !results.warnings.is_empty() {
            div.note role="note" {
                p { strong { "Before you compare." } }
                ul { @for warning in &results.warnings { li { (warning) } } }
            }
        }
    }
}

/// `36 runs: 35 done, 1 diverged`.
pub(crate) fn progress(results: &StudyResults) -> String {
    let count = |state| results.runs.iter().filter(|run| run.state == state).count();
    let parts: Vec<String> = RunState::ALL
        .into_iter()
        .map(|state| (count(state), state))
        .filter(|(count, _)| *count > 0)
        .map(|(count, state)| format!("{count} {}", state.name()))
        .collect();
    let searched = results.search.iter().flat_map(|search| &search.rungs).flat_map(|rung| &rung.cells);
    let searched: usize = searched.map(|cell| cell.runs.len()).sum();
    let search =
        if searched > 0 { format!("; {searched} more searched for learning rates") } else { String::new() };
    format!("{}: {}{search}", counted(results.runs.len(), "run"), parts.join(", "))
}

fn answers(study: &StudyFile, results: &StudyResults) -> Markup {
    html! {
        section aria-label="Answer" {
            @if results.comparisons.is_empty() {
                p { "The study has one arm, so there is nothing to compare." }
            } @else {
                ul.answers {
                    @for comparison in &results.comparisons {
                        li {
                            div { (badge(comparison.verdict)) }
                            p { (with_code(&sentence(study, results, comparison))) }
                        }
                    }
                }
            }
        }
    }
}

/// The verdict as a word in its colour.
pub(crate) fn badge(verdict: Verdict) -> Markup {
    let class = match verdict {
        Verdict::Shown(Direction::Better) | Verdict::ShownButEquivalent(Direction::Better) => "badge better",
        Verdict::Shown(Direction::Worse) | Verdict::ShownButEquivalent(Direction::Worse) => "badge worse",
        Verdict::Equivalent => "badge same",
        Verdict::NoPairs
        | Verdict::Interim
        | Verdict::IntervalsOnly
        | Verdict::NotShown
        | Verdict::Lost
        | Verdict::NoSpread
        | Verdict::AtChance => "badge",
    };
    html! { span class=(class) { (verdict.label()) } }
}

/// What stands between backticks as code.
pub(crate) fn with_code(sentence: &str) -> Markup {
    html! {
        @for (index, part) in sentence.split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

fn main_figure(study: &StudyFile, results: &StudyResults, figures: &Figures) -> Markup {
    html! {
        figure {
            div.scroll { (figures.main.inline()) }
            figcaption { (main_caption(study, results)) }
        }
    }
}

fn main_caption(study: &StudyFile, results: &StudyResults) -> String {
    let mut text = String::from(
        "Left: every finished run is a point; the diamond is the arm's mean over seeds, the bar its 95\u{a0}% t interval.",
    );
    if !results.comparisons.is_empty() {
        text.push_str(" Right: differences to the baseline for the same seed (thin marks), their mean and its 95\u{a0}% interval.");
        if study.compare.equivalence_margin.is_some() {
            text.push_str(" The shaded strip is the equivalence margin.");
        }
        text.push_str(" Intervals are per comparison; the p values in the sentences are corrected.");
    }
    text
}

fn curves(results: &StudyResults, figures: &Figures) -> Markup {
    html! {
        @if !figures.curves.is_empty() {
            section {
                h2 { "Learning curves" }
                fieldset.legend {
                    legend { "Arms shown in the curves and in the figures of cost" }
                    @for (index, arm) in results.arms.iter().enumerate() {
                        label class=(arm_classes(index)) {
                            input type="checkbox" id={ "show-a" (index) } checked;
                            span.swatch {} (arm.name)
                        }
                    }
                }
                figure.toggled {
                    div.pair { @for figure in &figures.curves { div { (figure.inline()) } } }
                    figcaption { "Lines are means over the finished seeds of an arm, bands reach from the lowest to the highest seed. Dotted lines are single runs that did not finish." }
                }
            }
        }
    }
}

fn costs(figures: &Figures) -> Markup {
    html! {
        @if !figures.costs.is_empty() {
            section {
                h2 { "Result against cost" }
                figure.toggled {
                    div.pair { @for figure in &figures.costs { div { (figure.inline()) } } }
                    figcaption { "Means with 95\u{a0}% intervals. The dashed line joins the arms that no other arm beats at the same or a lower cost. Costs on which the arms do not differ are left out." }
                }
            }
        }
    }
}
