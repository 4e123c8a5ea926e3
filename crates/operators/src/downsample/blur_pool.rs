//! BlurPool: a binomial low-pass filter before positions are dropped.

use super::properties::{Properties, SLOT_SHAPE};
use super::reduction::Reduction;
use crate::axis_maps::{EdgePadding, blur};
use crate::operations::{SeparableMap, separable};
use crate::prelude::*;

/// The boundary of every blur.
pub(super) const BLUR_BOUNDARY: &str = "floor((taps − 1)/2) positions before and the rest after, read by `padding`: reflect (edge not repeated), replicate, zero or \
     circular; reflect where height or width is not longer than its border reads as replicate";

/// Differences of other implementations.
pub(super) const BLUR_NOTE: &str = "Defined for every height and width, 1 included. timm pads even filters symmetrically and so gets one position more; kornia pads zeros and \
     changes sizes for even kernels. Implemented from the formula; the reference code is CC BY-NC-SA.";

/// A binomial low-pass filter, then decimation. [`BlurPool::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BlurPool {
    /// Taps of the filter along each axis, 1 to 7. Default 4.
    pub taps: usize,
    /// Positions between outputs, 1 to 64. Default 2.
    pub stride: usize,
    /// The values that the filter reads beyond the edges. Default: the map mirrored.
    pub padding: EdgePadding,
}

impl Default for BlurPool {
    fn default() -> Self {
        Self { taps: 4, stride: 2, padding: EdgePadding::default() }
    }
}

impl Settings for BlurPool {
    const DESCRIPTION: Description = Description {
        name: "blur_pool",
        kind: Kind::Filter,
        revision: 1,
        statement: "A binomial low-pass filter along both axes, then every stride-th position.",
        formula: "y[c,i,j] = sum over u, v < taps of a[u]·a[v]·x[c, stride·i + u − floor((taps − 1)/2), …], \
                  a[j] = binomial(taps − 1, j)/2^(taps − 1)",
        shape: SLOT_SHAPE,
        boundary: BLUR_BOUNDARY,
        cost: "2·taps multiplications; no weights",
        source: "Zhang, arXiv 1904.11486 (what it puts in the place of average pooling)",
        note: BLUR_NOTE,
    };

    fn examples() -> Vec<Self> {
        let of = |taps, padding| Self { taps, stride: 2, padding };
        vec![
            Self::default(),
            of(3, EdgePadding::Reflect),
            of(3, EdgePadding::Zero),
            of(5, EdgePadding::Circular),
            of(2, EdgePadding::Replicate),
            of(7, EdgePadding::Reflect),
            of(1, EdgePadding::Reflect),
            Self { taps: 3, stride: 3, padding: EdgePadding::Replicate },
        ]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_blur(self.taps, self.stride)
    }
}

impl Reduction for BlurPool {
    fn properties(&self) -> Properties {
        blur_properties(self.taps, self.stride, self.padding)
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        Window { extent: self.taps, stride: self.stride }
    }

    fn compute(&self, x: Tensor<4>, _parameters: &Parameters, pass: &Pass<'_>) -> Tensor<4> {
        let [_, _, height, width] = x.dims();
        let [rows, columns] = [height, width].map(|size| blur(size, self.taps, self.stride, self.padding));
        separable(x, SeparableMap::new(rows, columns), pass.engine)
    }

    fn lower(&self, graph: &mut Graph, x: Value) -> Value {
        graph.blurred(x, self.taps, self.stride, self.padding)
    }
}

/// Returns the properties of a blur.
pub(super) fn blur_properties(taps: usize, stride: usize, padding: EdgePadding) -> Properties {
    // Two taps read one position after the last, which a stride that is even drops on an even height or width.
    let stays_inside = taps <= 2 && stride >= taps;
    Properties {
        linear: true,
        shifts_by_stride: padding == EdgePadding::Circular || stays_inside,
        ..Properties::pooling(stride)
    }
}

/// Refuses taps and strides out of range.
pub(super) fn check_blur(taps: usize, stride: usize) -> Result<(), OutOfRange> {
    check_taps("taps", taps)?;
    check_size("stride", stride)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{assert_near, evaluated, grid, image};

    fn at(taps: usize, padding: EdgePadding) -> BlurPool {
        BlurPool { taps, stride: 2, padding }
    }

    #[test]
    fn worked_examples_of_the_reference() {
        assert_near(&evaluated(&at(3, EdgePadding::Reflect), grid(4, 4)), &[3.5, 5.0, 9.5, 11.0], 1e-6);
        assert_near(&evaluated(&at(3, EdgePadding::Zero), grid(4, 4)), &[1.5, 3.25, 7.0, 11.0], 1e-6);
        assert_near(&evaluated(&at(3, EdgePadding::Circular), grid(4, 4)), &[6.0, 7.0, 10.0, 11.0], 1e-6);
        assert_near(&evaluated(&at(4, EdgePadding::Reflect), grid(4, 4)), &[4.75, 6.25, 10.75, 12.25], 1e-6);
        let eye: Vec<f32> = (0..25).map(|position| f32::from(u8::from(position % 6 == 0))).collect();
        let blurred = [0.3125, 0.0625, 0., 0.0625, 0.375, 0.0625, 0., 0.0625, 0.3125];
        assert_near(&evaluated(&at(3, EdgePadding::Zero), image(5, 5, &eye)), &blurred, 1e-6);
    }
}
