//! Median pooling: the middle value of each window.

use burn::tensor::{Int, TensorData};

use super::properties::{CUT_OFF, Properties, SLOT_SHAPE};
use super::reduction::Reduction;
use crate::lowering::Binary;
use crate::operations::{PoolWindow, PositionChoice, gathered, stacked_windows};
use crate::prelude::*;

/// The middle value of each window. [`MedianPool::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MedianPool {
    /// Height and width of the window, 1 to 64. Default 3.
    pub kernel: usize,
    /// Positions between windows, 1 to 64. Default 2.
    pub stride: usize,
    /// The median of a window with an even number of positions. Default: the mean of the middle two.
    pub even: EvenMedian,
}

impl Default for MedianPool {
    fn default() -> Self {
        Self { kernel: 3, stride: 2, even: EvenMedian::default() }
    }
}

impl Settings for MedianPool {
    const DESCRIPTION: Description = Description {
        name: "median_pool",
        kind: Kind::Pooling,
        revision: 2,
        statement: "The middle value of each window.",
        formula: "y = the median of the elements of the window; of an even number the mean of the middle two (`mean`) or the lower (`lower`)",
        shape: SLOT_SHAPE,
        boundary: CUT_OFF,
        cost: "sorting kernel² values; no weights",
        source: "Tukey, Exploratory Data Analysis, 1977 (the median filter)",
        note: "torch.median takes the lower, numpy.median the mean of the middle two.",
    };

    fn examples() -> Vec<Self> {
        vec![
            Self::default(),
            Self { kernel: 2, ..Self::default() },
            Self { kernel: 2, stride: 2, even: EvenMedian::Lower },
        ]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_window(self.kernel, self.stride)
    }
}

impl Reduction for MedianPool {
    fn properties(&self) -> Properties {
        Properties::windows(self.kernel, self.stride)
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        Window { extent: self.kernel, stride: self.stride }
    }

    fn compute(&self, x: Tensor<4>, _parameters: &Parameters, pass: &Pass<'_>) -> Tensor<4> {
        let choice = PositionChoice::Median(PoolWindow::cut_off(self.kernel, self.stride));
        let Some([lower, upper]) = choice.positions(&x, pass.engine) else {
            return self.composed(x);
        };
        match self.even {
            EvenMedian::Lower => gathered(x, lower),
            EvenMedian::Mean => (gathered(x.clone(), lower) + gathered(x, upper)) * 0.5,
        }
    }

    fn lower(&self, graph: &mut Graph, x: Value) -> Value {
        let window = PoolWindow::cut_off(self.kernel, self.stride);
        let [_, height, width] = graph.map_shape(x);
        let sorted = graph.sorted_windows(x, window, f64::INFINITY);
        let counts: Vec<usize> = {
            let (tall, wide) = (window.counts(height), window.counts(width));
            tall.iter().flat_map(|tall| wide.iter().map(move |wide| tall * wide)).collect()
        };
        let mut ranked = |rank: fn(usize) -> usize| {
            let ranks: Vec<usize> = counts.iter().map(|count| rank(*count)).collect();
            let mut values = ranks.clone();
            values.sort_unstable();
            values.dedup();
            let mut result = graph.of_rank(sorted, values[0]);
            let [_, rows, columns] = graph.map_shape(result);
            for value in &values[1..] {
                let here = ranks.iter().map(|rank| f64::from(u8::from(rank == value))).collect();
                let here = graph.constant(here, &[1, 1, rows, columns]);
                let (here, values) = (graph.equals(here, 1.0), graph.of_rank(sorted, *value));
                result = graph.select(here, values, result);
            }
            result
        };
        let lower = ranked(|count| (count - 1) / 2);
        match self.even {
            EvenMedian::Lower => lower,
            EvenMedian::Mean => {
                let upper = ranked(|count| count / 2);
                let sum = graph.binary(Binary::Add, lower, upper);
                graph.with_number(Binary::Multiply, sum, 0.5)
            }
        }
    }
}

impl MedianPool {
    /// Returns the same as a composition of Burn's operations.
    fn composed(&self, x: Tensor<4>) -> Tensor<4> {
        let window = PoolWindow::cut_off(self.kernel, self.stride);
        let [_, _, height, width] = x.dims();
        let (device, stacked) = (x.device(), stacked_windows(x, window));
        // Positions beyond the map are sorted after all others.
        let keys = match stacked.beyond() {
            None => stacked.elements.clone().detach(),
            Some(beyond) => stacked.elements.clone().detach().mask_fill(beyond, f32::MAX),
        };
        let order = keys.argsort(0);
        let [_, batch, channels, rows, columns] = stacked.elements.dims();
        let ranked = |rank: fn(usize) -> usize| {
            let (tall, wide) = (window.counts(height), window.counts(width));
            let ranks: Vec<i64> =
                tall.iter().flat_map(|tall| wide.iter().map(move |wide| rank(tall * wide) as i64)).collect();
            let ranks: Tensor<5, Int> =
                Tensor::from_data(TensorData::new(ranks, [1, 1, 1, rows, columns]), &device);
            let places = order.clone().gather(0, ranks.expand([1, batch, channels, rows, columns]));
            stacked.elements.clone().gather(0, places).squeeze_dim(0)
        };
        let lower: Tensor<4> = ranked(|count| (count - 1) / 2);
        match self.even {
            EvenMedian::Lower => lower,
            EvenMedian::Mean => (lower + ranked(|count| count / 2)) * 0.5,
        }
    }
}

/// The median of a window with an even number of positions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EvenMedian {
    /// The mean of the middle two.
    #[default]
    Mean,
    /// The lower of the middle two.
    Lower,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{assert_same, evaluated, grid, image};
    use allconv_kernels::Engine;

    #[test]
    fn the_kernel_picks_what_the_composition_picks_and_has_its_gradients() {
        let engine = Engine::detect();
        for pool in MedianPool::examples() {
            assert_same(
                [2, 3, 7, 6],
                |x| pool.compute(x, &Parameters::default(), &Pass::evaluate(&engine)),
                |x| pool.composed(x),
            );
        }
    }

    #[test]
    fn odd_windows_have_a_middle_and_even_ones_a_choice() {
        let x = || image(2, 3, &[5., 1., 9., 2., 8., 3.]);
        assert_eq!(evaluated(&MedianPool { kernel: 3, stride: 3, even: EvenMedian::Mean }, x()), [4.0]);
        assert_eq!(evaluated(&MedianPool { kernel: 3, stride: 3, even: EvenMedian::Lower }, x()), [3.0]);
        // Whole, then cut off to 3×1, 1×3 and 1×1 positions.
        assert_eq!(evaluated(&MedianPool::default(), grid(3, 3)), [5.0, 6.0, 8.0, 9.0]);
    }
}
