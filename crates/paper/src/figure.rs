//! What all figures share: scales, ticks, colours, and the wrapping that lets each be compiled alone. Figures are TikZ pictures, so that they have the
//! fonts of the text and need no converter.

/// Width of a figure in centimetres: a column of a page with two.
pub(crate) const WIDTH: f64 = 8.4;

/// Colours that differ for colour-blind readers and in grey, after Okabe and Ito, with the dashes and marks that go with them.
pub(crate) const STYLES: [(&str, &str, &str); 8] = [
    ("0,114,178", "solid", "circle"),
    ("213,94,0", "dashed", "square"),
    ("0,158,115", "solid", "triangle"),
    ("204,121,167", "densely dotted", "diamond"),
    ("0,0,0", "solid", "open circle"),
    ("230,159,0", "dashed", "open square"),
    ("86,180,233", "densely dashdotted", "open triangle"),
    ("110,110,110", "densely dotted", "open diamond"),
];

/// A finished figure.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figure {
    /// The picture.
    pub(crate) picture: String,
    /// Its caption.
    pub(crate) caption: String,
}

/// A linear scale on the page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    low: f64,
    high: f64,
    start: f64,
    length: f64,
}

impl Scale {
    /// The scale that shows all values between `start` and `start + length` centimetres, with a little room.
    pub(crate) fn over(values: impl IntoIterator<Item = f64>, (start, length): (f64, f64)) -> Scale {
        let ends = (f64::INFINITY, f64::NEG_INFINITY);
        let (low, high) =
            values.into_iter().fold(ends, |(low, high), value| (low.min(value), high.max(value)));
        let (low, high) = if high > low { (low, high) } else { (low.min(0.0) - 1.0, high.max(0.0) + 1.0) };
        let room = 0.04 * (high - low);
        Scale { low: low - room, high: high + room, start, length }
    }

    /// The place of a value in centimetres.
    pub(crate) fn place(&self, value: f64) -> f64 {
        self.start + self.length * (value - self.low) / (self.high - self.low)
    }

    /// Round values on the scale, at most `most`, at least two apart from degenerate scales.
    pub(crate) fn ticks(&self, most: usize) -> Vec<f64> {
        let rough = (self.high - self.low) / most as f64;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|times| times * power)
            .find(|step| *step >= rough)
            .unwrap_or(rough);
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step).floor() as i64;
        (first..=last).map(|index| index as f64 * step).collect()
    }
}

/// A number on an axis: as few digits as the ticks need.
pub(crate) fn tick_label(value: f64, ticks: &[f64]) -> String {
    let step = ticks.windows(2).map(|pair| pair[1] - pair[0]).next().unwrap_or(1.0);
    let digits = (-step.log10().floor()).clamp(0.0, 6.0) as usize;
    let text = format!("{value:.digits$}");
    format!(
        "${}$",
        if text.trim_start_matches('-').chars().all(|digit| "0.".contains(digit)) {
            text.replace('-', "")
        } else {
            text
        }
    )
}

/// A mark of a kind at a place, in a colour.
pub(crate) fn mark((x, y): (f64, f64), kind: &str, colour: &str) -> String {
    let (fill, shape) = match kind.strip_prefix("open ") {
        Some(shape) => ("white", shape),
        None => (colour, kind),
    };
    let path = match shape {
        "square" => {
            format!("({:.3},{:.3}) rectangle ({:.3},{:.3})", x - 0.055, y - 0.055, x + 0.055, y + 0.055)
        }
        "triangle" => polygon(&[(x - 0.07, y - 0.05), (x + 0.07, y - 0.05), (x, y + 0.075)]),
        "diamond" => polygon(&[(x - 0.08, y), (x, y + 0.08), (x + 0.08, y), (x, y - 0.08)]),
        _ => format!("({x:.3},{y:.3}) circle (0.06)"),
    };
    format!("\\draw[{colour},fill={fill},line width=0.6pt] {path};\n")
}

fn polygon(points: &[(f64, f64)]) -> String {
    let points: Vec<String> = points.iter().map(|(x, y)| format!("({x:.3},{y:.3})")).collect();
    format!("{} -- cycle", points.join(" -- "))
}

/// A picture with its colours.
pub(crate) fn picture(drawing: &str) -> String {
    let colours: String = STYLES
        .iter()
        .enumerate()
        .map(|(index, (colour, ..))| format!("\\definecolor{{allconv{index}}}{{RGB}}{{{colour}}}\n"))
        .collect();
    format!(
        "% Written by `allconv paper build`; do not edit.\n{colours}\\begin{{tikzpicture}}[x=1cm,y=1cm,font=\\scriptsize]\n{drawing}\\end{{tikzpicture}}\n"
    )
}

/// A document that shows a figure alone.
pub(crate) fn alone(name: &str) -> String {
    format!(
        "\\documentclass[border=1mm]{{standalone}}\n\\usepackage[T1]{{fontenc}}\n\\usepackage{{lmodern}}\n\\usepackage{{tikz}}\n\\begin{{document}}\n\
         \\input{{{name}}}\n\\end{{document}}\n"
    )
}

/// The float around a figure.
pub(crate) fn float(name: &str, caption: &str) -> String {
    format!(
        "\\begin{{figure}}[htbp]\n  \\centering\n  \\input{{generated/figures/{name}}}\n  \\caption{{{caption}}}\n  \\label{{fig:{name}}}\n\\end{{figure}}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_lie_on_the_scale() {
        let scale = Scale::over([-1.3, 9.2], (0.0, 5.0));
        assert_eq!(scale.ticks(6), [0.0, 2.0, 4.0, 6.0, 8.0]);
        assert_eq!(tick_label(2.0, &scale.ticks(6)), "$2$");
        let small = Scale::over([-0.012, 0.031], (0.0, 5.0));
        assert_eq!(
            small.ticks(5).iter().map(|tick| tick_label(*tick, &small.ticks(5))).collect::<Vec<_>>(),
            ["$-0.01$", "$0.00$", "$0.01$", "$0.02$", "$0.03$"]
        );
        assert!(scale.place(-1.3) > 0.0 && scale.place(9.2) < 5.0);
    }

    #[test]
    fn a_scale_over_one_value_or_none_is_finite() {
        assert!(Scale::over([0.0], (0.0, 5.0)).place(0.0).is_finite());
        assert!(
            Scale::over([], (0.0, 5.0)).place(0.0).is_finite()
                || Scale::over([], (0.0, 5.0)).ticks(3).is_empty()
        );
    }
}
