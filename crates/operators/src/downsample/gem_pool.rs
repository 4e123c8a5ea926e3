//! Generalised-mean pooling (GeM): the mean form of the p-norm of values kept positive.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::computing::divided;
use super::p_norm_pool::NormForm;
use super::promises::{CUT_OFF, Promises, SLOT_SHAPE};
use super::settings::{check_cells, check_range, two, yes};
use super::slot::Operator;
use super::{ComputingOperator, LearnedOperator};
use crate::card::Card;
use crate::description::DescriptionError;
use crate::ops::{PoolWindow, channels_first, channels_last, weighted_pool};
use crate::parameter_source::ParameterSource;
use crate::pass::Pass;
use crate::walk::Window;

/// The generalised mean of each window, of values kept above a small bound. [`GemPool::CARD`] has the definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GemPool {
    /// Side of the window in cells, 1 to 64. Default 2.
    #[serde(default = "two")]
    pub kernel: usize,
    /// Cells between windows, 1 to 64. Default 2.
    #[serde(default = "two")]
    pub stride: usize,
    /// The order, or its start where it is learned: from 1 to 50. Default 3.
    #[serde(default = "cube")]
    pub p: f64,
    /// The bound below which values are raised to it: above 0 and at most 1. Default 1e-6.
    #[serde(default = "millionth")]
    pub epsilon: f64,
    /// Whether p is learned. Default true, as published.
    #[serde(default = "yes")]
    pub learned: bool,
}

impl Default for GemPool {
    fn default() -> Self {
        Self { kernel: two(), stride: two(), p: cube(), epsilon: millionth(), learned: yes() }
    }
}

impl Operator for GemPool {
    const NAME: &'static str = "gem_pool";
    const REVISION: u32 = 1;
    const CARD: Card = Card {
        statement: "The generalised mean of each window, of values kept above a small bound.",
        formula: "y = (mean of max(x, ε)^p)^(1/p)",
        shape: SLOT_SHAPE,
        boundary: CUT_OFF,
        cost: "kernel² powers; 1 learned value if p is learned",
        source: "Radenović, Tolias and Chum, arXiv 1711.02512",
        note: "Published over whole maps; here over windows. Values below ε give no gradient. p = 1 is average pooling of positive values.",
    };

    fn examples() -> Vec<Self> {
        vec![Self::default(), Self { kernel: 3, p: 2.0, learned: false, ..Self::default() }]
    }

    fn promises(&self) -> Promises {
        Promises::windows(self.kernel, self.stride)
    }

    fn check(&self) -> Result<(), DescriptionError> {
        check_cells(Self::NAME, "kernel", self.kernel)?;
        check_cells(Self::NAME, "stride", self.stride)?;
        check_range(Self::NAME, "p", self.p, 1.0..=50.0, "from 1 to 50")?;
        let range = (std::ops::Bound::Excluded(0.0), std::ops::Bound::Included(1.0));
        check_range(Self::NAME, "epsilon", self.epsilon, range, "above 0 and at most 1")
    }
}

impl ComputingOperator for GemPool {
    fn output_shape(&self, input: [usize; 3]) -> Result<[usize; 3], String> {
        Ok(divided(input, self.stride))
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        Window { extent: self.kernel, stride: self.stride }
    }

    fn parameters(&self, _input: [usize; 3]) -> u64 {
        u64::from(self.learned)
    }
}

impl LearnedOperator for GemPool {
    type Module = GemPoolModule;

    fn module(&self, _input: [usize; 3], source: &ParameterSource<'_>) -> Self::Module {
        GemPoolModule { p: self.learned.then(|| source.filled([1], self.p as f32)), config: self.clone() }
    }
}

/// [`GemPool`] with its parameters.
#[derive(Module, Debug)]
pub struct GemPoolModule {
    p: Option<Param<Tensor<1>>>,
    #[module(skip)]
    config: GemPool,
}

impl GemPoolModule {
    /// `[n, c, h, w]` to `[n, c, ceil(h/stride), ceil(w/stride)]`.
    pub fn forward(&self, x: Tensor<4>, pass: &Pass<'_>) -> Tensor<4> {
        let GemPool { kernel, stride, p, epsilon, .. } = self.config;
        let window = PoolWindow::cut_off(kernel, stride);
        let [_, channels, _, _] = x.dims();
        let orders = match &self.p {
            Some(learned) => learned.val().expand([channels]),
            None => Tensor::full([channels], p, (&x.device(), x.dtype())),
        };
        // In the order in which maps lie, for speed.
        let x = channels_last(x);
        let low = x.clone().lower_elem(epsilon);
        let positive = x.mask_fill(low, epsilon);
        weighted_pool(channels_first(positive), Some(orders), window, NormForm::Mean.function(), pass.engine)
    }
}

fn cube() -> f64 {
    3.0
}

fn millionth() -> f64 {
    1e-6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{assert_near, evaluated_learned, grid, image};

    #[test]
    fn worked_example_of_the_reference() {
        let y = evaluated_learned(&GemPool::default(), grid(4, 4));
        assert_near(&y, &[4.4395, 6.1841, 11.8583, 13.8077], 1e-4);
    }

    #[test]
    fn negative_values_count_as_epsilon() {
        let y = evaluated_learned(&GemPool { epsilon: 0.5, ..GemPool::default() }, image(2, 2, &[-3.0; 4]));
        assert_near(&y, &[0.5], 1e-6);
    }
}
