//! Learning curves as they grow: a thin line for each seed, a thick one for the mean over the finished seeds of an arm.

use std::collections::BTreeMap;

use allconv_document::figure::{CurvePanel, Scale, path, series_classes};
use allconv_document::{Block, Figure, Text};
use allconv_record::SplitName;
use allconv_study::{MetricUnit, RunState, curve_title};
use maud::{Markup, html};

use super::tables::Shown;
use crate::live::{LiveRun, Point, RunRow};

/// Points of all lines of a figure together; about 10 bytes each.
const MOST_POINTS: usize = 12_000;

/// Points that a line keeps however many there are.
const LEAST_POINTS: usize = 8;

/// A line of a figure.
struct Line<'a> {
    arm: &'a str,
    arm_index: usize,
    seed: u64,
    state: RunState,
    points: Vec<Point>,
}

/// Returns the legend and the curves; nothing where no run has recorded any.
pub(super) fn blocks(rows: &[RunRow<'_>], arms: &[String], shown: &Shown) -> Vec<Block> {
    let of = |split, metric: &str, name| figure(rows, (split, metric), name);
    let mut main = of(SplitName::Valid, &shown.metric, "live-validation");
    if main.is_none() && shown.metric != "loss" {
        main = of(SplitName::Train, &shown.metric, "live-training");
    }
    let figures: Vec<Figure> =
        main.into_iter().chain(of(SplitName::Train, "loss", "live-training-loss")).collect();
    if figures.is_empty() {
        return Vec::new();
    }
    let caption = "Thin lines are single runs, a dot is the newest value of a run under way, thick lines are means over the finished seeds of an arm. Dotted lines \
                   are runs without a result.";
    vec![
        Block::heading(2, "Learning curves"),
        Block::Legend { caption: "Arms shown in the curves".to_owned(), names: arms.to_vec() },
        Block::Figures { figures, caption: Text::plain(caption), is_chosen: true },
    ]
}

/// Returns the curves of one run.
pub(super) fn of_run(run: &LiveRun) -> Vec<Block> {
    let row = RunRow {
        arm: "",
        arm_index: 0,
        seed: run.record().map_or(0, |record| record.seed),
        state: run.state(),
        is_planned: true,
        made: run.made(),
        live: Some(run),
    };
    let keys = run
        .journal()
        .all()
        .iter()
        .filter(|((split, _), series)| *split != SplitName::Test && series.points().len() > 1);
    let figures: Vec<Figure> = keys
        .filter_map(|((split, name), _)| {
            let identity = format!("live-{}-{name}", split.name());
            figure(std::slice::from_ref(&row), (*split, name), &identity)
        })
        .collect();
    if figures.is_empty() {
        return Vec::new();
    }
    let caption = Text::plain("Values as recorded; a dot is the newest value of a run under way.");
    vec![Block::heading(2, "Learning curves"), Block::Figures { figures, caption, is_chosen: false }]
}

/// Returns the curves of one metric; `None` when no run has recorded it.
fn figure(rows: &[RunRow<'_>], (split, metric): (SplitName, &str), name: &str) -> Option<Figure> {
    let found = rows.iter().filter(|row| row.is_planned).filter_map(|row| {
        let points = row.live?.journal().series(split, metric)?.points();
        Some(Line { arm: row.arm, arm_index: row.arm_index, seed: row.seed, state: row.state, points })
    });
    let lines: Vec<Line<'_>> = found.collect();
    if lines.is_empty() {
        return None;
    }
    let unit = MetricUnit::of(metric);
    // A loss that grew without bounds would flatten all curves that matter: it leaves the panel instead.
    let is_sound = |line: &&Line<'_>| !matches!(line.state, RunState::Diverged | RunState::Stuck);
    let any_sound = lines.iter().any(|line| is_sound(&line));
    let counted = || lines.iter().filter(|line| !any_sound || is_sound(line)).flat_map(|line| &line.points);
    let last =
        lines.iter().flat_map(|line| &line.points).map(|point| f64::from(point.epoch)).fold(0.0, f64::max);
    let heights = counted().map(|point| f64::from(point.value) * unit.factor());
    let panel = CurvePanel {
        name,
        title: &curve_title(split, metric),
        description: &format!("{} runs, one line each.", lines.len()),
        epochs: last,
    };
    Some(panel.figure(heights, |epochs, values| draw(&lines, epochs, values, unit)))
}

fn draw(lines: &[Line<'_>], epochs: &Scale, values: &Scale, unit: MetricUnit) -> Markup {
    let most = (MOST_POINTS / lines.len()).max(LEAST_POINTS);
    let place = |point: &Point| {
        let round = |position: f64| (position * 10.0).round() / 10.0;
        (
            round(epochs.place(f64::from(point.epoch))),
            round(values.place(f64::from(point.value) * unit.factor())),
        )
    };
    html! {
        @for line in lines {
            @let places: Vec<(f64, f64)> = thinned(&line.points, most).iter().map(place).collect();
            g class=(series_classes(line.arm_index)) {
                @match line.state {
                    RunState::Done | RunState::Running => { path d=(path(&places)) class="seed" { (said(line)) } }
                    _ => { path d=(path(&places)) class="trace" { (said(line)) } }
                }
                @if let (RunState::Running, Some((x, y))) = (line.state, places.last()) {
                    circle cx=(x) cy=(y) r="3" class="dot" { (said(line)) }
                }
            }
        }
        @for (arm_index, (arm, mean)) in means(lines) {
            @let places: Vec<(f64, f64)> = thinned(&mean, most.max(LEAST_POINTS * 4)).iter().map(place).collect();
            g class=(series_classes(arm_index)) { path d=(path(&places)) class="curve" { title { (arm) ", mean" } } }
        }
    }
}

fn said(line: &Line<'_>) -> Markup {
    html! { title { (line.arm) " seed " (line.seed) ", " (line.state.name()) } }
}

/// Returns the mean over the finished runs of each arm with at least two of them, at the steps at which all of these have a value.
fn means<'a>(lines: &[Line<'a>]) -> BTreeMap<usize, (&'a str, Vec<Point>)> {
    let mut by_arm: BTreeMap<usize, Vec<&Line<'a>>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.state == RunState::Done) {
        by_arm.entry(line.arm_index).or_default().push(line);
    }
    by_arm.retain(|_, lines| lines.len() > 1);
    let mean = |lines: &Vec<&Line<'a>>| {
        let mut sums: BTreeMap<u64, (f32, f64, usize)> = BTreeMap::new();
        for point in lines.iter().flat_map(|line| &line.points) {
            let (_, sum, count) = sums.entry(point.step).or_insert((point.epoch, 0.0, 0));
            (*sum, *count) = (*sum + f64::from(point.value), *count + 1);
        }
        let shared = sums.into_iter().filter(|(_, (.., count))| *count == lines.len());
        shared
            .map(|(step, (epoch, sum, count))| Point { step, epoch, value: (sum / count as f64) as f32 })
            .collect()
    };
    by_arm.iter().map(|(arm_index, lines)| (*arm_index, (lines[0].arm, mean(lines)))).collect()
}

/// At most `most` points and the last one: the last of each bucket, so that the newest value always stays.
fn thinned(points: &[Point], most: usize) -> Vec<Point> {
    points.chunks(points.len().div_ceil(most).max(1)).filter_map(|chunk| chunk.last()).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(seed: u64, state: RunState, values: &[f32]) -> Line<'static> {
        let point =
            |(index, value): (usize, &f32)| Point { step: index as u64, epoch: index as f32, value: *value };
        Line { arm: "a", arm_index: 3, seed, state, points: values.iter().enumerate().map(point).collect() }
    }

    #[test]
    fn means_are_over_finished_runs_at_steps_that_all_of_them_have() {
        let lines = [
            line(0, RunState::Done, &[0.5, 0.25, 0.5]),
            line(1, RunState::Done, &[0.25, 0.75]),
            line(2, RunState::Running, &[9.0]),
        ];
        let means = means(&lines);
        let values: Vec<f32> = means[&3].1.iter().map(|point| point.value).collect();
        assert_eq!(values, [0.375, 0.5]);
        assert!(super::means(&lines[1..]).is_empty(), "one finished run has no mean of its own");
    }

    #[test]
    fn the_newest_point_stays_when_lines_are_thinned() {
        let line = line(0, RunState::Running, &[0.0; 100]);
        let thinned = thinned(&line.points, 8);
        assert!(thinned.len() <= 8, "{}", thinned.len());
        assert_eq!(thinned.last(), line.points.last());
    }
}
