//! One-dimensional Winograd algorithms along one axis of a tile.

use super::points::{self, FIVE, FOUR, SIX, THREE};

/// F(m, r), plain or by phases: along one axis of a tile, its outputs, the taps of the kernel and the input pixels between
/// neighbouring outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Outputs of a tile, m.
    pub(super) outputs: usize,
    /// Taps of the kernel, r.
    pub(super) taps: usize,
    /// 1, or 2 for three taps by phases: F(m, 2) on the even pixels, and plain products on the odd ones.
    pub(super) stride: usize,
}

impl Line {
    /// Creates F(m, r).
    pub(super) const fn plain(outputs: usize, taps: usize) -> Self {
        Self { outputs, taps, stride: 1 }
    }

    /// Creates F(m, 3) at stride 2 by phases.
    pub(super) const fn by_phases(outputs: usize) -> Self {
        Self { outputs, taps: 3, stride: 2 }
    }

    /// Returns the number of inputs of a tile, which is also the number of products.
    pub(super) const fn inputs(self) -> usize {
        (self.outputs - 1) * self.stride + self.taps
    }

    /// Returns the number of distinct rows of G: by phases, all odd pixels use the same.
    pub(super) const fn distinct_rows(self) -> usize {
        if self.stride == 1 { self.inputs() } else { self.outputs + 2 }
    }

    /// Returns the matrix G: distinct rows only, `taps` coefficients each.
    pub(super) fn weight_rows(self) -> Vec<Vec<f64>> {
        if self.stride == 1 {
            return points::weight_rows(finite_points(self.inputs()), self.taps);
        }
        // Taps 0 and 2 read the even pixels, tap 1 the odd ones.
        let even = points::weight_rows(finite_points(self.outputs + 1), 2);
        let odd = vec![0.0, 1.0, 0.0];
        even.into_iter().map(|row| vec![row[0], 0.0, row[1]]).chain([odd]).collect()
    }
}

/// Returns the points of a transform of `size` values, without infinity.
fn finite_points(size: usize) -> &'static [f64] {
    match size {
        3 => &THREE,
        4 => &FOUR,
        5 => &FIVE,
        6 => &SIX,
        _ => panic!("there is no transform of {size} values"),
    }
}
