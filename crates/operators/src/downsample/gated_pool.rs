//! Gated pooling: the share of the maximum depends on the window.

use allconv_kernels::{Epilogue, Padding};
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::computing::divided;
use super::max_average_pool::largest_and_mean;
use super::promises::{CUT_OFF, Promises, SLOT_SHAPE};
use super::settings::{check_cells, two};
use super::sharing::Sharing;
use super::slot::Operator;
use super::{ComputingOperator, LearnedOperator};
use crate::card::Card;
use crate::description::DescriptionError;
use crate::ops::{ConvolutionSettings, PoolWindow, channels_first, channels_last, convolution, mixture};
use crate::parameter_source::ParameterSource;
use crate::pass::Pass;
use crate::walk::Window;

/// A mixture of maximum and mean, its share computed from the window. [`GatedPool::CARD`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatedPool {
    /// Side of the window in cells, 1 to 64. Default 2.
    #[serde(default = "two")]
    pub kernel: usize,
    /// Cells between windows, 1 to 64. Default 2.
    #[serde(default = "two")]
    pub stride: usize,
    /// How many gates there are. Default: one for the layer.
    #[serde(default)]
    pub per: Sharing,
}

impl Default for GatedPool {
    fn default() -> Self {
        Self { kernel: two(), stride: two(), per: Sharing::default() }
    }
}

impl Operator for GatedPool {
    const NAME: &'static str = "gated_pool";
    const REVISION: u32 = 2;
    const CARD: Card = Card {
        statement: "A mixture of the maximum and the mean of each window, its share a learned function of the window.",
        formula: "y = g·max + (1 − g)·mean, g = 1/(1 + e^(−⟨gate, window⟩)), gate learned and 0 at the start; cells beyond the edge count 0",
        shape: SLOT_SHAPE,
        boundary: CUT_OFF,
        cost: "kernel² multiply–accumulates and comparisons; kernel² or c·kernel² learned values",
        source: "Lee, Gallagher and Tu, arXiv 1509.08985, section 3.2",
        note: "No bias. With gate 0 it is `mixed_pool` with equal shares. Patent: UCSD filing SD2016-053 covers mixed, gated and tree \
               pooling.",
    };

    fn examples() -> Vec<Self> {
        vec![Self::default(), Self { kernel: 3, per: Sharing::Channel, ..Self::default() }]
    }

    fn promises(&self) -> Promises {
        Promises::windows(self.kernel, self.stride)
    }

    fn check(&self) -> Result<(), DescriptionError> {
        check_cells(Self::NAME, "kernel", self.kernel)?;
        check_cells(Self::NAME, "stride", self.stride)
    }
}

impl ComputingOperator for GatedPool {
    fn output_shape(&self, input: [usize; 3]) -> Result<[usize; 3], String> {
        Ok(divided(input, self.stride))
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        Window { extent: self.kernel, stride: self.stride }
    }

    fn parameters(&self, [channels, _, _]: [usize; 3]) -> u64 {
        (self.per.count(channels) * self.kernel * self.kernel) as u64
    }

    fn macs(&self, input: [usize; 3]) -> u64 {
        let [channels, rows, columns] = divided(input, self.stride);
        (channels * rows * columns * self.kernel * self.kernel) as u64
    }
}

impl LearnedOperator for GatedPool {
    type Module = GatedPoolModule;

    fn module(&self, [channels, _, _]: [usize; 3], source: &ParameterSource<'_>) -> Self::Module {
        let shape = [self.per.count(channels), self.kernel, self.kernel];
        GatedPoolModule { gate: source.filled(shape, 0.0), config: self.clone() }
    }
}

/// [`GatedPool`] with its parameters.
#[derive(Module, Debug)]
pub struct GatedPoolModule {
    gate: Param<Tensor<3>>,
    #[module(skip)]
    config: GatedPool,
}

impl GatedPoolModule {
    /// `[n, c, h, w]` to `[n, c, ceil(h/stride), ceil(w/stride)]`.
    pub fn forward(&self, x: Tensor<4>, pass: &Pass<'_>) -> Tensor<4> {
        let GatedPool { kernel, stride, .. } = self.config;
        let window = PoolWindow::cut_off(kernel, stride);
        let [_, channels, height, width] = x.dims();
        let gate = self.gate.val().unsqueeze_dim::<4>(1).expand([channels, 1, kernel, kernel]);
        let bias = Tensor::zeros([channels], (&x.device(), x.dtype()));
        let settings = ConvolutionSettings {
            stride: [stride; 2],
            padding: Padding {
                bottom: window.overhang(height),
                right: window.overhang(width),
                ..Padding::NONE
            },
            dilation: [1; 2],
            groups: channels,
            epilogue: Epilogue::IDENTITY,
        };
        // In the order in which maps lie, so that the gradients that meet here are added fast.
        let x = channels_last(x);
        let logits = convolution(channels_first(x.clone()), gate, bias, settings, pass.engine);
        let [largest, mean] = largest_and_mean(channels_first(x), window, pass.engine);
        mixture(logits, largest, mean, pass.engine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{evaluated_learned, grid};

    #[test]
    fn starts_as_mixed_pooling_with_equal_shares() {
        assert_eq!(evaluated_learned(&GatedPool::default(), grid(4, 4)), [4.75, 6.75, 12.75, 14.75]);
    }
}
