//! Average pooling: the mean of each window.

use super::properties::{CUT_OFF, Properties};
use super::reduction::Reduction;
use super::windowed::{border, check_border, pooled_shape, window_properties};
use crate::operations::{PoolWindow, average_pool};
use crate::prelude::*;

pub use crate::operations::Divisor;

/// Replaces each window by its mean, channel by channel. [`AveragePool::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AveragePool {
    /// Height and width of the window, 1 to 64. Default 2.
    pub kernel: usize,
    /// Positions between windows, 1 to 64. Default 2.
    pub stride: usize,
    /// The divisor of the sum of a window. Default: its positions inside the map.
    pub divisor: Divisor,
    /// Positions of a border on all sides, at most half the kernel: windows then follow PyTorch's rule, and the divisor
    /// `window` counts the border as PyTorch's `count_include_pad` does.
    /// Default: none; windows start at the first position and are cut off by the far edge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub padding: Option<usize>,
    /// Whether PyTorch's rule rounds the number of windows up. Needs `padding`. Default false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ceil_mode: bool,
}

impl Default for AveragePool {
    fn default() -> Self {
        Self::plain(2, 2)
    }
}

impl Settings for AveragePool {
    const DESCRIPTION: Description = Description {
        name: "average_pool",
        kind: Kind::Pooling,
        revision: 1,
        statement: "The mean of each window, channel by channel.",
        formula: "y[c,i,j] = (1/D) · sum over u, v < kernel of x[c, stride·i + u − padding, stride·j + v − padding]; \
                  D = positions on the map (`cells`) or of the whole window (`window`)",
        shape: "[n, c, ceil(h/stride), ceil(w/stride)]; with `padding` PyTorch's floor or ceil rule",
        boundary: CUT_OFF,
        cost: "kernel² additions; no weights",
        source: "Springenberg et al., arXiv 1412.6806, section 2 (p = 1)",
        note: "Frameworks differ in the divisor at the edges; here it is a setting. 2×2 with stride 2 is BlurPool with two \
               taps on an even height or width.",
    };

    fn examples() -> Vec<Self> {
        let window = Divisor::Window;
        vec![
            Self::default(),
            Self::plain(3, 2),
            Self { divisor: window, ..Self::plain(3, 2) },
            Self::plain(2, 3),
            Self { padding: Some(1), ..Self::plain(3, 2) },
            Self { padding: Some(1), divisor: window, ceil_mode: true, ..Self::plain(2, 2) },
        ]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_window(self.kernel, self.stride)?;
        check_border(self.kernel, self.padding, self.ceil_mode)
    }
}

impl Reduction for AveragePool {
    fn properties(&self) -> Properties {
        Properties { linear: true, ..window_properties(self.window_rule()) }
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        Window { extent: self.kernel, stride: self.stride }
    }

    fn output_shape(&self, input: [usize; 3]) -> Result<[usize; 3], String> {
        pooled_shape(self.window_rule(), input)
    }

    fn compute(&self, x: Tensor<4>, _parameters: &Parameters, pass: &Pass<'_>) -> Tensor<4> {
        average_pool(x, self.window_rule(), self.divisor, pass.engine)
    }

    fn lower(&self, graph: &mut Graph, x: Value) -> Value {
        graph.window_mean(x, self.window_rule(), self.divisor)
    }
}

impl AveragePool {
    /// Windows that are cut off by the far edge, divided by their positions on the map.
    pub const fn plain(kernel: usize, stride: usize) -> Self {
        Self { kernel, stride, divisor: Divisor::Elements, padding: None, ceil_mode: false }
    }

    fn window_rule(&self) -> PoolWindow {
        let border = border(self.padding, self.ceil_mode);
        PoolWindow { border, ..PoolWindow::cut_off(self.kernel, self.stride) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{evaluated, grid};

    #[test]
    fn worked_example_of_the_reference() {
        assert_eq!(evaluated(&AveragePool::default(), grid(4, 4)), [3.5, 5.5, 11.5, 13.5]);
    }

    #[test]
    fn divisor_decides_what_a_window_at_the_edge_gives() {
        let at = |divisor| evaluated(&AveragePool { divisor, ..AveragePool::default() }, grid(3, 3));
        assert_eq!(at(Divisor::Elements), [3.0, 4.5, 7.5, 9.0]);
        assert_eq!(at(Divisor::Window), [3.0, 2.25, 3.75, 2.25]);
    }
}
