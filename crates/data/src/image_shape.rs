//! The shape of an image.

/// Rows, columns and channels of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageShape {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Channels of a pixel.
    pub channels: usize,
}

impl ImageShape {
    /// Returns the number of values in an image.
    pub fn len(self) -> usize {
        self.height * self.width * self.channels
    }

    /// Returns whether an image holds no value.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}
