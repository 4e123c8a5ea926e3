//! Decimation: every other cell is dropped. Reduction without pooling.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::computing::divided;
use super::promises::{Promises, SLOT_SHAPE};
use super::settings::{check_cells, two};
use super::slot::Operator;
use super::{ComputingOperator, FixedOperator};
use crate::card::Card;
use crate::description::DescriptionError;
use crate::ops::{PoolWindow, max_pool};
use crate::pass::Pass;
use crate::walk::Window;

/// Keeps one cell in stride². [`Decimation::CARD`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decimation {
    /// Cells between those that are kept, 1 to 64. Default 2.
    #[serde(default = "two")]
    pub stride: usize,
}

impl Default for Decimation {
    fn default() -> Self {
        Self { stride: two() }
    }
}

impl Operator for Decimation {
    const NAME: &'static str = "decimation";
    const REVISION: u32 = 1;
    const CARD: Card = Card {
        statement: "Keeps the first cell of each stride × stride block and drops the rest.",
        formula: "y[c,i,j] = x[c, stride·i, stride·j]",
        shape: SLOT_SHAPE,
        boundary: "none is needed",
        cost: "data movement",
        source: "the definition of a strided 1×1 convolution without its weights; a BlurPool of one tap",
        note: "The control that reduces resolution and pools nothing.",
    };

    fn examples() -> Vec<Self> {
        vec![Self::default(), Self { stride: 3 }]
    }

    fn promises(&self) -> Promises {
        Promises { linear: true, shifts_by_stride: true, ..Promises::pooling(self.stride) }
    }

    fn check(&self) -> Result<(), DescriptionError> {
        check_cells(Self::NAME, "stride", self.stride)
    }
}

impl ComputingOperator for Decimation {
    fn output_shape(&self, input: [usize; 3]) -> Result<[usize; 3], String> {
        Ok(divided(input, self.stride))
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        Window { extent: 1, stride: self.stride }
    }
}

impl FixedOperator for Decimation {
    fn compute(&self, x: Tensor<4>, pass: &Pass<'_>) -> Tensor<4> {
        // The largest of windows that hold one cell: a kernel that copies.
        max_pool(x, PoolWindow::cut_off(1, self.stride), pass.engine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{evaluated, grid};

    #[test]
    fn the_first_cell_of_each_block_is_kept() {
        assert_eq!(evaluated(&Decimation::default(), grid(4, 4)), [1.0, 3.0, 9.0, 11.0]);
        assert_eq!(evaluated(&Decimation::default(), grid(3, 2)), [1.0, 5.0]);
    }
}
