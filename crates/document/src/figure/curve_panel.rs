//! A panel of curves over the epochs of training.

use maud::{Markup, html};

use super::{Figure, Scale, horizontal_axis, text, vertical_axis};

const WIDTH: f64 = 464.0;
const HEIGHT: f64 = 290.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 8.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 246.0;

/// A panel without its curves.
pub struct CurvePanel<'a> {
    /// Name of its file.
    pub name: &'a str,
    /// Its heading, with the unit.
    pub title: &'a str,
    /// What its curves are, as the end of the alternative text.
    pub description: &'a str,
    /// The last epoch.
    pub epochs: f64,
}

impl CurvePanel<'_> {
    /// Draws axes that hold all `values`, and what `draw` makes of the scales of epochs and values, cut at the panel's edge.
    pub fn figure(
        &self,
        values: impl IntoIterator<Item = f64>,
        draw: impl FnOnce(&Scale, &Scale) -> Markup,
    ) -> Figure {
        let CurvePanel { name, title, description, epochs } = *self;
        let epochs = Scale::fixed((0.0, epochs.max(1e-9)), (LEFT, WIDTH - RIGHT), 6);
        let values = Scale::linear(values, (BOTTOM, TOP), 5);
        let drawing = html! {
            (text(0.0, 14.0, "title", title))
            (vertical_axis(&values, (LEFT, WIDTH - RIGHT), |tick| values.tick_label(tick)))
            (horizontal_axis(&epochs, (BOTTOM, BOTTOM), |tick| epochs.tick_label(tick)))
            (text((LEFT + WIDTH - RIGHT) / 2.0, BOTTOM + 36.0, "tick middle", "Epoch"))
            clipPath id={ (name) "-panel" } {
                rect x=(LEFT) y=(TOP - 4.0) width=(WIDTH - RIGHT - LEFT + 4.0) height=(BOTTOM - TOP + 8.0) {}
            }
            g clip-path={ "url(#" (name) "-panel)" } { (draw(&epochs, &values)) }
        };
        let description = format!("{title} over the epochs: {description}");
        Figure { name: name.to_owned(), description, width: WIDTH, height: HEIGHT, drawing }
    }
}
