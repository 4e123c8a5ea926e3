//! AdaPool: a learned mixture of SoftPool and a pooling weighted by similarity to the window's mean.

use allconv_kernels::WindowFunction;

use super::properties::{CUT_OFF, Properties, SLOT_SHAPE};
use super::reduction::Reduction;
use crate::lowering::Binary;
use crate::operations::{PoolWindow, weighted_pool};
use crate::prelude::*;

/// A learned mixture of two exponentially weighted means. [`AdaPool::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AdaPool {
    /// Height and width of the window, 1 to 64. Default 2.
    pub kernel: usize,
    /// Positions between windows, 1 to 64. Default 2.
    pub stride: usize,
}

impl Default for AdaPool {
    fn default() -> Self {
        Self { kernel: 2, stride: 2 }
    }
}

impl Settings for AdaPool {
    const DESCRIPTION: Description = Description {
        name: "ada_pool",
        kind: Kind::Pooling,
        revision: 2,
        statement: "A learned mixture of SoftPool and a mean weighted by each element's similarity to the mean of its window.",
        formula: "y = β·Σ x·e^d/Σ e^d + (1 − β)·softpool, d = 2xm/(x² + m²), m the window's mean; \
                  β in [0, 1] for each output position",
        shape: SLOT_SHAPE,
        boundary: CUT_OFF,
        cost: "2·kernel² exponentials and 4·kernel² products; ceil(h/stride)·ceil(w/stride) parameters",
        source: "Stergiou and Poppe, arXiv 2111.00772",
        note: "Each channel by itself, as in the authors' CUDA code. β starts at ½ and is clamped, so the net works for one input \
               size only. 0/0 counts as similarity 0. Unlike here, that code shifts its windows and clamps partial sums at 0.",
    };

    fn examples() -> Vec<Self> {
        vec![Self::default(), Self { kernel: 3, stride: 2 }]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_window(self.kernel, self.stride)
    }
}

impl Reduction for AdaPool {
    fn properties(&self) -> Properties {
        // Every output position has a mixture of its own, which a shift exchanges for others.
        Properties::pooling(self.stride)
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        Window { extent: self.kernel, stride: self.stride }
    }

    fn parameters(&self, input: [usize; 3]) -> Vec<ParameterSpec> {
        let [_, rows, columns] = divided(input, self.stride);
        vec![ParameterSpec::new("beta", [rows, columns], Start::Filled(0.5))]
    }

    /// # Panics
    ///
    /// When the input does not have the size that the parameters were made for.
    fn compute(&self, x: Tensor<4>, parameters: &Parameters, pass: &Pass<'_>) -> Tensor<4> {
        let window = PoolWindow::cut_off(self.kernel, self.stride);
        let soft = weighted_pool(x.clone(), None, window, WindowFunction::SoftMean, pass.engine);
        let similar = weighted_pool(x, None, window, WindowFunction::Similarity, pass.engine);
        let beta: Tensor<4> = parameters.get::<2>("beta").clamp(0.0, 1.0).unsqueeze_dims(&[0, 1]);
        soft.clone() + beta * (similar - soft)
    }

    fn lower(&self, graph: &mut Graph, x: Value) -> Value {
        let window = PoolWindow::cut_off(self.kernel, self.stride);
        let soft = graph.soft_mean(x, window);
        let alike = graph.similarity_mean(x, window);
        let [_, rows, columns] = graph.map_shape(soft);
        let beta = graph.parameter("beta", &[rows, columns]);
        let beta = graph.with_number(Binary::Maximum, beta, 0.0);
        let beta = graph.with_number(Binary::Minimum, beta, 1.0);
        let difference = graph.binary(Binary::Subtract, alike, soft);
        let part = graph.binary(Binary::Multiply, beta, difference);
        graph.binary(Binary::Add, soft, part)
    }
}
