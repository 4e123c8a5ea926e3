//! `allconv study watch`: follows a study that other processes are making.

use std::collections::BTreeMap;
use std::time::Duration;

use allconv_document::{Cell, Column, Table, number, terminal};
use allconv_serve::{LiveRun, LiveStudy, RunRow, StudyProgress};
use allconv_study::{MetricUnit, RunState, StudyFile, needed_runs, primary_value};
use console::Term;

use super::opened_study::{Opened, open};
use super::study_status;
use crate::arguments::StudyWatchArguments;
use crate::{exit, output};

/// Lines of the screen that the tables leave free: the counts, two heads, two remarks.
const OTHER_LINES: usize = 9;

/// Runs the command.
pub(super) fn run(arguments: &StudyWatchArguments) -> anyhow::Result<u8> {
    let opened = open(&arguments.study)?;
    let mut live = LiveStudy::new(opened.study.clone(), opened.folders());
    let mut display = Display::new();
    let mut ended = None;
    loop {
        live.refresh();
        // Only these plan further runs when results arrive.
        let plans_on = opened.study.search.is_some() || opened.study.sequential.is_some();
        if plans_on && ended.replace(live.ended()) != Some(live.ended()) {
            live.set_plan(&needed_runs(&opened.study, &opened.folders())?);
        }
        let rows = live.rows();
        let progress = StudyProgress::of(&rows);
        display.show(&opened.study, &rows, &progress)?;
        if progress.is_complete() {
            break;
        }
        std::thread::sleep(Duration::from_secs(arguments.every));
    }
    display.clear()?;
    finish(&opened, arguments)
}

fn finish(opened: &Opened, arguments: &StudyWatchArguments) -> anyhow::Result<u8> {
    study_status::print(opened, arguments.study.format)?;
    Ok(exit::OK)
}

/// What is on the screen: a table that is drawn again, or lines about the runs whose state changed where standard error is no terminal.
struct Display {
    term: Term,
    drawn: usize,
    states: BTreeMap<(usize, u64), RunState>,
    has_begun: bool,
}

impl Display {
    fn new() -> Display {
        Display { term: Term::stderr(), drawn: 0, states: BTreeMap::new(), has_begun: false }
    }

    fn show(
        &mut self,
        study: &StudyFile,
        rows: &[RunRow<'_>],
        progress: &StudyProgress,
    ) -> anyhow::Result<()> {
        if self.term.is_term() {
            let (height, width) = self.term.size();
            let text = screen(study, rows, progress, (usize::from(height), usize::from(width)));
            self.clear()?;
            self.term.write_str(&text)?;
            self.drawn = text.matches('\n').count();
        } else {
            self.lines(study, rows, progress);
        }
        Ok(())
    }

    /// Writes the counts at the beginning, then a line for each run whose state changed.
    fn lines(&mut self, study: &StudyFile, rows: &[RunRow<'_>], progress: &StudyProgress) {
        if !self.has_begun {
            output::note(progress.sentence());
        }
        for row in rows.iter().filter(|row| row.is_planned) {
            let before = self.states.insert((row.arm_index, row.seed), row.state);
            if !self.has_begun || before == Some(row.state) {
                continue;
            }
            let value = value(study, row).map(|value| format!(", {}", primary_value(study, value)));
            let reason = row.live.and_then(LiveRun::reason).map(|reason| format!(": {reason}"));
            output::note(format_args!(
                "{} seed {}: {}{}{}  ({} of {} runs ended)",
                row.arm,
                row.seed,
                row.state.name(),
                value.unwrap_or_default(),
                reason.unwrap_or_default(),
                progress.ended(),
                progress.planned()
            ));
        }
        self.has_begun = true;
    }

    fn clear(&mut self) -> anyhow::Result<()> {
        Ok(self.term.clear_last_lines(std::mem::take(&mut self.drawn))?)
    }
}

/// Returns the primary metric of a finished run.
fn value(study: &StudyFile, row: &RunRow<'_>) -> Option<f64> {
    let run = row.live.filter(|_| row.state == RunState::Done)?;
    run.value(study.primary.split, &study.primary.metric)
}

/// Returns the tables of arms and of runs under way, no higher than the screen.
fn screen(
    study: &StudyFile,
    rows: &[RunRow<'_>],
    progress: &StudyProgress,
    (height, width): (usize, usize),
) -> String {
    let room = height.saturating_sub(OTHER_LINES).max(2);
    let running: Vec<&RunRow<'_>> = rows.iter().filter(|row| row.state == RunState::Running).collect();
    let shown_runs = running.len().min(room / 2);
    let shown_arms = study.arms.len().min(room - shown_runs);
    let mut text = terminal::table(&arms(study, rows, shown_arms), Some(width));
    if shown_arms < study.arms.len() {
        text.push_str(&format!("and {} more arms\n", study.arms.len() - shown_arms));
    }
    if !running.is_empty() {
        text.push('\n');
        text.push_str(&terminal::table(&under_way(&running[..shown_runs]), Some(width)));
    }
    if shown_runs < running.len() {
        text.push_str(&format!("and {} more runs under way\n", running.len() - shown_runs));
    }
    text.push_str(&format!("\n{}\n", progress.sentence()));
    text
}

fn arms(study: &StudyFile, rows: &[RunRow<'_>], shown: usize) -> Table {
    let of = |arm: usize| rows.iter().filter(move |row| row.is_planned && row.arm_index == arm);
    let count = |arm: usize, states: &[RunState]| of(arm).filter(|row| states.contains(&row.state)).count();
    let unit = MetricUnit::of(&study.primary.metric);
    let mean = |arm: usize| {
        let values: Vec<f64> = of(arm).filter_map(|row| value(study, row)).collect();
        let sum: f64 = values.iter().sum();
        let mean = sum / values.len() as f64;
        (!values.is_empty()).then(|| Cell::number(mean, allconv_document::Format::Decimal(unit.decimal())))
    };
    let lost = [RunState::Failed, RunState::Diverged, RunState::Stuck, RunState::Damaged];
    let metric = allconv_study::metric_label(&study.primary.metric);
    Table::of(0..shown)
        .column(Column::text("Arm"), |arm| Cell::code(&study.arms[*arm].name))
        .column(Column::number("Done"), |arm| count(*arm, &[RunState::Done]))
        .column(Column::number("Under way"), |arm| count(*arm, &[RunState::Running]))
        .column(Column::number("Lost"), |arm| count(*arm, &lost))
        .column(Column::number("To make"), |arm| count(*arm, &[RunState::Left, RunState::Interrupted]))
        .column(Column::number(&format!("Mean {metric}")).unit(unit.symbol()), |arm| mean(*arm))
        .table()
}

fn under_way(rows: &[&RunRow<'_>]) -> Table {
    let steps = |row: &RunRow<'_>| {
        let made = row.made?;
        Some(Cell::plain(&format!("{} of {}", number::grouped(made.step), number::grouped(made.total))))
    };
    let speed = |row: &RunRow<'_>| Some(row.live?.record()?.timings.images_per_second.round() as usize);
    Table::of(rows)
        .column(Column::text("Run under way"), |row| Cell::plain(&format!("{} seed {}", row.arm, row.seed)))
        .column(Column::number("Step"), |row| steps(row))
        .column(Column::number("Images/s"), |row| speed(row))
        .table()
}
