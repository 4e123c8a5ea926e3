//! Mixed pooling: a learned share of the maximum, and the mean for the rest.

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
use crate::ops::{PoolWindow, mixture};
use crate::parameter_source::ParameterSource;
use crate::pass::Pass;
use crate::walk::Window;

/// A learned mixture of maximum and mean. [`MixedPool::CARD`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MixedPool {
    /// Side of the window in cells, 1 to 64. Default 2.
    #[serde(default = "two")]
    pub kernel: usize,
    /// Cells between windows, 1 to 64. Default 2.
    #[serde(default = "two")]
    pub stride: usize,
    /// How many shares there are. Default: one for the layer.
    #[serde(default)]
    pub per: Sharing,
}

impl Default for MixedPool {
    fn default() -> Self {
        Self { kernel: two(), stride: two(), per: Sharing::default() }
    }
}

impl Operator for MixedPool {
    const NAME: &'static str = "mixed_pool";
    const REVISION: u32 = 2;
    const CARD: Card = Card {
        statement: "A learned mixture of the maximum and the mean of each window.",
        formula: "y = s·max + (1 − s)·mean, s = 1/(1 + e^(−mix)), mix learned and 0 at the start",
        shape: SLOT_SHAPE,
        boundary: CUT_OFF,
        cost: "kernel² comparisons and additions; 1 or c learned values",
        source: "Lee, Gallagher and Tu, arXiv 1509.08985, section 3.1",
        note: "The share is kept in (0, 1) by a sigmoid; some ports leave it free. Patent: UCSD filing SD2016-053 covers mixed, gated \
               and tree pooling.",
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

impl ComputingOperator for MixedPool {
    fn output_shape(&self, input: [usize; 3]) -> Result<[usize; 3], String> {
        Ok(divided(input, self.stride))
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        Window { extent: self.kernel, stride: self.stride }
    }

    fn parameters(&self, [channels, _, _]: [usize; 3]) -> u64 {
        self.per.count(channels) as u64
    }
}

impl LearnedOperator for MixedPool {
    type Module = MixedPoolModule;

    fn module(&self, [channels, _, _]: [usize; 3], source: &ParameterSource<'_>) -> Self::Module {
        MixedPoolModule { mix: source.filled([self.per.count(channels)], 0.0), config: self.clone() }
    }
}

/// [`MixedPool`] with its parameters.
#[derive(Module, Debug)]
pub struct MixedPoolModule {
    mix: Param<Tensor<1>>,
    #[module(skip)]
    config: MixedPool,
}

impl MixedPoolModule {
    /// `[n, c, h, w]` to `[n, c, ceil(h/stride), ceil(w/stride)]`.
    pub fn forward(&self, x: Tensor<4>, pass: &Pass<'_>) -> Tensor<4> {
        let window = PoolWindow::cut_off(self.config.kernel, self.config.stride);
        let [_, channels, _, _] = x.dims();
        let logits = self.mix.val().expand([channels]).reshape([1, channels, 1, 1]);
        let [largest, mean] = largest_and_mean(x, window, pass.engine);
        mixture(logits, largest, mean, pass.engine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{evaluated_learned, grid};

    #[test]
    fn worked_example_of_the_reference() {
        assert_eq!(evaluated_learned(&MixedPool::default(), grid(4, 4)), [4.75, 6.75, 12.75, 14.75]);
    }
}
