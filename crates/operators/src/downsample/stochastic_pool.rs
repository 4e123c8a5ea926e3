//! Stochastic pooling: an element drawn with a probability in proportion to its value.

use allconv_kernels::{Engine, WindowFunction};

use super::properties::{CUT_OFF, Properties, SLOT_SHAPE};
use super::reduction::Reduction;
use crate::operations::{
    PoolWindow, PositionChoice, StackedWindows, gathered, max_pool, rectifier, stacked_windows, weighted_pool,
};
use crate::prelude::*;
use crate::signal_rules::ReluRule;

/// One element of each window, drawn with a probability in proportion to its value. [`StochasticPool::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StochasticPool {
    /// Height and width of the window, 1 to 64. Default 2.
    pub kernel: usize,
    /// Positions between windows, 1 to 64. Default 2.
    pub stride: usize,
}

impl Default for StochasticPool {
    fn default() -> Self {
        Self { kernel: 2, stride: 2 }
    }
}

impl Settings for StochasticPool {
    const DESCRIPTION: Description = Description {
        name: "stochastic_pool",
        kind: Kind::Pooling,
        revision: 3,
        statement: "In training one element of each window, drawn with a probability in proportion to its value; in evaluation the expectation.",
        formula: "a = max(x, 0), p = a / Σa over the window; training: y = a_i with i ~ p; evaluation: y = Σ p·a; an all-zero window gives 0",
        shape: SLOT_SHAPE,
        boundary: CUT_OFF,
        cost: "kernel² additions and multiplications, a draw in training; no weights",
        source: "Zeiler and Fergus, arXiv 1301.3557",
        note: "Negative values count as 0: it follows a ReLU in the paper. Draws are a function of seed, step and stage.",
    };

    fn examples() -> Vec<Self> {
        vec![Self::default(), Self { kernel: 3, stride: 2 }]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_window(self.kernel, self.stride)
    }
}

impl Reduction for StochasticPool {
    fn properties(&self) -> Properties {
        Properties { differs_in_training: true, ..Properties::windows(self.kernel, self.stride) }
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        Window { extent: self.kernel, stride: self.stride }
    }

    fn compute(&self, x: Tensor<4>, _parameters: &Parameters, pass: &Pass<'_>) -> Tensor<4> {
        let window = PoolWindow::cut_off(self.kernel, self.stride);
        // The mean rectifies by itself; a rectifier before it is needed where the backward pass has another rule.
        let x = match (pass.draws, pass.rules.relu) {
            (None, ReluRule::Backpropagation) => x,
            (_, rule) => rectifier(x, 0.0, rule),
        };
        let Some(draws) = pass.draws else {
            return weighted_pool(x, None, window, WindowFunction::SquareMean, pass.engine);
        };
        let positive = x;
        let [batch, channels, height, width] = positive.dims();
        let sizes = [batch, channels, height.div_ceil(self.stride), width.div_ceil(self.stride)];
        let draws = draws.uniform_tensor(sizes, &positive);
        // Of an empty window the first value is drawn, which is 0 here.
        match PositionChoice::Drawn(window, draws.clone()).positions(&positive, pass.engine) {
            Some([drawn, _]) => gathered(positive, drawn),
            None => composed_draw(positive, draws, window, pass.engine),
        }
    }

    fn lower(&self, graph: &mut Graph, x: Value) -> Value {
        graph.square_mean(x, PoolWindow::cut_off(self.kernel, self.stride))
    }
}

/// Returns the elements that `draws` take of a map without negative values, as a composition of Burn's operations.
fn composed_draw(positive: Tensor<4>, draws: Tensor<4>, window: PoolWindow, engine: &Engine) -> Tensor<4> {
    // The weights do not change with the scale.
    let largest = max_pool(positive.clone().detach(), window, engine);
    let scale = largest.clone() + largest.equal_elem(0.0).float().cast(positive.dtype());
    let stacked = stacked_windows(positive, window);
    let elements = stacked.zero_beyond(stacked.elements.clone() / scale.clone().unsqueeze_dim(0));
    let threshold = (draws * StackedWindows::sum(elements.clone()).detach()).unsqueeze_dim(0);
    let reached = elements.clone().detach().cumsum(0);
    let before = reached.clone() - elements.clone().detach();
    let here = before.lower_equal(threshold.clone()).bool_and(reached.greater(threshold));
    let here = here.float().cast(elements.dtype());
    // By rounding, two neighbours may contain the threshold: the first is taken.
    let first = here.clone() * here.cumsum(0).lower_equal_elem(1.0).float().cast(elements.dtype());
    scale * StackedWindows::sum(elements * first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pass::Draws;
    use crate::test_support::{assert_near, assert_same, evaluated, image, values};
    use burn::tensor::activation::relu;

    const WINDOW: [f32; 4] = [1.6, 0.0, 0.0, 2.4];

    #[test]
    fn worked_example_of_the_reference() {
        assert_near(&evaluated(&StochasticPool::default(), image(2, 2, &WINDOW)), &[2.08], 1e-6);
        assert_eq!(evaluated(&StochasticPool::default(), image(2, 2, &[0., -1., 0., -2.])), [0.0]);
    }

    #[test]
    fn the_kernel_draws_what_the_composition_draws_and_has_its_gradients() {
        let engine = Engine::detect();
        for pool in StochasticPool::examples() {
            let draws = Draws { key: 9 };
            let window = PoolWindow::cut_off(pool.kernel, pool.stride);
            let fast = |x| {
                pool.compute(
                    x,
                    &Parameters::default(),
                    &Pass { draws: Some(draws), ..Pass::evaluate(&engine) },
                )
            };
            let slow = |x: Tensor<4>| {
                let draws = draws.uniform_tensor([2, 3, 4, 3], &x);
                composed_draw(relu(x), draws, window, &engine)
            };
            assert_same([2, 3, 7, 6], fast, slow);
        }
    }

    #[test]
    fn training_draws_each_element_in_proportion_to_its_value() {
        let engine = Engine::detect();
        let drawn: Vec<f32> = (0..400)
            .map(|key| {
                let pass = Pass { draws: Some(Draws { key }), ..Pass::evaluate(&engine) };
                values(StochasticPool::default().compute(image(2, 2, &WINDOW), &Parameters::default(), &pass))
                    [0]
            })
            .collect();
        assert!(drawn.iter().all(|value| WINDOW.contains(value) && *value > 0.0), "{drawn:?}");
        let fraction = drawn.iter().filter(|value| **value == 2.4).count() as f64 / 400.0;
        // Four standard errors of a fraction of 0.6 among 400.
        assert!((fraction - 0.6).abs() < 4.0 * (0.24_f64 / 400.0).sqrt(), "{fraction}");
    }
}
