//! Max pooling: the maximum of each window.

use super::properties::{CUT_OFF, Properties};
use super::reduction::Reduction;
use super::windowed::{border, check_border, pooled_shape, window_properties};
use crate::lowering::Reduce;
use crate::operations::{Divisor, PoolWindow, average_pool, max_pool, max_pool_with_indices};
use crate::prelude::*;
use crate::signal_rules::MaxPoolRule;

/// Replaces each window by its maximum, channel by channel. [`MaxPool::DESCRIPTION`] has the definition.
///
/// # Example
///
/// ```
/// use allconv_operators::DownsampleConfig;
///
/// #[derive(serde::Deserialize)]
/// struct Arm { downsample: DownsampleConfig }
/// let arm: Arm = toml::from_str("downsample = { max_pool = { kernel = 2, stride = 2 } }")?;
/// assert_eq!(arm.downsample.name(), "max_pool");
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MaxPool {
    /// Height and width of the window, 1 to 64. Default 3.
    pub kernel: usize,
    /// Positions between windows, 1 to 64. Default 2.
    pub stride: usize,
    /// Distance of neighbouring positions of a window, 1 to 64. Default 1.
    #[serde(skip_serializing_if = "is_one")]
    pub dilation: usize,
    /// Positions of a border on all sides, at most half the kernel: windows then follow PyTorch's rule.
    /// Default: none; windows start at the first position and are cut off by the far edge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub padding: Option<usize>,
    /// Whether PyTorch's rule rounds the number of windows up. Needs `padding`. Default false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ceil_mode: bool,
}

impl Default for MaxPool {
    fn default() -> Self {
        Self::plain(3, 2)
    }
}

impl Settings for MaxPool {
    const DESCRIPTION: Description = Description {
        name: "max_pool",
        kind: Kind::Pooling,
        revision: 1,
        statement: "The maximum of each window, channel by channel.",
        formula: "y[c,i,j] = max over u, v < kernel of x[c, stride·i + dilation·u − padding, stride·j + dilation·v − padding]",
        shape: "[n, c, ceil(h/stride), ceil(w/stride)]; with `padding` PyTorch's floor or ceil rule",
        boundary: CUT_OFF,
        cost: "kernel² comparisons; no weights",
        source: "Springenberg et al., arXiv 1412.6806, table 1 (3×3, stride 2)",
        note: "On ties the gradient goes to the first maximum in row-major order (frameworks differ). On an even height or width the default \
               does what Caffe's ceil mode does; on an odd one Caffe makes one window less.",
    };

    fn examples() -> Vec<Self> {
        vec![
            Self::default(),
            Self::plain(2, 2),
            Self::plain(1, 2),
            Self::plain(2, 3),
            Self::plain(3, 1),
            Self { dilation: 2, ..Self::plain(3, 2) },
            Self { padding: Some(1), ..Self::plain(3, 2) },
            Self { padding: Some(1), ceil_mode: true, ..Self::plain(2, 2) },
            Self { padding: Some(0), ..Self::plain(2, 2) },
        ]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_window(self.kernel, self.stride)?;
        check_size("dilation", self.dilation)?;
        check_border(self.kernel, self.padding, self.ceil_mode)
    }
}

impl Reduction for MaxPool {
    fn properties(&self) -> Properties {
        // One position has no larger neighbour.
        Properties { linear: self.kernel == 1, ..window_properties(self.window_rule()) }
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        Window { extent: self.window_rule().extent(), stride: self.stride }
    }

    fn output_shape(&self, input: [usize; 3]) -> Result<[usize; 3], String> {
        pooled_shape(self.window_rule(), input)
    }

    fn compute(&self, x: Tensor<4>, _parameters: &Parameters, pass: &Pass<'_>) -> Tensor<4> {
        let window = self.window_rule();
        match pass.rules.max_pool {
            MaxPoolRule::Switches => max_pool(x, window, pass.engine),
            MaxPoolRule::Spread => {
                // The values of the maximum with the gradient of the mean.
                let largest = max_pool(x.clone().detach(), window, pass.engine);
                let mean = average_pool(x, window, Divisor::Elements, pass.engine);
                mean.clone() + (largest - mean.detach())
            }
        }
    }

    fn lower(&self, graph: &mut Graph, x: Value) -> Value {
        graph.window_maximum(x, self.window_rule())
    }

    fn lower_with_switches(&self, graph: &mut Graph, x: Value) -> (Value, LoweredSwitches) {
        let window = self.window_rule();
        let places = graph.window_places(x, window, f64::NEG_INFINITY);
        let [channels, rows, columns] = graph.map_shape(places[0]);
        let apart = places
            .iter()
            .map(|place| graph.reshape(*place, &[0, 1, channels as i64, rows as i64, columns as i64]));
        let apart: Vec<Value> = apart.collect();
        graph.fix_size();
        let stacked = graph.concatenate(&apart, 1);
        let largest = graph.reduce(Reduce::Maximum, stacked, &[1]);
        let y = graph.reshape(largest, &[0, channels as i64, rows as i64, columns as i64]);
        let numbers = graph.arg_max(stacked, 1);
        let places = graph.reshape(numbers, &[0, channels as i64, rows as i64, columns as i64]);
        (y, LoweredSwitches::MaxPlaces { places, window })
    }

    fn switches(&self) -> SwitchKind {
        SwitchKind::MaxIndices
    }

    fn max_windows(&self) -> Option<[usize; 2]> {
        Some([self.kernel, self.stride])
    }

    fn compute_with_switches(
        &self,
        x: Tensor<4>,
        _parameters: &Parameters,
        pass: &Pass<'_>,
    ) -> (Tensor<4>, Switches) {
        let (y, indices) = max_pool_with_indices(x, self.window_rule(), pass.engine);
        (y, Switches::MaxIndices(indices))
    }
}

impl MaxPool {
    /// Creates undilated windows that are cut off by the far edge.
    pub const fn plain(kernel: usize, stride: usize) -> Self {
        Self { kernel, stride, dilation: 1, padding: None, ceil_mode: false }
    }

    fn window_rule(&self) -> PoolWindow {
        let border = border(self.padding, self.ceil_mode);
        PoolWindow { kernel: self.kernel, stride: self.stride, dilation: self.dilation, border }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::DownsampleConfig;
    use crate::test_support::{evaluated, grid};

    #[test]
    fn worked_example_of_the_reference() {
        assert_eq!(evaluated(&MaxPool::plain(2, 2), grid(4, 4)), [6.0, 8.0, 14.0, 16.0]);
    }

    #[test]
    fn windows_overlap_and_are_cut_off_by_the_edge() {
        assert_eq!(evaluated(&MaxPool::default(), grid(4, 4)), [11.0, 12.0, 15.0, 16.0]);
        assert_eq!(evaluated(&MaxPool::default(), grid(5, 3)), [9.0, 9.0, 15.0, 15.0, 15.0, 15.0]);
    }

    #[test]
    fn with_a_border_windows_follow_the_rule_of_pytorch() {
        let padded = MaxPool { padding: Some(1), ..MaxPool::default() };
        assert_eq!(evaluated(&padded, grid(4, 4)), [6.0, 8.0, 14.0, 16.0]);
        let dilated = MaxPool { dilation: 2, padding: Some(0), ..MaxPool::plain(2, 1) };
        assert_eq!(evaluated(&dilated, grid(4, 4)), [11.0, 12.0, 15.0, 16.0]);
    }

    #[test]
    fn a_border_that_makes_no_sense_is_refused() {
        let wide =
            DownsampleConfig::from(MaxPool { padding: Some(2), ..MaxPool::default() }).check().unwrap_err();
        assert!(wide.to_string().contains("downsample.max_pool.padding"), "{wide}");
        let ceil = MaxPool { ceil_mode: true, ..MaxPool::default() }.check().unwrap_err();
        assert!(ceil.to_string().contains("ceil_mode"), "{ceil}");
        let no_window = MaxPool { padding: Some(0), ..MaxPool::default() }.output_shape([1, 2, 8]);
        assert!(no_window.unwrap_err().contains("longer than 2 positions"));
    }
}
