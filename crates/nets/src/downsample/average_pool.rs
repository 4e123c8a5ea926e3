//! Average pooling: the mean of each window.

use allconv_kernels::Engine;
use burn::module::Module;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::max_pool::two;
use super::slot::{Operator, Slot, check_cells};
use super::{ComputingOperator, DownsampleConfig};
use crate::description::DescriptionError;
use crate::ops::{PoolWindow, average_pool};
use crate::stage::StageSpec;
use crate::walk::Window;

pub use crate::ops::Divisor;

/// Replaces each window by its mean, channel by channel.
///
/// `y[c, i, j] = (1/D) · sum over u, v < kernel of x[c, stride·i + u, stride·j + v]`, cells beyond the map left out,
/// with D as [`Divisor`] says.
///
/// - Shapes: `[n, c, h, w]` to `[n, c, ceil(h/stride), ceil(w/stride)]`; any h, w ≥ 1.
/// - Boundary: the first window starts at the first cell, the last ones are cut off by the edge.
/// - Gain on a constant: 1 (with `window`, less than 1 in windows that are cut off).
/// - Cost: kernel² additions per output; no weights.
/// - Source: operator 2 of the paper's pooling formalism (p = 1); kernel 2, stride 2 equals a two-tap blur on even sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AveragePool {
    /// Side of the window in cells, 1 to 64. Default 2.
    #[serde(default = "two")]
    pub kernel: usize,
    /// Cells between windows, 1 to 64. Default 2.
    #[serde(default = "two")]
    pub stride: usize,
    /// By what the sum of a window is divided. Default: its cells inside the map.
    #[serde(default)]
    pub divisor: Divisor,
}

impl Default for AveragePool {
    fn default() -> Self {
        Self { kernel: two(), stride: two(), divisor: Divisor::default() }
    }
}

impl Operator for AveragePool {
    const NAME: &'static str = "average_pool";
    const REVISION: u32 = 1;

    fn examples() -> Vec<Self> {
        vec![
            Self::default(),
            Self { kernel: 3, ..Self::default() },
            Self { kernel: 3, divisor: Divisor::Window, ..Self::default() },
            Self { kernel: 2, stride: 3, ..Self::default() },
        ]
    }

    fn check(&self) -> Result<(), DescriptionError> {
        check_cells(Self::NAME, "kernel", self.kernel)?;
        check_cells(Self::NAME, "stride", self.stride)
    }

    fn place(&self, slot: &mut Slot<'_>) -> Result<(), DescriptionError> {
        slot.push(StageSpec::Downsample(DownsampleConfig::AveragePool(self.clone())));
        Ok(())
    }
}

impl ComputingOperator for AveragePool {
    fn output_shape(&self, [channels, height, width]: [usize; 3]) -> Result<[usize; 3], String> {
        Ok([channels, height.div_ceil(self.stride), width.div_ceil(self.stride)])
    }

    fn window(&self) -> Window {
        Window { extent: self.kernel, stride: self.stride }
    }
}

impl AveragePool {
    /// The module; it has no parameters.
    pub fn module(&self) -> AveragePoolModule {
        AveragePoolModule { config: self.clone() }
    }
}

/// [`AveragePool`] as a module.
#[derive(Module, Debug)]
pub struct AveragePoolModule {
    #[module(skip)]
    config: AveragePool,
}

impl AveragePoolModule {
    /// `[n, c, h, w]` to `[n, c, ceil(h/stride), ceil(w/stride)]`.
    pub fn forward(&self, x: Tensor<4>, engine: &Engine) -> Tensor<4> {
        let AveragePool { kernel, stride, divisor } = self.config;
        average_pool(x, PoolWindow { kernel, stride }, divisor, engine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{grid, values};

    #[test]
    fn worked_example_of_the_reference() {
        let y = AveragePool::default().module().forward(grid(4, 4), &Engine::detect());
        assert_eq!(values(y), [3.5, 5.5, 11.5, 13.5]);
    }

    #[test]
    fn divisor_decides_what_a_window_at_the_edge_gives() {
        let at = |divisor| {
            let pool = AveragePool { divisor, ..AveragePool::default() };
            values(pool.module().forward(grid(3, 3), &Engine::detect()))
        };
        assert_eq!(at(Divisor::Cells), [3.0, 4.5, 7.5, 9.0]);
        assert_eq!(at(Divisor::Window), [3.0, 2.25, 3.75, 2.25]);
    }
}
