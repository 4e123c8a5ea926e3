//! Mixed pooling: a weighted mean of the maximum and the mean, its weight learned.

use super::max_average_pool::largest_and_mean;
use super::properties::{CUT_OFF, Properties, SLOT_SHAPE};
use super::reduction::Reduction;
use super::sharing::Sharing;
use crate::operations::{Divisor, PoolWindow, mixture};
use crate::prelude::*;

/// A learned mixture of maximum and mean. [`MixedPool::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MixedPool {
    /// Height and width of the window, 1 to 64. Default 2.
    pub kernel: usize,
    /// Positions between windows, 1 to 64. Default 2.
    pub stride: usize,
    /// The number of weights. Default: one for the layer.
    pub per: Sharing,
}

impl Default for MixedPool {
    fn default() -> Self {
        Self { kernel: 2, stride: 2, per: Sharing::default() }
    }
}

impl Settings for MixedPool {
    const DESCRIPTION: Description = Description {
        name: "mixed_pool",
        kind: Kind::Pooling,
        revision: 2,
        statement: "A learned mixture of the maximum and the mean of each window.",
        formula: "y = s·max + (1 − s)·mean, s = 1/(1 + e^(−mix)), mix learned and 0 at the start",
        shape: SLOT_SHAPE,
        boundary: CUT_OFF,
        cost: "kernel² comparisons and additions; 1 or c parameters",
        source: "Lee, Gallagher and Tu, arXiv 1509.08985, section 3.1",
        note: "The weight is kept in (0, 1) by a sigmoid; some ports leave it free. Patent: UCSD filing SD2016-053 covers mixed, gated \
               and tree pooling.",
    };

    fn examples() -> Vec<Self> {
        vec![Self::default(), Self { kernel: 3, per: Sharing::Channel, ..Self::default() }]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_window(self.kernel, self.stride)
    }
}

impl Reduction for MixedPool {
    fn properties(&self) -> Properties {
        Properties::windows(self.kernel, self.stride)
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        Window { extent: self.kernel, stride: self.stride }
    }

    fn parameters(&self, [channels, _, _]: [usize; 3]) -> Vec<ParameterSpec> {
        vec![ParameterSpec::new("mix", [self.per.count(channels)], Start::Filled(0.0))]
    }

    fn compute(&self, x: Tensor<4>, parameters: &Parameters, pass: &Pass<'_>) -> Tensor<4> {
        let window = PoolWindow::cut_off(self.kernel, self.stride);
        let [_, channels, _, _] = x.dims();
        let logits = parameters.get::<1>("mix").expand([channels]).reshape([1, channels, 1, 1]);
        let [largest, mean] = largest_and_mean(x, window, pass.engine);
        mixture(logits, largest, mean, pass.engine)
    }

    fn lower(&self, graph: &mut Graph, x: Value) -> Value {
        let window = PoolWindow::cut_off(self.kernel, self.stride);
        let count = self.per.count(graph.map_shape(x)[0]);
        let mix = graph.parameter("mix", &[count]);
        let logits = graph.reshape(mix, &[1, count as i64, 1, 1]);
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
    fn worked_example_of_the_reference() {
        assert_eq!(evaluated(&MixedPool::default(), grid(4, 4)), [4.75, 6.75, 12.75, 14.75]);
    }
}
