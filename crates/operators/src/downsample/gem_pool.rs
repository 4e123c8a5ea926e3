//! Generalised-mean pooling (GeM): the mean form of the p-norm of values kept positive.

use super::p_norm_pool::NormForm;
use super::properties::{CUT_OFF, Properties, SLOT_SHAPE};
use super::reduction::Reduction;
use crate::lowering::Binary;
use crate::operations::{PoolWindow, channels_first, channels_last, weighted_pool};
use crate::prelude::*;

/// The generalised mean of each window, of values kept above a small bound. [`GemPool::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GemPool {
    /// Height and width of the window, 1 to 64. Default 2.
    pub kernel: usize,
    /// Positions between windows, 1 to 64. Default 2.
    pub stride: usize,
    /// The order, or its initial value where it is learned: from 1 to 50. Default 3.
    pub p: f64,
    /// The bound below which values are raised to it: above 0 and at most 1. Default 1e-6.
    pub epsilon: f64,
    /// Whether p is learned. Default true, as published.
    pub learned: bool,
}

impl Default for GemPool {
    fn default() -> Self {
        Self { kernel: 2, stride: 2, p: 3.0, epsilon: 1e-6, learned: true }
    }
}

impl Settings for GemPool {
    const DESCRIPTION: Description = Description {
        name: "gem_pool",
        kind: Kind::Pooling,
        revision: 1,
        statement: "The generalised mean of each window, of values kept above a small bound.",
        formula: "y = (mean of max(x, ε)^p)^(1/p)",
        shape: SLOT_SHAPE,
        boundary: CUT_OFF,
        cost: "kernel² powers; 1 parameter if p is learned",
        source: "Radenović, Tolias and Chum, arXiv 1711.02512",
        note: "Published over whole maps; here over windows. Values below ε give no gradient. p = 1 is average pooling of positive values.",
    };

    fn examples() -> Vec<Self> {
        vec![Self::default(), Self { kernel: 3, p: 2.0, learned: false, ..Self::default() }]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_window(self.kernel, self.stride)?;
        check_range("p", self.p, 1.0..=50.0, "from 1 to 50")?;
        let range = (std::ops::Bound::Excluded(0.0), std::ops::Bound::Included(1.0));
        check_range("epsilon", self.epsilon, range, "above 0 and at most 1")
    }
}

impl Reduction for GemPool {
    fn properties(&self) -> Properties {
        Properties::windows(self.kernel, self.stride)
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        Window { extent: self.kernel, stride: self.stride }
    }

    fn parameters(&self, _input: [usize; 3]) -> Vec<ParameterSpec> {
        let learned = self.learned.then(|| ParameterSpec::new("p", [1], Start::Filled(self.p as f32)));
        learned.into_iter().collect()
    }

    fn compute(&self, x: Tensor<4>, parameters: &Parameters, pass: &Pass<'_>) -> Tensor<4> {
        let window = PoolWindow::cut_off(self.kernel, self.stride);
        let [_, channels, _, _] = x.dims();
        let orders = match self.learned {
            true => parameters.get::<1>("p").expand([channels]),
            false => Tensor::full([channels], self.p, (&x.device(), x.dtype())),
        };
        // In the memory order of maps, for speed.
        let x = channels_last(x);
        let low = x.clone().lower_elem(self.epsilon);
        let positive = channels_first(x.mask_fill(low, self.epsilon));
        weighted_pool(positive, Some(orders), window, NormForm::Mean.function(), pass.engine)
    }

    fn lower(&self, graph: &mut Graph, x: Value) -> Value {
        let p = match self.learned {
            true => graph.parameter("p", &[1]),
            false => graph.number(self.p),
        };
        let positive = graph.with_number(Binary::Maximum, x, self.epsilon);
        graph.p_norm(positive, p, PoolWindow::cut_off(self.kernel, self.stride), NormForm::Mean.powers())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{assert_near, evaluated, grid, image};

    #[test]
    fn worked_example_of_the_reference() {
        let y = evaluated(&GemPool::default(), grid(4, 4));
        assert_near(&y, &[4.4395, 6.1841, 11.8583, 13.8077], 1e-4);
    }

    #[test]
    fn negative_values_count_as_epsilon() {
        let y = evaluated(&GemPool { epsilon: 0.5, ..GemPool::default() }, image(2, 2, &[-3.0; 4]));
        assert_near(&y, &[0.5], 1e-6);
    }
}
