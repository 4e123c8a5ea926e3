//! A part of an image.

use allconv_data::ImageShape;

/// A square of an image, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// First row.
    pub top: usize,
    /// First column.
    pub left: usize,
    /// Rows and columns.
    pub size: usize,
}

impl Region {
    /// Returns the largest square in the middle of an image.
    pub fn middle(shape: ImageShape) -> Region {
        let size = shape.height.min(shape.width);
        Region { top: (shape.height - size) / 2, left: (shape.width - size) / 2, size }
    }
}
