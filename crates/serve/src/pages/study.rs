//! The page of a study: progress, comparison, curves, runs.

use allconv_document::{Block, Text, html, number};
use allconv_study::RunState;
use maud::Markup;

use super::content::View;
use super::{curves, tables};
use crate::http::encoded;
use crate::live::{RunRow, StudyProgress};
use crate::store::Entry;

/// States of runs without a result that nobody is making.
pub(super) const LOST: [RunState; 5] =
    [RunState::Failed, RunState::Diverged, RunState::Stuck, RunState::Damaged, RunState::Interrupted];

/// Returns the page.
pub(super) fn view(name: &str, entry: &Entry, base: &str) -> View {
    let rows = entry.live.rows();
    let progress = StudyProgress::of(&rows);
    let shown = tables::Shown::of(entry.live.study(), entry.live.runs());
    let named = |states: &[RunState]| -> Vec<tables::Named<'_>> {
        rows.iter()
            .filter(|row| row.is_planned && states.contains(&row.state))
            .map(|row| (name, row))
            .collect()
    };
    let running = titled("Under way", named(&[RunState::Running]), |rows| tables::under_way(rows, base));
    // A run that cannot be read may be any: it is told of whether it is planned or not.
    let is_lost = |row: &&RunRow<'_>| {
        let is_unreadable = row.live.is_some_and(|run| run.fault().is_some());
        is_unreadable || (row.is_planned && LOST.contains(&row.state))
    };
    let lost = rows.iter().filter(is_lost).map(|row| (name, row)).collect();
    let lost = titled("Runs without a result", lost, |rows| tables::lost(rows, base));
    let planned = rows.iter().filter(|row| row.is_planned).map(|row| (name, row)).collect();
    let others: Vec<_> = rows.iter().filter(|row| !row.is_planned).map(|row| (name, row)).collect();
    View {
        title: entry
            .live
            .study()
            .map_or_else(|| name.to_owned(), |study| Text::from(&study.question).plain_text()),
        above: vec![("All studies".to_owned(), "/".to_owned())],
        status: progress.sentence(),
        sections: vec![
            ("progress", self::progress(name, entry, &progress, base)),
            ("running", running),
            ("lost", lost),
            ("curves", html::part(&curves::blocks(&rows, &entry.live.arms(), &shown))),
            ("comparison", comparison(entry, &progress)),
            ("runs", titled("All runs", planned, |rows| tables::all(rows, &shown, base))),
            ("others", self::others(others, &shown, base)),
            ("file", file(entry)),
        ],
    }
}

/// Returns a table under a heading; nothing without rows.
fn titled<'a>(
    heading: &str,
    rows: Vec<tables::Named<'a>>,
    table: impl Fn(Vec<tables::Named<'a>>) -> allconv_document::Table,
) -> Markup {
    if rows.is_empty() {
        return Markup::default();
    }
    html::part(&[Block::heading(2, heading), Block::Table(table(rows))])
}

fn progress(name: &str, entry: &Entry, progress: &StudyProgress, base: &str) -> Markup {
    let mut facts = vec![
        ("Study".to_owned(), Text::code(name)),
        ("Folder".to_owned(), Text::code(&entry.folder.display().to_string())),
    ];
    if progress.images_per_second > 0.0 {
        let speed =
            format!("{} images/s in all runs under way", number::grouped(progress.images_per_second as u64));
        facts.push(("Throughput".to_owned(), speed.into()));
    }
    if entry.folder.join("report").join("index.html").is_file() {
        let address = format!("{base}/study/{}/report/index.html", encoded(name));
        let label = if progress.is_complete() { "the report" } else { "the report of an earlier state" };
        facts.push(("Report".to_owned(), Text::link(label, &address)));
    }
    let mut blocks = vec![Block::Facts(facts)];
    blocks.extend(entry.file_note.as_ref().map(|note| Block::note("Study file.", Text::plain(note))));
    maud::html! {
        progress max=(progress.planned()) value=(progress.ended()) aria-label="Runs that have ended" {}
        (html::part(&blocks))
    }
}

fn comparison(entry: &Entry, progress: &StudyProgress) -> Markup {
    let Some(analysis) = entry.analyst.newest() else {
        let is_computed = entry.live.study().is_some();
        let wait = Block::paragraph("The comparison is being computed.");
        return if is_computed { html::part(&[wait]) } else { Markup::default() };
    };
    let heading = if progress.is_complete() { "Comparison" } else { "Interim comparison" };
    let mut blocks = vec![Block::heading(2, heading)];
    blocks.extend(analysis.blocks.iter().cloned());
    html::part(&blocks)
}

fn others(rows: Vec<(&str, &RunRow<'_>)>, shown: &tables::Shown, base: &str) -> Markup {
    if rows.is_empty() {
        return Markup::default();
    }
    let summary =
        format!("{} other runs in this folder, which the study file as it is now does not plan", rows.len());
    html::part(&[Block::closed(summary, vec![Block::Table(tables::all(rows, shown, base))])])
}

fn file(entry: &Entry) -> Markup {
    let Some(study) = entry.live.study() else { return Markup::default() };
    html::part(&[Block::closed("The study file", vec![Block::code("toml", study.text().trim_end())])])
}
