//! The page of all studies: their progress, the runs under way, the runs without a result.

use std::time::Duration;

use allconv_document::{Block, Cell, Column, Table, Text, html, number};
use allconv_study::RunState;
use maud::Markup;

use super::content::View;
use super::tables;
use crate::live::{RunRow, StudyProgress};
use crate::routes::Page;
use crate::store::{Entry, Store};

/// A study with what is shown of it.
struct Line<'a> {
    name: &'a str,
    entry: &'a Entry,
    rows: Vec<RunRow<'a>>,
    progress: StudyProgress,
}

/// Returns the page.
pub(super) fn view(store: &Store, base: &str) -> View {
    let lines: Vec<Line<'_>> = store
        .studies()
        .map(|(name, entry)| {
            let rows = entry.live.rows();
            let progress = StudyProgress::of(&rows);
            Line { name, entry, rows, progress }
        })
        .collect();
    View {
        title: "Studies".to_owned(),
        above: Vec::new(),
        status: status(&lines),
        sections: vec![
            ("studies", studies(&lines, base)),
            ("running", section(&lines, "Under way", &[RunState::Running], base)),
            ("lost", section(&lines, "Runs without a result", &super::study::LOST, base)),
        ],
    }
}

fn status(lines: &[Line<'_>]) -> String {
    let sum =
        |read: fn(&StudyProgress) -> usize| -> usize { lines.iter().map(|line| read(&line.progress)).sum() };
    let running = sum(|progress| progress.count(RunState::Running));
    let (ended, planned) = (sum(StudyProgress::ended), sum(StudyProgress::planned));
    let studies = match lines.len() {
        1 => "1 study".to_owned(),
        count => format!("{count} studies"),
    };
    format!("{studies}: {ended} of {planned} runs ended, {running} under way")
}

fn studies(lines: &[Line<'_>], base: &str) -> Markup {
    if lines.is_empty() {
        return html::part(&[Block::paragraph(
            "No study has been run here yet. `allconv study run FILE` makes the first; it appears here by itself.",
        )]);
    }
    let time = |line: &Line<'_>| {
        // Without a run under way no time passes for it.
        let seconds = line.progress.left.seconds().filter(|_| line.progress.left.under_way() > 0)?;
        Some(Cell::plain(&number::duration(Duration::try_from_secs_f64(seconds).ok()?)))
    };
    let lost = |line: &Line<'_>| -> usize {
        let lost = [RunState::Failed, RunState::Diverged, RunState::Stuck, RunState::Damaged];
        lost.into_iter().map(|state| line.progress.count(state)).sum()
    };
    let table = Table::of(lines)
        .column(Column::text("Study"), |line| {
            Cell::from(Text::link(line.name, &format!("{base}{}", Page::Study(line.name.to_owned()).path())))
        })
        .column(Column::number("Ended").unit("runs"), |line| {
            Cell::plain(&format!("{} of {}", line.progress.ended(), line.progress.planned()))
        })
        .column(Column::number("Under way"), |line| line.progress.count(RunState::Running))
        .column(Column::number("Lost"), |line| lost(line))
        .column(Column::number("Images/s"), |line| {
            let speed = line.progress.images_per_second;
            (speed > 0.0).then(|| Cell::number(speed, tables::whole()))
        })
        .column(Column::number("Time left"), |line| time(line))
        .column(Column::prose("Question"), |line| {
            line.entry.live.study().map(|study| Cell::from(Text::from(&study.question)))
        })
        .table();
    html::part(&[Block::heading(2, "All studies"), Block::Table(table)])
}

/// Returns the planned runs in some states, of all studies.
fn section(lines: &[Line<'_>], heading: &str, states: &[RunState], base: &str) -> Markup {
    let rows: Vec<tables::Named<'_>> = lines
        .iter()
        .flat_map(|line| line.rows.iter().map(|row| (line.name, row)))
        .filter(|(_, row)| row.is_planned && states.contains(&row.state))
        .collect();
    if rows.is_empty() {
        return Markup::default();
    }
    let table = match states {
        [RunState::Running] => tables::under_way(rows, base),
        _ => tables::lost(rows, base),
    };
    html::part(&[Block::heading(2, heading), Block::Table(table)])
}
