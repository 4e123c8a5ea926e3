//! Arms image by image: how often an arm is better than its baseline on the same image, and by how much on each.

use maud::{Markup, html};

use super::sentence::signed_interval;
use crate::file::StudyFile;
use crate::metric::metric_label;
use crate::results::{ComparisonResult, ImageComparison, StudyResults};

/// Rows of the table of images; of more, those on which the arms differ most are shown.
const MOST_ROWS: usize = 40;

/// Both tables; empty when no run recorded scores per image.
pub(crate) fn section(study: &StudyFile, results: &StudyResults) -> Markup {
    let compared = compared(results);
    html! {
        @if !compared.is_empty() {
            h3 { "On the same test images" }
            (summary(results, &compared))
            (each_image(study, results, &compared))
        }
    }
}

fn compared(results: &StudyResults) -> Vec<(&ComparisonResult, &ImageComparison)> {
    results
        .comparisons
        .iter()
        .filter_map(|comparison| Some((comparison, comparison.images.as_ref()?)))
        .collect()
}

fn summary(results: &StudyResults, compared: &[(&ComparisonResult, &ImageComparison)]) -> Markup {
    let unit = results.unit.difference_symbol();
    html! {
        div.scroll {
            table {
                caption { "Differences are arm − baseline on the same image for the same seed, averaged over seeds, then over images. The bootstrap interval is over images (from eight on) for these trained nets; it says nothing about retraining them." }
                thead {
                    tr {
                        th.text scope="col" { "Arm" }
                        th scope="col" { "Images" }
                        th scope="col" { "Seeds" }
                        th scope="col" { "Better on" span.unit { "images" } }
                        th scope="col" { "Difference" span.unit { (unit) } }
                        th scope="col" { "95\u{a0}% interval" span.unit { "over images" } }
                    }
                }
                tbody {
                    @for (comparison, images) in compared {
                        tr {
                            th scope="row" { (comparison.arm) }
                            td { (images.images) }
                            td { (images.seeds) }
                            td { (images.better) }
                            td { (results.unit.signed(images.mean)) }
                            td { @if images.interval.is_some() { (signed_interval(results, images.interval)) } @else { "–" } }
                        }
                    }
                }
            }
        }
    }
}

fn each_image(
    study: &StudyFile,
    results: &StudyResults,
    compared: &[(&ComparisonResult, &ImageComparison)],
) -> Markup {
    let rows = rows(results, compared);
    let baselines: Vec<usize> = (0..results.arms.len())
        .filter(|arm| compared.iter().any(|(comparison, _)| comparison.baseline_index == *arm))
        .collect();
    let largest = rows
        .iter()
        .flat_map(|image| compared.iter().filter_map(move |(_, images)| images.differences[*image]))
        .fold(0.0_f64, |largest, difference| largest.max(difference.abs()));
    html! {
        details open[rows.len() <= 15] {
            summary { "Each image" }
            div.scroll {
                table.map {
                    caption {
                        (metric_label(&study.primary.metric)) " of every image: of the baseline as it is, of the other arms the difference to it"
                        @if !results.unit.difference_symbol().is_empty() { " (" (results.unit.difference_symbol()) ")" }
                        "; means over the seeds."
                        @if rows.len() < results.scores.images.len() {
                            " Of " (results.scores.images.len()) " images, the " (rows.len()) " on which the arms differ most; `results.json` holds all."
                        }
                    }
                    thead {
                        tr {
                            th.text scope="col" { "Image" }
                            @for arm in &baselines { th scope="col" { (results.arms[*arm].name) span.unit { (results.unit.symbol()) } } }
                            @for (comparison, _) in compared { th scope="col" { (comparison.arm) } }
                        }
                    }
                    tbody {
                        @for image in rows {
                            tr {
                                th scope="row" { (results.scores.images[image]) }
                                @for arm in &baselines {
                                    td { (results.scores.mean(*arm, image).map_or("–".to_string(), |value| results.unit.value(value))) }
                                }
                                @for (_, images) in compared { (cell(study, results, images.differences[image], largest)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn cell(study: &StudyFile, results: &StudyResults, difference: Option<f64>, largest: f64) -> Markup {
    let Some(difference) = difference else { return html! { td { "–" } } };
    let is_better = (difference < 0.0) == (study.primary.better == crate::file::Better::Lower);
    let sign = if is_better { "good" } else { "bad" };
    let tint = if largest > 0.0 { 40.0 * difference.abs() / largest } else { 0.0 };
    html! {
        td style={ "--tint:var(--" (sign) ");--tint-share:" (format!("{tint:.0}")) "%" } { (results.unit.signed(difference)) }
    }
}

/// The images of the table: all of a few, else those with the largest difference of any arm; in the order of the data.
fn rows(results: &StudyResults, compared: &[(&ComparisonResult, &ImageComparison)]) -> Vec<usize> {
    let gap = |image: &usize| {
        let differences = compared.iter().filter_map(|(_, images)| images.differences[*image]);
        differences.fold(-1.0_f64, |gap, difference| gap.max(difference.abs()))
    };
    let mut rows: Vec<usize> = (0..results.scores.images.len()).filter(|image| gap(image) >= 0.0).collect();
    if rows.len() > MOST_ROWS {
        rows.sort_by(|a, b| gap(b).total_cmp(&gap(a)).then(a.cmp(b)));
        rows.truncate(MOST_ROWS);
        rows.sort_unstable();
    }
    rows
}
