//! The page `docs/reliability.md`, written from the figures.

use std::fmt::Write as _;
use std::path::Path;

use allconv_document::{Cell, Column, Table, Text, markdown};

use super::figures::{Ledger, Record};
use super::requirements::{MENDED, REQUIREMENTS};
use super::{PARTS, Part};

const HEAD: &str = "# Reliability

Written by `cargo xtask reliability` from `reliability.json`; do not edit.

The built program is tested from outside: killed, refused by the system, short of space, given damaged input, run many times at once. Nothing is compiled into it for this. \
`cargo xtask reliability PART` continues a part where it stopped; `--scale quick` makes a minute's worth of each. Every part counts for one commit of the \
program; figures of earlier commits stand below those of the last.
";

/// Writes the page.
///
/// # Errors
/// It cannot be written.
pub(super) fn write(workspace: &Path, ledger: &Ledger) -> anyhow::Result<()> {
    std::fs::write(workspace.join("docs/reliability.md"), page(ledger)?)?;
    Ok(())
}

fn page(ledger: &Ledger) -> anyhow::Result<String> {
    let mut page = String::from(HEAD);
    let newest: Vec<(&Part, Option<&Record>)> =
        PARTS.iter().map(|part| (part, records(ledger, part).last())).collect();
    let of = |record: &Option<&Record>, told: &dyn Fn(&Record) -> String| {
        Cell::plain(&record.map_or_else(|| "not run".to_owned(), told))
    };
    let summary = Table::of(&newest)
        .column(Column::text("Part"), |(part, _)| Text::link(part.title, &format!("#{}", anchor(part.title))))
        .column(Column::text("Commit"), |(_, record)| of(record, &|record| record.commit.clone()))
        .column(Column::number("Trials"), |(_, record)| of(record, &|record| record.trials.to_string()))
        .column(Column::number("Failures"), |(_, record)| {
            of(record, &|record| record.figures.failures.len().to_string())
        })
        .table();
    write!(page, "\n{}", markdown::table(&summary))?;
    for part in PARTS {
        write!(page, "\n## {}\n\n{}\n", part.title, part.text)?;
        write_part(&mut page, records(ledger, part))?;
    }
    page.push_str(&requirements());
    Ok(page)
}

fn records<'a>(ledger: &'a Ledger, part: &Part) -> &'a [Record] {
    ledger.parts.get(part.name).map_or(&[], Vec::as_slice)
}

fn write_part(page: &mut String, records: &[Record]) -> anyhow::Result<()> {
    let Some((newest, earlier)) = records.split_last() else {
        page.push_str("\nNot run yet.\n");
        return Ok(());
    };
    let Record { commit, machine, trials, seconds, figures } = newest;
    let minutes = seconds / 60.0;
    writeln!(page, "\nCommit {commit}; {machine}; {trials} trials in {minutes:.1} minutes.\n")?;
    for (what, number) in &figures.counts {
        writeln!(page, "- {what}: {number}")?;
    }
    for (what, value) in &figures.largest {
        writeln!(page, "- {what}: {}", (value * 100.0).round() / 100.0)?;
    }
    writeln!(page, "- failures: {}", figures.failures.len())?;
    for failure in &figures.failures {
        writeln!(page, "  - `{}`", failure.replace(['`', '\n'], " "))?;
    }
    if !earlier.is_empty() {
        let told = |record: &Record| {
            let Record { commit, trials, figures, .. } = record;
            format!("{commit}: {trials} trials, {} failures", figures.failures.len())
        };
        let told: Vec<String> = earlier.iter().map(told).collect();
        writeln!(page, "\nEarlier commits: {}.", told.join("; "))?;
    }
    Ok(())
}

/// The faults that the campaign found, and what each requirement rests on.
fn requirements() -> String {
    let mended = Table::of(MENDED)
        .column(Column::text("Fault"), |mended| Cell::plain(mended.fault))
        .column(Column::text("Regression test"), |mended| linked(mended.test))
        .table();
    let table = Table::of(REQUIREMENTS)
        .column(Column::text("Number"), |requirement| Cell::plain(requirement.number))
        .column(Column::text("Requirement"), |requirement| Cell::plain(requirement.text))
        .column(Column::text("Shown by"), |requirement| {
            Text::joined(requirement.shown_by.iter().map(|target| linked(target)), ", ")
        })
        .column(Column::text("Missing"), |requirement| Cell::plain(requirement.missing))
        .table();
    format!(
        "\n## Faults found and mended\n\n{}\n## Requirements\n\n{}",
        markdown::table(&mended),
        markdown::table(&table)
    )
}

/// A link to a file of the repository, or to a part on this page.
fn linked(target: &str) -> Text {
    match PARTS.iter().find(|part| part.name == target) {
        Some(part) => Text::link(&format!("part {target}"), &format!("#{}", anchor(part.title))),
        None => Text::link(target.rsplit('/').next().unwrap_or(target), &format!("../{target}")),
    }
}

/// The anchor that a heading has in Markdown.
fn anchor(title: &str) -> String {
    title.to_lowercase().replace(',', "").replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    #[test]
    fn the_page_is_what_its_figures_give() {
        let written = std::fs::read_to_string(workspace().join("docs/reliability.md")).unwrap();
        let given = page(&Ledger::read(&workspace()).unwrap()).unwrap();
        assert!(written == given, "docs/reliability.md is not what `cargo xtask reliability` writes");
    }

    #[test]
    fn every_requirement_names_a_part_or_files_that_exist_or_what_is_missing() {
        for requirement in REQUIREMENTS {
            assert!(
                !requirement.shown_by.is_empty() || !requirement.missing.is_empty(),
                "{} says nothing",
                requirement.number
            );
            for target in requirement.shown_by {
                let known =
                    PARTS.iter().any(|part| part.name == *target) || workspace().join(target).exists();
                assert!(known, "{}: {target}", requirement.number);
            }
        }
        for mended in MENDED {
            assert!(workspace().join(mended.test).exists(), "{}", mended.test);
        }
    }
}
