//! Max pooling: the maximum of each window.

use allconv_kernels::Engine;
use burn::module::Module;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::slot::{Operator, Slot, check_cells};
use super::{ComputingOperator, DownsampleConfig};
use crate::description::DescriptionError;
use crate::ops::{PoolWindow, max_pool};
use crate::stage::StageSpec;
use crate::walk::Window;

/// Replaces each window by its maximum, channel by channel.
///
/// `y[c, i, j] = max over u, v < kernel of x[c, stride·i + u, stride·j + v]`, cells beyond the map left out.
///
/// - Shapes: `[n, c, h, w]` to `[n, c, ceil(h/stride), ceil(w/stride)]`; any h, w ≥ 1.
/// - Boundary: the first window starts at the first cell, the last ones are cut off by the edge. On even sides a 3×3/2
///   window does what Caffe's ceil mode does; on odd sides Caffe makes one window less.
/// - Ties: the gradient goes to the first maximum in row-major order.
/// - Gain on a constant: 1. Cost: kernel² comparisons per output; no weights.
/// - Source: Springenberg et al., arXiv 1412.6806, table 1 (kernel 3, stride 2, the default here).
///
/// # Example
///
/// ```
/// use allconv_nets::downsample::DownsampleConfig;
///
/// #[derive(serde::Deserialize)]
/// struct Arm { downsample: DownsampleConfig }
/// let arm: Arm = toml::from_str("downsample = { max_pool = { kernel = 2, stride = 2 } }")?;
/// assert_eq!(arm.downsample.name(), "max_pool");
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxPool {
    /// Side of the window in cells, 1 to 64. Default 3.
    #[serde(default = "three")]
    pub kernel: usize,
    /// Cells between windows, 1 to 64. Default 2.
    #[serde(default = "two")]
    pub stride: usize,
}

pub(super) fn three() -> usize {
    3
}

pub(super) fn two() -> usize {
    2
}

impl Default for MaxPool {
    fn default() -> Self {
        Self { kernel: three(), stride: two() }
    }
}

impl Operator for MaxPool {
    const NAME: &'static str = "max_pool";
    const REVISION: u32 = 1;

    fn examples() -> Vec<Self> {
        vec![
            Self::default(),
            Self { kernel: 2, stride: 2 },
            Self { kernel: 1, stride: 2 },
            Self { kernel: 2, stride: 3 },
        ]
    }

    fn check(&self) -> Result<(), DescriptionError> {
        check_cells(Self::NAME, "kernel", self.kernel)?;
        check_cells(Self::NAME, "stride", self.stride)
    }

    fn place(&self, slot: &mut Slot<'_>) -> Result<(), DescriptionError> {
        slot.push(StageSpec::Downsample(DownsampleConfig::MaxPool(self.clone())));
        Ok(())
    }
}

impl ComputingOperator for MaxPool {
    fn output_shape(&self, [channels, height, width]: [usize; 3]) -> Result<[usize; 3], String> {
        Ok([channels, height.div_ceil(self.stride), width.div_ceil(self.stride)])
    }

    fn window(&self) -> Window {
        Window { extent: self.kernel, stride: self.stride }
    }
}

impl MaxPool {
    /// The module; it has no parameters.
    pub fn module(&self) -> MaxPoolModule {
        MaxPoolModule { kernel: self.kernel, stride: self.stride }
    }
}

/// [`MaxPool`] as a module.
#[derive(Module, Debug)]
pub struct MaxPoolModule {
    kernel: usize,
    stride: usize,
}

impl MaxPoolModule {
    /// `[n, c, h, w]` to `[n, c, ceil(h/stride), ceil(w/stride)]`.
    pub fn forward(&self, x: Tensor<4>, engine: &Engine) -> Tensor<4> {
        max_pool(x, PoolWindow { kernel: self.kernel, stride: self.stride }, engine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{grid, values};

    #[test]
    fn worked_example_of_the_reference() {
        let y = MaxPool { kernel: 2, stride: 2 }.module().forward(grid(4, 4), &Engine::detect());
        assert_eq!(values(y), [6.0, 8.0, 14.0, 16.0]);
    }

    #[test]
    fn windows_overlap_and_are_cut_off_by_the_edge() {
        let y = MaxPool::default().module().forward(grid(4, 4), &Engine::detect());
        assert_eq!(values(y), [11.0, 12.0, 15.0, 16.0]);
        let y = MaxPool::default().module().forward(grid(5, 3), &Engine::detect());
        assert_eq!(values(y), [9.0, 9.0, 15.0, 15.0, 15.0, 15.0]);
    }
}
