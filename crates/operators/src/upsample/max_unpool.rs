//! Max-unpooling: each value back to the place of the maximum that it stands for.

use burn::tensor::{IndexingUpdateOp, Int, Tensor};
use serde::{Deserialize, Serialize};

use super::promises::Promises;
use super::settings::check_cells;
use super::upsampler::{Enlargement, FixedUpsampler, SideRule, Upsampler};
use crate::card::Card;
use crate::description::DescriptionError;
use crate::downsample::DownsampleConfig;
use crate::downsample::settings::{three, two};
use crate::ops::{assigned, scattered, scatters};
use crate::pass::Pass;
use crate::switches::{SwitchKind, Switches};

/// Puts each value where its window had its maximum. [`MaxUnpool::CARD`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxUnpool {
    /// The kernel of the pooling that is undone, 1 to 64 cells. Default 3.
    #[serde(default = "three")]
    pub kernel: usize,
    /// The stride of the pooling that is undone, 1 to 64 cells. Default 2.
    #[serde(default = "two")]
    pub stride: usize,
    /// What becomes of several values for one cell, as overlapping windows give them. Default: the largest stays.
    #[serde(default)]
    pub duplicates: Duplicates,
}

/// What becomes of several values that name one cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duplicates {
    /// The largest stays; equal ones share its gradient.
    #[default]
    Assign,
    /// They are added: the adjoint of max pooling.
    Add,
}

impl Default for MaxUnpool {
    fn default() -> Self {
        Self { kernel: three(), stride: two(), duplicates: Duplicates::default() }
    }
}

impl Upsampler for MaxUnpool {
    const NAME: &'static str = "max_unpool";
    const REVISION: u32 = 2;
    const CARD: Card = Card {
        statement: "Each value goes back to the place where its window had its maximum; all other cells are 0.",
        formula: "y[c, index[c,i,j]] = x[c,i,j]; of several values for one cell the largest (`assign`) or the sum (`add`)",
        shape: "[n, c, h', w'], h', w' the sides of the map that was pooled; as many channels as it had",
        boundary: "none: every position lies on the map",
        cost: "data movement; no weights",
        source: "Zeiler, Taylor and Fergus, ICCV 2011; Badrinarayanan et al., arXiv 1511.00561 (SegNet)",
        note: "Overlapping windows name a cell more than once, where PyTorch's max_unpool2d leaves open which value stays. \
               `add` is the backward pass of max pooling, which deconvnets and backpropagation use.",
    };
    const NEEDS: SwitchKind = SwitchKind::MaxIndices;
    const PARTNER: &'static str = "max_pool";

    fn examples() -> Vec<Self> {
        vec![
            Self::default(),
            Self { duplicates: Duplicates::Add, ..Self::default() },
            Self { kernel: 2, ..Self::default() },
        ]
    }

    fn promises(&self) -> Promises {
        let linear = self.duplicates == Duplicates::Add || self.kernel <= self.stride;
        Promises { gain: None, linear, ..Promises::FIXED }
    }

    fn check(&self) -> Result<(), DescriptionError> {
        check_cells(Self::NAME, "kernel", self.kernel)?;
        check_cells(Self::NAME, "stride", self.stride)
    }

    fn sides(&self) -> SideRule {
        SideRule::Switches
    }

    fn cells_read(&self, _enlargement: &Enlargement) -> usize {
        // As many windows can share a cell.
        self.kernel.div_ceil(self.stride)
    }

    fn check_settings_of(&self, downsample: &DownsampleConfig) -> Result<(), String> {
        let [kernel, stride] = match downsample {
            DownsampleConfig::MaxPool(pool) => [pool.kernel, pool.stride],
            DownsampleConfig::ConvPool(pool) => [pool.kernel, pool.stride],
            other => panic!("`{}` hands over positions of maxima of unknown windows", other.name()),
        };
        if [kernel, stride] == [self.kernel, self.stride] {
            return Ok(());
        }
        let Self { kernel: own_kernel, stride: own_stride, .. } = self;
        Err(format!(
            "it undoes a kernel of {own_kernel} and a stride of {own_stride}, but the pooling has {kernel} and {stride}"
        ))
    }
}

impl FixedUpsampler for MaxUnpool {
    fn compute(
        &self,
        x: Tensor<4>,
        [rows, columns]: [usize; 2],
        switches: &Switches,
        _pass: &Pass<'_>,
    ) -> Tensor<4> {
        let Switches::MaxIndices(indices) = switches else {
            panic!("`max_unpool` needs the positions of the maxima, not {:?}", switches.kind());
        };
        assert_eq!(indices.dims(), x.dims(), "positions and values of max-unpooling");
        // Windows that do not overlap name no cell twice.
        let is_sum = self.duplicates == Duplicates::Add || self.kernel <= self.stride;
        if is_sum && scatters(&x, indices) {
            return scattered(x, indices.clone(), [rows, columns]);
        }
        if scatters(&x, indices) {
            return assigned(x, indices.clone(), [rows, columns]);
        }
        composed_unpool(x, indices.clone(), [rows, columns], is_sum)
    }
}

/// The sums or the largest of the values at each position, as a composition of Burn's operations.
fn composed_unpool(
    x: Tensor<4>,
    indices: Tensor<4, Int>,
    [rows, columns]: [usize; 2],
    is_sum: bool,
) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let values: Tensor<3> = x.reshape([batch, channels, height * width]);
    let indices: Tensor<3, Int> = indices.reshape([batch, channels, height * width]);
    let options = (&values.device(), values.dtype());
    let plane = |fill: f64| Tensor::<3>::full([batch, channels, rows * columns], fill, options);
    let added = |values: Tensor<3>| plane(0.0).scatter(2, indices.clone(), values, IndexingUpdateOp::Add);
    if is_sum {
        return added(values).reshape([batch, channels, rows, columns]);
    }
    let known = values.clone().detach();
    let lowest = plane(f64::NEG_INFINITY);
    let largest = lowest.scatter(2, indices.clone(), known.clone(), IndexingUpdateOp::Max);
    let stays = known.equal(largest.clone().gather(2, indices.clone())).float().cast(values.dtype());
    let count = added(stays.clone());
    let nothing = count.clone().equal_elem(0.0);
    // Equal values share the gradient; their mean is the value itself but for its rounding, which is undone.
    let mean = added(values * stays) / count.clamp_min(1.0);
    let rounding = (largest.mask_fill(nothing, 0.0) - mean.clone()).detach();
    (mean + rounding).reshape([batch, channels, rows, columns])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::downsample::{FixedOperator, MaxPool};
    use crate::ops::{PoolWindow, max_pool_with_indices};
    use crate::tests::{assert_same, grid, image, values};
    use allconv_kernels::Engine;

    fn round_trip(pool: &MaxPool, unpool: &MaxUnpool, x: Tensor<4>) -> Vec<f32> {
        let engine = Engine::detect();
        let [_, _, height, width] = x.dims();
        let (y, switches) = pool.compute_with_switches(x, &Pass::evaluate(&engine));
        values(unpool.compute(y, [height, width], &switches, &Pass::evaluate(&engine)))
    }

    #[test]
    fn worked_example_of_the_reference() {
        let unpool = MaxUnpool { kernel: 2, ..MaxUnpool::default() };
        let expected = [0., 0., 0., 0., 0., 6., 0., 8., 0., 0., 0., 0., 0., 14., 0., 16.];
        assert_eq!(round_trip(&MaxPool::plain(2, 2), &unpool, grid(4, 4)), expected);
    }

    #[test]
    fn the_kernel_assigns_what_the_composition_assigns_and_has_its_gradients() {
        let engine = Engine::detect();
        // Few different values, so that many are equal.
        let unpooled = |x: Tensor<4>, unpool: &dyn Fn(Tensor<4>, Tensor<4, Int>) -> Tensor<4>| {
            let steps = (x * 3.0).round();
            let (y, indices) = max_pool_with_indices(steps, PoolWindow::cut_off(3, 2), &engine);
            unpool(y, indices)
        };
        let fast = |x| unpooled(x, &|y, indices| assigned(y, indices, [7, 6]));
        let slow = |x| unpooled(x, &|y, indices| composed_unpool(y, indices, [7, 6], false));
        assert_same([2, 3, 7, 6], fast, slow);
    }

    #[test]
    fn four_windows_that_share_their_maximum_give_it_once_or_four_times() {
        let mut cells = [0.0; 25];
        cells[12] = 7.0;
        let pool = MaxPool { padding: Some(0), ..MaxPool::default() };
        for (duplicates, centre) in [(Duplicates::Assign, 7.0), (Duplicates::Add, 28.0)] {
            let unpool = MaxUnpool { duplicates, ..MaxUnpool::default() };
            let mut expected = [0.0; 25];
            expected[12] = centre;
            assert_eq!(round_trip(&pool, &unpool, image(5, 5, &cells)), expected);
        }
    }
}
