//! The figure of a metric: every run as a point, mean and interval per arm, and next to it each arm's difference to the baseline.

use allconv_document::Figure;
use allconv_document::figure::{Scale, horizontal_axis, labels_above, line, series_classes, shortened, text};
use maud::{Markup, html};
use sha2::{Digest, Sha256};

use super::sentence::{metric_name, split_name, title};
use super::summary::best_first_order;
use crate::file::Better;
use crate::metric::{MetricUnit, find_metric, metric_label};
use crate::results::{SecondaryMetric, StudyResults};
use crate::stats::Interval;

const WIDTH: f64 = 940.0;
const ROW: f64 = 44.0;
/// Rows from which on they are lower, and the axes are labelled above too.
const MANY: usize = 13;
const LOW_ROW: f64 = 34.0;
const TOP: f64 = 34.0;
const TOP_OF_MANY: f64 = 50.0;
const BELOW: f64 = 30.0;
const GAP: f64 = 44.0;
const RIGHT: f64 = 14.0;
const LONGEST_LABEL: usize = 26;

/// The data of the figure of one metric.
struct Plot<'a> {
    /// Name of the file.
    name: String,
    /// The label of the metric, with its split.
    metric: String,
    /// The study's name of the baseline.
    baseline: String,
    unit: MetricUnit,
    better: Option<Better>,
    margin: Option<f64>,
    /// The reference without training, with its value.
    anchor: Option<(&'static str, f64)>,
    rows: Vec<Row<'a>>,
}

/// One arm.
struct Row<'a> {
    arm_index: usize,
    name: &'a str,
    is_baseline: bool,
    values: &'a [(u64, f64)],
    mean: Option<f64>,
    interval: Option<Interval>,
    /// `None` without a comparison.
    difference: Option<Difference>,
}

/// An arm's difference to the baseline.
struct Difference {
    pairs: Vec<(u64, f64)>,
    mean: Option<f64>,
    interval: Option<Interval>,
}

/// The main figure, of the primary metric; the names of the arms are at the left, one row each.
pub(super) fn figure(results: &StudyResults) -> Figure {
    let study = &results.study;
    let row = |(arm_index, arm): (usize, &'_ crate::results::ArmResult)| {
        let comparison = results.comparison(arm_index);
        Row {
            arm_index,
            name: &results.arms[arm_index].name,
            is_baseline: arm.is_baseline,
            values: &results.arms[arm_index].values,
            mean: arm.summary.map(|summary| summary.mean),
            interval: arm.interval,
            difference: comparison.map(|comparison| Difference {
                pairs: comparison.differences.clone(),
                mean: comparison.mean_difference,
                interval: comparison.interval,
            }),
        }
    };
    draw(&Plot {
        name: "results".into(),
        metric: metric_name(study),
        baseline: study.compare.baseline.name(),
        unit: results.unit,
        better: Some(study.primary.better),
        margin: study.compare.equivalence_margin,
        anchor: results.anchor.as_ref().map(|anchor| (anchor.label, anchor.value)),
        rows: best_first_order(results).into_iter().map(|arm| row((arm, &results.arms[arm]))).collect(),
    })
}

/// The figure of another metric.
pub(super) fn secondary(results: &StudyResults, metric: &SecondaryMetric) -> Figure {
    let study = &results.study;
    let values = |arm: usize| metric.arms.iter().find(|other| other.arm_index == arm).map(|arm| &arm.values);
    let rows = metric
        .arms
        .iter()
        .map(|arm| {
            let baseline = study.baseline_of(arm.arm_index).and_then(values);
            let paired = |(seed, value): &(u64, f64)| {
                let other = baseline?.iter().find(|(other, _)| other == seed)?;
                Some((*seed, value - other.1))
            };
            Row {
                arm_index: arm.arm_index,
                name: &results.arms[arm.arm_index].name,
                is_baseline: results.arms[arm.arm_index].is_baseline,
                values: &arm.values,
                mean: arm.summary.map(|summary| summary.mean),
                interval: arm.interval,
                difference: arm.difference.map(|difference| Difference {
                    pairs: arm.values.iter().filter_map(paired).collect(),
                    mean: Some(difference.mean),
                    interval: difference.interval,
                }),
            }
        })
        .collect();
    draw(&Plot {
        name: file_name(&metric.name, &results.secondary),
        metric: format!("{} {}", split_name(study.primary.split), metric_label(&metric.name)),
        baseline: study.compare.baseline.name(),
        unit: MetricUnit::of(&metric.name),
        better: find_metric(&metric.name).and_then(|metric| metric.better),
        margin: None,
        anchor: None,
        rows,
    })
}

/// Characters of a metric's name in the name of its file, which file systems limit.
const LONGEST_FILE_NAME: usize = 80;

/// `metric-` and the name of the metric, as far as file systems take it; with a part of its hash where that is not all of it, or where
/// another metric has the same letters and digits.
fn file_name(metric: &str, all: &[SecondaryMetric]) -> String {
    let plain = |name: &str| -> String {
        let plain = |character: char| if character.is_ascii_alphanumeric() { character } else { '-' };
        name.chars().take(LONGEST_FILE_NAME).map(plain).collect()
    };
    // Some file systems take names that differ in their case alone for one.
    let own = plain(metric);
    let is_alone = all.iter().filter(|other| plain(&other.name).eq_ignore_ascii_case(&own)).count() <= 1;
    if is_alone && metric.chars().count() <= LONGEST_FILE_NAME {
        return format!("metric-{own}");
    }
    let digest = Sha256::digest(metric.as_bytes());
    let digits: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("metric-{own}-{digits}")
}

fn draw(plot: &Plot<'_>) -> Figure {
    let longest = plot.rows.iter().map(|row| row.name.chars().count().min(LONGEST_LABEL)).max().unwrap_or(0);
    let labels = (7.6 * longest as f64 + 18.0).max(80.0);
    let rows = Rows::of(plot.rows.len());
    let panels = WIDTH - labels - GAP - RIGHT;
    let has_differences = plot.rows.iter().any(|row| row.difference.is_some());
    // Differences come first: they are the answer, and what a narrow screen shows.
    let split = if has_differences { labels + 0.44 * panels } else { labels - GAP };
    let (left, right) = (split + GAP, WIDTH - RIGHT);
    let factor = plot.unit.factor();
    let values = plot.rows.iter().flat_map(|row| {
        let ends = row.interval.map(|interval| [interval.low, interval.high]).into_iter().flatten();
        row.values.iter().map(|(_, value)| *value).chain(ends).map(|value| value * factor)
    });
    let values: Vec<f64> = values.collect();
    let anchor =
        plot.anchor.map(|(label, value)| (label, value * factor)).filter(|anchor| is_near(*anchor, &values));
    let scale = Scale::linear(values.into_iter().chain(anchor.map(|(_, value)| value)), (left, right), 6);
    let drawing = html! {
        (text(left, 16.0, "title", &title(&plot.metric, plot.unit, plot.better)))
        (rows.axis(&scale))
        @if let Some((label, value)) = anchor {
            g {
                (line((scale.place(value), rows.top), (scale.place(value), rows.bottom()), "zero"))
                title { (label) ": " (plot.unit.value(value / factor)) " " (plot.unit.symbol()) }
            }
        }
        @for (position, row) in plot.rows.iter().enumerate() {
            (text(labels - 14.0, rows.centre(position) + 4.5, "end", &shortened(row.name, LONGEST_LABEL)))
            (arm_row(row, rows.centre(position), &scale, plot.unit))
        }
        @if has_differences { (differences(plot, (labels, split), rows)) }
    };
    let description = format!(
        "Every run's {} as a point, with mean and 95 percent interval per arm, and each arm's difference to {}. The table below holds the numbers.",
        plot.metric, plot.baseline
    );
    Figure { name: plot.name.clone(), description, width: WIDTH, height: rows.bottom() + BELOW, drawing }
}

/// Whether an anchor can be drawn without pressing the values together: at most as far away from them as they lie apart.
fn is_near((_, anchor): (&str, f64), values: &[f64]) -> bool {
    let (low, high) = values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)));
    let reach = high - low;
    reach.is_finite() && anchor >= low - reach && anchor <= high + reach
}

/// The rows of the figure.
#[derive(Clone, Copy)]
struct Rows {
    count: usize,
    top: f64,
    height: f64,
}

impl Rows {
    fn of(count: usize) -> Self {
        let (top, height) = if count < MANY { (TOP, ROW) } else { (TOP_OF_MANY, LOW_ROW) };
        Self { count, top, height }
    }

    fn centre(self, row: usize) -> f64 {
        self.top + self.height * (row as f64 + 0.5)
    }

    fn bottom(self) -> f64 {
        self.top + self.height * self.count as f64
    }

    fn axis(self, scale: &Scale) -> Markup {
        html! {
            (horizontal_axis(scale, (self.top, self.bottom()), |tick| scale.tick_label(tick)))
            @if self.count >= MANY { (labels_above(scale, self.top, |tick| scale.tick_label(tick))) }
        }
    }
}

fn arm_row(row: &Row<'_>, middle: f64, scale: &Scale, unit: MetricUnit) -> Markup {
    let place = |value: f64| scale.place(value * unit.factor());
    // Points above, interval below, so that neither hides the other; neighbouring seeds at different heights.
    let height = |seed: usize| middle - 9.0 + 4.0 * ((seed * 2 % 5) as f64 - 2.0) / 2.0;
    html! {
        g class=(series_classes(row.arm_index)) {
            @for (position, (seed, value)) in row.values.iter().enumerate() {
                circle cx=(place(*value)) cy=(height(position)) r="3.6" class="dot" {
                    title { (row.name) ", seed " (seed) ": " (unit.value(*value)) " " (unit.symbol()) }
                }
            }
            @if let Some(interval) = row.interval {
                (line((place(interval.low), middle + 9.0), (place(interval.high), middle + 9.0), "interval"))
            }
            @if let Some(mean) = row.mean { (diamond(place(mean), middle + 9.0)) }
        }
        @if row.mean.is_none() {
            (text(scale.place(scale.ticks().first().copied().unwrap_or(0.0)), middle + 4.0, "tick", "no finished run"))
        }
    }
}

fn differences(plot: &Plot<'_>, (left, right): (f64, f64), rows: Rows) -> Markup {
    let factor = plot.unit.factor();
    let margin = plot.margin.map(|margin| margin * factor);
    let compared = || plot.rows.iter().filter_map(|row| row.difference.as_ref());
    let values = compared().flat_map(|difference| {
        let ends = difference.interval.map(|interval| [interval.low, interval.high]).into_iter().flatten();
        difference.pairs.iter().map(|(_, value)| *value).chain(ends).map(|value| value * factor)
    });
    let margins = margin.map(|margin| [-margin, margin]).into_iter().flatten();
    let scale = Scale::linear(values.chain([0.0]).chain(margins), (left, right), 5);
    let head = match plot.unit.difference_name() {
        "" => "Difference to the baseline".to_string(),
        name => format!("Difference ({name})"),
    };
    html! {
        (text(left, 16.0, "title", &head))
        @if let Some(margin) = margin {
            rect x=(scale.place(-margin)) y=(rows.top) width=(scale.place(margin) - scale.place(-margin)) height=(rows.bottom() - rows.top) class="margin" {
                title { "Equivalence margin" }
            }
        }
        (rows.axis(&scale))
        (line((scale.place(0.0), rows.top), (scale.place(0.0), rows.bottom()), "zero"))
        @for (position, row) in plot.rows.iter().enumerate() {
            (difference_row(row, rows.centre(position), &scale, plot.unit))
            @if row.is_baseline { (text(scale.place(0.0) + 7.0, rows.centre(position) + 4.0, "tick", "baseline")) }
        }
    }
}

fn difference_row(row: &Row<'_>, y: f64, scale: &Scale, unit: MetricUnit) -> Markup {
    let place = |value: f64| scale.place(value * unit.factor());
    html! {
        @if let Some(Difference { pairs, mean, interval }) = &row.difference {
            g class=(series_classes(row.arm_index)) {
                @for (seed, difference) in pairs {
                    line x1=(place(*difference)) x2=(place(*difference)) y1=(y - 14.0) y2=(y - 6.0) class="faint" {
                        title { (row.name) ", seed " (seed) ": " (unit.signed(*difference)) }
                    }
                }
                @if let Some(interval) = interval {
                    (line((place(interval.low), y + 5.0), (place(interval.high), y + 5.0), "interval"))
                }
                @if let Some(mean) = mean { (diamond(place(*mean), y + 5.0)) }
            }
        }
    }
}

/// The mark of a mean.
fn diamond(x: f64, y: f64) -> Markup {
    html! { path d={ "M" (x - 6.0) " " (y) "L" (x) " " (y - 6.0) "L" (x + 6.0) " " (y) "L" (x) " " (y + 6.0) "Z" } class="mean" {} }
}
