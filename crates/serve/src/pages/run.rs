//! The page of a run: state, curves, values, machine, checkpoints, specification.

use std::fs;

use allconv_document::{Block, Cell, Column, Decimal, Digits, Format, Table, Text, html, number};
use allconv_record::{RunRecord, SplitName};
use allconv_study::{MetricUnit, RunState, metric_label};
use maud::{Markup, html as markup};

use super::content::View;
use super::curves;
use crate::live::{LiveRun, is_contained};
use crate::routes::Page;

/// Returns the page.
pub(super) fn view(study: &str, run: &LiveRun) -> Option<View> {
    let title = match run.record() {
        Some(record) => format!("{} seed {}", record.arm, record.seed),
        None => run.name(),
    };
    let above = vec![
        ("All studies".to_owned(), "/".to_owned()),
        (study.to_owned(), Page::Study(study.to_owned()).path()),
    ];
    let made = run.made();
    let status = match made.filter(|made| made.total > 0) {
        Some(made) => format!("{}, step {} of {}", run.state().name(), made.step, made.total),
        None => run.state().name().to_owned(),
    };
    let (done, total) = made.map_or((0, 1), |made| (made.step, made.total.max(1)));
    let bar = markup! { progress max=(total) value=(done) aria-label="Steps made" {} };
    Some(View {
        title,
        above,
        status,
        sections: vec![
            ("progress", markup! { (bar) (html::part(&facts(run))) }),
            ("curves", html::part(&curves::of_run(run))),
            ("values", html::part(&values(run))),
            ("last", html::part(&last(run))),
            ("machine", machine(run.record())),
            ("checkpoints", html::part(&checkpoints(run))),
            ("specification", html::part(&specification(run))),
        ],
    })
}

fn facts(run: &LiveRun) -> Vec<Block> {
    let mut blocks = Vec::new();
    if let Some(reason) = run.reason() {
        blocks.push(Block::note(&format!("{}.", run.state().name()), Text::plain(&reason)));
    }
    let Some(record) = run.record() else { return blocks };
    let fact = |name: &str, value: String| (name.to_owned(), Text::plain(&value));
    let mut facts = vec![fact("Folder", run.directory().path().display().to_string())];
    if let Some(made) = run.made() {
        let time = std::time::Duration::try_from_secs_f64(made.seconds).unwrap_or_default();
        facts.push(fact("Time so far", number::duration(time)));
    }
    let speed = record.timings.images_per_second;
    facts.push(fact("Images/s", number::grouped(speed.max(0.0).round() as u64)));
    facts.push(fact("Parameters", number::grouped(record.cost.parameters)));
    facts.push(fact("MACs per image", number::grouped(record.cost.macs)));
    facts.extend(record.parent.iter().map(|parent| {
        let hash: String = parent.specification_hash.chars().take(8).collect();
        fact(
            "Begun by",
            format!("the run {hash}, which made the first {} steps", number::grouped(parent.step)),
        )
    }));
    facts.extend((!record.resumptions.is_empty()).then(|| {
        let steps: Vec<String> = record.resumptions.iter().map(|one| number::grouped(one.step)).collect();
        fact("Continued at step", steps.join(", "))
    }));
    facts.push(("Command".to_owned(), Text::code(&record.command_line())));
    blocks.push(Block::Facts(facts));
    blocks
}

/// Returns the newest value of every metric on every split.
fn values(run: &LiveRun) -> Vec<Block> {
    let mut names: Vec<&str> = run.journal().all().keys().map(|(_, name)| name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        return Vec::new();
    }
    let value = |metric: &str, split: SplitName| {
        let decimal = match MetricUnit::of(metric) {
            MetricUnit::Plain | MetricUnit::Nats => Decimal { factor: 1.0, digits: Digits::Significant(4) },
            other => other.decimal(),
        };
        let series = run.journal().series(split, metric);
        series.map(|series| Cell::number(series.last(), Format::Decimal(decimal)))
    };
    let name = |metric: &str| {
        let (label, symbol) = (metric_label(metric), MetricUnit::of(metric).symbol());
        if symbol.is_empty() { label } else { format!("{label} ({symbol})") }
    };
    let table = Table::of(names)
        .column(Column::text("Metric"), |metric| Cell::plain(&name(metric)))
        .column(Column::number("Train"), |metric| value(metric, SplitName::Train))
        .column(Column::number("Validation"), |metric| value(metric, SplitName::Valid))
        .column(Column::number("Test"), |metric| value(metric, SplitName::Test))
        .captioned(match run.state() {
            RunState::Done => "The last values.",
            _ => "The newest values; the test split is evaluated once, at the end.",
        });
    vec![Block::heading(2, "Values"), Block::Table(table)]
}

/// Returns the last lines of the journal of a run that has no result.
fn last(run: &LiveRun) -> Vec<Block> {
    let lines: Vec<String> =
        run.journal().last().filter_map(|point| serde_json::to_string(point).ok()).collect();
    if lines.is_empty() || run.state() == RunState::Done {
        return Vec::new();
    }
    vec![Block::heading(2, "Last lines of metrics.jsonl"), Block::code("json", lines.join("\n"))]
}

fn machine(record: Option<&RunRecord>) -> Markup {
    let Some(record) = record else { return Markup::default() };
    let environment = &record.environment;
    let facts = [
        ("allconv", &environment.allconv),
        ("Commit", &environment.commit),
        ("Compiler", &environment.compiler),
        ("Platform", &environment.platform),
        ("Processor", &environment.cpu),
        ("Instruction set", &environment.instruction_set),
        ("Device", &environment.device),
        ("Threads", &environment.threads.to_string()),
    ];
    let facts = facts.map(|(name, value)| (name.to_owned(), Text::plain(value)));
    html::part(&[Block::heading(2, "Machine and program"), Block::Facts(facts.to_vec())])
}

/// Returns the checkpoints with their sizes, the newest first.
fn checkpoints(run: &LiveRun) -> Vec<Block> {
    let folder = run.directory().checkpoints();
    if !is_contained(run.directory().path(), &folder) {
        return Vec::new();
    }
    let size = |path: &std::path::Path| -> u64 {
        let inside = fs::read_dir(path).into_iter().flatten().flatten();
        inside
            .filter_map(|entry| entry.metadata().ok())
            .filter(|about| about.is_file())
            .map(|about| about.len())
            .sum()
    };
    let mut found: Vec<(u64, u64)> = fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let step = entry.file_name().to_str()?.strip_prefix("step-")?.parse().ok()?;
            Some((step, size(&entry.path())))
        })
        .collect();
    if found.is_empty() {
        return Vec::new();
    }
    found.sort_unstable_by(|one, other| other.cmp(one));
    let table = Table::of(found)
        .column(Column::text("Step"), |(step, _)| Cell::plain(&number::grouped(*step)))
        .column(Column::number("Size").unit("MiB"), |(_, bytes)| {
            let decimal = Decimal { factor: 1.0, digits: Digits::After(1) };
            Cell::number(*bytes as f64 / f64::from(1 << 20), Format::Decimal(decimal))
        })
        .table();
    vec![Block::heading(2, "Checkpoints"), Block::Table(table)]
}

/// Returns the specification; where it cannot be read, no part of the file is told.
fn specification(run: &LiveRun) -> Vec<Block> {
    let is_inside = is_contained(run.directory().path(), &run.directory().path().join("spec.toml"));
    let read = || toml::to_string(&run.directory().read_specification().ok()?).ok();
    let block = match is_inside.then(read).flatten() {
        Some(text) => Block::code("toml", text.trim_end()),
        None => Block::note("No specification.", "spec.toml is missing or cannot be read."),
    };
    vec![Block::heading(2, "Specification"), block]
}
