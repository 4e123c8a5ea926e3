//! Transposed convolution: the adjoint of a strided convolution.

use allconv_kernels::{Activation, Padding};
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::promises::Promises;
use super::settings::check_cells;
use super::upsampler::{Enlargement, LearnedUpsampler, SideRule, Upsampler};
use crate::card::Card;
use crate::description::DescriptionError;
use crate::downsample::settings::two;
use crate::ops::{TransposedConvolutionSettings, transposed_convolution};
use crate::parameter_source::ParameterSource;
use crate::pass::Pass;
use crate::stage::Border;
use crate::switches::SwitchKind;

/// The adjoint of a strided convolution. [`TransposedConv::CARD`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransposedConv {
    /// Side of the kernel in cells, 1 to 64. Default 2.
    #[serde(default = "two")]
    pub kernel: usize,
    /// Cells of the result between neighbouring cells of the input, 1 to 64. Default 2.
    #[serde(default = "two")]
    pub stride: usize,
}

impl Default for TransposedConv {
    fn default() -> Self {
        Self { kernel: two(), stride: two() }
    }
}

impl Upsampler for TransposedConv {
    const NAME: &'static str = "transposed_conv";
    const REVISION: u32 = 1;
    const CARD: Card = Card {
        statement: "The adjoint of `strided_conv` with its own weights, and a bias.",
        formula: "y[o, s·i + u − p, s·j + v − p] = b[o] + Σ over c, i, j, u, v of w[c,o,u,v]·x[c,i,j], s = stride, \
                  p = floor((kernel − 1)/2)",
        shape: "[n, c', h', w'] for any c'; ceil(h'/stride) = h, ceil(w'/stride) = w",
        boundary: "what falls outside the map is cut off",
        cost: "c·kernel²/stride² multiply–accumulates; c·c'·kernel² + c' learned values",
        source: "Zeiler et al., CVPR 2010; Ronneberger et al., arXiv 1505.04597 (2×2, stride 2: the up-convolution of U-Net)",
        note: "Where the stride does not divide the kernel, cells receive unequally many values: a checkerboard (Odena et al., \
               Distill, 2016). Weights start with the variance of the values that an output sums over on average.",
    };
    const PARTNER: &'static str = "strided_conv";

    fn examples() -> Vec<Self> {
        let of = |kernel, stride| Self { kernel, stride };
        vec![Self::default(), of(3, 2), of(4, 2), of(1, 2), of(3, 3), of(3, 1)]
    }

    fn promises(&self) -> Promises {
        // Without overlap nothing is cut off, since the windows start at the first cell.
        let inside = self.kernel <= self.stride && self.kernel <= 2;
        Promises { shifts_with_the_input: inside, ..Promises::MIXING }
    }

    fn check(&self) -> Result<(), DescriptionError> {
        check_cells(Self::NAME, "kernel", self.kernel)?;
        check_cells(Self::NAME, "stride", self.stride)
    }

    fn sides(&self) -> SideRule {
        SideRule::Factor(self.stride)
    }

    fn cells_read(&self, _enlargement: &Enlargement) -> usize {
        self.kernel.div_ceil(self.stride)
    }

    fn mixes_channels(&self) -> bool {
        true
    }

    fn channels_in(&self, _channels: usize, _switches: SwitchKind) -> Option<usize> {
        None
    }

    fn parameters(&self, enlargement: &Enlargement) -> u64 {
        let channels_out = enlargement.output[0];
        (channels_out * (enlargement.input[0] * self.kernel * self.kernel + 1)) as u64
    }

    fn macs(&self, enlargement: &Enlargement) -> u64 {
        let cells: usize = enlargement.input.iter().product();
        (cells * enlargement.output[0] * self.kernel * self.kernel) as u64
    }
}

impl LearnedUpsampler for TransposedConv {
    type Module = TransposedConvModule;

    fn module(&self, enlargement: &Enlargement, source: &ParameterSource<'_>) -> Self::Module {
        let (channels_in, channels_out) = (enlargement.input[0], enlargement.output[0]);
        let shape = [channels_in, channels_out, self.kernel, self.kernel];
        TransposedConvModule {
            weight: source.drawn_transposed("weight", shape, self.stride),
            bias: source.filled([channels_out], 0.0),
            config: self.clone(),
        }
    }
}

/// [`TransposedConv`] with its parameters.
#[derive(Module, Debug)]
pub struct TransposedConvModule {
    /// `[c, c', kernel, kernel]`, PyTorch's order.
    weight: Param<Tensor<4>>,
    bias: Param<Tensor<1>>,
    #[module(skip)]
    config: TransposedConv,
}

impl TransposedConvModule {
    /// `[n, c, h, w]` to a map of `sides`, activated.
    pub fn forward(
        &self,
        x: Tensor<4>,
        sides: [usize; 2],
        activation: Activation,
        pass: &Pass<'_>,
    ) -> Tensor<4> {
        self.config.sides().demand(TransposedConv::NAME, &x, sides);
        let TransposedConv { kernel, stride } = self.config;
        let Border { before, after } = Border::same(kernel);
        let padding = Padding { top: before, bottom: after, left: before, right: after };
        let settings = TransposedConvolutionSettings { stride: [stride; 2], padding, sides, activation };
        transposed_convolution(x, self.weight.val(), self.bias.val(), settings, pass.engine)
    }
}
