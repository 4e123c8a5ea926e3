//! The shape of a staged band, and the channels that it holds.

/// Sizes of a band.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StageShape {
    pub(crate) images: usize,
    pub(crate) blocks: usize,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    /// Channels of a block: `LANES`, or the number of channels where it is smaller.
    pub(crate) lanes: usize,
}

impl StageShape {
    /// Returns the number of elements of a block of one image.
    pub(crate) const fn block_len(&self) -> usize {
        self.rows * self.row_len()
    }

    /// Returns the number of elements of one row of a block.
    pub(crate) const fn row_len(&self) -> usize {
        self.columns * self.lanes
    }

    /// Returns the number of elements of one image.
    pub(crate) const fn image_len(&self) -> usize {
        self.blocks * self.block_len()
    }

    /// Returns the number of elements of the band.
    pub(crate) const fn len(&self) -> usize {
        self.images * self.image_len()
    }
}

/// The channels of a map that a group owns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Channels {
    /// Channels of the map.
    pub(crate) total: usize,
    /// First channel of the group.
    pub(crate) first: usize,
    /// Channels of the group.
    pub(crate) count: usize,
}
