//! SoftPool: each window weighted by the exponential of its own values.

use allconv_kernels::WindowFunction;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::FixedOperator;
use super::promises::{CUT_OFF, Promises, SLOT_SHAPE};
use super::settings::{check_cells, two};
use super::slot::Operator;
use super::windowed::cut_off_windows;
use crate::card::Card;
use crate::description::DescriptionError;
use crate::ops::{PoolWindow, weighted_pool};
use crate::pass::Pass;

/// The mean of each window weighted by the exponentials of its cells. [`SoftPool::CARD`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SoftPool {
    /// Side of the window in cells, 1 to 64. Default 2.
    #[serde(default = "two")]
    pub kernel: usize,
    /// Cells between windows, 1 to 64. Default 2.
    #[serde(default = "two")]
    pub stride: usize,
}

impl Default for SoftPool {
    fn default() -> Self {
        Self { kernel: two(), stride: two() }
    }
}

impl Operator for SoftPool {
    const NAME: &'static str = "soft_pool";
    const REVISION: u32 = 1;
    const CARD: Card = Card {
        statement: "The mean of each window, its cells weighted by their own exponentials.",
        formula: "y = Σ x·e^(x − m) / Σ e^(x − m) over the window, m its maximum",
        shape: SLOT_SHAPE,
        boundary: CUT_OFF,
        cost: "kernel² exponentials; no weights",
        source: "Stergiou et al., arXiv 2101.00440",
        note: "Per channel, shifted by the maximum, never clamped. The published code disagrees with itself: its CPU path sums \
               exponentials over channels and clamps the result at 0, its CUDA path does not; without the shift both overflow.",
    };

    fn examples() -> Vec<Self> {
        vec![Self::default(), Self { kernel: 3, stride: 2 }, Self { kernel: 2, stride: 3 }]
    }

    fn promises(&self) -> Promises {
        Promises::windows(self.kernel, self.stride)
    }

    fn check(&self) -> Result<(), DescriptionError> {
        check_cells(Self::NAME, "kernel", self.kernel)?;
        check_cells(Self::NAME, "stride", self.stride)
    }
}

cut_off_windows!(SoftPool);

impl FixedOperator for SoftPool {
    fn compute(&self, x: Tensor<4>, pass: &Pass<'_>) -> Tensor<4> {
        let window = PoolWindow::cut_off(self.kernel, self.stride);
        weighted_pool(x, None, window, WindowFunction::SoftMean, pass.engine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{assert_near, evaluated, grid, image};

    #[test]
    fn worked_examples_of_the_reference() {
        assert_near(&evaluated(&SoftPool::default(), grid(4, 4)), &[5.6591, 7.6591, 13.6591, 15.6591], 1e-4);
        assert_near(&evaluated(&SoftPool::default(), image(2, 2, &[0., 1., 2., 3.])), &[2.492_653], 1e-6);
        assert_near(&evaluated(&SoftPool::default(), image(2, 2, &[-1., 0., 1., 2.])), &[1.492_653], 1e-6);
    }
}
