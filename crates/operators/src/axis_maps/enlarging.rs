//! Matrices along one axis of an image that enlarge it: interpolation, values spaced apart and blurred, inverse Haar steps,
//! Fourier series.

use std::f64::consts::FRAC_1_SQRT_2;

use allconv_kernels::AxisMap;
use allconv_random::elementary::cos_sin_of_turn;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::reducing::{EdgePadding, binomial};

/// How a map is resampled. Positions have half-pixel centres: output `i` of `H` lies at `(i + 1/2)·h/H − 1/2`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// The position `floor((i + 1/2)·h/H)`.
    #[default]
    Nearest,
    /// The two nearest positions, linearly; the edge position repeated.
    Bilinear,
    /// The four nearest positions by Keys' cubic with a = −0.75; the edge position repeated.
    Bicubic,
}

impl Interpolation {
    /// Returns the number of positions of a line that one place reads.
    pub(crate) const fn taps(self) -> usize {
        match self {
            Self::Nearest => 1,
            Self::Bilinear => 2,
            Self::Bicubic => 4,
        }
    }
}

/// Returns the bicubic enlargement that is the baseline of super-resolution: Keys' cubic with a = −1/2, half-pixel centres, the edge
/// position repeated. `size` positions become `factor · size`.
pub fn bicubic_enlargement(size: usize, factor: usize) -> AxisMap {
    const A: f64 = -0.5;
    let output = |index: usize| {
        let position = (index as f64 + 0.5) / factor as f64 - 0.5;
        let (before, part) = (position.floor() as isize, position - position.floor());
        let at = |offset: isize| (before + offset).clamp(0, size as isize - 1) as usize;
        (-1..=2).map(|offset| (at(offset), cubic((part - offset as f64).abs(), A))).collect()
    };
    AxisMap::new(size, (0..factor * size).map(output).collect())
}

/// Returns the interpolation of `size` values at `outputs` places.
pub(crate) fn interpolated(size: usize, outputs: usize, rule: Interpolation) -> AxisMap {
    let output = |index: usize| {
        // Whole numbers, so that no rounding decides between two positions.
        let nearest = (2 * index + 1) * size / (2 * outputs);
        let position = (index as f64 + 0.5) * size as f64 / outputs as f64 - 0.5;
        let (before, part) = (position.floor() as isize, position - position.floor());
        let at = |offset: isize| (before + offset).clamp(0, size as isize - 1) as usize;
        match rule {
            Interpolation::Nearest => vec![(nearest, 1.0)],
            Interpolation::Bilinear => vec![(at(0), 1.0 - part), (at(1), part)],
            Interpolation::Bicubic => {
                // PyTorch's, without antialiasing.
                (-1..=2).map(|offset| (at(offset), cubic((part - offset as f64).abs(), -0.75))).collect()
            }
        }
    };
    AxisMap::new(size, (0..outputs).map(output).collect())
}

/// Returns Keys' cubic with a = −1/2 at this distance, at most 2.
pub(crate) fn keys_cubic(distance: f64) -> f64 {
    cubic(distance, -0.5)
}

/// Returns Keys' cubic at this distance.
fn cubic(distance: f64, a: f64) -> f64 {
    if distance <= 1.0 {
        ((a + 2.0) * distance - (a + 3.0)) * distance * distance + 1.0
    } else {
        (((distance - 5.0) * distance + 8.0) * distance - 4.0) * a
    }
}

/// Returns the map with position `i` at `2i + phase` of `outputs` positions (beyond the last one: from the first on), zeros between, then a
/// blur by binomial taps times `gain`: `floor(taps/2)` positions of border before, the rest after.
pub(crate) fn set_apart(
    [size, outputs]: [usize; 2],
    phase: usize,
    taps: usize,
    padding: EdgePadding,
    gain: f64,
) -> AxisMap {
    let mut origins = vec![None; outputs];
    (0..size).for_each(|source| origins[(2 * source + phase) % outputs] = Some(source));
    let (weights, before) = (binomial(taps), taps / 2);
    let output = |index: usize| {
        let term = |(tap, weight): (usize, &f64)| {
            let position = (index + tap) as isize - before as isize;
            let source = origins[padding.source(position, outputs, before)?]?;
            Some((source, gain * weight))
        };
        weights.iter().enumerate().filter_map(term).collect()
    };
    AxisMap::new(size, (0..outputs).map(output).collect())
}

/// Returns one axis of the inverse of a Haar step: what sums (or differences) add to `outputs` positions.
pub(crate) fn inverse_haar(size: usize, outputs: usize, difference: bool) -> AxisMap {
    let sign = |index: usize| if difference && index % 2 == 1 { -FRAC_1_SQRT_2 } else { FRAC_1_SQRT_2 };
    AxisMap::new(size, (0..outputs).map(|index| vec![(index / 2, sign(index))]).collect())
}

/// Returns the Fourier series of `size` values at `outputs` places. The highest frequency of an even size is divided between its two
/// signs, so that the series goes through them.
pub(crate) fn fourier_series(size: usize, outputs: usize) -> AxisMap {
    let weight = |index: usize, source: usize| {
        // The distance in periods, from whole numbers, so that large angles lose nothing.
        let period = size * outputs;
        let steps = (index * size + period - source * outputs % period) % period;
        let wave = |half_turns: usize| cos_sin_of_turn((half_turns * steps) as u64, 2 * period as u64)[0];
        let pairs = (size - 1) / 2;
        let waves: f64 = (1..=pairs).map(|frequency| 2.0 * wave(2 * frequency)).sum();
        let highest = if size.is_multiple_of(2) { wave(size) } else { 0.0 };
        (1.0 + waves + highest) / size as f64
    };
    let output = |index: usize| (0..size).map(|source| (source, weight(index, source))).collect();
    AxisMap::new(size, (0..outputs).map(output).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_interpolation_keeps_constants() {
        for rule in [Interpolation::Nearest, Interpolation::Bilinear, Interpolation::Bicubic] {
            for (size, outputs) in [(1, 3), (2, 5), (4, 7), (5, 5)] {
                let map = interpolated(size, outputs, rule);
                for index in 0..outputs {
                    let sum: f64 = map.terms(index).iter().map(|(_, weight)| weight).sum();
                    assert!((sum - 1.0).abs() < 1e-12, "{rule:?}, {size} to {outputs}");
                }
            }
        }
    }

    #[test]
    fn interpolations_of_two_positions_are_those_of_a_line() {
        let doubled = |rule| interpolated(2, 4, rule).dense();
        assert_eq!(doubled(Interpolation::Nearest), [1., 0., 1., 0., 0., 1., 0., 1.]);
        assert_eq!(doubled(Interpolation::Bilinear), [1., 0., 0.75, 0.25, 0.25, 0.75, 0., 1.]);
    }

    #[test]
    fn positions_set_apart_keep_their_phase_and_wrap_around_on_odd_sizes() {
        assert_eq!(set_apart([2, 3], 0, 1, EdgePadding::Circular, 1.0).dense(), [1., 0., 0., 0., 0., 1.]);
        assert_eq!(set_apart([2, 3], 1, 1, EdgePadding::Circular, 1.0).dense(), [0., 1., 1., 0., 0., 0.]);
    }
}
