//! SoftPool: each window weighted by the exponential of its own values.

use allconv_kernels::WindowFunction;

use super::properties::{CUT_OFF, Properties, SLOT_SHAPE};
use super::reduction::Reduction;
use crate::operations::{PoolWindow, weighted_pool};
use crate::prelude::*;

/// The mean of each window weighted by the exponentials of its elements. [`SoftPool::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SoftPool {
    /// Height and width of the window, 1 to 64. Default 2.
    pub kernel: usize,
    /// Positions between windows, 1 to 64. Default 2.
    pub stride: usize,
}

impl Default for SoftPool {
    fn default() -> Self {
        Self { kernel: 2, stride: 2 }
    }
}

impl Settings for SoftPool {
    const DESCRIPTION: Description = Description {
        name: "soft_pool",
        kind: Kind::Pooling,
        revision: 1,
        statement: "The mean of each window, its elements weighted by their own exponentials.",
        formula: "y = Σ x·e^(x − m) / Σ e^(x − m) over the window, m its maximum",
        shape: SLOT_SHAPE,
        boundary: CUT_OFF,
        cost: "kernel² exponentials; no weights",
        source: "Stergiou et al., arXiv 2101.00440",
        note: "Per channel, shifted by the maximum, never clamped. The published code has two definitions: its CPU path sums \
               exponentials over channels and clamps the result at 0, its CUDA path does not; without the shift both overflow.",
    };

    fn examples() -> Vec<Self> {
        vec![Self::default(), Self { kernel: 3, stride: 2 }, Self { kernel: 2, stride: 3 }]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_window(self.kernel, self.stride)
    }
}

impl Reduction for SoftPool {
    fn properties(&self) -> Properties {
        Properties::windows(self.kernel, self.stride)
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        Window { extent: self.kernel, stride: self.stride }
    }

    fn compute(&self, x: Tensor<4>, _parameters: &Parameters, pass: &Pass<'_>) -> Tensor<4> {
        let window = PoolWindow::cut_off(self.kernel, self.stride);
        weighted_pool(x, None, window, WindowFunction::SoftMean, pass.engine)
    }

    fn lower(&self, graph: &mut Graph, x: Value) -> Value {
        graph.soft_mean(x, PoolWindow::cut_off(self.kernel, self.stride))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{assert_near, evaluated, grid, image};

    #[test]
    fn worked_examples_of_the_reference() {
        assert_near(&evaluated(&SoftPool::default(), grid(4, 4)), &[5.6591, 7.6591, 13.6591, 15.6591], 1e-4);
        assert_near(&evaluated(&SoftPool::default(), image(2, 2, &[0., 1., 2., 3.])), &[2.492_653], 1e-6);
        assert_near(&evaluated(&SoftPool::default(), image(2, 2, &[-1., 0., 1., 2.])), &[1.492_653], 1e-6);
    }
}
