//! Log-sum-exp pooling: a smooth maximum.

use allconv_kernels::WindowFunction;

use super::properties::{CUT_OFF, Properties, SLOT_SHAPE};
use super::reduction::Reduction;
use crate::operations::{PoolWindow, weighted_pool};
use crate::prelude::*;

/// A smooth maximum of each window. [`LogSumExpPool::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LogSumExpPool {
    /// Height and width of the window, 1 to 64. Default 2.
    pub kernel: usize,
    /// Positions between windows, 1 to 64. Default 2.
    pub stride: usize,
    /// Sharpness: the result tends to the mean towards 0, to the maximum towards infinity. Above 0 and at most 1000. Default 1.
    pub sharpness: f64,
}

impl Default for LogSumExpPool {
    fn default() -> Self {
        Self { kernel: 2, stride: 2, sharpness: 1.0 }
    }
}

impl Settings for LogSumExpPool {
    const DESCRIPTION: Description = Description {
        name: "log_sum_exp_pool",
        kind: Kind::Pooling,
        revision: 1,
        statement: "A smooth maximum of each window, between its mean and its maximum.",
        formula: "y = m + (1/r) · ln(mean of e^(r·(x − m))) over the window, m its maximum, r = sharpness",
        shape: SLOT_SHAPE,
        boundary: CUT_OFF,
        cost: "kernel² exponentials and a logarithm; no weights",
        source: "Pinheiro and Collobert, CVPR 2015, arXiv 1411.6228",
        note: "Shifted by the maximum, so that nothing overflows. timm has it over whole maps only.",
    };

    fn examples() -> Vec<Self> {
        vec![
            Self::default(),
            Self { kernel: 3, sharpness: 5.0, ..Self::default() },
            Self { stride: 3, sharpness: 0.1, ..Self::default() },
        ]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_window(self.kernel, self.stride)?;
        let range = (std::ops::Bound::Excluded(0.0), std::ops::Bound::Included(1000.0));
        check_range("sharpness", self.sharpness, range, "above 0 and at most 1000")
    }
}

impl Reduction for LogSumExpPool {
    fn properties(&self) -> Properties {
        Properties::windows(self.kernel, self.stride)
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        Window { extent: self.kernel, stride: self.stride }
    }

    fn compute(&self, x: Tensor<4>, _parameters: &Parameters, pass: &Pass<'_>) -> Tensor<4> {
        let window = PoolWindow::cut_off(self.kernel, self.stride);
        let function = WindowFunction::LogSumExp { sharpness: self.sharpness };
        weighted_pool(x, None, window, function, pass.engine)
    }

    fn lower(&self, graph: &mut Graph, x: Value) -> Value {
        graph.log_sum_exp(x, PoolWindow::cut_off(self.kernel, self.stride), self.sharpness)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{assert_near, evaluated, grid, image};

    #[test]
    fn worked_example_of_the_reference() {
        assert_near(
            &evaluated(&LogSumExpPool::default(), image(2, 2, &[0., 1., 2., 3.])),
            &[2.053_895],
            1e-6,
        );
    }

    #[test]
    fn sharpness_leads_from_the_mean_to_the_maximum() {
        let at = |sharpness| evaluated(&LogSumExpPool { sharpness, ..LogSumExpPool::default() }, grid(4, 4));
        assert_near(&at(1e-3), &[3.5, 5.5, 11.5, 13.5], 1e-2);
        assert_near(&at(1000.0), &[6.0, 8.0, 14.0, 16.0], 1e-2);
    }
}
