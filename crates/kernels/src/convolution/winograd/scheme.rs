//! The Winograd algorithms that are built, and what distinguishes them.

use super::line::Line;
use crate::convolution::ConvGeometry;

/// A Winograd algorithm for square kernels: outputs of a tile, down and across, and taps of the kernel's edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// F(4x4, 3x3): 36 products for 16 outputs, 4 times fewer than direct.
    FourOutputsThreeTaps,
    /// F(3x3, 3x3): 25 products for 9 outputs, 3.24 times fewer.
    ThreeOutputsThreeTaps,
    /// F(2x2, 3x3): 16 products for 4 outputs, 2.25 times fewer.
    TwoOutputsThreeTaps,
    /// F(4x2, 3x3): 24 products for 8 outputs, 3 times fewer, with an error between those of F(2x2, 3x3) and F(4x4, 3x3).
    FourByTwoOutputsThreeTaps,
    /// F(2x2, 5x5): 36 products for 4 outputs, 2.78 times fewer.
    TwoOutputsFiveTaps,
    /// F(3x3, 2x2): 16 products for 9 outputs, 2.25 times fewer.
    ThreeOutputsTwoTaps,
    /// Stride 2 by phases: along each axis F(4, 2) on the even pixels and plain products on the odd ones; 81 products
    /// for 16 outputs, 1.78 times fewer.
    FourOutputsThreeTapsStrided,
    /// Stride 2 by phases with F(2, 2) on the even pixels: 25 products for 4 outputs, 1.44 times fewer.
    TwoOutputsThreeTapsStrided,
}

impl Scheme {
    /// Every scheme.
    pub const ALL: [Self; 8] = [
        Self::FourOutputsThreeTaps,
        Self::ThreeOutputsThreeTaps,
        Self::TwoOutputsThreeTaps,
        Self::FourByTwoOutputsThreeTaps,
        Self::TwoOutputsFiveTaps,
        Self::ThreeOutputsTwoTaps,
        Self::FourOutputsThreeTapsStrided,
        Self::TwoOutputsThreeTapsStrided,
    ];

    /// Returns its name in the literature.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FourOutputsThreeTaps => "F(4x4, 3x3)",
            Self::ThreeOutputsThreeTaps => "F(3x3, 3x3)",
            Self::TwoOutputsThreeTaps => "F(2x2, 3x3)",
            Self::FourByTwoOutputsThreeTaps => "F(4x2, 3x3)",
            Self::TwoOutputsFiveTaps => "F(2x2, 5x5)",
            Self::ThreeOutputsTwoTaps => "F(3x3, 2x2)",
            Self::FourOutputsThreeTapsStrided => "F(4x4, 3x3) by phases",
            Self::TwoOutputsThreeTapsStrided => "F(2x2, 3x3) by phases",
        }
    }

    /// Returns the one-dimensional algorithms down and across.
    pub(super) const fn lines(self) -> [Line; 2] {
        match self {
            Self::FourOutputsThreeTaps => [Line::plain(4, 3); 2],
            Self::ThreeOutputsThreeTaps => [Line::plain(3, 3); 2],
            Self::TwoOutputsThreeTaps => [Line::plain(2, 3); 2],
            Self::FourByTwoOutputsThreeTaps => [Line::plain(4, 3), Line::plain(2, 3)],
            Self::TwoOutputsFiveTaps => [Line::plain(2, 5); 2],
            Self::ThreeOutputsTwoTaps => [Line::plain(3, 2); 2],
            Self::FourOutputsThreeTapsStrided => [Line::by_phases(4); 2],
            Self::TwoOutputsThreeTapsStrided => [Line::by_phases(2); 2],
        }
    }

    /// Returns the number of outputs of a tile, down and across.
    #[must_use]
    pub const fn tile_out(self) -> [usize; 2] {
        let [down, across] = self.lines();
        [down.outputs, across.outputs]
    }

    /// Taps along the edge of the kernel, r.
    #[must_use]
    pub const fn taps(self) -> usize {
        self.lines()[0].taps
    }

    /// Returns the number of input pixels between neighbouring outputs.
    #[must_use]
    pub const fn stride(self) -> usize {
        self.lines()[0].stride
    }

    /// Returns the number of inputs of a tile, down and across.
    #[must_use]
    pub const fn tile_in(self) -> [usize; 2] {
        let [down, across] = self.lines();
        [down.inputs(), across.inputs()]
    }

    /// Products of a tile, for each pair of an input and an output channel: the positions of the transformed tile.
    #[must_use]
    pub const fn planes(self) -> usize {
        let [down, across] = self.tile_in();
        down * across
    }

    /// Returns the factor by which it takes fewer multiplications than the definition, for a map that the tiles divide.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "numbers below a hundred")]
    pub const fn reduction(self) -> f64 {
        let [down, across] = self.tile_out();
        let direct = down * across * self.taps() * self.taps();
        direct as f64 / self.planes() as f64
    }

    /// Returns whether the scheme computes this convolution.
    pub(crate) fn suits(self, geometry: &ConvGeometry) -> bool {
        geometry.kernel == [self.taps(); 2]
            && geometry.stride == [self.stride(); 2]
            && geometry.dilation == [1, 1]
    }

    /// Returns the number of distinct transformed weights of a tile.
    pub(crate) const fn distinct_weights(self) -> usize {
        let [down, across] = self.lines();
        down.distinct_rows() * across.distinct_rows()
    }

    /// Returns the transformed weight by which a position of the transformed tile, `row * columns + column`, is multiplied.
    pub(crate) const fn weight_of_plane(self, plane: usize) -> usize {
        let [down, across] = self.lines();
        let columns = across.distinct_rows();
        let (row, column) = (plane / across.inputs(), plane % across.inputs());
        let row = if row < down.distinct_rows() { row } else { down.distinct_rows() - 1 };
        let column = if column < columns { column } else { columns - 1 };
        row * columns + column
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_reductions_are_those_of_the_documentation() {
        let sizes = Scheme::ALL.map(|scheme| (scheme.planes(), (scheme.reduction() * 100.0).round()));
        let expected = [
            (36, 400.0),
            (25, 324.0),
            (16, 225.0),
            (24, 300.0),
            (36, 278.0),
            (16, 225.0),
            (81, 178.0),
            (25, 144.0),
        ];
        assert_eq!(sizes, expected);
    }

    #[test]
    fn the_strided_scheme_needs_36_distinct_weights_for_its_81_products() {
        let scheme = Scheme::FourOutputsThreeTapsStrided;
        let mut uses = [0; 36];
        (0..81).for_each(|plane| uses[scheme.weight_of_plane(plane)] += 1);
        assert_eq!((uses[0], uses[5], uses[30], uses[35], uses.iter().sum::<i32>()), (1, 4, 4, 16, 81));
    }
}
