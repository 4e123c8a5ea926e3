//! The Winograd algorithms that are built, and what distinguishes them.

use super::points::{self, FIVE, FOUR, SIX};
use crate::geometry::ConvGeometry;

/// A Winograd algorithm for square kernels: outputs of a tile's edge, and taps of the kernel's edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// F(4x4, 3x3): 36 products for 16 outputs, 4 times fewer than direct.
    FourOutputsThreeTaps,
    /// F(3x3, 3x3): 25 products for 9 outputs, 3.24 times fewer.
    ThreeOutputsThreeTaps,
    /// F(2x2, 3x3): 16 products for 4 outputs, 2.25 times fewer.
    TwoOutputsThreeTaps,
    /// F(2x2, 5x5): 36 products for 4 outputs, 2.78 times fewer.
    TwoOutputsFiveTaps,
    /// F(3x3, 2x2): 16 products for 9 outputs, 2.25 times fewer.
    ThreeOutputsTwoTaps,
    /// Stride 2 by phases: along each axis F(4, 2) on the even pixels and plain products on the odd ones; 81 products
    /// for 16 outputs, 1.78 times fewer.
    FourOutputsThreeTapsStrided,
}

impl Scheme {
    /// Every scheme.
    pub const ALL: [Self; 6] = [
        Self::FourOutputsThreeTaps,
        Self::ThreeOutputsThreeTaps,
        Self::TwoOutputsThreeTaps,
        Self::TwoOutputsFiveTaps,
        Self::ThreeOutputsTwoTaps,
        Self::FourOutputsThreeTapsStrided,
    ];

    /// Its name in the literature.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FourOutputsThreeTaps => "F(4x4, 3x3)",
            Self::ThreeOutputsThreeTaps => "F(3x3, 3x3)",
            Self::TwoOutputsThreeTaps => "F(2x2, 3x3)",
            Self::TwoOutputsFiveTaps => "F(2x2, 5x5)",
            Self::ThreeOutputsTwoTaps => "F(3x3, 2x2)",
            Self::FourOutputsThreeTapsStrided => "F(4x4, 3x3) by phases",
        }
    }

    /// Outputs along the edge of a tile, m.
    #[must_use]
    pub const fn tile_out(self) -> usize {
        match self {
            Self::FourOutputsThreeTaps | Self::FourOutputsThreeTapsStrided => 4,
            Self::ThreeOutputsThreeTaps | Self::ThreeOutputsTwoTaps => 3,
            Self::TwoOutputsThreeTaps | Self::TwoOutputsFiveTaps => 2,
        }
    }

    /// Taps along the edge of the kernel, r.
    #[must_use]
    pub const fn taps(self) -> usize {
        match self {
            Self::ThreeOutputsTwoTaps => 2,
            Self::TwoOutputsFiveTaps => 5,
            _ => 3,
        }
    }

    /// Input pixels between neighbouring outputs.
    #[must_use]
    pub const fn stride(self) -> usize {
        match self {
            Self::FourOutputsThreeTapsStrided => 2,
            _ => 1,
        }
    }

    /// Inputs along the edge of a tile, which is also the number of products along one axis.
    #[must_use]
    pub const fn tile_in(self) -> usize {
        (self.tile_out() - 1) * self.stride() + self.taps()
    }

    /// How many times fewer multiplications than the definition, for a map that the tiles divide.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "numbers below a hundred")]
    pub const fn reduction(self) -> f64 {
        let direct = self.tile_out() * self.taps();
        ((direct * direct) as f64) / ((self.tile_in() * self.tile_in()) as f64)
    }

    /// Whether the scheme computes this convolution.
    pub(crate) fn suits(self, geometry: &ConvGeometry) -> bool {
        geometry.kernel == [self.taps(); 2]
            && geometry.stride == [self.stride(); 2]
            && geometry.dilation == [1, 1]
    }

    /// The matrix G along one axis: distinct rows only, `taps` coefficients each.
    pub(crate) fn weight_rows(self) -> Vec<Vec<f64>> {
        match self {
            Self::FourOutputsThreeTaps | Self::TwoOutputsFiveTaps => points::weight_rows(&SIX, self.taps()),
            Self::ThreeOutputsThreeTaps => points::weight_rows(&FIVE, 3),
            Self::TwoOutputsThreeTaps | Self::ThreeOutputsTwoTaps => points::weight_rows(&FOUR, self.taps()),
            Self::FourOutputsThreeTapsStrided => {
                // Taps 0 and 2 meet the even pixels, tap 1 the odd ones.
                let even = points::weight_rows(&FIVE, 2);
                let odd = vec![0.0, 1.0, 0.0];
                even.into_iter().map(|row| vec![row[0], 0.0, row[1]]).chain([odd]).collect()
            }
        }
    }

    /// Distinct rows of G along one axis.
    pub(crate) const fn distinct_rows(self) -> usize {
        match self {
            Self::FourOutputsThreeTapsStrided => 6,
            _ => self.tile_in(),
        }
    }

    /// Distinct transformed weights of a tile.
    pub(crate) const fn distinct_weights(self) -> usize {
        self.distinct_rows() * self.distinct_rows()
    }

    /// Which transformed weight a position of the transformed tile, `row * tile_in + column`, is multiplied by.
    pub(crate) const fn weight_of_plane(self, plane: usize) -> usize {
        let last = self.distinct_rows() - 1;
        let (row, column) = (plane / self.tile_in(), plane % self.tile_in());
        let row = if row < last { row } else { last };
        let column = if column < last { column } else { last };
        row * self.distinct_rows() + column
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_reductions_are_those_of_the_documentation() {
        let sizes = Scheme::ALL.map(|scheme| (scheme.tile_in(), (scheme.reduction() * 100.0).round()));
        assert_eq!(sizes, [(6, 400.0), (5, 324.0), (4, 225.0), (6, 278.0), (4, 225.0), (9, 178.0)]);
    }

    #[test]
    fn the_strided_scheme_needs_36_distinct_weights_for_its_81_products() {
        let scheme = Scheme::FourOutputsThreeTapsStrided;
        let mut uses = [0; 36];
        (0..81).for_each(|plane| uses[scheme.weight_of_plane(plane)] += 1);
        assert_eq!((uses[0], uses[5], uses[30], uses[35], uses.iter().sum::<i32>()), (1, 4, 4, 16, 81));
    }
}
