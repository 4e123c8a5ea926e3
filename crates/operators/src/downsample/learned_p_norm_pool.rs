//! p-norm pooling whose order is learned.

use allconv_kernels::Elementwise;
use allconv_random::elementary::{exp_m1, ln, pow};

use super::p_norm_pool::NormForm;
use super::properties::{CUT_OFF, Properties, SLOT_SHAPE};
use super::reduction::Reduction;
use super::sharing::Sharing;
use crate::lowering::{Binary, Unary};
use crate::operations::{PoolWindow, elementwise, weighted_pool};
use crate::prelude::*;

/// The p-norm of each window, p being learned. [`LearnedPNormPool::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LearnedPNormPool {
    /// Height and width of the window, 1 to 64. Default 3.
    pub kernel: usize,
    /// Positions between windows, 1 to 64. Default 2.
    pub stride: usize,
    /// Whether the norm is one of sums or of means. Default: of means, whose gain does not depend on p.
    pub form: NormForm,
    /// The initial order, above 1 and at most 50. Default 2.
    pub initial_p: f64,
    /// The number of orders p. Default: one for the layer.
    pub per: Sharing,
}

impl Default for LearnedPNormPool {
    fn default() -> Self {
        Self { kernel: 3, stride: 2, form: NormForm::default(), initial_p: 2.0, per: Sharing::default() }
    }
}

impl Settings for LearnedPNormPool {
    const DESCRIPTION: Description = Description {
        name: "learned_p_norm_pool",
        kind: Kind::Pooling,
        revision: 3,
        statement: "The p-norm of each window, its order p learned with the weights.",
        formula: "as `p_norm_pool` with p = 1 + ln(1 + e^q), q learned",
        shape: SLOT_SHAPE,
        boundary: CUT_OFF,
        cost: "kernel² powers; 1 or c parameters",
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

    fn check(&self) -> Result<(), OutOfRange> {
        check_window(self.kernel, self.stride)?;
        let range = (std::ops::Bound::Excluded(1.0), std::ops::Bound::Included(50.0));
        check_range("initial_p", self.initial_p, range, "above 1 and at most 50")
    }
}

impl Reduction for LearnedPNormPool {
    fn properties(&self) -> Properties {
        let gain = match self.form {
            NormForm::Mean => 1.0,
            NormForm::Sum => pow((self.kernel * self.kernel) as f64, 1.0 / self.initial_p),
        };
        Properties { gain: Some(gain), ..Properties::windows(self.kernel, self.stride) }
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        Window { extent: self.kernel, stride: self.stride }
    }

    fn parameters(&self, [channels, _, _]: [usize; 3]) -> Vec<ParameterSpec> {
        // The inverse of softplus.
        let q = ln(exp_m1(self.initial_p - 1.0)) as f32;
        vec![ParameterSpec::new("q", [self.per.count(channels)], Start::Filled(q))]
    }

    fn compute(&self, x: Tensor<4>, parameters: &Parameters, pass: &Pass<'_>) -> Tensor<4> {
        let softplus = elementwise(Elementwise::Softplus, parameters.get::<1>("q"), pass.engine);
        let [_, channels, _, _] = x.dims();
        let orders = (softplus + 1.0).expand([channels]);
        let window = PoolWindow::cut_off(self.kernel, self.stride);
        weighted_pool(x, Some(orders), window, self.form.function(), pass.engine)
    }

    fn lower(&self, graph: &mut Graph, x: Value) -> Value {
        let count = self.per.count(graph.map_shape(x)[0]);
        let q = graph.parameter("q", &[count]);
        let softplus = graph.unary(Unary::Softplus, q);
        let orders = graph.with_number(Binary::Add, softplus, 1.0);
        let p = graph.reshape(orders, &[1, count as i64, 1, 1]);
        graph.p_norm(x, p, PoolWindow::cut_off(self.kernel, self.stride), self.form.powers())
    }
}
