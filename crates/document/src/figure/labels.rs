//! Names beside the points of a figure, where there is room for them.

use maud::{Markup, html};

use super::text;

/// Width of a letter and height of a line of the class `tick`.
const LETTER: f64 = 6.4;
const LINE: f64 = 12.0;

/// Distance of a name from the centre of its point.
const AWAY: f64 = 8.0;

/// A rectangle: left, top, right, bottom.
type Area = [f64; 4];

/// The places that are taken in a panel.
#[derive(Clone, Debug)]
pub struct Labels {
    panel: Area,
    taken: Vec<Area>,
}

impl Labels {
    /// Returns the places of an empty panel: left, top, right, bottom.
    pub fn new(panel: Area) -> Self {
        Self { panel, taken: Vec::new() }
    }

    /// Takes the place of a point, over which no name is written.
    pub fn take(&mut self, (x, y): (f64, f64)) {
        self.taken.push([x - 5.0, y - 5.0, x + 5.0, y + 5.0]);
    }

    /// Writes the name of the point at `x`, `y` right of it, left, above, below or at a corner, whichever is free first; nothing where none is.
    pub fn write(&mut self, (x, y): (f64, f64), name: &str) -> Markup {
        let width = LETTER * name.chars().count() as f64;
        let half = width / 2.0;
        let places = [
            (x + AWAY, y + 4.0, "tick", x + AWAY),
            (x - AWAY, y + 4.0, "tick end", x - AWAY - width),
            (x, y - AWAY, "tick middle", x - half),
            (x, y + AWAY + LINE - 2.0, "tick middle", x - half),
            (x + AWAY, y - AWAY, "tick", x + AWAY),
            (x + AWAY, y + AWAY + LINE - 2.0, "tick", x + AWAY),
            (x - AWAY, y - AWAY, "tick end", x - AWAY - width),
            (x - AWAY, y + AWAY + LINE - 2.0, "tick end", x - AWAY - width),
        ];
        for (at, baseline, class, left) in places {
            let area = [left, baseline - LINE + 2.0, left + width, baseline + 2.0];
            if self.is_free(area) {
                self.taken.push(area);
                return text(at, baseline, class, name);
            }
        }
        html! {}
    }

    fn is_free(&self, [left, top, right, bottom]: Area) -> bool {
        let [panel_left, panel_top, panel_right, panel_bottom] = self.panel;
        let is_inside =
            left >= panel_left && top >= panel_top && right <= panel_right && bottom <= panel_bottom;
        let meets = |other: &Area| left < other[2] && other[0] < right && top < other[3] && other[1] < bottom;
        is_inside && !self.taken.iter().any(meets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_goes_where_there_is_room() {
        let mut labels = Labels::new([0.0, 0.0, 100.0, 60.0]);
        let first = labels.write((20.0, 30.0), "first").into_string();
        assert!(first.contains("x=\"28\"") && first.contains("class=\"tick\""), "{first}");
        // Right of it is the border, left of it the first name.
        let second = labels.write((70.0, 31.0), "second").into_string();
        assert!(second.contains("class=\"tick middle\""), "{second}");
        let mut full = Labels::new([0.0, 0.0, 30.0, 10.0]);
        assert_eq!(full.write((15.0, 5.0), "no room").into_string(), "");
    }
}
