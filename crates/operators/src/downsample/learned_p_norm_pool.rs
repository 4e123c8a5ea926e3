//! p-norm pooling whose order is learned.

use allconv_kernels::Elementwise;
use allconv_random::elementary::{exp_m1, ln, pow};
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::computing::divided;
use super::p_norm_pool::NormForm;
use super::promises::{CUT_OFF, Promises, SLOT_SHAPE};
use super::settings::{check_cells, check_range, three, two};
use super::sharing::Sharing;
use super::slot::Operator;
use super::{ComputingOperator, LearnedOperator};
use crate::card::Card;
use crate::description::DescriptionError;
use crate::ops::{PoolWindow, elementwise, weighted_pool};
use crate::parameter_source::ParameterSource;
use crate::pass::Pass;
use crate::walk::Window;

/// The p-norm of each window, p being learned. [`LearnedPNormPool::CARD`] has the definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearnedPNormPool {
    /// Side of the window in cells, 1 to 64. Default 3.
    #[serde(default = "three")]
    pub kernel: usize,
    /// Cells between windows, 1 to 64. Default 2.
    #[serde(default = "two")]
    pub stride: usize,
    /// Whether the norm is one of sums or of means. Default: of means, whose gain does not depend on p.
    #[serde(default)]
    pub form: NormForm,
    /// The order at the start, above 1 and at most 50. Default 2.
    #[serde(default = "square")]
    pub initial_p: f64,
    /// How many orders p there are. Default: one for the layer.
    #[serde(default)]
    pub per: Sharing,
}

impl Default for LearnedPNormPool {
    fn default() -> Self {
        Self {
            kernel: three(),
            stride: two(),
            form: NormForm::default(),
            initial_p: square(),
            per: Sharing::default(),
        }
    }
}

impl Operator for LearnedPNormPool {
    const NAME: &'static str = "learned_p_norm_pool";
    const REVISION: u32 = 3;
    const CARD: Card = Card {
        statement: "The p-norm of each window, its order p learned with the weights.",
        formula: "as `p_norm_pool` with p = 1 + ln(1 + e^q), q learned",
        shape: SLOT_SHAPE,
        boundary: CUT_OFF,
        cost: "kernel² powers; 1 or c learned values",
        source: "Gulcehre et al., arXiv 1311.1780 (learned-norm pooling)",
        note: "dy/dp = y·(Σ w·ln|x| − ln y)/p with w = |x|^p/Σ|x|^p, and 0·ln 0 = 0. A window of zeros gives 0, and gradient 0.",
    };

    fn examples() -> Vec<Self> {
        vec![
            Self::default(),
            Self { kernel: 2, per: Sharing::Channel, initial_p: 4.0, ..Self::default() },
            Self { kernel: 2, form: NormForm::Sum, ..Self::default() },
        ]
    }

    fn promises(&self) -> Promises {
        let gain = match self.form {
            NormForm::Mean => 1.0,
            NormForm::Sum => pow((self.kernel * self.kernel) as f64, 1.0 / self.initial_p),
        };
        Promises { gain: Some(gain), ..Promises::windows(self.kernel, self.stride) }
    }

    fn check(&self) -> Result<(), DescriptionError> {
        check_cells(Self::NAME, "kernel", self.kernel)?;
        check_cells(Self::NAME, "stride", self.stride)?;
        let range = (std::ops::Bound::Excluded(1.0), std::ops::Bound::Included(50.0));
        check_range(Self::NAME, "initial_p", self.initial_p, range, "above 1 and at most 50")
    }
}

impl ComputingOperator for LearnedPNormPool {
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

impl LearnedOperator for LearnedPNormPool {
    type Module = LearnedPNormPoolModule;

    fn module(&self, [channels, _, _]: [usize; 3], source: &ParameterSource<'_>) -> Self::Module {
        // The inverse of softplus.
        let q = ln(exp_m1(self.initial_p - 1.0)) as f32;
        LearnedPNormPoolModule { q: source.filled([self.per.count(channels)], q), config: self.clone() }
    }
}

/// [`LearnedPNormPool`] with its parameters.
#[derive(Module, Debug)]
pub struct LearnedPNormPoolModule {
    q: Param<Tensor<1>>,
    #[module(skip)]
    config: LearnedPNormPool,
}

impl LearnedPNormPoolModule {
    /// `[n, c, h, w]` to `[n, c, ceil(h/stride), ceil(w/stride)]`.
    pub fn forward(&self, x: Tensor<4>, pass: &Pass<'_>) -> Tensor<4> {
        let LearnedPNormPool { kernel, stride, form, .. } = self.config;
        let softplus = elementwise(Elementwise::Softplus, self.q.val(), pass.engine);
        let [_, channels, _, _] = x.dims();
        let orders = (softplus + 1.0).expand([channels]);
        let window = PoolWindow::cut_off(kernel, stride);
        weighted_pool(x, Some(orders), window, form.function(), pass.engine)
    }
}

fn square() -> f64 {
    2.0
}
