//! Differences to the baseline along the length of training, one line an arm.

use std::fmt::Write as _;

use allconv_study::results::{TrendResult, TrendTable};

use crate::figure::{Figure, STYLES, Scale, WIDTH, mark, picture, tick_label};
use crate::latex;
use crate::library::Study;
use crate::show;

/// Height of the panel in centimetres.
const HEIGHT: f64 = 5.2;

/// Room for the numbers of the vertical axis.
const LEFT: f64 = 0.9;

/// Room beside the first and the last length, in which the marks of the arms stand side by side.
const ASIDE: f64 = 0.35;

/// Room between the panel and the labels, for the lines that lead to them.
const LEADERS: f64 = 0.5;

/// Least distance of two labels.
const LABEL_STEP: f64 = 0.33;

/// The figure; `None` for a study without lines along the length of training.
pub(crate) fn trend(study: &Study) -> Option<Figure> {
    let table = study.results.trend.as_ref().filter(|table| !table.rows.is_empty())?;
    let factor = study.unit().factor();
    let longest = table.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
    let right = (0.125 * longest as f64 + 0.1).clamp(1.0, 2.6) + ASIDE + LEADERS;
    let numbers: Vec<f64> = table.rows[0].points.iter().map(|point| point.number.log2()).collect();
    let across = Scale::over(numbers.iter().copied(), (LEFT, WIDTH - LEFT - right));
    let margin = study.file.compare.equivalence_margin;
    let values = table.rows.iter().flat_map(|row| &row.points).flat_map(|point| {
        point.interval.map(|ends| [ends.low, ends.high]).into_iter().flatten().chain([point.mean])
    });
    let values = values.chain([0.0]).chain(margin.into_iter().flat_map(|margin| [-margin, margin]));
    let up = Scale::over(values.map(|value| factor * value), (0.0, HEIGHT));
    let mut drawing = frame(study, (&across, &up), (table, margin.map(|margin| factor * margin)));
    let mut labels = Vec::new();
    for (index, row) in table.rows.iter().enumerate() {
        let dodge = 0.07 * (index as f64 - 0.5 * (table.rows.len() - 1) as f64);
        drawing.push_str(&line(row, index, (&across, &up, factor, dodge)));
        if let Some(last) = row.points.last() {
            labels.push((up.place(factor * last.mean), index, across.place(last.number.log2()) + dodge));
        }
    }
    drawing.push_str(&direct_labels(table, labels, WIDTH - right + ASIDE + LEADERS));
    Some(Figure { picture: picture(&drawing), caption: caption(study, table) })
}

fn frame(
    study: &Study,
    (across, up): (&Scale, &Scale),
    (table, margin): (&TrendTable, Option<f64>),
) -> String {
    let mut drawing = String::new();
    let (lengths, ticks) = (&table.rows[0].points, up.ticks(6));
    let ends = [lengths.first(), lengths.last()]
        .map(|end| end.map_or(0.0, |point| across.place(point.number.log2())));
    let (from, to) = (ends[0] - ASIDE, ends[1] + ASIDE);
    if let Some(margin) = margin {
        let (low, high) = (up.place(-margin), up.place(margin));
        let _ = writeln!(drawing, "\\fill[black!9] ({from:.3},{low:.3}) rectangle ({to:.3},{high:.3});");
    }
    let zero = up.place(0.0);
    let _ =
        writeln!(drawing, "\\draw[black!55,line width=0.4pt] ({from:.3},{zero:.3}) -- ({to:.3},{zero:.3});");
    for tick in &ticks {
        let (y, label) = (up.place(*tick), tick_label(*tick, &ticks));
        let _ = writeln!(
            drawing,
            "\\draw[line width=0.4pt] ({from:.3},{y:.3}) -- ({:.3},{y:.3}) node[left,inner sep=1.5pt] {{{label}}};",
            from - 0.07
        );
    }
    for point in lengths {
        let (x, label) = (across.place(point.number.log2()), show::magnitude(point.number));
        let _ = writeln!(
            drawing,
            "\\draw[line width=0.4pt] ({x:.3},0) -- ({x:.3},-0.07) node[below,inner sep=1.5pt] {{{label}}};"
        );
    }
    let _ = writeln!(
        drawing,
        "\\draw[line width=0.4pt] ({from:.3},{HEIGHT:.3}) -- ({from:.3},0) -- ({to:.3},0);"
    );
    let middle = 0.5 * (ends[0] + ends[1]);
    let _ = writeln!(
        drawing,
        "\\node[below] at ({middle:.3},-0.33) {{{} (logarithmic)}};",
        table.factor.quantity
    );
    let unit = latex::escaped(study.unit().difference_symbol());
    let name = latex::escaped(&study.metric());
    let _ = writeln!(
        drawing,
        "\\node[rotate=90,above] at ({:.3},{:.3}) {{difference in {name} ({unit})}};",
        from - 0.45,
        0.5 * HEIGHT
    );
    drawing
}

/// The line of an arm with its intervals and marks.
fn line(row: &TrendResult, index: usize, (across, up, factor, dodge): (&Scale, &Scale, f64, f64)) -> String {
    let (_, dashes, kind) = STYLES[index % STYLES.len()];
    let colour = format!("allconv{}", index % STYLES.len());
    let mut drawing = String::new();
    let places: Vec<(f64, f64)> = row
        .points
        .iter()
        .map(|point| (across.place(point.number.log2()) + dodge, up.place(factor * point.mean)))
        .collect();
    let path: Vec<String> = places.iter().map(|(x, y)| format!("({x:.3},{y:.3})")).collect();
    let _ = writeln!(drawing, "\\draw[{colour},{dashes},line width=0.9pt] {};", path.join(" -- "));
    for ((x, _), point) in places.iter().zip(&row.points) {
        if let Some(ends) = point.interval {
            let (low, high) = (up.place(factor * ends.low), up.place(factor * ends.high));
            let _ = writeln!(
                drawing,
                "\\draw[{colour},line width=0.5pt] ({x:.3},{low:.3}) -- ({x:.3},{high:.3});"
            );
        }
    }
    drawing + &places.into_iter().map(|place| mark(place, kind, &colour)).collect::<String>()
}

/// The names of the lines at their ends, pushed apart where they would overlap.
fn direct_labels(table: &TrendTable, mut labels: Vec<(f64, usize, f64)>, left: f64) -> String {
    labels.sort_by(|first, second| first.0.total_cmp(&second.0));
    let mut heights: Vec<f64> = labels.iter().map(|(height, ..)| *height).collect();
    for index in 1..heights.len() {
        heights[index] = heights[index].max(heights[index - 1] + LABEL_STEP);
    }
    // What was pushed beyond the top comes back down, and takes those below with it.
    let mut ceiling = f64::max(HEIGHT, labels.last().map_or(0.0, |(height, ..)| *height));
    for height in heights.iter_mut().rev() {
        *height = height.min(ceiling);
        ceiling = *height - LABEL_STEP;
    }
    let mut drawing = String::new();
    for ((own, index, end), height) in labels.iter().zip(heights) {
        let colour = format!("allconv{}", index % STYLES.len());
        let _ = writeln!(
            drawing,
            "\\draw[{colour},line width=0.3pt] ({:.3},{own:.3}) -- ({left:.3},{height:.3});",
            end + 0.08
        );
        let name = latex::escaped(&table.rows[*index].name);
        let _ = writeln!(
            drawing,
            "\\node[anchor=west,inner xsep=2pt,{colour}!80!black] at ({left:.3},{height:.3}) {{{name}}};"
        );
    }
    drawing
}

fn caption(study: &Study, table: &TrendTable) -> String {
    let margin = match study.file.compare.equivalence_margin {
        Some(_) => " The grey band is the margin of equivalence.",
        None => "",
    };
    format!(
        "Study {}: differences to the baseline against the length of training in {}, with 95\\,\\% intervals over $n={}$ seeds; {} zero is worse.{margin}",
        latex::code(study.name()),
        table.factor.quantity,
        table.rows.iter().map(|row| row.n).min().unwrap_or(0),
        study.worse_side()
    )
}
