//! Pixel unshuffle: each block of pixels becomes channels, and nothing is lost.

use allconv_kernels::Engine;
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::ops::PadMode;
use serde::{Deserialize, Serialize};

use super::max_pool::two;
use super::slot::{Operator, Slot, check_cells};
use super::{ComputingOperator, DownsampleConfig};
use crate::description::DescriptionError;
use crate::stage::{Border, ConvolutionSpec, StageSpec};
use crate::walk::Window;

/// Moves each block of `factor`×`factor` cells into channels, channel-major, as PyTorch's `PixelUnshuffle` does.
///
/// `y[c·r² + r·a + b, i, j] = x[c, r·i + a, r·j + b]` with r = `factor` and a, b < r.
///
/// - Shapes: `[n, c, h, w]` to `[n, c·r², ceil(h/r), ceil(w/r)]`; any h, w ≥ 1. With a projection: c channels.
/// - Boundary: sides that r does not divide get zeros below and to the right.
/// - Gain on a constant: 1. Cost: data movement; with the projection, c²·r² multiply–accumulates per output cell and
///   c²·r² + c parameters. Unshuffle and projection equal a convolution with kernel = stride = r.
/// - Source: Shi et al., arXiv 1609.05158 (the inverse, pixel shuffle).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PixelUnshuffle {
    /// Side of a block in cells, 1 to 64. Default 2.
    #[serde(default = "two")]
    pub factor: usize,
    /// How the channels return to their number. Default: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<Projection>,
}

/// How an operator that multiplies channels brings them back to their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Projection {
    /// A 1×1 convolution to as many channels as entered, followed by the net's activation.
    #[serde(rename = "1x1")]
    Pointwise,
}

impl Default for PixelUnshuffle {
    fn default() -> Self {
        Self { factor: two(), project: None }
    }
}

impl Operator for PixelUnshuffle {
    const NAME: &'static str = "pixel_unshuffle";
    const REVISION: u32 = 1;

    fn examples() -> Vec<Self> {
        let project = Some(Projection::Pointwise);
        vec![Self::default(), Self { factor: 2, project }, Self { factor: 3, project: None }]
    }

    fn check(&self) -> Result<(), DescriptionError> {
        check_cells(Self::NAME, "factor", self.factor)
    }

    fn place(&self, slot: &mut Slot<'_>) -> Result<(), DescriptionError> {
        let unprojected = Self { project: None, ..*self };
        slot.push(StageSpec::Downsample(DownsampleConfig::PixelUnshuffle(unprojected)));
        match self.project {
            None => {}
            Some(Projection::Pointwise) => {
                slot.push_convolution(ConvolutionSpec::square(slot.channels(), 1, 1, Border::NONE));
            }
        }
        Ok(())
    }
}

impl ComputingOperator for PixelUnshuffle {
    fn output_shape(&self, [channels, height, width]: [usize; 3]) -> Result<[usize; 3], String> {
        let factor = self.factor;
        Ok([channels * factor * factor, height.div_ceil(factor), width.div_ceil(factor)])
    }

    fn window(&self) -> Window {
        Window { extent: self.factor, stride: self.factor }
    }
}

impl PixelUnshuffle {
    /// The module, without the projection; it has no parameters.
    pub fn module(&self) -> PixelUnshuffleModule {
        PixelUnshuffleModule { factor: self.factor }
    }
}

/// [`PixelUnshuffle`] without its projection as a module.
#[derive(Module, Debug)]
pub struct PixelUnshuffleModule {
    factor: usize,
}

impl PixelUnshuffleModule {
    /// `[n, c, h, w]` to `[n, c·factor², ceil(h/factor), ceil(w/factor)]`.
    pub fn forward(&self, x: Tensor<4>, _engine: &Engine) -> Tensor<4> {
        let [batch, channels, height, width] = x.dims();
        let factor = self.factor;
        let (rows, columns) = (height.div_ceil(factor), width.div_ceil(factor));
        let (below, right) = (rows * factor - height, columns * factor - width);
        let padded = if below + right > 0 { x.pad((0, right, 0, below), PadMode::Constant(0.0)) } else { x };
        padded
            .reshape([batch, channels, rows, factor, columns, factor])
            .permute([0, 1, 3, 5, 2, 4])
            .reshape([batch, channels * factor * factor, rows, columns])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{grid, values};

    #[test]
    fn worked_example_of_the_reference() {
        let y = PixelUnshuffle::default().module().forward(grid(4, 4), &Engine::detect());
        let expected = [1., 3., 9., 11., 2., 4., 10., 12., 5., 7., 13., 15., 6., 8., 14., 16.];
        assert_eq!(y.dims(), [1, 4, 2, 2]);
        assert_eq!(values(y), expected);
    }

    #[test]
    fn odd_sides_get_zeros_below_and_to_the_right() {
        let y = PixelUnshuffle::default().module().forward(grid(3, 1), &Engine::detect());
        assert_eq!(y.dims(), [1, 4, 2, 1]);
        assert_eq!(values(y), [1., 3., 0., 0., 2., 0., 0., 0.]);
    }
}
