//! The page `docs/performance.md`, written from the measurements.

use std::fmt::Write as _;
use std::path::Path;

use allconv_document::{Cell, Column, Table, Text, markdown};

use super::results::{Measured, Results, Row, Side};
use super::sections::SECTIONS;
use super::targets::Criterion;

const HEAD: &str = "# Throughput beside PyTorch, ONNX Runtime and OpenVINO\n\nWritten by `cargo xtask bench-peers` from `performance.json`; do not edit. \
[engine.md](engine.md) explains the numbers.\n\n\
Images per second on 2 threads, dropout included on both sides, loading and augmentation included on ours. Each number is the median of \
the rounds with their smallest and largest, all sides in turn; each round's value is itself the median of its steps. \
Every peer runs in its fastest mode, chosen once for each network, pass and batch: PyTorch eager, channels-last, compiled and both; ONNX Runtime \
and OpenVINO with the whole batch at once, in groups of 16 images and with one group for each thread. All have huge pages. \
Ratios are those to the fastest peer. In inference, the networks have the same weights, and before a round is timed the answers of the peer for \
the whole batch are compared with ours, those of the runtimes with PyTorch's too: they differ by at most 1e-4 of the largest value in f32 and by 5e-2 in bfloat16. \
The memory of the steps is the peak of the process less what was resident before the first step. \
A figure that misses its floor is marked ✗, one that reaches the goal ✓.\n";

const VOID: &str =
    "\nA floor in parentheses is void: it was set for depth-first training, which the program does not do.\n";

/// Writes the page.
pub(crate) fn write(workspace: &Path, results: &Results) -> anyhow::Result<()> {
    std::fs::write(workspace.join("docs/performance.md"), page(results)?)?;
    Ok(())
}

fn page(results: &Results) -> anyhow::Result<String> {
    let mut page = String::from(HEAD);
    let mut rows = results.sections.values().flat_map(|section| &section.rows);
    if rows.any(|row| row.target.void_floor.is_some()) {
        page += VOID;
    }
    for section in &SECTIONS {
        if let Some(measured) = results.sections.get(section.name) {
            write!(page, "\n## {}\n\n", section.title)?;
            write_section(&mut page, measured)?;
        }
    }
    Ok(page)
}

fn write_section(page: &mut String, measured: &Measured) -> anyhow::Result<()> {
    let rounds = measured.rows.iter().map(|row| row.ours.rates.len()).max().unwrap_or(0);
    let plural = if rounds == 1 { "" } else { "s" };
    writeln!(page, "{rounds} round{plural}. Commit {}, {}.\n", measured.commit, measured.versions)?;
    // One column per peer where rows have several.
    let mut names: Vec<&str> = Vec::new();
    if measured.rows.iter().any(|row| row.peers.len() > 1) {
        for peer in measured.rows.iter().flat_map(|row| &row.peers) {
            if !names.contains(&peer.name.as_str()) {
                names.push(&peer.name);
            }
        }
    }
    page.push_str(&markdown::table(&table(&measured.rows, &names)));
    let mut notes: Vec<String> = Vec::new();
    for row in &measured.rows {
        for side in std::iter::once(&row.ours).chain(&row.peers) {
            let note = side.note.iter().map(|note| format!("{}: {note}", side.name));
            notes.extend(note.filter(|note| !notes.contains(note)).collect::<Vec<_>>());
        }
    }
    if !notes.is_empty() {
        writeln!(page, "\nOn this processor: {}.", notes.join("; "))?;
    }
    Ok(())
}

/// The rows, with a column for each peer of `names`, or one for the only peer.
fn table(rows: &[Row], names: &[&str]) -> Table {
    let what = |row: &Row| match row.unit.as_str() {
        "images/s" => row.what.clone(),
        unit => format!("{} ({unit})", row.what),
    };
    let mut table = Table::of(rows)
        .column(Column::text("What"), |row| Cell::plain(&what(row)))
        .column(Column::number("allconv"), |row| spread(&row.ours))
        .column(names.is_empty().then(|| Column::number("peer")), |row| spread(row.fastest()));
    for name in names {
        table = table
            .column(Column::number(name), |row| row.peers.iter().find(|peer| peer.name == *name).map(spread));
    }
    let which = if names.is_empty() { "Which peer, mode" } else { "Fastest peer, mode" };
    table
        .column(Column::text(which), |row| {
            let fastest = row.fastest();
            let mode = if fastest.mode.is_empty() { String::new() } else { format!(", {}", fastest.mode) };
            Cell::plain(&format!("{}{mode}", fastest.name))
        })
        .column(Column::number("Ratio of medians"), |row| {
            let figure = match row.criterion {
                Criterion::Ratio => Text::strong(&format!("{:.2}", row.figure())),
                Criterion::OursAtMost => Text::plain("ours: ") + Text::strong(&digits(row.figure())),
            };
            figure + mark(row)
        })
        .column(Column::number("Floor"), |row| floor(row))
        .column(Column::number("Goal"), |row| row.target.goal.to_string())
        .column(Column::number("MiB of the steps, ours / its"), |row| {
            memory([row.ours.memory, row.fastest().memory])
        })
        .table()
}

fn mark(row: &Row) -> &'static str {
    let reaches = |limit| row.criterion.reaches(row.figure(), limit);
    if row.target.floor.is_some_and(|floor| !reaches(floor)) {
        " ✗"
    } else if reaches(row.target.goal) {
        " ✓"
    } else {
        ""
    }
}

fn floor(row: &Row) -> String {
    let holds = row.target.floor.map(|floor| floor.to_string());
    let void = row.target.void_floor.map(|floor| format!("({floor})"));
    match holds.into_iter().chain(void).collect::<Vec<_>>() {
        parts if parts.is_empty() => "–".to_owned(),
        parts => parts.join(" "),
    }
}

/// Rates below a hundred keep a decimal.
fn digits(rate: f64) -> String {
    if rate < 100.0 { format!("{rate:.1}") } else { format!("{rate:.0}") }
}

/// The median, with the smallest and the largest where there are several.
fn spread(side: &Side) -> String {
    let (low, high) = side
        .rates
        .iter()
        .fold((f64::INFINITY, 0.0_f64), |(low, high), &rate| (low.min(rate), high.max(rate)));
    match side.rates[..] {
        [only] => digits(only),
        _ => format!("{} ({}–{})", digits(side.median()), digits(low), digits(high)),
    }
}

fn memory(sides: [Option<u64>; 2]) -> String {
    match sides.map(|side| side.map_or_else(|| "–".to_owned(), |mebibytes| mebibytes.to_string())) {
        [ours, theirs] if ours == theirs && ours == "–" => "–".to_owned(),
        [ours, theirs] => format!("{ours} / {theirs}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::targets::Target;
    use super::*;

    fn side(name: &str, rates: &[f64]) -> Side {
        Side { name: name.to_owned(), rates: rates.to_vec(), ..Side::default() }
    }

    fn row(criterion: Criterion, target: Target) -> Row {
        let ours = Side { memory: Some(114), ..side("allconv", &[300.0, 290.0, 310.0]) };
        let pytorch = Side { mode: "compile".to_owned(), memory: Some(344), ..side("PyTorch", &[100.0]) };
        let note = Some("asked for bf16, computes in f32".to_owned());
        let openvino = Side { mode: "latency".to_owned(), note, ..side("OpenVINO", &[150.0]) };
        let (what, unit) = ("infer".to_owned(), "images/s".to_owned());
        Row { what, unit, ours, peers: vec![pytorch, openvino], criterion, target }
    }

    #[test]
    fn a_row_names_its_fastest_peer_and_shows_all() {
        let row = row(Criterion::Ratio, Target::new(1.8, 2.3));
        let expected =
            "| infer | 300 (290–310) | 100 | – | 150 | OpenVINO, latency | **2.00** | 1.8 | 2.3 | 114 / – |";
        let text = markdown::table(&table(&[row], &["PyTorch", "ONNX Runtime", "OpenVINO"]));
        assert_eq!(text.lines().last(), Some(expected));
    }

    #[test]
    fn a_section_has_a_column_for_each_peer_and_says_where_arithmetic_differs() {
        let rows =
            vec![row(Criterion::Ratio, Target::new(1.8, 2.3)), row(Criterion::Ratio, Target::new(2.1, 2.3))];
        let (mut page, commit) = (String::new(), "abc".to_owned());
        write_section(&mut page, &Measured { commit, versions: "rustc".to_owned(), rows }).unwrap();
        assert!(page.starts_with(
            "3 rounds. Commit abc, rustc.\n\n| What | allconv | PyTorch | OpenVINO | Fastest peer, mode |"
        ));
        assert!(page.ends_with(
            "| **2.00** ✗ | 2.1 | 2.3 | 114 / – |\n\nOn this processor: OpenVINO: asked for bf16, computes in f32.\n"
        ));
        let columns: Vec<usize> =
            page.lines().filter(|line| line.starts_with('|')).map(|line| line.matches('|').count()).collect();
        assert_eq!(columns, [columns[0]; 4]);
    }

    #[test]
    fn floors_that_are_void_mark_nothing() {
        let mark_and_floor = |criterion, floor, void_floor, goal| {
            let row = row(criterion, Target { floor, void_floor, goal });
            (mark(&row), super::floor(&row))
        };
        assert_eq!(mark_and_floor(Criterion::Ratio, Some(1.5), Some(2.8), 3.1), ("", "1.5 (2.8)".to_owned()));
        assert_eq!(mark_and_floor(Criterion::Ratio, Some(1.5), None, 2.0), (" ✓", "1.5".to_owned()));
        assert_eq!(mark_and_floor(Criterion::OursAtMost, None, Some(180.0), 100.0), ("", "(180)".to_owned()));
        assert_eq!(mark_and_floor(Criterion::OursAtMost, Some(180.0), None, 100.0), (" ✗", "180".to_owned()));
        assert_eq!(mark_and_floor(Criterion::OursAtMost, None, None, 300.0), (" ✓", "–".to_owned()));
    }

    #[test]
    fn medians_and_spreads_are_those_of_the_rounds() {
        assert_eq!(spread(&side("", &[250.4])), "250");
        assert_eq!(spread(&side("", &[12.34, 250.4, 99.96])), "100.0 (12.3–250)");
        assert_eq!(
            (memory([Some(400), Some(500)]), memory([None, None])),
            ("400 / 500".to_owned(), "–".to_owned())
        );
    }
}
