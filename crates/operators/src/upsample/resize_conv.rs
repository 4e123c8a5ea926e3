//! Resize-convolution: interpolation, then a convolution.

use allconv_kernels::Activation;
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::enlarging_maps::{Interpolation, interpolated};
use super::pixel_shuffle::same_size_convolution;
use super::promises::Promises;
use super::settings::check_cells;
use super::upsampler::{Enlargement, LearnedUpsampler, SideRule, Upsampler};
use crate::card::Card;
use crate::description::DescriptionError;
use crate::downsample::settings::three;
use crate::ops::{SeparableMap, separable};
use crate::parameter_source::ParameterSource;
use crate::pass::Pass;
use crate::switches::SwitchKind;

/// Interpolates, then convolves. [`ResizeConv::CARD`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResizeConv {
    /// The interpolation. Default: the nearest cell.
    #[serde(default)]
    pub filter: Interpolation,
    /// Side of the convolution's kernel in cells, 1 to 64. Default 3.
    #[serde(default = "three")]
    pub kernel: usize,
}

impl Default for ResizeConv {
    fn default() -> Self {
        Self { filter: Interpolation::default(), kernel: three() }
    }
}

impl Upsampler for ResizeConv {
    const NAME: &'static str = "resize_conv";
    const REVISION: u32 = 1;
    const CARD: Card = Card {
        statement: "Interpolation to the sides wanted, then a convolution.",
        formula: "y = b + W ∗ z, z[c,i,j] = x[c] interpolated at ((i + 1/2)·h/h' − 1/2, (j + 1/2)·w/w' − 1/2)",
        shape: "[n, c', h', w'] for any c', h' ≥ h and w' ≥ w",
        boundary: "the interpolation repeats the edge cell; the convolution reads zeros",
        cost: "c·kernel² multiply–accumulates; c·c'·kernel² + c' learned values",
        source: "Odena, Dumoulin and Olah, Distill, 2016",
        note: "Half-pixel centres (align_corners = false). nearest is PyTorch's nearest-exact, whose plain nearest has no half \
               pixel; bicubic uses a = −0.75 as PyTorch does without antialiasing (Pillow: −0.5).",
    };
    const PARTNER: &'static str = "average_pool";

    fn examples() -> Vec<Self> {
        let of = |filter, kernel| Self { filter, kernel };
        vec![
            Self::default(),
            of(Interpolation::Bilinear, 3),
            of(Interpolation::Bicubic, 3),
            of(Interpolation::Nearest, 1),
            of(Interpolation::Bilinear, 2),
        ]
    }

    fn promises(&self) -> Promises {
        let inside = self.kernel == 1 && self.filter == Interpolation::Nearest;
        Promises { shifts_with_the_input: inside, ..Promises::MIXING }
    }

    fn check(&self) -> Result<(), DescriptionError> {
        check_cells(Self::NAME, "kernel", self.kernel)
    }

    fn sides(&self) -> SideRule {
        SideRule::NotSmaller
    }

    fn cells_read(&self, enlargement: &Enlargement) -> usize {
        let Enlargement { input: [_, height, width], output: [_, rows, columns], .. } = *enlargement;
        // The taps of the kernel lie on the finer grid.
        let steps = |side: usize, outputs| ((self.kernel - 1) * side).div_ceil(outputs);
        self.filter.taps() + steps(height, rows).max(steps(width, columns))
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
        let values: usize = enlargement.output.iter().product();
        (values * enlargement.input[0] * self.kernel * self.kernel) as u64
    }
}

impl LearnedUpsampler for ResizeConv {
    type Module = ResizeConvModule;

    fn module(&self, enlargement: &Enlargement, source: &ParameterSource<'_>) -> Self::Module {
        let (channels_in, channels_out) = (enlargement.input[0], enlargement.output[0]);
        ResizeConvModule {
            weight: source.drawn("weight", [channels_out, channels_in, self.kernel, self.kernel]),
            bias: source.filled([channels_out], 0.0),
            config: self.clone(),
        }
    }
}

/// [`ResizeConv`] with its parameters.
#[derive(Module, Debug)]
pub struct ResizeConvModule {
    weight: Param<Tensor<4>>,
    bias: Param<Tensor<1>>,
    #[module(skip)]
    config: ResizeConv,
}

impl ResizeConvModule {
    /// `[n, c, h, w]` to a map of `sides`, activated.
    pub fn forward(
        &self,
        x: Tensor<4>,
        [rows, columns]: [usize; 2],
        activation: Activation,
        pass: &Pass<'_>,
    ) -> Tensor<4> {
        self.config.sides().demand(ResizeConv::NAME, &x, [rows, columns]);
        let [_, _, height, width] = x.dims();
        let filter = self.config.filter;
        let map = SeparableMap::new(interpolated(height, rows, filter), interpolated(width, columns, filter));
        let resized = separable(x, map, pass.engine);
        same_size_convolution(resized, self.weight.val(), self.bias.val(), activation, pass)
    }
}
