//! `cargo xtask bench-operators`: every operator and its PyTorch counterpart, timed in interleaved rounds, written to
//! `docs/operators-performance.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use allconv_document::{Cell, Column, Table, markdown};
use anyhow::{Context, ensure};
use serde_json::Value;

use crate::shell;

/// The larger feature map of each measurement: images, channels, rows, columns.
const SHAPES: [&str; 2] = ["32,96,32,32", "32,192,16,16"];

/// Steps of one round of either side.
const STEPS: &str = "7";

/// The ratio to PyTorch that no operator should exceed.
const SLOWEST: f64 = 1.5;

/// Medians of one side in milliseconds, a value for each round: forward, and with gradients.
#[derive(Default)]
struct Times {
    forward: Vec<f64>,
    both: Vec<f64>,
}

/// The times of one side, by shape and name, in the order of the first round.
#[derive(Default)]
struct Side {
    names: Vec<(String, String)>,
    times: BTreeMap<(String, String), Times>,
    /// The calls of PyTorch's counterpart.
    calls: BTreeMap<String, String>,
}

impl Side {
    fn add(&mut self, shape: &str, name: &str, forward: f64, both: f64) {
        let key = (shape.to_owned(), name.to_owned());
        if !self.names.contains(&key) {
            self.names.push(key.clone());
        }
        let times = self.times.entry(key).or_default();
        times.forward.push(forward);
        times.both.push(both);
    }
}

/// Measures both sides in turn, `rounds` times, on `threads` threads, and writes the page.
pub(crate) fn run(workspace: &Path, python: &str, rounds: usize, threads: &str) -> anyhow::Result<()> {
    ensure!(rounds > 0, "at least one round is needed");
    shell::run(workspace, &["cargo", "build", "--release", "--locked", "--package", "allconv"], &[])?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), Into::into);
    let program = target.join("release").join("allconv");
    let program = program.to_str().context("the path of the target folder is not UTF-8")?;
    let commit = shell::output(workspace, &["git", "describe", "--always", "--dirty", "--abbrev=12"])?;
    let (mut ours, mut theirs) = (Side::default(), Side::default());
    let mut torch = String::new();
    for _ in 0..rounds {
        for shape in SHAPES {
            let argv = [
                program,
                "bench",
                "operators",
                "--shape",
                shape,
                "--rounds",
                STEPS,
                "--threads",
                threads,
                "--format",
                "json",
            ];
            read_ours(&mut ours, shape, &json(workspace, &argv)?)?;
            let argv = [
                python,
                "peers/torch/operators_bench.py",
                "--shape",
                shape,
                "--repeats",
                STEPS,
                "--threads",
                threads,
            ];
            let answer = json(workspace, &argv)?;
            torch = answer["torch"].as_str().unwrap_or("unknown").to_owned();
            read_theirs(&mut theirs, shape, &answer)?;
        }
    }
    let compiler = shell::output(workspace, &["rustc", "--version"])?;
    let made_with = format!(
        "Commit {}, {}, PyTorch {torch}, processor {}.",
        commit.trim(),
        compiler.trim(),
        shell::processor_name()
    );
    let page = page(&ours, &theirs, rounds, threads, &made_with)?;
    std::fs::write(workspace.join("docs/operators-performance.md"), page)?;
    Ok(())
}

fn json(workspace: &Path, argv: &[&str]) -> anyhow::Result<Value> {
    Ok(serde_json::from_str(&shell::output(workspace, argv)?)?)
}

fn read_ours(side: &mut Side, shape: &str, answer: &Value) -> anyhow::Result<()> {
    for row in answer["rows"].as_array().context("no rows")? {
        let name = row["operator"].as_str().context("a row without a name")?;
        side.add(shape, name, number(row, "forward_ms")?, number(row, "forward_backward_ms")?);
    }
    Ok(())
}

fn read_theirs(side: &mut Side, shape: &str, answer: &Value) -> anyhow::Result<()> {
    for row in answer["results"].as_array().context("no results")? {
        let name = row["operator"].as_str().context("a result without a name")?;
        let median = |pass: &str| number(&row[pass], "median");
        side.add(shape, name, median("forward_ms")?, median("forward_backward_ms")?);
        side.calls.insert(name.to_owned(), row["calls"].as_str().unwrap_or_default().to_owned());
    }
    Ok(())
}

fn number(row: &Value, key: &str) -> anyhow::Result<f64> {
    row[key].as_f64().with_context(|| format!("no number `{key}` in {row}"))
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2]) / 2.0
}

/// `1.23 (1.20–1.31)`, or the number alone where it is the only one.
fn shown(values: &[f64]) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(0.0, f64::max);
    match values {
        [only] => format!("{only:.2}"),
        _ => format!("{:.2} ({least:.2}–{most:.2})", median(values)),
    }
}

/// An operator's times and those of PyTorch's counterpart, if it has one.
struct Compared<'a> {
    name: &'a str,
    own: &'a Times,
    other: Option<&'a Times>,
}

impl Compared<'_> {
    /// Returns the ratios of ours to PyTorch's: forward, and with gradients.
    fn ratios(&self) -> Option<[f64; 2]> {
        let other = self.other?;
        let pairs = [(&self.own.forward, &other.forward), (&self.own.both, &other.both)];
        Some(pairs.map(|(own, other)| median(own) / median(other)))
    }
}

fn table(rows: &[Compared<'_>], theirs: &Side) -> Table {
    let ratio = |row: &Compared<'_>, pass: usize| row.ratios().map(|ratios| format!("{:.2}", ratios[pass]));
    Table::of(rows)
        .column(Column::text("Operator"), |row| Cell::plain(row.name))
        .column(Column::number("Forward (ms)"), |row| shown(&row.own.forward))
        .column(Column::number("PyTorch"), |row| row.other.map(|other| shown(&other.forward)))
        .column(Column::number("Ratio"), |row| ratio(row, 0))
        .column(Column::number("With gradients (ms)"), |row| shown(&row.own.both))
        .column(Column::number("PyTorch"), |row| row.other.map(|other| shown(&other.both)))
        .column(Column::number("Ratio"), |row| ratio(row, 1))
        .column(Column::text("PyTorch's calls"), |row| match row.other {
            Some(_) => Cell::plain(theirs.calls.get(row.name).map_or("", String::as_str)),
            None => Cell::plain("none"),
        })
        .table()
}

fn page(ours: &Side, theirs: &Side, rounds: usize, threads: &str, made_with: &str) -> anyhow::Result<String> {
    let mut tables = String::new();
    let mut slow = Vec::new();
    let mut compared = 0;
    for shape in SHAPES {
        let rows: Vec<Compared<'_>> = ours
            .names
            .iter()
            .filter(|(of, _)| of == shape)
            .map(|key| Compared { name: &key.1, own: &ours.times[key], other: theirs.times.get(key) })
            .collect();
        let title = shape.replace(',', "×");
        write!(tables, "\n## Larger feature map {title}\n\n{}", markdown::table(&table(&rows, theirs)))?;
        for (name, [forward, both]) in rows.iter().filter_map(|row| Some((row.name, row.ratios()?))) {
            compared += 1;
            if forward > SLOWEST || both > SLOWEST {
                slow.push(format!("{name} on {title} ({forward:.2}, {both:.2})"));
            }
        }
    }
    let verdict = if slow.is_empty() {
        format!(
            "Of {compared} comparisons none takes more than {SLOWEST} times as long as PyTorch in either pass."
        )
    } else {
        format!(
            "Of {compared} comparisons {} take more than {SLOWEST} times as long as PyTorch in a pass (forward, with gradients): {}.",
            slow.len(),
            slow.join("; ")
        )
    };
    Ok(format!(
        "# Operators beside PyTorch\n\nWritten by `cargo xtask bench-operators`; do not edit.\n\n\
         Each operator by itself at its defaults, f32, {threads} {}, in evaluation: forward without a graph, and forward with the gradients of the \
         input and of every parameter. The shape is that of the larger map. Each number is the median of {rounds} {}, ours and PyTorch's in turn, \
         with the smallest and largest; a round's value is the median of {STEPS} passes. PyTorch runs eagerly, contiguous or channels-last, whichever \
         is faster in a pass. Where it has no single call, its side is the composition that one would write, named in the last column; ours is \
         held to f64 before it is timed, theirs to the golden definitions by `operators_bench.py --check`. A ratio above 1 says that ours takes longer.\n\n\
         {verdict}\n{tables}\n{made_with}\n",
        if threads == "1" { "thread" } else { "threads" },
        if rounds == 1 { "round" } else { "rounds" },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(forward: &[f64], both: &[f64]) -> Side {
        let mut side = Side::default();
        forward.iter().zip(both).for_each(|(forward, both)| side.add(SHAPES[0], "max_pool", *forward, *both));
        side
    }

    #[test]
    fn medians_of_rounds_are_compared_and_the_slow_are_named() {
        let (ours, theirs) =
            (side(&[2.0, 9.0, 3.0], &[4.0, 4.0, 4.0]), side(&[3.0, 3.0, 3.0], &[2.0, 2.0, 2.0]));
        let page = page(&ours, &theirs, 3, "1", "made").unwrap();
        assert!(page.contains("| max_pool | 3.00 (2.00–9.00) | 3.00 (3.00–3.00) | 1.00 | 4.00"), "{page}");
        assert!(
            page.contains("1 take more than 1.5 times")
                && page.contains("max_pool on 32×96×32×32 (1.00, 2.00)")
        );
    }

    #[test]
    fn an_operator_without_counterpart_has_no_ratio() {
        let page = page(&side(&[2.0], &[4.0]), &Side::default(), 1, "2", "made").unwrap();
        assert!(page.contains("| max_pool | 2.00 | – |") && page.contains("Of 0 comparisons none"), "{page}");
    }
}
