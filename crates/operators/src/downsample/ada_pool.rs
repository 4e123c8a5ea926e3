//! AdaPool: a learned mixture of SoftPool and a pooling weighted by likeness to the window's mean.

use allconv_kernels::WindowFunction;
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::computing::divided;
use super::promises::{CUT_OFF, Promises, SLOT_SHAPE};
use super::settings::{check_cells, two};
use super::slot::Operator;
use super::soft_pool::SoftPool;
use super::{ComputingOperator, FixedOperator, LearnedOperator};
use crate::card::Card;
use crate::description::DescriptionError;
use crate::ops::{PoolWindow, weighted_pool};
use crate::parameter_source::ParameterSource;
use crate::pass::Pass;
use crate::walk::Window;

/// A learned mixture of two exponentially weighted means. [`AdaPool::CARD`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdaPool {
    /// Side of the window in cells, 1 to 64. Default 2.
    #[serde(default = "two")]
    pub kernel: usize,
    /// Cells between windows, 1 to 64. Default 2.
    #[serde(default = "two")]
    pub stride: usize,
}

impl Default for AdaPool {
    fn default() -> Self {
        Self { kernel: two(), stride: two() }
    }
}

impl Operator for AdaPool {
    const NAME: &'static str = "ada_pool";
    const REVISION: u32 = 2;
    const CARD: Card = Card {
        statement: "A learned mixture of SoftPool and a mean weighted by each cell's likeness to the mean of its window.",
        formula: "y = β·Σ x·e^d/Σ e^d + (1 − β)·softpool, d = 2xm/(x² + m²), m the window's mean; \
                  β in [0, 1] for each output cell",
        shape: SLOT_SHAPE,
        boundary: CUT_OFF,
        cost: "2·kernel² exponentials and 4·kernel² products; ceil(h/stride)·ceil(w/stride) learned values",
        source: "Stergiou and Poppe, arXiv 2111.00772",
        note: "Each channel by itself, as the authors' CUDA code has it. β starts at ½ and is clamped, so the net works for one input \
               size only. 0/0 counts as likeness 0. That code shifts its windows and clamps partial sums at 0; here neither.",
    };

    fn examples() -> Vec<Self> {
        vec![Self::default(), Self { kernel: 3, stride: 2 }]
    }

    fn promises(&self) -> Promises {
        // Every output cell has a mixture of its own, so that a shift meets others.
        Promises::pooling(self.stride)
    }

    fn check(&self) -> Result<(), DescriptionError> {
        check_cells(Self::NAME, "kernel", self.kernel)?;
        check_cells(Self::NAME, "stride", self.stride)
    }
}

impl ComputingOperator for AdaPool {
    fn output_shape(&self, input: [usize; 3]) -> Result<[usize; 3], String> {
        Ok(divided(input, self.stride))
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        Window { extent: self.kernel, stride: self.stride }
    }

    fn parameters(&self, input: [usize; 3]) -> u64 {
        let [_, rows, columns] = divided(input, self.stride);
        (rows * columns) as u64
    }
}

impl LearnedOperator for AdaPool {
    type Module = AdaPoolModule;

    fn module(&self, input: [usize; 3], source: &ParameterSource<'_>) -> Self::Module {
        let [_, rows, columns] = divided(input, self.stride);
        AdaPoolModule { beta: source.filled([rows, columns], 0.5), config: self.clone() }
    }
}

/// [`AdaPool`] with its parameters.
#[derive(Module, Debug)]
pub struct AdaPoolModule {
    beta: Param<Tensor<2>>,
    #[module(skip)]
    config: AdaPool,
}

impl AdaPoolModule {
    /// `[n, c, h, w]` to `[n, c, ceil(h/stride), ceil(w/stride)]`.
    ///
    /// # Panics
    ///
    /// When the input does not have the size the module was made for.
    pub fn forward(&self, x: Tensor<4>, pass: &Pass<'_>) -> Tensor<4> {
        let AdaPool { kernel, stride } = self.config;
        let soft = SoftPool { kernel, stride }.compute(x.clone(), pass);
        let window = PoolWindow::cut_off(kernel, stride);
        let alike = weighted_pool(x, None, window, WindowFunction::Likeness, pass.engine);
        let beta: Tensor<4> = self.beta.val().clamp(0.0, 1.0).unsqueeze_dims(&[0, 1]);
        soft.clone() + beta * (alike - soft)
    }
}
