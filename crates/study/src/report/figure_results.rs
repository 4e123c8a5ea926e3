//! The main figure: every run as a point, mean and interval per arm, and beside it each arm's difference to the baseline.

use maud::{Markup, html};

use super::figure::{Figure, arm_classes, horizontal_axis, line, shortened, text};
use super::scale::Scale;
use super::sentence::metric_name;
use crate::file::{Better, StudyFile};
use crate::results::{ArmResult, ComparisonResult, StudyResults};

const WIDTH: f64 = 940.0;
const ROW: f64 = 44.0;
const TOP: f64 = 34.0;
const BELOW: f64 = 30.0;
const GAP: f64 = 44.0;
const RIGHT: f64 = 14.0;
const LONGEST_LABEL: usize = 26;

/// Draws the figure; the names of the arms stand at the left, one row each.
pub(crate) fn figure(study: &StudyFile, results: &StudyResults) -> Figure {
    let longest =
        results.arms.iter().map(|arm| arm.name.chars().count().min(LONGEST_LABEL)).max().unwrap_or(0);
    let labels = (7.6 * longest as f64 + 18.0).max(80.0);
    let bottom = TOP + ROW * results.arms.len() as f64;
    let panels = WIDTH - labels - GAP - RIGHT;
    let has_differences = !results.comparisons.is_empty();
    let split = if has_differences { labels + 0.56 * panels } else { WIDTH - RIGHT };
    let factor = results.unit.factor();
    let values = results.arms.iter().flat_map(|arm| {
        let ends = arm.interval.map(|interval| [interval.low, interval.high]).into_iter().flatten();
        arm.values.iter().map(|(_, value)| *value).chain(ends).map(|value| value * factor)
    });
    let scale = Scale::linear(values, (labels, split), 6);
    let symbol = match results.unit.symbol() {
        "" => String::new(),
        symbol => format!(" ({symbol})"),
    };
    let better = match study.primary.better {
        Better::Lower => "lower",
        Better::Higher => "higher",
    };
    let drawing = html! {
        (text(labels, 16.0, "title", &format!("{}{symbol}, {} is better", capitalised(&metric_name(study)), better)))
        (horizontal_axis(&scale, (TOP, bottom), |tick| scale.tick_label(tick)))
        @for (row, arm) in results.arms.iter().enumerate() {
            (text(labels - 14.0, centre(row) + 4.5, "end", &shortened(&arm.name, LONGEST_LABEL)))
            (arm_row(arm, row, &scale, results))
        }
        @if has_differences { (differences(study, results, (split + GAP, WIDTH - RIGHT), bottom)) }
    };
    let description = format!(
        "Every run's {} as a point, with mean and 95 percent interval per arm, and each arm's difference to {}. The table below holds the numbers.",
        metric_name(study),
        study.compare.baseline.name()
    );
    Figure { name: "results", description, width: WIDTH, height: bottom + BELOW, drawing }
}

fn centre(row: usize) -> f64 {
    TOP + ROW * (row as f64 + 0.5)
}

fn arm_row(arm: &ArmResult, row: usize, scale: &Scale, results: &StudyResults) -> Markup {
    let factor = results.unit.factor();
    let place = |value: f64| scale.place(value * factor);
    // Points above, interval below, so that neither hides the other; neighbouring seeds at different heights.
    let height = |seed: usize| centre(row) - 9.0 + 4.0 * ((seed * 2 % 5) as f64 - 2.0) / 2.0;
    html! {
        g class=(arm_classes(row)) {
            @for (position, (seed, value)) in arm.values.iter().enumerate() {
                circle cx=(place(*value)) cy=(height(position)) r="3.6" class="dot" {
                    title { (arm.name) ", seed " (seed) ": " (results.unit.value(*value)) " " (results.unit.symbol()) }
                }
            }
            @if let Some(interval) = arm.interval {
                (line((place(interval.low), centre(row) + 9.0), (place(interval.high), centre(row) + 9.0), "interval"))
            }
            @if let Some(summary) = arm.summary {
                (diamond(place(summary.mean), centre(row) + 9.0))
            }
        }
        @if arm.summary.is_none() {
            (text(scale.place(scale.ticks().first().copied().unwrap_or(0.0)), centre(row) + 4.0, "tick", "no finished run"))
        }
    }
}

fn differences(study: &StudyFile, results: &StudyResults, (left, right): (f64, f64), bottom: f64) -> Markup {
    let factor = results.unit.factor();
    let margin = study.compare.equivalence_margin.map(|margin| margin * factor);
    let values = results.comparisons.iter().flat_map(|comparison| {
        let ends = comparison.interval.map(|interval| [interval.low, interval.high]).into_iter().flatten();
        comparison.differences.iter().map(|(_, value)| *value).chain(ends).map(|value| value * factor)
    });
    let margins = margin.map(|margin| [-margin, margin]).into_iter().flatten();
    let scale = Scale::linear(values.chain([0.0]).chain(margins), (left, right), 5);
    let head = match results.unit.difference_name() {
        "" => "Difference to the baseline".to_string(),
        name => format!("Difference ({name})"),
    };
    html! {
        (text(left, 16.0, "title", &head))
        @if let Some(margin) = margin {
            rect x=(scale.place(-margin)) y=(TOP) width=(scale.place(margin) - scale.place(-margin)) height=(bottom - TOP) class="margin" {
                title { "Equivalence margin" }
            }
        }
        (horizontal_axis(&scale, (TOP, bottom), |tick| scale.tick_label(tick)))
        (line((scale.place(0.0), TOP), (scale.place(0.0), bottom), "zero"))
        @for comparison in &results.comparisons { (difference_row(comparison, &scale, results)) }
        @for (row, arm) in results.arms.iter().enumerate() {
            @if arm.is_baseline { (text(scale.place(0.0) + 7.0, centre(row) + 4.0, "tick", "baseline")) }
        }
    }
}

fn difference_row(comparison: &ComparisonResult, scale: &Scale, results: &StudyResults) -> Markup {
    let factor = results.unit.factor();
    let place = |value: f64| scale.place(value * factor);
    let y = centre(comparison.arm_index);
    html! {
        g class=(arm_classes(comparison.arm_index)) {
            @for (seed, difference) in &comparison.differences {
                line x1=(place(*difference)) x2=(place(*difference)) y1=(y - 14.0) y2=(y - 6.0) class="faint" {
                    title { (comparison.arm) ", seed " (seed) ": " (results.unit.signed(*difference)) }
                }
            }
            @if let Some(interval) = comparison.interval {
                (line((place(interval.low), y + 5.0), (place(interval.high), y + 5.0), "interval"))
            }
            @if let Some(mean) = comparison.mean_difference {
                (diamond(place(mean), y + 5.0))
            }
        }
    }
}

/// The mark of a mean.
fn diamond(x: f64, y: f64) -> Markup {
    html! { path d={ "M" (x - 6.0) " " (y) "L" (x) " " (y - 6.0) "L" (x + 6.0) " " (y) "L" (x) " " (y + 6.0) "Z" } class="mean" {} }
}

/// The first letter in upper case.
pub(crate) fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or(String::new(), |first| first.to_uppercase().chain(characters).collect())
}
