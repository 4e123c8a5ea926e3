//! Affine maps of pictures with bilinear interpolation.

use allconv_random::elementary::{cos, sin};

use crate::image_shape::ImageShape;
use crate::picture::Picture;

/// The grey level of positions outside a picture.
pub(super) const OUTSIDE: u8 = 128;

/// An affine map: the value of the output at (x, y) from its centre is that of the input at (m₀₀x + m₀₁y + t₀, m₁₀x + m₁₁y + t₁) from its
/// centre.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Warp {
    pub(super) matrix: [[f64; 2]; 2],
    pub(super) shift: [f64; 2],
}

impl Warp {
    /// Returns the map that rotates an image counterclockwise by `degrees`, then enlarges it by `scale` and shears it: x moves by `shear[0]`·y,
    /// y by `shear[1]`·x.
    ///
    /// # Panics
    /// If the map cannot be inverted.
    pub(super) fn of(degrees: f64, scale: [f64; 2], shear: [f64; 2]) -> Warp {
        let angle = degrees.to_radians();
        let (sine, cosine) = (sin(angle), cos(angle));
        // The image moves by shear · scale · rotation; y points down, so that a counterclockwise rotation has −sine below.
        let rotation = [[cosine, sine], [-sine, cosine]];
        let scaled = [rotation[0].map(|value| value * scale[0]), rotation[1].map(|value| value * scale[1])];
        let forwards = [
            [scaled[0][0] + shear[0] * scaled[1][0], scaled[0][1] + shear[0] * scaled[1][1]],
            [shear[1] * scaled[0][0] + scaled[1][0], shear[1] * scaled[0][1] + scaled[1][1]],
        ];
        Warp { matrix: inverse(forwards), shift: [0.0; 2] }
    }

    /// Returns `height` × `width` pixels of the mapped picture; positions outside the picture are grey.
    pub(super) fn apply(&self, picture: &Picture, [height, width]: [usize; 2]) -> Picture {
        let shape = picture.shape();
        let mut pixels = Vec::with_capacity(height * width * shape.channels);
        let middle = |length: usize| (length as f64 - 1.0) / 2.0;
        for row in 0..height {
            let y = row as f64 - middle(height);
            for column in 0..width {
                let x = column as f64 - middle(width);
                let from =
                    |axis: usize| self.matrix[axis][0] * x + self.matrix[axis][1] * y + self.shift[axis];
                interpolate(
                    picture,
                    [from(1) + middle(shape.height), from(0) + middle(shape.width)],
                    &mut pixels,
                );
            }
        }
        Picture::new(ImageShape { height, width, ..shape }, pixels)
    }
}

fn inverse([[a, b], [c, d]]: [[f64; 2]; 2]) -> [[f64; 2]; 2] {
    let determinant = a * d - b * c;
    assert!(determinant != 0.0, "a map that cannot be inverted: {a} {b} {c} {d}");
    [[d / determinant, -b / determinant], [-c / determinant, a / determinant]]
}

/// Appends the interpolated pixel at a position; neighbours outside the picture are grey.
fn interpolate(picture: &Picture, [y, x]: [f64; 2], pixels: &mut Vec<u8>) {
    let shape = picture.shape();
    let (top, left) = (y.floor(), x.floor());
    let (down, right) = (y - top, x - left);
    for channel in 0..shape.channels {
        let value = |row: f64, column: f64| {
            let inside =
                row >= 0.0 && column >= 0.0 && row < shape.height as f64 && column < shape.width as f64;
            let place = if inside {
                (row as usize * shape.width + column as usize) * shape.channels + channel
            } else {
                0
            };
            f64::from(if inside { picture.pixels()[place] } else { OUTSIDE })
        };
        let across = |row: f64| value(row, left) * (1.0 - right) + value(row, left + 1.0) * right;
        pixels.push((across(top) * (1.0 - down) + across(top + 1.0) * down + 0.5) as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Picture {
        Picture::new(ImageShape { height: 3, width: 3, channels: 1 }, vec![1, 2, 3, 4, 5, 6, 7, 8, 9])
    }

    #[test]
    fn a_quarter_turn_against_the_clock_and_a_scale_follow_worked_examples() {
        let turned = Warp::of(90.0, [1.0; 2], [0.0; 2]).apply(&picture(), [3, 3]);
        assert_eq!(turned.pixels(), [3, 6, 9, 2, 5, 8, 1, 4, 7]);
        let identity = Warp::of(0.0, [1.0; 2], [0.0; 2]);
        assert_eq!(identity.apply(&picture(), [3, 3]), picture());
        assert_eq!(identity.apply(&picture(), [1, 5]).pixels(), [OUTSIDE, 4, 5, 6, OUTSIDE]);
        // Enlarged twice: neighbours of the middle are half-way to the next pixels, 4.5 and 5.5 rounded up.
        let enlarged = Warp::of(0.0, [2.0; 2], [0.0; 2]).apply(&picture(), [1, 3]);
        assert_eq!(enlarged.pixels(), [5, 5, 6]);
    }

    #[test]
    fn a_shear_moves_rows_and_leaves_the_middle() {
        let sheared = Warp::of(0.0, [1.0; 2], [1.0, 0.0]).apply(&picture(), [3, 3]);
        assert_eq!(sheared.pixels(), [2, 3, OUTSIDE, 4, 5, 6, OUTSIDE, 7, 8]);
    }
}
