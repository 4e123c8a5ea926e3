//! A convolution with stride 1, then BlurPool: antialiased strided convolution.

use super::blur_pool::{BLUR_BOUNDARY, BLUR_NOTE, BlurPool, blur_properties, check_blur};
use super::downsampling::{Downsampling, Following, Part};
use super::properties::{Properties, SLOT_SHAPE};
use crate::axis_maps::EdgePadding;
use crate::convolution_spec::{Border, ConvolutionSpec};
use crate::prelude::*;

/// A convolution with stride 1 and the net's activation, then a blur and every stride-th position. [`ConvBlurPool::DESCRIPTION`] has the
/// definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ConvBlurPool {
    /// Height and width of the convolution's kernel, 1 to 64. Default 3.
    pub kernel: usize,
    /// Taps of the blur along each axis, 1 to 7. Default 4.
    pub taps: usize,
    /// Positions between outputs, 1 to 64. Default 2.
    pub stride: usize,
    /// The values that the blur reads beyond the edges. Default: the map mirrored.
    pub padding: EdgePadding,
}

impl Default for ConvBlurPool {
    fn default() -> Self {
        Self { kernel: 3, taps: 4, stride: 2, padding: EdgePadding::default() }
    }
}

impl Settings for ConvBlurPool {
    const DESCRIPTION: Description = Description {
        name: "conv_blur_pool",
        kind: Kind::Filter,
        revision: 1,
        statement: "A convolution with stride 1 and the net's activation, then a blur and every stride-th position.",
        formula: "y = blur_pool(f(b + W ∗ x)), ∗ keeping the size with zeros beyond the edges",
        shape: SLOT_SHAPE,
        boundary: BLUR_BOUNDARY,
        cost: "stride²·c·kernel² multiply–accumulates and 2·taps multiplications; c²·kernel² + c parameters",
        source: "Zhang, arXiv 1904.11486 (what it puts in the place of a strided convolution)",
        note: BLUR_NOTE,
    };

    fn examples() -> Vec<Self> {
        vec![Self::default(), Self { taps: 3, padding: EdgePadding::Circular, ..Self::default() }]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_size("kernel", self.kernel)?;
        check_blur(self.taps, self.stride)
    }
}

impl Downsampling for ConvBlurPool {
    fn properties(&self) -> Properties {
        Properties {
            gain: None,
            linear: false,
            channel_wise: false,
            shifts_by_stride: false,
            ..blur_properties(self.taps, self.stride, self.padding)
        }
    }

    fn parts(&self, channels: usize) -> Vec<Part> {
        let convolution = ConvolutionSpec::square(channels, self.kernel, 1, Border::same(self.kernel));
        let blur = BlurPool { taps: self.taps, stride: self.stride, padding: self.padding };
        vec![Part::Convolution(convolution, Following::Activation), Part::reduction(blur)]
    }
}
