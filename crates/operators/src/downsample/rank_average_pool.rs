//! Rank-based average pooling: the mean of the largest values of each window.

use allconv_kernels::WindowFunction;

use super::properties::{CUT_OFF, Properties, SLOT_SHAPE};
use super::reduction::Reduction;
use crate::operations::{PoolWindow, weighted_pool};
use crate::prelude::*;

/// The mean of the largest values of each window. [`RankAveragePool::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RankAveragePool {
    /// Height and width of the window, 1 to 64. Default 3.
    pub kernel: usize,
    /// Positions between windows, 1 to 64. Default 2.
    pub stride: usize,
    /// Number of largest values that are averaged, 1 to kernel²: 1 is max pooling, kernel² average pooling. Default 4.
    pub top: usize,
}

impl Default for RankAveragePool {
    fn default() -> Self {
        Self { kernel: 3, stride: 2, top: 4 }
    }
}

impl Settings for RankAveragePool {
    const DESCRIPTION: Description = Description {
        name: "rank_average_pool",
        kind: Kind::Pooling,
        revision: 1,
        statement: "The mean of the largest values of each window, between its maximum and its mean.",
        formula: "y = the mean of the `top` largest elements of the window, or of all of a window cut off to fewer; of equal elements the first count",
        shape: SLOT_SHAPE,
        boundary: CUT_OFF,
        cost: "comparing kernel² values with each other; no weights",
        source: "Shi, Ye and Wu, Neural Networks 83, 2016 (rank-based average pooling)",
        note: "With `top` = 1 max pooling, with `top` = kernel² average pooling.",
    };

    fn examples() -> Vec<Self> {
        vec![
            Self::default(),
            Self { kernel: 2, top: 2, ..Self::default() },
            Self { stride: 3, top: 9, ..Self::default() },
        ]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_window(self.kernel, self.stride)?;
        if (1..=self.kernel.pow(2)).contains(&self.top) {
            return Ok(());
        }
        Err(OutOfRange::new("top", self.top, "1 to kernel², the number of positions of the window"))
    }
}

impl Reduction for RankAveragePool {
    fn properties(&self) -> Properties {
        Properties { linear: self.top == self.kernel.pow(2), ..Properties::windows(self.kernel, self.stride) }
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        Window { extent: self.kernel, stride: self.stride }
    }

    fn compute(&self, x: Tensor<4>, _parameters: &Parameters, pass: &Pass<'_>) -> Tensor<4> {
        let window = PoolWindow::cut_off(self.kernel, self.stride);
        #[expect(clippy::cast_possible_truncation, reason = "a window has at most 64² positions")]
        let function = WindowFunction::RankMean { top: self.top as u32 };
        weighted_pool(x, None, window, function, pass.engine)
    }

    fn lower(&self, graph: &mut Graph, x: Value) -> Value {
        graph.rank_mean(x, PoolWindow::cut_off(self.kernel, self.stride), self.top)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{evaluated, grid, image};

    #[test]
    fn the_largest_values_are_averaged_and_a_window_cut_off_to_fewer_as_a_whole() {
        let x = || image(2, 3, &[5., 1., 9., 2., 8., 3.]);
        let of = |top| evaluated(&RankAveragePool { kernel: 3, stride: 3, top }, x());
        assert_eq!([of(1), of(2), of(4)], [[9.0], [8.5], [6.25]]);
        // Whole, then cut off to 3×1, 1×3 and 1×1 positions.
        assert_eq!(evaluated(&RankAveragePool::default(), grid(3, 3)), [7.5, 6.0, 8.0, 9.0]);
    }
}
