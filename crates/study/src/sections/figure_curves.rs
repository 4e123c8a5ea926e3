//! Learning curves: the mean over seeds with the range as a band; runs that did not finish as dotted lines of their own.

use allconv_document::Figure;
use allconv_document::figure::{CurvePanel, Scale, path, series_classes};
use maud::{Markup, html};

use super::sentence::{split_name, title};
use crate::metric::{MetricUnit, metric_label};
use crate::results::{BandPoint, Curve, StudyResults};
use allconv_record::SplitName;

/// The curves of one metric; `None` when no run has measured it.
pub(crate) fn figure(
    results: &StudyResults,
    split: SplitName,
    metric: &str,
    name: &'static str,
) -> Option<Figure> {
    let curves = results.curves(split, metric);
    if curves.is_empty() {
        return None;
    }
    let unit = MetricUnit::of(metric);
    let bands = || curves.iter().flat_map(|curve| &curve.band);
    let traces = || curves.iter().flat_map(|curve| &curve.traces).flat_map(|trace| &trace.points);
    let last = bands().map(|point| point.epoch).chain(traces().map(|point| point.0)).fold(0.0, f64::max);
    let heights: Vec<f64> = bands().flat_map(|point| [point.low, point.high]).collect();
    let within = reach(&heights);
    let heights = heights.iter().copied().chain(traces().map(|point| point.1).filter(|value| within(*value)));
    let panel = CurvePanel {
        name,
        title: &curve_title(split, metric),
        description: "mean over the seeds of each arm, with the range of its seeds as a band.",
        epochs: last,
    };
    Some(panel.figure(heights.map(|value| value * unit.factor()), |epochs, values| {
        html! { @for curve in &curves { (draw(curve, results, epochs, values, unit)) } }
    }))
}

/// Returns the heading of a metric's curves: `Validation error (%)`.
pub fn curve_title(split: SplitName, metric: &str) -> String {
    title(&format!("{} {}", split_name(split), metric_label(metric)), MetricUnit::of(metric), None)
}

/// Whether a value of a run that did not finish may widen the axis: a loss that grew without bounds would flatten all curves
/// that matter, so it leaves the panel instead.
fn reach(heights: &[f64]) -> impl Fn(f64) -> bool {
    let low = heights.iter().copied().fold(f64::INFINITY, f64::min);
    let high = heights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let is_empty = heights.is_empty();
    move |value| is_empty || (value <= high + 0.4 * (high - low) && value >= low - 0.4 * (high - low))
}

fn draw(curve: &Curve, results: &StudyResults, epochs: &Scale, values: &Scale, unit: MetricUnit) -> Markup {
    let arm = &results.arms[curve.arm_index].name;
    let place = |epoch: f64, value: f64| (epochs.place(epoch), values.place(value * unit.factor()));
    let of_band = |read: fn(&BandPoint) -> f64| -> Vec<(f64, f64)> {
        curve.band.iter().map(|point| place(point.epoch, read(point))).collect()
    };
    let (low, mut high) = (of_band(|point| point.low), of_band(|point| point.high));
    high.reverse();
    let outline: Vec<(f64, f64)> = low.into_iter().chain(high).collect();
    let mean = of_band(|point| point.mean);
    html! {
        g class=(series_classes(curve.arm_index)) {
            @if curve.band.len() > 1 { path d={ (path(&outline)) "Z" } class="band" {} }
            @if mean.len() > 1 {
                path d=(path(&mean)) class="curve" { title { (arm) } }
            } @else {
                @for (x, y) in &mean { circle cx=(x) cy=(y) r="3" class="dot" { title { (arm) } } }
            }
            @for trace in &curve.traces {
                @let points: Vec<(f64, f64)> = trace.points.iter().map(|point| place(point.0, point.1)).collect();
                path d=(path(&points)) class="trace" { title { (arm) ", seed " (trace.seed) ", " (trace.state.name()) } }
            }
        }
    }
}
