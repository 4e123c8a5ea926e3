//! The maximum and the mean of each window together.

use allconv_kernels::Engine;

use super::properties::{CUT_OFF, Properties};
use super::reduction::Reduction;
use crate::lowering::Binary;
use crate::operations::{
    Divisor, PoolWindow, average_pool, channels_first, channels_last, concatenate_channels, max_pool, sum_of,
};
use crate::prelude::*;

/// The maximum and the mean of each window, added or side by side. [`MaxAveragePool::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MaxAveragePool {
    /// Height and width of the window, 1 to 64. Default 2.
    pub kernel: usize,
    /// Positions between windows, 1 to 64. Default 2.
    pub stride: usize,
    /// The combination of the two. Default: added.
    pub combine: Combine,
}

impl Default for MaxAveragePool {
    fn default() -> Self {
        Self { kernel: 2, stride: 2, combine: Combine::default() }
    }
}

impl Settings for MaxAveragePool {
    const DESCRIPTION: Description = Description {
        name: "max_average_pool",
        kind: Kind::Pooling,
        revision: 1,
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

    fn check(&self) -> Result<(), OutOfRange> {
        check_window(self.kernel, self.stride)
    }
}

impl Reduction for MaxAveragePool {
    fn properties(&self) -> Properties {
        let gain = match self.combine {
            Combine::Sum => 2.0,
            Combine::Concatenate => 1.0,
        };
        Properties { gain: Some(gain), ..Properties::windows(self.kernel, self.stride) }
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        Window { extent: self.kernel, stride: self.stride }
    }

    fn output_shape(&self, input: [usize; 3]) -> Result<[usize; 3], String> {
        let [channels, height, width] = divided(input, self.stride);
        let factor = match self.combine {
            Combine::Sum => 1,
            Combine::Concatenate => 2,
        };
        Ok([factor * channels, height, width])
    }

    fn compute(&self, x: Tensor<4>, _parameters: &Parameters, pass: &Pass<'_>) -> Tensor<4> {
        let window = PoolWindow::cut_off(self.kernel, self.stride);
        let [largest, mean] = largest_and_mean(x, window, pass.engine);
        match self.combine {
            Combine::Sum => sum_of(largest, mean, 1.0),
            Combine::Concatenate => concatenate_channels(largest, mean),
        }
    }

    fn lower(&self, graph: &mut Graph, x: Value) -> Value {
        let window = PoolWindow::cut_off(self.kernel, self.stride);
        let largest = graph.window_maximum(x, window);
        let mean = graph.window_mean(x, window, Divisor::Elements);
        match self.combine {
            Combine::Sum => graph.binary(Binary::Add, largest, mean),
            Combine::Concatenate => graph.concatenate(&[largest, mean], 1),
        }
    }
}

/// Returns the maximum and the mean of each window.
pub(super) fn largest_and_mean(x: Tensor<4>, window: PoolWindow, engine: &Engine) -> [Tensor<4>; 2] {
    // In the memory order of maps, so that the two gradients are added fast.
    let x = channels_last(x);
    let largest = max_pool(channels_first(x.clone()), window, engine);
    [largest, average_pool(channels_first(x), window, Divisor::Elements, engine)]
}

/// The combination of maximum and mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    use crate::test_support::{evaluated, grid};

    #[test]
    fn maximum_and_mean_are_added_or_concatenated() {
        assert_eq!(evaluated(&MaxAveragePool::default(), grid(4, 4)), [9.5, 13.5, 25.5, 29.5]);
        let both = MaxAveragePool { combine: Combine::Concatenate, ..MaxAveragePool::default() };
        assert_eq!(evaluated(&both, grid(4, 4)), [6., 8., 14., 16., 3.5, 5.5, 11.5, 13.5]);
    }
}
