//! The eight orientations of the square under which a patch may be shown.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::image_shape::ImageShape;
use crate::picture::Picture;

/// Under which orientations a patch may be shown, each equally likely.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Symmetry {
    /// As it is.
    None,
    /// As it is, and mirrored left and right.
    Mirror,
    /// All eight of the square: turned by 0°, 90°, 180° or 270°, each also mirrored.
    #[default]
    Square,
}

impl Symmetry {
    /// Returns the number of orientations.
    pub(super) fn count(self) -> u32 {
        match self {
            Symmetry::None => 1,
            Symmetry::Mirror => 2,
            Symmetry::Square => 8,
        }
    }
}

/// Returns the pixels of a patch in the order in which they are shown.
pub(super) fn oriented(
    picture: &Picture,
    top: usize,
    left: usize,
    size: usize,
    orientation: u32,
) -> impl Iterator<Item = &[u8]> {
    let ImageShape { width, channels, .. } = picture.shape();
    positions(top, left, size, orientation)
        .map(move |(row, column)| &picture.pixels()[(row * width + column) * channels..][..channels])
}

/// Returns the places of a patch's pixels in the order in which they are shown: mirrored if `orientation` is odd, then turned by 90°
/// `orientation / 2` times.
pub(super) fn positions(
    top: usize,
    left: usize,
    size: usize,
    orientation: u32,
) -> impl Iterator<Item = (usize, usize)> {
    let last = size - 1;
    (0..size * size).map(move |place| {
        let (row, column) = (place / size, place % size);
        let (row, column) = match orientation / 2 {
            0 => (row, column),
            1 => (column, last - row),
            2 => (last - row, last - column),
            _ => (last - column, row),
        };
        (top + row, left + if orientation % 2 == 1 { last - column } else { column })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eight_orientations_are_eight_different_orders_of_the_same_pixels() {
        let mut orders: Vec<Vec<(usize, usize)>> =
            (0..8).map(|orientation| positions(2, 3, 4, orientation).collect()).collect();
        assert_eq!(orders[0][..5], [(2, 3), (2, 4), (2, 5), (2, 6), (3, 3)]);
        assert_eq!(orders[1][..2], [(2, 6), (2, 5)], "mirrored left and right");
        orders.sort();
        orders.dedup();
        assert_eq!(orders.len(), 8);
        for mut order in orders {
            order.sort_unstable();
            assert_eq!(order, positions(2, 3, 4, 0).collect::<Vec<_>>());
        }
    }
}
