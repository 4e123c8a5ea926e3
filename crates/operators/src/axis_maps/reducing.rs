//! Matrices along one axis of an image that reduce it: blurs, resampling filters, Haar steps.

use allconv_kernels::AxisMap;
use allconv_random::elementary::sin;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The values that a filter reads beyond the edges of the map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EdgePadding {
    /// The map mirrored, its edge position not repeated. Where the border is not shorter than the axis: as `replicate`.
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
    /// Returns the position read at `position`, which may lie beyond the `size` positions of the map; `None` for a zero. `border` is the
    /// number of positions by which the filter reaches beyond the map.
    pub(crate) fn source(self, position: isize, size: usize, border: usize) -> Option<usize> {
        let length = size as isize;
        let source = match self {
            Self::Reflect if border < size => {
                let folded = position.abs();
                if folded >= length { 2 * (length - 1) - folded } else { folded }
            }
            Self::Reflect | Self::Replicate => position.clamp(0, length - 1),
            Self::Zero if (0..length).contains(&position) => position,
            Self::Zero => return None,
            Self::Circular => position.rem_euclid(length),
        };
        Some(source as usize)
    }
}

/// Returns binomial taps: `C(taps − 1, j) / 2^(taps − 1)`.
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

/// Returns a blur by binomial taps at every `stride`-th position: `floor((taps − 1)/2)` positions of border before, the rest after.
pub(crate) fn blur(size: usize, taps: usize, stride: usize, padding: EdgePadding) -> AxisMap {
    let weights = binomial(taps);
    let before = (taps - 1) / 2;
    let border = taps - 1 - before;
    let output = |index: usize| {
        let term = |(tap, weight): (usize, &f64)| {
            let position = (index * stride + tap) as isize - before as isize;
            padding.source(position, size, border).map(|source| (source, *weight))
        };
        weights.iter().enumerate().filter_map(term).collect()
    };
    AxisMap::new(size, (0..size.div_ceil(stride)).map(output).collect())
}

/// The filters of antialiased resizing, by their shape on a scale of output positions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResizeFilter {
    /// The mean over the area of an output position.
    Box,
    /// Linear interpolation, widened ("bilinear").
    Triangle,
    /// Keys' cubic with a = −0.5 ("bicubic").
    Cubic,
    /// A sinc under the centre of a wider one, three lobes on each side.
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

    /// Returns the number of positions that one output reads where `stride` positions become one.
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

/// Returns the antialiased resizing of `size` positions to `outputs`: the filter is as wide as an output position where positions are
/// dropped, and its weights on the map sum to 1. Pillow's and PyTorch's (`antialias=True`) rule.
pub(crate) fn resize(size: usize, outputs: usize, filter: ResizeFilter) -> AxisMap {
    let scale = size as f64 / outputs as f64;
    let width = scale.max(1.0);
    let support = filter.radius() * width;
    let output = |index: usize| {
        let centre = (index as f64 + 0.5) * scale;
        // The positions that take part are those of Pillow, which rounds the ends of the support.
        let first = ((centre - support + 0.5).floor().max(0.0)) as usize;
        let end = ((centre + support + 0.5).floor() as usize).min(size);
        let terms: Vec<(usize, f64)> = (first..end)
            .map(|source| (source, filter.weight((source as f64 - centre + 0.5) / width)))
            .collect();
        let sum: f64 = terms.iter().map(|(_, weight)| weight).sum();
        terms.into_iter().map(|(source, weight)| (source, weight / sum)).collect()
    };
    AxisMap::new(size, (0..outputs).map(output).collect())
}

/// Returns one step of the Haar transform: `(x[2i] ± x[2i+1]) / √2`, a last odd position's partner by `padding`.
pub(crate) fn haar(size: usize, difference: bool, padding: EdgePadding) -> AxisMap {
    let half = std::f64::consts::FRAC_1_SQRT_2;
    let output = |index: usize| {
        let mut terms = vec![(2 * index, half)];
        if let Some(source) = padding.source(2 * index as isize + 1, size, 1) {
            terms.push((source, if difference { -half } else { half }));
        }
        terms
    };
    AxisMap::new(size, (0..size.div_ceil(2)).map(output).collect())
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
        let read = |padding: EdgePadding, size: usize| -> Vec<Option<usize>> {
            (-2..size as isize + 2).map(|position| padding.source(position, size, 2)).collect()
        };
        let sources = |sources: &[usize]| sources.iter().map(|source| Some(*source)).collect::<Vec<_>>();
        assert_eq!(read(EdgePadding::Reflect, 3), sources(&[2, 1, 0, 1, 2, 1, 0]));
        assert_eq!(read(EdgePadding::Reflect, 2), sources(&[0, 0, 0, 1, 1, 1]), "too short to mirror");
        assert_eq!(read(EdgePadding::Replicate, 3), sources(&[0, 0, 0, 1, 2, 2, 2]));
        assert_eq!(read(EdgePadding::Circular, 3), sources(&[1, 2, 0, 1, 2, 0, 1]));
        assert_eq!(read(EdgePadding::Zero, 1), [None, None, Some(0), None, None]);
    }

    #[test]
    fn resizing_keeps_constants_and_a_box_is_the_mean_of_blocks() {
        for filter in [ResizeFilter::Box, ResizeFilter::Triangle, ResizeFilter::Cubic, ResizeFilter::Lanczos3]
        {
            for size in 1..12_usize {
                let map = resize(size, size.div_ceil(2), filter);
                for index in 0..map.outputs() {
                    let sum: f64 = map.terms(index).iter().map(|(_, weight)| weight).sum();
                    assert!((sum - 1.0).abs() < 1e-12, "{filter:?} on {size}");
                }
            }
        }
        assert_eq!(resize(4, 2, ResizeFilter::Box).dense(), [0.5, 0.5, 0.0, 0.0, 0.0, 0.0, 0.5, 0.5]);
    }
}
