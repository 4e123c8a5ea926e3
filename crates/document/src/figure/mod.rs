//! Figures as SVG: their common text, axes and colours, and their SVG and PNG files.

mod curve_panel;
mod labels;
mod png;
mod scale;
mod svg;

pub use curve_panel::CurvePanel;
pub use labels::Labels;
pub use png::png;
pub use scale::Scale;
pub use svg::svg;

use maud::{Markup, html};

/// Colours that differ for colour-blind readers too; further series differ in dashes and marks.
pub(crate) const COLOURS: usize = 7;

/// The style sheet for figures in a page.
pub(crate) const FIGURE_STYLE: &str = include_str!("figure.css");

/// Classes of a series: `aN` to toggle it, `cN` for its colour, `dN` for its dashes.
pub fn series_classes(index: usize) -> String {
    format!("a{index} c{} d{}", index % COLOURS, (index / COLOURS).min(2))
}

/// A figure with its drawing, which can also be written to a file of its own.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Name of the file, without its ending.
    pub name: String,
    /// The alternative text.
    pub description: String,
    /// Its width, in the units of the drawing.
    pub width: f64,
    /// Its height.
    pub height: f64,
    /// The elements of the SVG.
    pub drawing: Markup,
}

impl Figure {
    /// The figure for the page.
    pub(crate) fn inline(&self) -> Markup {
        html! {
            svg viewBox={ "0 0 " (self.width) " " (self.height) } width=(self.width) height=(self.height) role="img" aria-label=(self.description) {
                (self.drawing)
            }
        }
    }
}

/// Draws text at a position; `class` sets size and anchor.
pub fn text(x: f64, y: f64, class: &str, content: &str) -> Markup {
    html! { text x=(x) y=(y) class=(class) { (content) } }
}

/// Draws a line between two positions.
pub fn line((x1, y1): (f64, f64), (x2, y2): (f64, f64), class: &str) -> Markup {
    html! { line x1=(x1) y1=(y1) x2=(x2) y2=(y2) class=(class) {} }
}

/// The `d` of a path: straight lines from point to point.
pub fn path(points: &[(f64, f64)]) -> String {
    let mut text = String::with_capacity(points.len() * 14);
    for (index, (x, y)) in points.iter().enumerate() {
        text.push_str(&format!("{}{x} {y}", if index == 0 { "M" } else { "L" }));
    }
    text
}

/// Ticks, grid lines and labels of a horizontal axis at the bottom of a panel from `top` to `bottom`.
pub fn horizontal_axis(scale: &Scale, (top, bottom): (f64, f64), label: impl Fn(f64) -> String) -> Markup {
    html! {
        @for &tick in scale.ticks() {
            (line((scale.place(tick), top), (scale.place(tick), bottom), "grid"))
            (text(scale.place(tick), bottom + 16.0, "tick middle", &label(tick)))
        }
    }
}

/// The labels of a horizontal axis once more, above its panel.
pub fn labels_above(scale: &Scale, top: f64, label: impl Fn(f64) -> String) -> Markup {
    html! {
        @for &tick in scale.ticks() { (text(scale.place(tick), top - 6.0, "tick middle", &label(tick))) }
    }
}

/// Ticks, grid lines and labels of a vertical axis at the left of a panel from `left` to `right`.
pub fn vertical_axis(scale: &Scale, (left, right): (f64, f64), label: impl Fn(f64) -> String) -> Markup {
    html! {
        @for &tick in scale.ticks() {
            (line((left, scale.place(tick)), (right, scale.place(tick)), "grid"))
            (text(left - 7.0, scale.place(tick) + 4.0, "tick end", &label(tick)))
        }
    }
}

/// A label of at most `most` characters.
pub fn shortened(name: &str, most: usize) -> String {
    if name.chars().count() <= most {
        return name.to_owned();
    }
    let mut text: String = name.chars().take(most - 1).collect();
    text.push('…');
    text
}
