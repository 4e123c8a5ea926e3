//! Figures as PNG for documents and slides that do not support SVG, drawn from the SVG at twice its size.
//!
//! The font is DejaVu Sans, which is part of the program, so that the same figure is the same bytes on every machine.

use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use super::{Figure, svg};

/// Pixels per unit of the figure: sharp in print and on dense screens.
const SCALE: f32 = 2.0;

const FONT: &str = "DejaVu Sans";

static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(dejavu::sans::regular().to_vec());
    fonts.load_font_data(dejavu::sans::bold().to_vec());
    fonts.set_sans_serif_family(FONT);
    Arc::new(fonts)
});

/// The figure as a PNG file in the light colours.
///
/// # Panics
/// If the figure's own SVG cannot be read or drawn: the page would show nothing either.
pub fn png(figure: &Figure) -> Vec<u8> {
    let options = Options { fontdb: Arc::clone(&FONTS), font_family: FONT.to_string(), ..Options::default() };
    let tree = Tree::from_str(&svg(figure), &options)
        .unwrap_or_else(|error| panic!("figure {} is no SVG: {error}", figure.name));
    let pixels = |length: f64| (SCALE * length as f32).ceil() as u32;
    let (width, height) = (pixels(figure.width), pixels(figure.height));
    let mut pixels = Pixmap::new(width, height)
        .unwrap_or_else(|| panic!("figure {} has {width} × {height} pixels", figure.name));
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    pixels.encode_png().unwrap_or_else(|error| panic!("figure {} cannot be encoded: {error}", figure.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::text;

    fn figure(content: &str) -> Figure {
        let drawing = text(10.0, 20.0, "title", content);
        Figure { name: "test".into(), description: "A word.".into(), width: 120.0, height: 30.0, drawing }
    }

    #[test]
    fn letters_are_drawn_and_the_same_figure_is_the_same_bytes() {
        let word = png(&figure("Test error"));
        assert!(word.starts_with(b"\x89PNG"));
        assert_eq!(word[16..24], [0, 0, 0, 240, 0, 0, 0, 60], "twice the size of the figure");
        assert_eq!(word, png(&figure("Test error")));
        assert_ne!(word, png(&figure("Tests errors")));
        // Without a font all of them would be empty images.
        assert_ne!(word, png(&figure("")));
    }

    #[test]
    fn every_character_of_the_figures_is_in_the_font() {
        let missing = png(&figure("\u{10ffff}"));
        for sign in ["−", "±", "×", "…", "ü", "µ", "α"] {
            assert_ne!(png(&figure(sign)), missing, "{sign}");
            assert_ne!(png(&figure(sign)), png(&figure("")), "{sign}");
        }
    }
}
