//! `docs/performance.md`, written from what was measured.

use std::fmt::Write as _;
use std::path::Path;

use super::results::{Results, Row};
use super::sections::SECTIONS;

/// Writes the page.
pub(crate) fn write(workspace: &Path, results: &Results) -> anyhow::Result<()> {
    std::fs::write(workspace.join("docs/performance.md"), page(results)?)?;
    Ok(())
}

fn page(results: &Results) -> anyhow::Result<String> {
    let mut page = String::from(
        "# Throughput beside PyTorch\n\nWritten by `cargo xtask bench-peers` from `performance.json`; do not edit. What the numbers rest on is told in \
         [engine.md](engine.md).\n\n\
         Images per second on 2 threads, dropout included on both sides, loading and augmentation included on ours. Each number is the median of \
         the rounds with their smallest and largest, ours and PyTorch's in turn; each round's value is itself the median of its steps. \
         PyTorch runs in the fastest of eager, channels-last, compiled and both, chosen once for each network and pass, with its own option for huge pages. \
         The memory of the steps is the peak of the process less what was resident before the first step. \
         A ratio below its floor is marked ✗, one that reaches the goal ✓.\n",
    );
    for section in &SECTIONS {
        let Some(measured) = results.sections.get(section.name) else { continue };
        let rounds = measured.rows.iter().map(|row| row.ours.len()).max().unwrap_or(0);
        write!(
            page,
            "\n## {}\n\n{} round{}. Commit {}, {}.\n\n\
             | What | allconv | peer | Mode or peer | Ratio of medians | Floor | Goal | MiB of the steps, ours / theirs |\n\
             |---|--:|--:|---|--:|--:|--:|--:|\n",
            section.title,
            rounds,
            if rounds == 1 { "" } else { "s" },
            measured.commit,
            measured.versions,
        )?;
        for row in &measured.rows {
            let Row { what, unit, peer, floor, goal, .. } = row;
            let ratio = median(&row.ours) / median(&row.theirs);
            let mark = if ratio < *floor {
                " ✗"
            } else if ratio >= *goal {
                " ✓"
            } else {
                ""
            };
            let unit = if unit == "images/s" { String::new() } else { format!(" ({unit})") };
            writeln!(
                page,
                "| {what}{unit} | {} | {} | {peer} | **{ratio:.2}**{mark} | {floor} | {goal} | {} |",
                spread(&row.ours),
                spread(&row.theirs),
                memory(row.memory),
            )?;
        }
    }
    Ok(page)
}

fn median(rates: &[f64]) -> f64 {
    let mut rates = rates.to_vec();
    rates.sort_by(f64::total_cmp);
    (rates[(rates.len() - 1) / 2] + rates[rates.len() / 2]) / 2.0
}

/// The median, with the smallest and the largest where there are several.
fn spread(rates: &[f64]) -> String {
    // Rates below a hundred keep a decimal.
    let digits = |rate: f64| if rate < 100.0 { format!("{rate:.1}") } else { format!("{rate:.0}") };
    let (low, high) =
        rates.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), &rate| (low.min(rate), high.max(rate)));
    match rates {
        [only] => digits(*only),
        _ => format!("{} ({}–{})", digits(median(rates)), digits(low), digits(high)),
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
    use super::*;

    #[test]
    fn medians_and_spreads_are_those_of_the_rounds() {
        assert_eq!((median(&[3.0, 1.0, 2.0]), median(&[4.0, 1.0, 2.0, 3.0])), (2.0, 2.5));
        assert_eq!(spread(&[250.4]), "250");
        assert_eq!(spread(&[12.34, 250.4, 99.96]), "100.0 (12.3–250)");
        assert_eq!(
            (memory([Some(400), Some(500)]), memory([None, None])),
            ("400 / 500".to_owned(), "–".to_owned())
        );
    }
}
