//! Gated pooling: the weight of the maximum depends on the window.

use allconv_kernels::Padding;

use super::max_average_pool::largest_and_mean;
use super::properties::{CUT_OFF, Properties, SLOT_SHAPE};
use super::reduction::Reduction;
use super::sharing::Sharing;
use crate::operations::{
    ConvolutionSettings, Divisor, PoolWindow, channels_first, channels_last, convolution, mixture,
};
use crate::prelude::*;

/// A mixture of maximum and mean, its weight computed from the window. [`GatedPool::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GatedPool {
    /// Height and width of the window, 1 to 64. Default 2.
    pub kernel: usize,
    /// Positions between windows, 1 to 64. Default 2.
    pub stride: usize,
    /// The number of gates. Default: one for the layer.
    pub per: Sharing,
}

impl Default for GatedPool {
    fn default() -> Self {
        Self { kernel: 2, stride: 2, per: Sharing::default() }
    }
}

impl Settings for GatedPool {
    const DESCRIPTION: Description = Description {
        name: "gated_pool",
        kind: Kind::Pooling,
        revision: 2,
        statement: "A mixture of the maximum and the mean of each window, its weight a learned function of the window.",
        formula: "y = g·max + (1 − g)·mean, g = 1/(1 + e^(−⟨gate, window⟩)), gate learned and 0 at the start; positions beyond the edge count 0",
        shape: SLOT_SHAPE,
        boundary: CUT_OFF,
        cost: "kernel² multiply–accumulates and comparisons; kernel² or c·kernel² parameters",
        source: "Lee, Gallagher and Tu, arXiv 1509.08985, section 3.2",
        note: "No bias. With gate 0 it is `mixed_pool` with equal weights. Patent: UCSD filing SD2016-053 covers mixed, gated and tree \
               pooling.",
    };

    fn examples() -> Vec<Self> {
        vec![Self::default(), Self { kernel: 3, per: Sharing::Channel, ..Self::default() }]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_window(self.kernel, self.stride)
    }
}

impl Reduction for GatedPool {
    fn properties(&self) -> Properties {
        Properties::windows(self.kernel, self.stride)
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        Window { extent: self.kernel, stride: self.stride }
    }

    fn parameters(&self, [channels, _, _]: [usize; 3]) -> Vec<ParameterSpec> {
        let shape = [self.per.count(channels), self.kernel, self.kernel];
        vec![ParameterSpec::new("gate", shape, Start::Filled(0.0))]
    }

    fn macs(&self, input: [usize; 3]) -> u64 {
        let [channels, rows, columns] = divided(input, self.stride);
        (channels * rows * columns * self.kernel * self.kernel) as u64
    }

    fn compute(&self, x: Tensor<4>, parameters: &Parameters, pass: &Pass<'_>) -> Tensor<4> {
        let Self { kernel, stride, .. } = *self;
        let window = PoolWindow::cut_off(kernel, stride);
        let [_, channels, height, width] = x.dims();
        let gate = parameters.get::<3>("gate").unsqueeze_dim::<4>(1).expand([channels, 1, kernel, kernel]);
        let bias = Tensor::zeros([channels], (&x.device(), x.dtype()));
        let (bottom, right) = (window.overhang(height), window.overhang(width));
        let settings = ConvolutionSettings {
            stride: [stride; 2],
            padding: Padding { bottom, right, ..Padding::NONE },
            groups: channels,
            ..ConvolutionSettings::PLAIN
        };
        // In the memory order of maps, so that the gradients that are added here are added fast.
        let x = channels_last(x);
        let logits = convolution(channels_first(x.clone()), gate, bias, settings, pass.engine);
        let [largest, mean] = largest_and_mean(channels_first(x), window, pass.engine);
        mixture(logits, largest, mean, pass.engine)
    }

    fn lower(&self, graph: &mut Graph, x: Value) -> Value {
        let Self { kernel, stride, .. } = *self;
        let window = PoolWindow::cut_off(kernel, stride);
        let [channels, _, _] = graph.map_shape(x);
        let count = self.per.count(channels);
        let gate = graph.parameter("gate", &[count, kernel, kernel]);
        let gate = graph.reshape(gate, &[count as i64, 1, kernel as i64, kernel as i64]);
        let gate = graph.expand(gate, &[channels, 1, kernel, kernel]);
        let after = kernel - 1;
        let logits = graph.convolution(&[x, gate], [stride; 2], [0, 0, after, after], [1; 2], channels);
        let largest = graph.window_maximum(x, window);
        let mean = graph.window_mean(x, window, Divisor::Elements);
        graph.mixture(logits, largest, mean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{evaluated, grid};

    #[test]
    fn starts_as_mixed_pooling_with_equal_weights() {
        assert_eq!(evaluated(&GatedPool::default(), grid(4, 4)), [4.75, 6.75, 12.75, 14.75]);
    }
}
