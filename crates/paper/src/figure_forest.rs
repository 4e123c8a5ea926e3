//! Differences to the baseline with their intervals, one line an arm.

use std::fmt::Write as _;

use allconv_study::results::{ComparisonResult, Direction, Verdict};

use crate::figure::{Figure, Scale, WIDTH, mark, picture, tick_label};
use crate::latex;
use crate::library::Study;
use crate::show;

/// Width of the numbers at the right.
const NUMBERS: f64 = 0.95;

/// The figure; `None` without any difference.
pub(crate) fn forest(study: &Study) -> Option<Figure> {
    let rows: Vec<&ComparisonResult> =
        study.results.comparisons.iter().filter(|comparison| comparison.mean_difference.is_some()).collect();
    if rows.is_empty() {
        return None;
    }
    let factor = study.unit().factor();
    let ends = |row: &&ComparisonResult| {
        let interval = row.interval.map(|interval| [interval.low, interval.high]);
        interval.into_iter().flatten().chain(row.mean_difference).collect::<Vec<f64>>()
    };
    let margin = study.file.compare.equivalence_margin;
    let shown = rows
        .iter()
        .flat_map(ends)
        .chain([0.0])
        .chain(margin.into_iter().flat_map(|margin| [-margin, margin]));
    let labels: Vec<String> = rows.iter().map(|row| label(study, row)).collect();
    // About 1.25 mm a letter of the labels, which stand on the left.
    let left = (0.125 * labels.iter().map(|label| label.chars().count()).max().unwrap_or(0) as f64 + 0.15)
        .clamp(1.0, 4.2);
    let scale = Scale::over(shown.map(|value| factor * value), (0.0, WIDTH - left - NUMBERS));
    let step = if rows.len() > 16 { 0.31 } else { 0.38 };
    let height = step * rows.len() as f64;
    let mut drawing = frame(study, (&scale, height), margin.map(|margin| factor * margin));
    for (index, (row, label)) in rows.iter().zip(&labels).enumerate() {
        let y = height - step * (index as f64 + 0.5);
        let _ = writeln!(
            drawing,
            "\\node[anchor=east,inner xsep=2pt] at (0,{y:.3}) {{{}}};",
            latex::escaped(label)
        );
        drawing.push_str(&line(row, y, (&scale, factor)));
        let mean = show::signed(&study.unit().signed(row.mean_difference.unwrap_or(0.0)));
        let _ = writeln!(
            drawing,
            "\\node[anchor=east,inner xsep=0pt] at ({:.3},{y:.3}) {{{mean}}};",
            WIDTH - left
        );
    }
    Some(Figure { picture: picture(&drawing), caption: caption(study) })
}

/// The margin, zero, axis and its name.
fn frame(study: &Study, (scale, height): (&Scale, f64), margin: Option<f64>) -> String {
    let mut drawing = String::new();
    if let Some(margin) = margin {
        let (from, to) = (scale.place(-margin), scale.place(margin));
        let _ = writeln!(drawing, "\\fill[black!9] ({from:.3},0) rectangle ({to:.3},{height:.3});");
    }
    let (zero, ticks) = (scale.place(0.0), scale.ticks(6));
    let _ = writeln!(drawing, "\\draw[black!55,line width=0.4pt] ({zero:.3},0) -- ({zero:.3},{height:.3});");
    let (first, last) = (ticks.first().copied().unwrap_or(0.0), ticks.last().copied().unwrap_or(0.0));
    let _ = writeln!(
        drawing,
        "\\draw[line width=0.4pt] ({:.3},0) -- ({:.3},0);",
        scale.place(first),
        scale.place(last)
    );
    for tick in &ticks {
        let (x, label) = (scale.place(*tick), tick_label(*tick, &ticks));
        let _ = writeln!(
            drawing,
            "\\draw[line width=0.4pt] ({x:.3},0) -- ({x:.3},-0.07) node[below,inner sep=1.5pt] {{{label}}};"
        );
    }
    let middle = scale.place(0.5 * (first + last));
    let unit = study.unit().difference_symbol();
    let unit = if unit.is_empty() { String::new() } else { format!(" ({})", latex::escaped(unit)) };
    let _ = writeln!(
        drawing,
        "\\node[below] at ({middle:.3},-0.33) {{difference in {}{unit}}};",
        latex::escaped(&study.metric())
    );
    drawing
}

/// Interval and mark of an arm. What is shown is filled: round for a difference, square for equivalence.
fn line(row: &ComparisonResult, y: f64, (scale, factor): (&Scale, f64)) -> String {
    let (kind, colour) = match row.verdict {
        Verdict::Shown(Direction::Worse) | Verdict::ShownButEquivalent(Direction::Worse) => {
            ("circle", "allconv1")
        }
        Verdict::Shown(Direction::Better) | Verdict::ShownButEquivalent(Direction::Better) => {
            ("circle", "allconv0")
        }
        Verdict::Equivalent => ("square", "allconv4"),
        _ => ("open circle", "allconv4"),
    };
    let mut drawing = String::new();
    if let Some(interval) = row.interval {
        let (from, to) = (scale.place(factor * interval.low), scale.place(factor * interval.high));
        let _ =
            writeln!(drawing, "\\draw[{colour},line width=0.8pt] ({from:.3},{y:.3}) -- ({to:.3},{y:.3});");
    }
    drawing + &mark((scale.place(factor * row.mean_difference.unwrap_or(0.0)), y), kind, colour)
}

/// The arm, and its baseline where arms have different ones.
fn label(study: &Study, row: &ComparisonResult) -> String {
    let is_one = study.results.comparisons.iter().all(|other| other.baseline == row.baseline);
    if is_one { row.arm.clone() } else { format!("{} − {}", row.arm, row.baseline) }
}

fn caption(study: &Study) -> String {
    let margin = match study.file.compare.equivalence_margin {
        Some(_) => " The grey band is the margin of equivalence.",
        None => "",
    };
    let baselines =
        study.results.comparisons.iter().all(|row| row.baseline == study.results.comparisons[0].baseline);
    let baseline = if baselines {
        format!("to {}", latex::code(&study.results.comparisons[0].baseline))
    } else {
        "to the baseline of each arm".to_owned()
    };
    let verdicts = || study.results.comparisons.iter().map(|row| row.verdict);
    let marks = if verdicts().any(Verdict::is_decision) {
        " Filled circles: shown different; filled squares: shown equivalent; open circles: neither."
    } else if verdicts().all(|verdict| verdict == Verdict::IntervalsOnly) {
        " There are too few seeds for verdicts."
    } else {
        " No difference and no equivalence is shown."
    };
    format!(
        "Study {}: differences {baseline} with 95\\,\\% intervals; {} zero is worse.{margin}{marks}",
        latex::code(study.name()),
        study.worse_side()
    )
}
