//! Shapes of feature maps, and the positions of one map that a position of another reads.

/// The input positions that one output position reads, for receptive fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Height and width of the square of input positions that one output position reads.
    pub extent: usize,
    /// Input positions between neighbouring output positions.
    pub stride: usize,
}

/// Returns the output shape by the rule of the slot: height and width divided by the stride and rounded up.
pub(crate) fn divided([channels, height, width]: [usize; 3], stride: usize) -> [usize; 3] {
    [channels, height.div_ceil(stride), width.div_ceil(stride)]
}
