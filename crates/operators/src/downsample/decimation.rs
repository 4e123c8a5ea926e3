//! Decimation: every other position is dropped. Reduction without pooling.

use super::properties::{Properties, SLOT_SHAPE};
use super::reduction::Reduction;
use crate::operations::{PoolWindow, max_pool};
use crate::prelude::*;

/// Keeps one position in stride². [`Decimation::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Decimation {
    /// Positions between those that are kept, 1 to 64. Default 2.
    pub stride: usize,
}

impl Default for Decimation {
    fn default() -> Self {
        Self { stride: 2 }
    }
}

impl Settings for Decimation {
    const DESCRIPTION: Description = Description {
        name: "decimation",
        kind: Kind::Selection,
        revision: 1,
        statement: "Keeps the first position of each stride × stride block and drops the rest.",
        formula: "y[c,i,j] = x[c, stride·i, stride·j]",
        shape: SLOT_SHAPE,
        boundary: "none is needed",
        cost: "data movement",
        source: "the definition of a strided 1×1 convolution without its weights; a BlurPool of one tap",
        note: "The control that reduces resolution without pooling.",
    };

    fn examples() -> Vec<Self> {
        vec![Self::default(), Self { stride: 3 }]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_size("stride", self.stride)
    }
}

impl Reduction for Decimation {
    fn properties(&self) -> Properties {
        Properties { linear: true, shifts_by_stride: true, ..Properties::pooling(self.stride) }
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        Window { extent: 1, stride: self.stride }
    }

    fn compute(&self, x: Tensor<4>, _parameters: &Parameters, pass: &Pass<'_>) -> Tensor<4> {
        // The largest of windows that hold one position: a kernel that copies.
        max_pool(x, PoolWindow::cut_off(1, self.stride), pass.engine)
    }

    fn lower(&self, graph: &mut Graph, x: Value) -> Value {
        let rows = graph.slice(x, 2, [0, 0, self.stride]);
        graph.slice(rows, 3, [0, 0, self.stride])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{evaluated, grid};

    #[test]
    fn the_first_position_of_each_block_is_kept() {
        assert_eq!(evaluated(&Decimation::default(), grid(4, 4)), [1.0, 3.0, 9.0, 11.0]);
        assert_eq!(evaluated(&Decimation::default(), grid(3, 2)), [1.0, 5.0]);
    }
}
