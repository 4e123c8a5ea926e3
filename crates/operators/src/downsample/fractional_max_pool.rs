//! Fractional max pooling: the maximum over windows that divide height and width by a real number.

use allconv_kernels::RegionLists;
use burn::tensor::{Int, TensorData};
use std::sync::Arc;

use super::properties::Properties;
use super::reduction::Reduction;
use crate::lowering::Binary;
use crate::operations::{PositionChoice, gathered};
use crate::pass::Draws;
use crate::prelude::*;

/// The maximum over windows at fractional distances. [`FractionalMaxPool::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FractionalMaxPool {
    /// The divisor of height and width, rounding down: above 1 and at most 8. Default √2.
    pub ratio: f64,
    /// Height and width of an overlapping window, 1 to 64. Default 2.
    pub kernel: usize,
    /// Whether windows overlap. Default: they do.
    pub regions: Regions,
    /// The start of windows in training. In evaluation it is that of `fixed`. Default: drawn.
    pub draw: RegionDraw,
}

/// The arrangement of the windows of fractional max pooling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Regions {
    /// Windows of `kernel` positions. PyTorch's rule.
    #[default]
    Overlapping,
    /// Windows that end where the next one starts. Paddle's rule.
    Disjoint,
}

/// The start of the windows of fractional max pooling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RegionDraw {
    /// In training, a shift u in [0, 1) is drawn for each sample, channel and axis.
    #[default]
    Random,
    /// u = ½ throughout.
    Fixed,
}

impl Default for FractionalMaxPool {
    fn default() -> Self {
        Self {
            ratio: std::f64::consts::SQRT_2,
            kernel: 2,
            regions: Regions::default(),
            draw: RegionDraw::default(),
        }
    }
}

impl Settings for FractionalMaxPool {
    const DESCRIPTION: Description = Description {
        name: "fractional_max_pool",
        kind: Kind::Pooling,
        revision: 2,
        statement: "The maximum over windows that divide height and width by a real number, at drawn positions.",
        formula: "overlapping: start(i) = ⌊(i+u)·α⌋ − ⌊u·α⌋, α = (h − kernel)/(h' − 1), the last at h − kernel; disjoint: from \
                  ⌈a(i+u) − 1⌉ up to ⌈a(i+1+u) − 1⌉, a = h/h'",
        shape: "[n, c, max(1, floor(h/ratio)), max(1, floor(w/ratio))]; overlapping windows need h, w ≥ kernel",
        boundary: "windows lie inside the map",
        cost: "kernel² comparisons; no weights",
        source: "Graham, arXiv 1412.6071",
        note: "PyTorch's windows overlap and are drawn for each sample and channel; Paddle's are disjoint. Evaluation uses u = ½. \
               Where the step α is whole, as for a ratio of 2 and a kernel of 2 on an even height and width, all draws give the same windows.",
    };

    fn examples() -> Vec<Self> {
        vec![
            Self::default(),
            Self { ratio: 1.7, kernel: 3, draw: RegionDraw::Fixed, ..Self::default() },
            Self { regions: Regions::Disjoint, ..Self::default() },
        ]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_size("kernel", self.kernel)?;
        let range = (std::ops::Bound::Excluded(1.0), std::ops::Bound::Included(8.0));
        check_range("ratio", self.ratio, range, "above 1 and at most 8")
    }
}

impl Reduction for FractionalMaxPool {
    fn properties(&self) -> Properties {
        Properties {
            slot_rule: None,
            differs_in_training: self.draw == RegionDraw::Random,
            ..Properties::pooling(1)
        }
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        let extent = match self.regions {
            Regions::Overlapping => self.kernel,
            Regions::Disjoint => self.ratio.ceil() as usize,
        };
        Window { extent, stride: (self.ratio.round() as usize).max(1) }
    }

    fn output_shape(&self, [channels, height, width]: [usize; 3]) -> Result<[usize; 3], String> {
        if self.regions == Regions::Overlapping && height.min(width) < self.kernel {
            return Err(format!(
                "its window of {} positions is longer than its height or width",
                self.kernel
            ));
        }
        Ok([channels, self.windows(height), self.windows(width)])
    }

    fn compute(&self, x: Tensor<4>, _parameters: &Parameters, pass: &Pass<'_>) -> Tensor<4> {
        let [batch, channels, height, width] = x.dims();
        let draws = pass.draws.filter(|_| self.draw == RegionDraw::Random);
        let windows = self.windows_of_maps(batch * channels, [height, width], draws);
        let choice = PositionChoice::RegionMaximum(Arc::new(windows));
        match choice.positions(&x, pass.engine) {
            Some([largest, _]) => gathered(x, largest),
            None => self.composed(x, draws),
        }
    }

    fn lower(&self, graph: &mut Graph, x: Value) -> Value {
        let [_, height, width] = graph.map_shape(x);
        let [rows, columns] = [height, width].map(|size| self.regions(size, 0.5));
        graph.fix_size();
        let longest = rows.iter().chain(&columns).map(|(start, end)| end - start).max().unwrap_or(1);
        let along = |regions: &[(usize, usize)], place: usize| {
            regions.iter().map(|(start, end)| (start + place).min(end - 1)).collect::<Vec<_>>()
        };
        let mut places = Vec::with_capacity(longest * longest);
        for row in 0..longest {
            let of_row = graph.gather(x, 2, along(&rows, row));
            places.extend((0..longest).map(|column| graph.gather(of_row, 3, along(&columns, column))));
        }
        graph.folded(Binary::Maximum, &places)
    }
}

impl FractionalMaxPool {
    fn windows(&self, size: usize) -> usize {
        ((size as f64 / self.ratio) as usize).max(1)
    }

    /// Returns the first position and end of each window along an axis, for the shift `u`.
    fn regions(&self, size: usize, u: f64) -> Vec<(usize, usize)> {
        let windows = self.windows(size);
        let region = |index: usize| match self.regions {
            Regions::Overlapping if index + 1 == windows => (size - self.kernel, size),
            Regions::Overlapping => {
                let step = (size - self.kernel) as f64 / (windows - 1) as f64;
                let start = ((index as f64 + u) * step) as usize - (u * step) as usize;
                (start, start + self.kernel)
            }
            Regions::Disjoint => {
                let step = size as f64 / windows as f64;
                let edge = |index: usize| (step * (index as f64 + u) - 1.0).ceil().max(0.0) as usize;
                let start = edge(index).min(size - 1);
                (start, edge(index + 1).clamp(start + 1, size))
            }
        };
        (0..windows).map(region).collect()
    }

    /// Returns the positions of the windows of one map, window by window, each window filled up to `longest` × `longest` by repetition.
    fn positions(&self, size: [usize; 2], shifts: [f64; 2], longest: usize) -> Vec<i64> {
        let [rows, columns] = [0, 1].map(|axis| self.regions(size[axis], shifts[axis]));
        let mut positions = Vec::with_capacity(longest * longest * rows.len() * columns.len());
        for place in 0..longest * longest {
            for (top, bottom) in &rows {
                let row = (top + place / longest).min(bottom - 1);
                positions.extend(
                    columns.iter().map(|(left, right)| {
                        (row * size[1] + (left + place % longest).min(right - 1)) as i64
                    }),
                );
            }
        }
        positions
    }
}

impl FractionalMaxPool {
    /// Returns the windows of each map where they are drawn, of all maps alike where they are not.
    fn windows_of_maps(&self, maps: usize, [height, width]: [usize; 2], draws: Option<Draws>) -> RegionLists {
        let shifts = draws.map_or_else(|| vec![0.5; 2], |draws| draws.uniform(2 * maps));
        let along = |size: usize, axis: usize| {
            shifts.iter().skip(axis).step_by(2).map(|shift| self.regions(size, f64::from(*shift))).collect()
        };
        RegionLists { rows: along(height, 0), columns: along(width, 1) }
    }

    /// Returns the same as a composition of Burn's operations.
    fn composed(&self, x: Tensor<4>, draws: Option<Draws>) -> Tensor<4> {
        let [batch, channels, height, width] = x.dims();
        let (rows, columns) = (self.windows(height), self.windows(width));
        let longest = match self.regions {
            Regions::Overlapping => self.kernel,
            // A window from one rounded multiple of the step to the next.
            Regions::Disjoint => height.div_ceil(rows).max(width.div_ceil(columns)) + 1,
        };
        let planes = batch * channels;
        let indices: Vec<i64> = match draws {
            None => self.positions([height, width], [0.5; 2], longest).repeat(planes),
            Some(draws) => draws
                .uniform(2 * planes)
                .chunks(2)
                .flat_map(|u| self.positions([height, width], [f64::from(u[0]), f64::from(u[1])], longest))
                .collect(),
        };
        let places = longest * longest;
        let shape = [planes, places * rows * columns];
        let indices: Tensor<2, Int> = Tensor::from_data(TensorData::new(indices, shape), &x.device());
        let elements = x.reshape([planes, height * width]).gather(1, indices);
        elements
            .reshape([planes, places, rows * columns])
            .max_dim(1)
            .reshape([batch, channels, rows, columns])
    }
}

#[cfg(test)]
mod tests {
    use allconv_kernels::Engine;

    use super::*;
    use crate::test_support::assert_same;

    #[test]
    fn the_kernel_picks_what_the_composition_picks_and_has_its_gradients() {
        let engine = Engine::detect();
        for pool in FractionalMaxPool::examples() {
            for draws in [None, Some(Draws { key: 6 })] {
                let drawn = draws.filter(|_| pool.draw == RegionDraw::Random);
                let fast =
                    |x| pool.compute(x, &Parameters::default(), &Pass { draws, ..Pass::evaluate(&engine) });
                assert_same([2, 3, 9, 7], fast, |x| pool.composed(x, drawn));
            }
        }
    }

    /// Returns the windows of seven positions in five outputs at u = 0.3.
    fn regions(regions: Regions) -> Vec<(usize, usize)> {
        FractionalMaxPool { ratio: 1.4, regions, ..FractionalMaxPool::default() }.regions(7, 0.3)
    }

    #[test]
    fn worked_examples_of_the_reference() {
        let starts: Vec<usize> = regions(Regions::Overlapping).iter().map(|region| region.0).collect();
        assert_eq!(starts, [0, 1, 2, 4, 5]);
        assert_eq!(regions(Regions::Disjoint), [(0, 1), (1, 3), (3, 4), (4, 6), (6, 7)]);
    }
}
