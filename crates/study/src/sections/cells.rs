//! Cells of tables from the values of results.

use allconv_document::{Badge, Cell, Content, Format, Tone};

use crate::metric::{Better, MetricUnit};
use crate::results::{Direction, StudyResults, Verdict};
use crate::stats::{Interval, Summary};

/// The name of an arm with its colour.
pub(super) fn arm(results: &StudyResults, arm_index: usize) -> Cell {
    Cell::series(arm_index, &results.arms[arm_index].name)
}

/// A value of a metric.
pub(super) fn value(unit: MetricUnit, value: Option<f64>) -> Cell {
    value.map(|value| Cell::number(value, Format::Decimal(unit.decimal()))).into()
}

/// A difference of two values.
pub(crate) fn signed(unit: MetricUnit, difference: Option<f64>) -> Cell {
    difference.map(|difference| Cell::number(difference, Format::Signed(unit.decimal()))).into()
}

/// The interval of a value.
pub(super) fn interval(unit: MetricUnit, interval: Option<Interval>) -> Cell {
    interval_as(interval, Format::Decimal(unit.decimal()))
}

/// The interval of a difference.
pub(crate) fn signed_interval(unit: MetricUnit, interval: Option<Interval>) -> Cell {
    interval_as(interval, Format::Signed(unit.decimal()))
}

/// An interval in any format.
pub(super) fn interval_as(interval: Option<Interval>, format: Format) -> Cell {
    interval.map(|ends| Content::Interval((ends.low, ends.high), format)).into()
}

/// Mean ± standard deviation.
pub(crate) fn spread(unit: MetricUnit, summary: Option<Summary>) -> Cell {
    summary.map(|found| Content::Spread(found.mean, found.standard_deviation, unit.decimal())).into()
}

/// A p value.
pub(super) fn p(p: Option<f64>) -> Cell {
    p.map(|p| Cell::number(p, Format::P)).into()
}

/// A p value behind a verdict: empty with fewer seeds than a verdict needs, where it would be read as one.
pub(super) fn verdict_p(results: &StudyResults, p: Option<f64>) -> Cell {
    self::p(p.filter(|_| results.statistics.verdict_possible))
}

/// Returns the verdict as a badge in its colour.
pub(super) fn badge(verdict: Verdict) -> Badge {
    let tone = match verdict {
        Verdict::Shown(Direction::Better) | Verdict::ShownButEquivalent(Direction::Better) => Tone::Good,
        Verdict::Shown(Direction::Worse) | Verdict::ShownButEquivalent(Direction::Worse) => Tone::Bad,
        Verdict::Equivalent => Tone::Same,
        Verdict::NoPairs
        | Verdict::Interim
        | Verdict::IntervalsOnly
        | Verdict::NotShown
        | Verdict::Lost
        | Verdict::NoSpread
        | Verdict::AtChance => Tone::Neutral,
    };
    Badge { label: verdict.label().to_owned(), tone }
}

/// The shade of a difference by its fraction of the largest one.
pub(super) fn tinted(cell: Cell, is_better: bool, (size, largest): (f64, f64)) -> Cell {
    let share = if largest > 0.0 { 0.4 * size.abs() / largest } else { 0.0 };
    cell.tinted(if is_better { Tone::Good } else { Tone::Bad }, share)
}

/// Shades a cell by the position of its value between the worst and the best of its row, as shading over all rows would hide the
/// differences within one.
pub(super) fn tinted_in_row(
    cell: Cell,
    better: Better,
    value: Option<f64>,
    row: impl Iterator<Item = Option<f64>>,
) -> Cell {
    const STRONGEST: f64 = 0.35;
    let Some(value) = value else { return cell };
    let (low, high) = row
        .flatten()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    let from_low = if high > low { (value - low) / (high - low) } else { 0.0 };
    let goodness = match better {
        Better::Lower => 1.0 - from_low,
        Better::Higher => from_low,
    };
    cell.tinted(Tone::Good, STRONGEST * goodness)
}
