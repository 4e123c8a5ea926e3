//! Reconstruction error, aliasing and checkerboard energy of a downsampling operator followed by an upsampling operator, without a network.
//!
//! For maps of one channel and 32×32 positions, `p` the pair divided by its gain on constants:
//! - **reconstruction error** `rms(p(x) − x) / rms(x)` for white noise x of unit variance around 1: what the pair loses. An
//!   exact pair is at machine precision.
//! - **aliasing energy** of a wave of amplitude 1: the energy of `p(wave)` at all other frequencies, the constant included, relative to the
//!   wave's. Mean over waves whose frequencies the coarse grid cannot hold (*above*: folded waves) and can hold (*below*: replicas).
//! - **checkerboard energy** of a constant: `Σ (p(1) − mean)² / Σ p(1)²` without the outer positions: the grid pattern that a pair adds
//!   to a map without any structure.
//!
//! Sources: Odena, Dumoulin and Olah, Distill 2016 (checkerboards); Zhang, arXiv 1904.11486 (aliasing), taken here as energies.

use std::f64::consts::TAU;

use allconv_nets::{DescriptionError, DownsampleConfig, Engine, UpsampleConfig, UpsamplePair};
use allconv_random::elementary::{cos, sin, square};
use burn::tensor::{DType, Device, Tensor, TensorData};

use crate::tensors::host;

/// Height and width of the maps.
const SIZE: usize = 32;
/// Positions at each border that are not counted as grid pattern.
const BORDER: usize = 8;

/// The measures of a pair.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairEnergies {
    /// Relative error of `p(noise)`.
    pub reconstruction_error: f64,
    /// Mean energy at other frequencies of waves that the coarse grid can hold.
    pub aliasing_below: f64,
    /// The same of waves that it cannot.
    pub aliasing_above: f64,
    /// Fraction of the energy of `p(1)` that varies.
    pub checkerboard: f64,
    /// Whether the pair has weights; then with initial weights from seed 0.
    pub learned: bool,
}

/// Measures `down` followed by `up`, in f64.
///
/// # Errors
/// Operators that cannot be paired, or that refuse maps of 32×32 positions.
pub fn pair_energies(up: &UpsampleConfig, down: &DownsampleConfig) -> Result<PairEnergies, DescriptionError> {
    let device = Device::flex();
    let pair = UpsamplePair::new(up, down, [1, SIZE, SIZE], &Engine::detect(), &device)?;
    let learned = pair.is_learned();
    let pair = pair.in_double_precision();
    let gain = down.properties().gain.unwrap_or(1.0) * up.properties().gain.unwrap_or(1.0);
    let [_, reduced, _] = pair.enlargement().input;
    let through = |maps: &[Vec<f64>]| -> Vec<Vec<f64>> {
        let data = TensorData::new(maps.concat(), [maps.len(), 1, SIZE, SIZE]);
        let (reduced, switches) = pair.reduce(Tensor::from_data(data, (&device, DType::F64)));
        let values: Vec<f64> =
            host(pair.enlarge(reduced, &switches)).iter().map(|value| value / gain).collect();
        values.chunks_exact(SIZE * SIZE).map(<[f64]>::to_vec).collect()
    };
    let given = [noise(), vec![1.0; SIZE * SIZE]];
    let back = through(&given);
    let difference: f64 = back[0].iter().zip(&given[0]).map(|(y, x)| square(y - x)).sum();
    let energy: f64 = given[0].iter().map(|x| x * x).sum();
    Ok(PairEnergies {
        reconstruction_error: (difference / energy).sqrt(),
        aliasing_below: spurious(through, &frequencies(reduced, false)),
        aliasing_above: spurious(through, &frequencies(reduced, true)),
        checkerboard: pattern(&back[1]),
        learned,
    })
}

/// Returns waves along rows, columns and both, in whole periods per map: those that `reduced` positions per axis cannot hold, or can.
fn frequencies(reduced: usize, above: bool) -> Vec<[usize; 2]> {
    let all = (1..SIZE / 2).flat_map(|waves| [[waves, 0], [0, waves], [waves, waves]]);
    all.filter(|[down, across]| (2 * down.max(across) >= reduced) == above).collect()
}

/// Returns the mean energy at other frequencies of the outputs of `through` for these waves, relative to theirs; 0 without waves.
fn spurious(through: impl Fn(&[Vec<f64>]) -> Vec<Vec<f64>>, waves: &[[usize; 2]]) -> f64 {
    let (cosines, sines): (Vec<_>, Vec<_>) = waves.iter().map(|wave| quadrature(*wave)).unzip();
    if waves.is_empty() {
        return 0.0;
    }
    let positions = (SIZE * SIZE) as f64;
    let energies =
        through(&cosines).into_iter().zip(cosines.iter().zip(&sines)).map(|(y, (cosine, sine))| {
            let along = |basis: &[f64]| y.iter().zip(basis).map(|(y, basis)| y * basis).sum::<f64>();
            // Each of the two has the energy positions/2.
            let own = (square(along(cosine)) + square(along(sine))) * 2.0 / positions;
            let all: f64 = y.iter().map(|y| y * y).sum();
            (all - own).max(0.0) * 2.0 / positions
        });
    energies.sum::<f64>() / waves.len() as f64
}

/// Returns a wave and the same a quarter of a period later.
fn quadrature([down, across]: [usize; 2]) -> (Vec<f64>, Vec<f64>) {
    let phase = |position: usize| {
        TAU * (down * (position / SIZE) + across * (position % SIZE)) as f64 / SIZE as f64 + 0.4
    };
    (0..SIZE * SIZE).map(|position| (cos(phase(position)), sin(phase(position)))).unzip()
}

/// Returns `Σ (y − mean)² / Σ y²` away from the borders.
fn pattern(y: &[f64]) -> f64 {
    let inner = BORDER..SIZE - BORDER;
    let values: Vec<f64> =
        inner.clone().flat_map(|row| inner.clone().map(move |column| y[row * SIZE + column])).collect();
    let energy: f64 = values.iter().map(|value| value * value).sum();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let varying: f64 = values.iter().map(|value| square(value - mean)).sum();
    if energy > 0.0 { varying / energy } else { 0.0 }
}

/// Returns values of variance 1 around 1, evenly distributed, from a fixed linear congruential generator (Knuth's MMIX).
fn noise() -> Vec<f64> {
    let mut state = 1_u64;
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        1.0 + ((state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5) * 12.0_f64.sqrt()
    };
    (0..SIZE * SIZE).map(|_| draw()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn energies(up: &str, down: &str) -> PairEnergies {
        let (up, down) =
            (UpsampleConfig::named(up).unwrap().remove(0), DownsampleConfig::named(down).unwrap().remove(0));
        pair_energies(&up, &down).unwrap()
    }

    #[test]
    fn exact_pairs_reconstruct_at_machine_precision() {
        for (up, down) in [("pixel_shuffle", "pixel_unshuffle"), ("inverse_haar", "haar_wavelet")] {
            let found = energies(up, down);
            let all =
                [found.reconstruction_error, found.aliasing_below, found.aliasing_above, found.checkerboard];
            assert!(all.iter().all(|value| *value < 1e-12), "{up} behind {down}: {found:?}");
        }
    }

    /// Every second value in its place and zeros elsewhere, in both axes: of a wave a quarter of its amplitude stays at its frequency
    /// and as much goes to each of three others, 3/16 of its energy. Of a constant, 1 in 4 values is left: 3/4 of the energy varies.
    #[test]
    fn values_between_zeros_have_replicas_and_a_checkerboard_as_computed_by_hand() {
        let kept =
            |position: usize| (position / SIZE).is_multiple_of(2) && (position % SIZE).is_multiple_of(2);
        let through = |maps: &[Vec<f64>]| -> Vec<Vec<f64>> {
            let sparse = |map: &Vec<f64>| {
                map.iter()
                    .enumerate()
                    .map(|(position, value)| if kept(position) { *value } else { 0.0 })
                    .collect()
            };
            maps.iter().map(sparse).collect()
        };
        for wave in frequencies(16, false) {
            assert!((spurious(through, &[wave]) - 3.0 / 16.0).abs() < 1e-9, "{wave:?}");
        }
        assert!((pattern(&through(&[vec![1.0; SIZE * SIZE]])[0]) - 0.75).abs() < 1e-12);
    }

    #[test]
    fn smoothing_pairs_alias_less_than_decimation_and_leave_no_checkerboard() {
        let (blur, none) = (energies("blur_upsample", "blur_pool"), energies("blur_upsample", "decimation"));
        assert!(blur.aliasing_above < none.aliasing_above, "{blur:?} {none:?}");
        assert!(blur.checkerboard < 1e-20 && none.checkerboard < 1e-20);
        let spectral = energies("spectral_upsample", "spectral_pool");
        assert!(spectral.aliasing_above < 1e-12 && spectral.aliasing_below < 1e-12, "{spectral:?}");
        assert!((energies("max_unpool", "max_pool").checkerboard - 0.75).abs() < 1e-12);
    }
}
