//! The maximum and the mean of each window together.

use allconv_kernels::Engine;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::computing::divided;
use super::promises::{CUT_OFF, Promises};
use super::settings::{check_cells, two};
use super::slot::Operator;
use super::{ComputingOperator, FixedOperator};
use crate::card::Card;
use crate::description::DescriptionError;
use crate::ops::{
    Divisor, PoolWindow, average_pool, channels_first, channels_last, concatenate_channels, max_pool, sum_of,
};
use crate::pass::Pass;
use crate::walk::Window;

/// The maximum and the mean of each window, added or side by side. [`MaxAveragePool::CARD`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxAveragePool {
    /// Side of the window in cells, 1 to 64. Default 2.
    #[serde(default = "two")]
    pub kernel: usize,
    /// Cells between windows, 1 to 64. Default 2.
    #[serde(default = "two")]
    pub stride: usize,
    /// How the two come together. Default: added.
    #[serde(default)]
    pub combine: Combine,
}

impl Default for MaxAveragePool {
    fn default() -> Self {
        Self { kernel: two(), stride: two(), combine: Combine::default() }
    }
}

impl Operator for MaxAveragePool {
    const NAME: &'static str = "max_average_pool";
    const REVISION: u32 = 1;
    const CARD: Card = Card {
        statement: "The maximum and the mean of each window, added or concatenated.",
        formula: "`sum`: y = max + mean; `concatenate`: channels 0…C−1 the maxima, C…2C−1 the means",
        shape: "[n, c, ceil(h/stride), ceil(w/stride)], with `concatenate` 2c channels; any h, w ≥ 1",
        boundary: CUT_OFF,
        cost: "kernel² comparisons and additions; no weights",
        source: "Lee et al., arXiv 1509.08985 (their sum, unweighted)",
        note: "timm halves the sum (`avgmax`), MONAI's `MaxAvgPool` concatenates.",
    };

    fn examples() -> Vec<Self> {
        vec![Self::default(), Self { kernel: 3, combine: Combine::Concatenate, ..Self::default() }]
    }

    fn promises(&self) -> Promises {
        let gain = match self.combine {
            Combine::Sum => 2.0,
            Combine::Concatenate => 1.0,
        };
        Promises { gain: Some(gain), ..Promises::windows(self.kernel, self.stride) }
    }

    fn check(&self) -> Result<(), DescriptionError> {
        check_cells(Self::NAME, "kernel", self.kernel)?;
        check_cells(Self::NAME, "stride", self.stride)
    }
}

impl ComputingOperator for MaxAveragePool {
    fn output_shape(&self, input: [usize; 3]) -> Result<[usize; 3], String> {
        let [channels, height, width] = divided(input, self.stride);
        let factor = match self.combine {
            Combine::Sum => 1,
            Combine::Concatenate => 2,
        };
        Ok([factor * channels, height, width])
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        Window { extent: self.kernel, stride: self.stride }
    }
}

impl FixedOperator for MaxAveragePool {
    fn compute(&self, x: Tensor<4>, pass: &Pass<'_>) -> Tensor<4> {
        let window = PoolWindow::cut_off(self.kernel, self.stride);
        let [largest, mean] = largest_and_mean(x, window, pass.engine);
        match self.combine {
            Combine::Sum => sum_of(largest, mean, 1.0),
            Combine::Concatenate => concatenate_channels(largest, mean),
        }
    }
}

/// The maximum and the mean of each window.
pub(super) fn largest_and_mean(x: Tensor<4>, window: PoolWindow, engine: &Engine) -> [Tensor<4>; 2] {
    // In the order in which maps lie, so that the two gradients that meet here are added fast.
    let x = channels_last(x);
    let largest = max_pool(channels_first(x.clone()), window, engine);
    [largest, average_pool(channels_first(x), window, Divisor::Cells, engine)]
}

/// How maximum and mean come together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Combine {
    /// Added.
    #[default]
    Sum,
    /// Side by side: twice the channels.
    Concatenate,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{evaluated, grid};

    #[test]
    fn maximum_and_mean_are_added_or_concatenated() {
        assert_eq!(evaluated(&MaxAveragePool::default(), grid(4, 4)), [9.5, 13.5, 25.5, 29.5]);
        let both = MaxAveragePool { combine: Combine::Concatenate, ..MaxAveragePool::default() };
        assert_eq!(evaluated(&both, grid(4, 4)), [6., 8., 14., 16., 3.5, 5.5, 11.5, 13.5]);
    }
}
