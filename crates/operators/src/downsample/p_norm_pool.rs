//! p-norm pooling: between the mean (p = 1) and the maximum (p = ∞) of absolute values.

use allconv_kernels::WindowFunction;
use allconv_random::elementary::pow;

use super::properties::{CUT_OFF, Properties, SLOT_SHAPE};
use super::reduction::Reduction;
use crate::lowering::{Powers, Unary};
use crate::operations::{PoolWindow, max_pool, weighted_pool};
use crate::prelude::*;

/// The p-norm of each window. [`PNormPool::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PNormPool {
    /// Height and width of the window, 1 to 64. Default 3.
    pub kernel: usize,
    /// Positions between windows, 1 to 64. Default 2.
    pub stride: usize,
    /// The order of the norm: from 1 to infinity (`inf`). Default 2.
    pub p: f64,
    /// Whether the norm is one of sums or of means. Default: of means, whose gain does not depend on p.
    pub form: NormForm,
}

impl Default for PNormPool {
    fn default() -> Self {
        Self { kernel: 3, stride: 2, p: 2.0, form: NormForm::default() }
    }
}

impl Settings for PNormPool {
    const DESCRIPTION: Description = Description {
        name: "p_norm_pool",
        kind: Kind::Pooling,
        revision: 2,
        statement: "The p-norm of each window: the mean (p = 1) to the maximum (p = ∞) of absolute values.",
        formula: "`mean`: y = (mean of |x|^p)^(1/p); `sum`: y = (Σ |x|^p)^(1/p); p = ∞: y = max |x|",
        shape: SLOT_SHAPE,
        boundary: CUT_OFF,
        cost: "kernel² powers; no weights",
        source: "Springenberg et al., arXiv 1412.6806, equation 1 (the sum form); Boureau et al., ICML 2010",
        note: "Computed as m·(…(|x|/m)^p…)^(1/p), m the largest |x|: no NaN at zero or for negative values, as torch's LPPool has \
               (it leaves the absolute value out). A window of zeros gives 0, and gradient 0.",
    };

    fn examples() -> Vec<Self> {
        let at = |kernel, p, form| Self { kernel, stride: 2, p, form };
        vec![
            Self::default(),
            at(2, 3.0, NormForm::Mean),
            at(3, 2.0, NormForm::Sum),
            at(2, 1.0, NormForm::Mean),
            at(2, 1.0, NormForm::Sum),
            at(2, 2.5, NormForm::Sum),
            at(2, 100.0, NormForm::Mean),
            at(3, f64::INFINITY, NormForm::Mean),
            Self { stride: 1, ..Self::default() },
        ]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_window(self.kernel, self.stride)?;
        check_range("p", self.p, 1.0.., "at least 1 (`inf` for the maximum)")
    }
}

impl Reduction for PNormPool {
    fn properties(&self) -> Properties {
        let count = (self.kernel * self.kernel) as f64;
        let gain = match self.form {
            NormForm::Mean => 1.0,
            NormForm::Sum => pow(count, 1.0 / self.p),
        };
        Properties { gain: Some(gain), ..Properties::windows(self.kernel, self.stride) }
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        Window { extent: self.kernel, stride: self.stride }
    }

    fn compute(&self, x: Tensor<4>, _parameters: &Parameters, pass: &Pass<'_>) -> Tensor<4> {
        let window = PoolWindow::cut_off(self.kernel, self.stride);
        if self.p.is_infinite() {
            return max_pool(x.abs(), window, pass.engine);
        }
        let [_, channels, _, _] = x.dims();
        let orders = Tensor::full([channels], self.p, (&x.device(), x.dtype()));
        weighted_pool(x, Some(orders), window, self.form.function(), pass.engine)
    }

    fn lower(&self, graph: &mut Graph, x: Value) -> Value {
        let window = PoolWindow::cut_off(self.kernel, self.stride);
        if self.p.is_infinite() {
            let sizes = graph.unary(Unary::Abs, x);
            return graph.window_maximum(sizes, window);
        }
        let p = graph.number(self.p);
        graph.p_norm(x, p, window, self.form.powers())
    }
}

/// Whether a norm is one of sums or of means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NormForm {
    /// Of means: a constant map keeps its value.
    #[default]
    Mean,
    /// Of sums, as in the paper: a constant map is multiplied by kernel^(2/p).
    Sum,
}

impl NormForm {
    pub(super) fn powers(self) -> Powers {
        match self {
            Self::Mean => Powers::Mean,
            Self::Sum => Powers::Sum,
        }
    }

    pub(super) fn function(self) -> WindowFunction {
        WindowFunction::PNorm { mean: self == Self::Mean }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{assert_near, evaluated, grid, image};

    fn at(p: f64, form: NormForm) -> PNormPool {
        PNormPool { kernel: 2, stride: 2, p, form }
    }

    #[test]
    fn worked_examples_of_the_reference() {
        let sum = evaluated(&at(2.0, NormForm::Sum), grid(4, 4));
        assert_near(&sum, &[8.124, 11.747, 23.367, 27.313], 1e-3);
        let mean = evaluated(&at(3.0, NormForm::Mean), grid(4, 4));
        assert_near(&mean, &[4.4395, 6.1841, 11.8583, 13.8077], 1e-4);
    }

    #[test]
    fn p_leads_from_the_mean_to_the_maximum() {
        assert_near(&evaluated(&at(1.0, NormForm::Mean), grid(4, 4)), &[3.5, 5.5, 11.5, 13.5], 1e-5);
        assert_near(&evaluated(&at(1e4, NormForm::Mean), grid(4, 4)), &[6.0, 8.0, 14.0, 16.0], 3e-3);
        assert_eq!(evaluated(&at(f64::INFINITY, NormForm::Mean), image(2, 2, &[1., -3., 2., 0.])), [3.0]);
    }

    #[test]
    fn negative_values_and_zeros_are_no_trouble() {
        assert_near(&evaluated(&at(2.5, NormForm::Sum), image(2, 2, &[-1., 0., 0., 0.])), &[1.0], 1e-6);
        assert_eq!(evaluated(&at(2.5, NormForm::Sum), image(2, 2, &[0.; 4])), [0.0]);
    }
}
