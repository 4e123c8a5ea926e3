//! The figure along a numeric factor such as the length of training: the primary metric of each line of arms, below it the differences to the
//! baseline, and below these where they cross zero.

use allconv_document::Figure;
use allconv_document::figure::{
    Scale, horizontal_axis, line, path, series_classes, shortened, text, vertical_axis,
};
use allconv_document::number::magnitude;
use maud::{Markup, html};

use super::sentence::{capitalised, metric_name, title};
use crate::results::{Line, StudyResults, TrendResult, TrendTable};
use crate::stats::Interval;

/// The alternative text of the figure.
const DESCRIPTION: &str = "The primary metric against the length of training, the differences to the baseline, and where they cross zero.";

/// The caption of the figure.
pub(super) const CAPTION: &str = "Above: means over the finished seeds with 95\u{a0}% t intervals, on a logarithmic axis; arms are drawn next to each \
    other. Middle: differences to the baseline over the seeds that finished every length, with the equivalence margin as a strip. Below: where the mean line \
    of each arm crosses zero, with Fieller's 95\u{a0}% interval, as far as it lies on the axis.";

const WIDTH: f64 = 760.0;
const LEFT: f64 = 52.0;
const TOP: f64 = 30.0;
const UPPER: f64 = 260.0;
const LOWER: f64 = 200.0;
/// Between two panels: the title of the lower one.
const BETWEEN: f64 = 38.0;
const BELOW: f64 = 44.0;
/// Height of an arm's row of the crossings, and least distance of two labels.
const ROW: f64 = 15.0;
/// Distance of neighbouring arms at the same number.
const BESIDE: f64 = 5.0;
const LONGEST_LABEL: usize = 26;

/// The positions of the panels.
struct Panels {
    x: Scale,
    right: f64,
    /// Bottom of the upper panel, top and bottom of the middle one, top and bottom of the rows of crossings.
    upper: f64,
    middle: (f64, f64),
    rows: (f64, f64),
}

/// A value at each number, with its interval.
type Points = Vec<(f64, f64, Option<Interval>)>;

/// The figure of a study with a numeric factor.
pub(super) fn figure(results: &StudyResults, table: &TrendTable) -> Figure {
    let lines = table.factor.lines(&results.study);
    let panels = Panels::of(table, &lines);
    let bottom = panels.rows.1;
    let x = &panels.x;
    let drawing = html! {
        (values(results, &lines, &panels))
        (differences(results, (table, &lines), &panels))
        (text(LEFT, panels.rows.0 - 6.0, "title", "Crosses zero"))
        (horizontal_axis(x, (panels.rows.0, bottom), magnitude))
        (text((LEFT + panels.right) / 2.0, bottom + 36.0, "tick middle", &capitalised(table.factor.quantity)))
        @for (row, (line, trend)) in compared(table, &lines).enumerate() {
            (crossing(trend, &panels, (line, row)))
        }
    };
    Figure {
        name: "training-length".to_owned(),
        description: DESCRIPTION.to_owned(),
        width: WIDTH,
        height: bottom + BELOW,
        drawing,
    }
}

impl Panels {
    fn of(table: &TrendTable, lines: &[Line]) -> Panels {
        let longest =
            lines.iter().map(|line| line.name.chars().count().min(LONGEST_LABEL)).max().unwrap_or(0);
        let right = WIDTH - 7.2 * longest as f64 - 22.0;
        // Every line has a label next to both panels.
        let least = ROW * lines.len() as f64;
        let upper = TOP + UPPER.max(least);
        let middle = (upper + BETWEEN, upper + BETWEEN + LOWER.max(least));
        let rows = middle.1 + BETWEEN;
        Panels {
            x: Scale::logarithmic(&table.factor.numbers(), (LEFT, right)),
            right,
            upper,
            middle,
            rows: (rows, rows + ROW * table.rows.len() as f64),
        }
    }
}

/// The lines that are compared with a baseline, with their position.
fn compared<'a>(table: &'a TrendTable, lines: &'a [Line]) -> impl Iterator<Item = (usize, &'a TrendResult)> {
    let row = |(position, line): (usize, &Line)| {
        Some((position, table.rows.iter().find(|row| row.name == line.name)?))
    };
    lines.iter().enumerate().filter_map(row)
}

/// The upper panel.
fn values(results: &StudyResults, lines: &[Line], panels: &Panels) -> Markup {
    let numbers = panels.x.ticks();
    let points = |line: &Line| -> Points {
        let arms = numbers.iter().zip(&line.arms).map(|(number, arm)| (*number, &results.arms[*arm]));
        arms.filter_map(|(number, arm)| Some((number, arm.summary?.mean, arm.interval))).collect()
    };
    let lines: Vec<(usize, &str, Points)> = lines
        .iter()
        .enumerate()
        .map(|(position, line)| (position, line.name.as_str(), points(line)))
        .collect();
    let y = scale(results, &lines, [].iter(), (panels.upper, TOP));
    html! {
        (text(LEFT, 14.0, "title", &title(&metric_name(&results.study), results.unit, None)))
        (panel(results, &lines, panels, &y))
    }
}

/// The middle panel.
fn differences(results: &StudyResults, (table, lines): (&TrendTable, &[Line]), panels: &Panels) -> Markup {
    let factor = results.unit.factor();
    let margin = results.study.compare.equivalence_margin;
    let lines: Vec<(usize, &str, Points)> = compared(table, lines)
        .map(|(position, row)| {
            let points = row.points.iter().map(|point| (point.number, point.mean, point.interval));
            (position, row.name.as_str(), points.collect())
        })
        .collect();
    let (top, bottom) = panels.middle;
    let ends = margin.map(|margin| [-margin, margin]).unwrap_or_default();
    let y = scale(results, &lines, ends.iter(), (bottom, top));
    let head = match results.unit.difference_name() {
        "" => "Difference to the baseline".to_owned(),
        name => format!("Difference to the baseline ({name})"),
    };
    html! {
        (text(LEFT, top - 10.0, "title", &head))
        @if let Some(margin) = margin {
            @let (high, low) = (y.place(margin * factor), y.place(-margin * factor));
            rect x=(LEFT) y=(high) width=(panels.right - LEFT) height=(low - high) class="margin" { title { "Equivalence margin" } }
        }
        (panel(results, &lines, panels, &y))
        (line((LEFT, y.place(0.0)), (panels.right, y.place(0.0)), "zero"))
    }
}

/// An axis that holds all points, their intervals and a few values more, in the unit of the metric.
fn scale<'a>(
    results: &StudyResults,
    lines: &[(usize, &str, Points)],
    more: impl Iterator<Item = &'a f64>,
    places: (f64, f64),
) -> Scale {
    let points = lines.iter().flat_map(|(.., points)| points);
    let values = points.flat_map(|(_, mean, interval)| {
        [*mean].into_iter().chain(interval.iter().flat_map(|interval| [interval.low, interval.high]))
    });
    let factor = results.unit.factor();
    Scale::linear(values.chain(more.copied()).map(|value| value * factor), places, 6)
}

/// The axis, lines and labels of a panel.
fn panel(results: &StudyResults, lines: &[(usize, &str, Points)], panels: &Panels, y: &Scale) -> Markup {
    let (bottom, top) = y.places();
    let factor = results.unit.factor();
    let middle = (lines.len() as f64 - 1.0) / 2.0;
    let place = |row: usize, number: f64, value: f64| {
        let beside = (row as f64 - middle) * BESIDE.min(40.0 / lines.len() as f64);
        (((panels.x.place(number) + beside) * 100.0).round() / 100.0, y.place(value * factor))
    };
    let ends =
        lines.iter().map(|(.., points)| points.last().map_or(bottom, |(_, mean, _)| y.place(mean * factor)));
    let labels = apart(&ends.collect::<Vec<f64>>(), (top, bottom));
    html! {
        (vertical_axis(y, (LEFT, panels.right), |tick| y.tick_label(tick)))
        @for number in panels.x.ticks() {
            (line((panels.x.place(*number), top), (panels.x.place(*number), bottom), "grid"))
        }
        @for (row, ((position, name, points), label)) in lines.iter().zip(labels).enumerate() {
            g class=(series_classes(*position)) {
                path d=(path(&points.iter().map(|(number, mean, _)| place(row, *number, *mean)).collect::<Vec<_>>())) class="curve" {}
                @for (number, mean, interval) in points {
                    @let (x, at) = place(row, *number, *mean);
                    @if let Some(interval) = interval {
                        (line((x, y.place(interval.low * factor)), (x, y.place(interval.high * factor)), "interval"))
                    }
                    circle cx=(x) cy=(at) r="4" class="mean" {
                        title { (name) ", " (magnitude(*number)) ": " (results.unit.value(*mean)) " " (results.unit.symbol()) }
                    }
                }
                circle cx=(panels.right + 8.0) cy=(label - 4.0) r="4" class="mean" {}
            }
            (text(panels.right + 16.0, label, "tick", &shortened(name, LONGEST_LABEL)))
        }
    }
}

/// Places of labels near these places, at least a row apart and within the panel.
fn apart(places: &[f64], (top, bottom): (f64, f64)) -> Vec<f64> {
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|a, b| places[*a].total_cmp(&places[*b]));
    let mut labels = vec![0.0; places.len()];
    let mut free = top;
    for (rank, index) in order.iter().enumerate() {
        // The labels below must have room.
        let last = bottom - ROW * (places.len() - 1 - rank) as f64;
        labels[*index] = (places[*index] + 4.0).min(last).max(free);
        free = labels[*index] + ROW;
    }
    labels
}

/// A line's row of the lowest panel.
fn crossing(trend: &TrendResult, panels: &Panels, (position, row): (usize, usize)) -> Markup {
    let at = panels.rows.0 + ROW * (row as f64 + 0.5);
    let (low, high) = panels.x.ends();
    let found = trend.crossing.and_then(|found| Some((found.place?.exp2(), found.interval?)));
    let found = found
        .map(|(place, ends)| (place, ends.low.exp2(), ends.high.exp2()))
        .filter(|(_, first, last)| *first <= high && *last >= low);
    html! {
        g class=(series_classes(position)) {
            @if let Some((place, first, last)) = found {
                (line((panels.x.place(first.max(low)), at), (panels.x.place(last.min(high)), at), "interval"))
                @if (low..=high).contains(&place) { circle cx=(panels.x.place(place)) cy=(at) r="4" class="mean" {} }
            }
            circle cx=(panels.right + 8.0) cy=(at) r="4" class="mean" {}
        }
        @if found.is_none() { (text(LEFT + 6.0, at + 4.0, "tick", "not shown on this axis")) }
        (text(panels.right + 16.0, at + 4.0, "tick", &shortened(&trend.name, LONGEST_LABEL)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::StudyFile;
    use crate::report::{published_files, report_files};
    use crate::testing::{lengths_study_text, write_lengths};

    #[test]
    fn the_report_and_the_published_readme_show_the_figure() {
        let folder = tempfile::tempdir().unwrap();
        let study = StudyFile::parse("small.toml", lengths_study_text(6)).unwrap();
        write_lengths(folder.path(), &study, 0.0);
        let results = StudyResults::collect(&study, &[folder.path().to_path_buf()]).unwrap();
        let report = report_files(&results, &());
        let text = |files: &[crate::report::ReportFile], path: &str| {
            let file = files.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("no {path}"));
            String::from_utf8(file.content.clone()).unwrap()
        };
        let figure = text(&report, "figures/training-length.svg");
        assert!(!figure.contains("NaN") && !figure.contains("inf"));
        // Three lines above, two in the middle, two rows of crossings with one crossing on the axis.
        assert_eq!(figure.matches("class=\"curve\"").count(), 3 + 2);
        assert_eq!(figure.matches("not shown on this axis").count(), 1);
        assert!(report.iter().any(|file| file.path == "figures/training-length.png"));
        assert!(text(&report, "index.html").contains("Fieller's 95"));
        let published = published_files(&results);
        assert!(text(&published, "README.md").contains("](figures/training-length.svg)"));
        assert_eq!(text(&published, "figures/training-length.svg"), figure);
    }

    #[test]
    fn labels_stay_in_order_a_row_apart_and_inside() {
        let labels = apart(&[100.0, 101.0, 40.0, 99.0], (0.0, 110.0));
        let mut sorted = labels.clone();
        sorted.sort_by(f64::total_cmp);
        assert!(sorted.windows(2).all(|pair| pair[1] - pair[0] >= ROW), "{labels:?}");
        assert!(labels[2] < labels[3] && labels[3] < labels[0] && labels[0] < labels[1], "{labels:?}");
        assert!(sorted[3] <= 110.0 && (labels[2] - 44.0).abs() < 1e-9, "{labels:?}");
    }
}
