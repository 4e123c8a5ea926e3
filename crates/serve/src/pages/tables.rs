//! Tables of runs, in the same columns on all pages.

use allconv_document::{Badge, Cell, Column, Content, Decimal, Digits, Format, Table, Text, Tone, number};
use allconv_record::SplitName;
use allconv_study::{MetricUnit, RunState, StudyFile};

use crate::live::{LiveRun, RunRow};
use crate::routes::Page;

/// The metric that a study is about.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shown {
    /// Its name.
    pub(super) metric: String,
    /// The split on which it decides.
    pub(super) split: SplitName,
}

impl Shown {
    /// Returns the primary metric of a study file; without one, `error` where the runs have it, else `loss`.
    pub(super) fn of<'a>(study: Option<&StudyFile>, runs: impl Iterator<Item = &'a LiveRun>) -> Shown {
        if let Some(study) = study {
            return Shown { metric: study.primary.metric.clone(), split: study.primary.split };
        }
        let mut runs = runs;
        let has_error = runs.any(|run| run.journal().all().keys().any(|(_, name)| name == "error"));
        Shown { metric: if has_error { "error" } else { "loss" }.to_owned(), split: SplitName::Test }
    }

    /// Returns the newest value of a run on a split.
    pub(super) fn value(&self, run: Option<&LiveRun>, split: SplitName) -> Option<f64> {
        run?.value(split, &self.metric)
    }
}

/// A row with the name of its study.
pub(super) type Named<'a> = (&'a str, &'a RunRow<'a>);

/// The columns that tell which run it is.
fn runs<'a>(rows: Vec<Named<'a>>, base: &str) -> allconv_document::Table {
    Table::of(rows)
        .column(Column::text("Run"), |(study, row)| name(study, row, base))
        .column(Column::text("State"), |(_, row)| state(row.state))
        .table()
}

/// Returns the runs under way with their progress.
pub(super) fn under_way<'a>(rows: Vec<Named<'a>>, base: &str) -> Table {
    let loss = |row: &RunRow<'_>| Some(row.live?.journal().series(SplitName::Train, "loss")?.last());
    let left = |row: &RunRow<'_>| {
        let made = row.made?;
        let own = made.step.saturating_sub(made.begun_at);
        let seconds = made.seconds / own as f64 * made.total.saturating_sub(made.step) as f64;
        (own > 0).then(|| std::time::Duration::try_from_secs_f64(seconds).ok()).flatten()
    };
    Table::of(rows)
        .column(Column::text("Run"), |(study, row)| name(study, row, base))
        .column(Column::text("State"), |(_, row)| state(row.state))
        .column(Column::number("Step"), |(_, row)| steps(row))
        .column(Column::number("Done").unit("%"), |(_, row)| {
            let made = row.made.filter(|made| made.total > 0)?;
            Some(Cell::number(made.step as f64 / made.total as f64, percent()))
        })
        .column(Column::number("Training loss"), |(_, row)| {
            loss(row).map(|loss| Cell::number(loss, digits()))
        })
        .column(Column::number("Images/s"), |(_, row)| row.live.and_then(speed))
        .column(Column::number("Time left"), |(_, row)| {
            left(row).map(number::duration).map(|time| Cell::plain(&time))
        })
        .table()
}

/// Returns the runs without a result, each with the reason and its last recorded values.
pub(super) fn lost<'a>(rows: Vec<Named<'a>>, base: &str) -> Table {
    let last = |row: &RunRow<'_>| {
        let run = row.live?;
        let values = run.journal().last().map(|point| {
            format!(
                "step {} {} {} {}",
                point.step,
                point.split.name(),
                point.name,
                number::significant(point.value)
            )
        });
        Some(Cell::plain(&values.collect::<Vec<_>>().join("; ")))
    };
    let mut table = runs(rows.clone(), base);
    let more = Table::of(rows)
        .column(Column::number("Step"), |(_, row)| steps(row))
        .column(Column::prose("Reason"), |(_, row)| {
            row.live.and_then(LiveRun::reason).map(|reason| Cell::plain(&reason))
        })
        .column(Column::prose("Last values"), |(_, row)| last(row))
        .table();
    table.columns.extend(more.columns);
    for (row, more) in table.rows.iter_mut().zip(more.rows) {
        row.cells.extend(more.cells);
    }
    table
}

/// Returns all runs of a study with their results.
pub(super) fn all<'a>(rows: Vec<Named<'a>>, shown: &Shown, base: &str) -> Table {
    let unit = MetricUnit::of(&shown.metric);
    let value = |row: &RunRow<'_>, split: SplitName| {
        shown.value(row.live, split).map(|value| Cell::number(value, Format::Decimal(unit.decimal())))
    };
    let label = allconv_study::metric_label(&shown.metric);
    let heading = |split: &str| Column::number(&format!("{split} {label}")).unit(unit.symbol());
    Table::of(rows)
        .column(Column::text("Run"), |(study, row)| name(study, row, base))
        .column(Column::text("State"), |(_, row)| state(row.state))
        .column(
            Column::number("Step"),
            |(_, row)| if row.state == RunState::Running { None } else { steps(row) },
        )
        .column(heading("Validation"), |(_, row)| match row.state {
            // Those under way have a table of their own, so that this one changes only when a run ends.
            RunState::Running => None,
            _ => value(row, SplitName::Valid),
        })
        .column(heading("Test"), |(_, row)| value(row, SplitName::Test))
        .column(Column::number("Time"), |(_, row)| {
            let seconds = row.made.filter(|_| row.state != RunState::Running)?.seconds;
            let time = std::time::Duration::try_from_secs_f64(seconds).ok()?;
            Some(Cell::plain(&number::duration(time)))
        })
        .table()
}

/// Returns the name of a run as a link to its page: the arm with its colour, and the seed.
fn name(study: &str, row: &RunRow<'_>, base: &str) -> Cell {
    let words = format!("{} seed {}", row.arm, row.seed);
    let mark = Text::series(row.arm_index, "");
    match row.live {
        Some(run) => {
            let page = Page::Run(study.to_owned(), run.name());
            (mark + Text::link(&words, &format!("{base}{}", page.path()))).into()
        }
        None => (mark + Text::plain(&words)).into(),
    }
}

/// Returns a state as a badge.
pub(super) fn state(state: RunState) -> Content {
    let tone = match state {
        RunState::Done => Tone::Good,
        RunState::Diverged | RunState::Stuck | RunState::Failed | RunState::Damaged => Tone::Bad,
        RunState::Running => Tone::Same,
        RunState::Skipped | RunState::Interrupted | RunState::Left => Tone::Neutral,
    };
    Content::Badge(Badge { label: state.name().to_owned(), tone })
}

fn steps(row: &RunRow<'_>) -> Option<Cell> {
    let made = row.made?;
    Some(Cell::plain(&format!("{} of {}", number::grouped(made.step), number::grouped(made.total))))
}

/// Returns the training images per second, as recorded at the last checkpoint.
fn speed(run: &LiveRun) -> Option<Cell> {
    let speed = run.record()?.timings.images_per_second;
    (speed > 0.0).then(|| Cell::number(speed, whole()))
}

/// Returns the format of whole numbers.
pub(super) fn whole() -> Format {
    Format::Decimal(Decimal { factor: 1.0, digits: Digits::After(0) })
}

fn percent() -> Format {
    Format::Decimal(Decimal { factor: 100.0, digits: Digits::After(0) })
}

fn digits() -> Format {
    Format::Decimal(Decimal { factor: 1.0, digits: Digits::Significant(4) })
}
