//! Matrices along one axis of an image that reduce it: blurs, resampling filters, Haar steps.

use allconv_kernels::AxisMap;
use allconv_random::elementary::sin;
use serde::{Deserialize, Serialize};

/// What a filter reads beyond the edges of the map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgePadding {
    /// The map mirrored, its edge position not repeated. Where the border is not shorter than the side: as `replicate`.
    #[default]
    Reflect,
    /// The edge position repeated.
    Replicate,
    /// Zeros.
    Zero,
    /// The other end of the map.
    Circular,
}

impl EdgePadding {
    /// The position read at `position`, which may lie beyond a side of `side` positions; `None` for a zero. `border` is the number
    /// of positions by which the filter reaches beyond the side.
    pub(crate) fn cell(self, position: isize, side: usize, border: usize) -> Option<usize> {
        let length = side as isize;
        let cell = match self {
            Self::Reflect if border < side => {
                let folded = position.abs();
                if folded >= length { 2 * (length - 1) - folded } else { folded }
            }
            Self::Reflect | Self::Replicate => position.clamp(0, length - 1),
            Self::Zero if (0..length).contains(&position) => position,
            Self::Zero => return None,
            Self::Circular => position.rem_euclid(length),
        };
        Some(cell as usize)
    }
}

/// Binomial taps: `C(taps − 1, j) / 2^(taps − 1)`.
pub(crate) fn binomial(taps: usize) -> Vec<f64> {
    let mut row = vec![1.0];
    for _ in 1..taps {
        let next = |index: usize| {
            let before = if index > 0 { row[index - 1] } else { 0.0 };
            before + row.get(index).copied().unwrap_or(0.0)
        };
        row = (0..=row.len()).map(next).collect();
    }
    let sum: f64 = row.iter().sum();
    row.iter().map(|value| value / sum).collect()
}

/// A blur by binomial taps at every `stride`-th position: `floor((taps − 1)/2)` positions of border before, the rest after.
pub(crate) fn blur(side: usize, taps: usize, stride: usize, padding: EdgePadding) -> AxisMap {
    let weights = binomial(taps);
    let before = (taps - 1) / 2;
    let border = taps - 1 - before;
    let output = |index: usize| {
        let term = |(tap, weight): (usize, &f64)| {
            let position = (index * stride + tap) as isize - before as isize;
            padding.cell(position, side, border).map(|cell| (cell, *weight))
        };
        weights.iter().enumerate().filter_map(term).collect()
    };
    AxisMap::new(side, (0..side.div_ceil(stride)).map(output).collect())
}

/// The filters of antialiased resizing, by their shape on a scale of output positions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResizeFilter {
    /// The mean over the area of an output position.
    Box,
    /// Linear interpolation, widened ("bilinear").
    Triangle,
    /// Keys' cubic with a = −0.5 ("bicubic").
    Cubic,
    /// A sinc under the centre of a wider one, three lobes each side.
    #[default]
    Lanczos3,
}

impl ResizeFilter {
    fn radius(self) -> f64 {
        match self {
            Self::Box => 0.5,
            Self::Triangle => 1.0,
            Self::Cubic => 2.0,
            Self::Lanczos3 => 3.0,
        }
    }

    /// Positions that one output reads where `stride` positions become one.
    pub(crate) fn taps(self, stride: usize) -> usize {
        (2.0 * self.radius() * stride as f64).ceil() as usize
    }

    fn weight(self, x: f64) -> f64 {
        let distance = x.abs();
        match self {
            // Half open, so that a position on the line between two outputs belongs to one of them.
            Self::Box => f64::from(u8::from(x > -0.5 && x <= 0.5)),
            Self::Triangle => (1.0 - distance).max(0.0),
            Self::Cubic => {
                const A: f64 = -0.5;
                if distance < 1.0 {
                    ((A + 2.0) * distance - (A + 3.0)) * distance * distance + 1.0
                } else if distance < 2.0 {
                    (((distance - 5.0) * distance + 8.0) * distance - 4.0) * A
                } else {
                    0.0
                }
            }
            Self::Lanczos3 if distance < 3.0 => sinc(distance) * sinc(distance / 3.0),
            Self::Lanczos3 => 0.0,
        }
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { sin(std::f64::consts::PI * x) / (std::f64::consts::PI * x) }
}

/// Antialiased resizing of `side` positions to `outputs`: the filter is as wide as an output position where positions are dropped, and
/// its weights on the map sum to 1. Pillow's and PyTorch's (`antialias=True`) rule.
pub(crate) fn resize(side: usize, outputs: usize, filter: ResizeFilter) -> AxisMap {
    let scale = side as f64 / outputs as f64;
    let width = scale.max(1.0);
    let support = filter.radius() * width;
    let output = |index: usize| {
        let centre = (index as f64 + 0.5) * scale;
        // Which positions take part is decided as Pillow does, by rounding the ends of the support.
        let first = ((centre - support + 0.5).floor().max(0.0)) as usize;
        let end = ((centre + support + 0.5).floor() as usize).min(side);
        let terms: Vec<(usize, f64)> =
            (first..end).map(|cell| (cell, filter.weight((cell as f64 - centre + 0.5) / width))).collect();
        let sum: f64 = terms.iter().map(|(_, weight)| weight).sum();
        terms.into_iter().map(|(cell, weight)| (cell, weight / sum)).collect()
    };
    AxisMap::new(side, (0..outputs).map(output).collect())
}

/// One step of the Haar transform: `(x[2i] ± x[2i+1]) / √2`, a last odd position's partner by `padding`.
pub(crate) fn haar(side: usize, difference: bool, padding: EdgePadding) -> AxisMap {
    let half = std::f64::consts::FRAC_1_SQRT_2;
    let output = |index: usize| {
        let mut terms = vec![(2 * index, half)];
        if let Some(cell) = padding.cell(2 * index as isize + 1, side, 1) {
            terms.push((cell, if difference { -half } else { half }));
        }
        terms
    };
    AxisMap::new(side, (0..side.div_ceil(2)).map(output).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binomial_taps_are_pascals_rows() {
        assert_eq!(binomial(1), [1.0]);
        assert_eq!(binomial(4), [0.125, 0.375, 0.375, 0.125]);
        assert_eq!(
            binomial(7).iter().map(|tap| tap * 64.0).collect::<Vec<_>>(),
            [1., 6., 15., 20., 15., 6., 1.]
        );
    }

    #[test]
    fn edges_read_as_they_are_called() {
        let read = |padding: EdgePadding, side: usize| -> Vec<Option<usize>> {
            (-2..side as isize + 2).map(|position| padding.cell(position, side, 2)).collect()
        };
        let cells = |cells: &[usize]| cells.iter().map(|cell| Some(*cell)).collect::<Vec<_>>();
        assert_eq!(read(EdgePadding::Reflect, 3), cells(&[2, 1, 0, 1, 2, 1, 0]));
        assert_eq!(read(EdgePadding::Reflect, 2), cells(&[0, 0, 0, 1, 1, 1]), "too short to mirror");
        assert_eq!(read(EdgePadding::Replicate, 3), cells(&[0, 0, 0, 1, 2, 2, 2]));
        assert_eq!(read(EdgePadding::Circular, 3), cells(&[1, 2, 0, 1, 2, 0, 1]));
        assert_eq!(read(EdgePadding::Zero, 1), [None, None, Some(0), None, None]);
    }

    #[test]
    fn resizing_keeps_constants_and_a_box_is_the_mean_of_blocks() {
        for filter in [ResizeFilter::Box, ResizeFilter::Triangle, ResizeFilter::Cubic, ResizeFilter::Lanczos3]
        {
            for side in 1..12_usize {
                let map = resize(side, side.div_ceil(2), filter);
                for index in 0..map.outputs() {
                    let sum: f64 = map.terms(index).iter().map(|(_, weight)| weight).sum();
                    assert!((sum - 1.0).abs() < 1e-12, "{filter:?} on {side}");
                }
            }
        }
        assert_eq!(resize(4, 2, ResizeFilter::Box).dense(), [0.5, 0.5, 0.0, 0.0, 0.0, 0.0, 0.5, 0.5]);
    }
}
