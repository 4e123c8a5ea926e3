//! Log-sum-exp pooling: a smooth maximum.

use allconv_kernels::WindowFunction;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::FixedOperator;
use super::promises::{CUT_OFF, Promises, SLOT_SHAPE};
use super::settings::{check_cells, check_range, two};
use super::slot::Operator;
use super::windowed::cut_off_windows;
use crate::card::Card;
use crate::description::DescriptionError;
use crate::ops::{PoolWindow, weighted_pool};
use crate::pass::Pass;

/// A smooth maximum of each window. [`LogSumExpPool::CARD`] has the definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSumExpPool {
    /// Side of the window in cells, 1 to 64. Default 2.
    #[serde(default = "two")]
    pub kernel: usize,
    /// Cells between windows, 1 to 64. Default 2.
    #[serde(default = "two")]
    pub stride: usize,
    /// How close to the maximum it is: towards 0 the mean, towards infinity the maximum. Above 0 and at most 1000. Default 1.
    #[serde(default = "unit")]
    pub sharpness: f64,
}

impl Default for LogSumExpPool {
    fn default() -> Self {
        Self { kernel: two(), stride: two(), sharpness: unit() }
    }
}

impl Operator for LogSumExpPool {
    const NAME: &'static str = "log_sum_exp_pool";
    const REVISION: u32 = 1;
    const CARD: Card = Card {
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

    fn promises(&self) -> Promises {
        Promises::windows(self.kernel, self.stride)
    }

    fn check(&self) -> Result<(), DescriptionError> {
        check_cells(Self::NAME, "kernel", self.kernel)?;
        check_cells(Self::NAME, "stride", self.stride)?;
        let range = (std::ops::Bound::Excluded(0.0), std::ops::Bound::Included(1000.0));
        check_range(Self::NAME, "sharpness", self.sharpness, range, "above 0 and at most 1000")
    }
}

cut_off_windows!(LogSumExpPool);

impl FixedOperator for LogSumExpPool {
    fn compute(&self, x: Tensor<4>, pass: &Pass<'_>) -> Tensor<4> {
        let window = PoolWindow::cut_off(self.kernel, self.stride);
        let function = WindowFunction::LogSumExp { sharpness: self.sharpness };
        weighted_pool(x, None, window, function, pass.engine)
    }
}

fn unit() -> f64 {
    1.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{assert_near, evaluated, grid, image};

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
