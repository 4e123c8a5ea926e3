//! Normalisation over a batch or over groups of channels, with scale, shift and activation, and its gradient.

#[cfg(test)]
mod tests;

use std::ops::Range;

use rayon::prelude::*;

use super::rows::{Backward, Forward, GradientSums, Moments};
use crate::cpu::dispatch;
use crate::elementwise::Activation;
use crate::engine::Engine;
use crate::memory::unspecified_vec;
use crate::numbers::Scalar;

/// Elements that one task works on, at least one position: two or three arrays of it fit a 1 MiB cache.
const CHUNK: usize = 1 << 14;

/// The shape of a normalisation of `[N, H, W, C]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NormGeometry {
    /// Images, N.
    pub batch: usize,
    /// Positions of a map, H·W.
    pub positions: usize,
    /// Channels, C.
    pub channels: usize,
    /// Which values share a mean and a variance.
    pub sharing: NormSharing,
}

/// Which values share a mean and a variance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormSharing {
    /// Each channel, over all images and positions.
    Batch,
    /// Each of this many groups of channels, over the positions of one image.
    Groups(usize),
}

/// The means and variances that values were normalised by: of each channel, or of each image and group (image-major).
#[derive(Clone, Debug, PartialEq)]
pub struct NormStatistics<T> {
    /// Means.
    pub mean: Vec<T>,
    /// Mean squares of the distances from the means.
    pub variance: Vec<T>,
}

/// The gradients of a normalisation.
#[derive(Clone, Debug, PartialEq)]
pub struct NormGradients<T> {
    /// With respect to the input.
    pub dx: Vec<T>,
    /// With respect to the scales, C.
    pub dscale: Vec<T>,
    /// With respect to the shifts, C.
    pub dshift: Vec<T>,
}

impl NormGeometry {
    /// Returns the number of elements of the map.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.batch * self.positions * self.channels
    }

    /// Returns whether the map has no element.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of sets of values with a mean of their own.
    #[must_use]
    pub const fn sets(&self) -> usize {
        match self.sharing {
            NormSharing::Batch => self.channels,
            NormSharing::Groups(groups) => self.batch * groups,
        }
    }

    /// Returns the number of values of one set.
    #[must_use]
    pub const fn set_len(&self) -> usize {
        match self.sharing {
            NormSharing::Batch => self.batch * self.positions,
            NormSharing::Groups(groups) => self.positions * (self.channels / groups),
        }
    }

    /// Returns the set of a channel of an image.
    const fn set(&self, image: usize, channel: usize) -> usize {
        match self.sharing {
            NormSharing::Batch => channel,
            NormSharing::Groups(groups) => image * groups + channel / (self.channels / groups),
        }
    }

    fn check(&self) {
        assert!(!self.is_empty(), "normalisation of nothing: {self:?}");
        if let NormSharing::Groups(groups) = self.sharing {
            assert!(
                groups > 0 && self.channels.is_multiple_of(groups),
                "groups must divide the channels: {self:?}"
            );
        }
    }

    /// Returns the number of positions that one task works on.
    fn rows(&self) -> usize {
        (CHUNK / self.channels).clamp(1, self.positions)
    }
}

/// Computes `y[·,c] = f(scale[c]·(x[·,c] − μ)/√(σ² + epsilon) + shift[c])` with the mean μ and variance σ² of each set, which are returned.
///
/// Sums are made in f64, in pieces that do not depend on the number of threads.
///
/// # Panics
/// When a length does not fit the geometry, there is no element, or the groups do not divide the channels.
pub fn normalise_forward<T: Scalar>(
    engine: &Engine,
    geometry: &NormGeometry,
    epsilon: f64,
    [x, scale, shift]: [&[T]; 3],
    activation: Activation,
    y: &mut [T],
) -> NormStatistics<T> {
    geometry.check();
    check_lengths(geometry, &[x, y], &[scale, shift]);
    let sums = sums(geometry, |values, sums| {
        let x = &x[values];
        dispatch(engine.isa(), Moments { x, sums });
    });
    let mut totals = vec![[0.0; 2]; geometry.sets()];
    add_up(geometry, &sums, |set, _, [sum, square]| {
        totals[set][0] += sum;
        totals[set][1] += square;
    });
    let count = geometry.set_len() as f64;
    let statistics = NormStatistics {
        mean: totals.iter().map(|[sum, _]| T::from_f64(sum / count)).collect(),
        variance: totals
            .iter()
            .map(|[sum, square]| T::from_f64((square / count - (sum / count) * (sum / count)).max(0.0)))
            .collect(),
    };
    let coefficients = coefficients(geometry, |set, channel| {
        let deviation = (statistics.variance[set].to_f64() + epsilon).sqrt();
        [statistics.mean[set], T::from_f64(scale[channel].to_f64() / deviation), shift[channel]]
    });
    let negative = T::from_f64(f64::from(activation.negative_slope()));
    pieces(geometry, y).for_each(|(image, first, y)| {
        let x = &x[first..first + y.len()];
        dispatch(engine.isa(), Forward { coefficients: coefficients.of(image), negative, x, y });
    });
    statistics
}

/// Computes the gradients of [`normalise_forward`], from its operands, the statistics and the result `y` that it returned, and the result's
/// gradient `dy`. The statistics count as functions of `x`.
///
/// # Panics
/// As [`normalise_forward`].
pub fn normalise_backward<T: Scalar>(
    engine: &Engine,
    geometry: &NormGeometry,
    epsilon: f64,
    statistics: &NormStatistics<T>,
    [x, scale, y, dy]: [&[T]; 4],
    activation: Activation,
) -> NormGradients<T> {
    geometry.check();
    check_lengths(geometry, &[x, y, dy], &[scale]);
    let negative = T::from_f64(f64::from(activation.negative_slope()));
    let NormStatistics { mean, variance } = statistics;
    assert_eq!([mean.len(), variance.len()], [geometry.sets(); 2], "statistics of a normalisation");
    let means = coefficients(geometry, |set, _| [mean[set]]);
    let sums = sums(geometry, |values, sums| {
        let [mean] = means.of(values.start / (geometry.positions * geometry.channels));
        let (x, y, dy) = (&x[values.clone()], &y[values.clone()], &dy[values]);
        dispatch(engine.isa(), GradientSums { mean, negative, x, y, dy, sums });
    });
    let inverse: Vec<f64> =
        variance.iter().map(|variance| 1.0 / (variance.to_f64() + epsilon).sqrt()).collect();
    let (mut dscale, mut dshift) = (vec![0.0; geometry.channels], vec![0.0; geometry.channels]);
    let mut totals = vec![[0.0; 2]; geometry.sets()];
    add_up(geometry, &sums, |set, channel, [gradient, product]| {
        let product = product * inverse[set];
        dshift[channel] += gradient;
        dscale[channel] += product;
        let scale = scale[channel].to_f64();
        totals[set][0] += scale * gradient;
        totals[set][1] += scale * product;
    });
    let count = geometry.set_len() as f64;
    let coefficients = coefficients(geometry, |set, channel| {
        let [gradient, product] = totals[set].map(|total| total / count);
        let inverse = inverse[set];
        let of_gradient = scale[channel].to_f64() * inverse;
        [
            mean[set],
            T::from_f64(of_gradient),
            T::from_f64(-product * inverse * inverse),
            T::from_f64(-gradient * inverse),
        ]
    });
    let mut dx = unspecified_vec(geometry.len());
    pieces(geometry, &mut dx).for_each(|(image, first, dx)| {
        let values = first..first + dx.len();
        let (x, y, dy) = (&x[values.clone()], &y[values.clone()], &dy[values]);
        dispatch(engine.isa(), Backward { coefficients: coefficients.of(image), negative, x, y, dy, dx });
    });
    let narrowed = |values: Vec<f64>| values.into_iter().map(T::from_f64).collect();
    NormGradients { dx, dscale: narrowed(dscale), dshift: narrowed(dshift) }
}

fn check_lengths<T>(geometry: &NormGeometry, maps: &[&[T]], vectors: &[&[T]]) {
    for map in maps {
        assert_eq!(map.len(), geometry.len(), "elements of a map of {geometry:?}");
    }
    for vector in vectors {
        assert_eq!(vector.len(), geometry.channels, "values for the channels of {geometry:?}");
    }
}

/// Returns two sums for each channel of each piece of each image: `(piece of image, 2, channels)`, by `add`, which is given the piece's
/// range.
fn sums(geometry: &NormGeometry, add: impl Fn(Range<usize>, &mut [f64]) + Sync) -> Vec<f64> {
    let NormGeometry { batch, positions, channels, .. } = *geometry;
    let rows = geometry.rows();
    let of_image = positions.div_ceil(rows);
    let mut sums = vec![0.0; batch * of_image * 2 * channels];
    sums.par_chunks_mut(2 * channels).enumerate().for_each(|(piece, sums)| {
        let (image, piece) = (piece / of_image, piece % of_image);
        let end = positions.min((piece + 1) * rows);
        let first = image * positions;
        add((first + piece * rows) * channels..(first + end) * channels, sums);
    });
    sums
}

/// Calls `add(set, channel, sums)` with the two sums of every piece, in the order of the pieces.
fn add_up(geometry: &NormGeometry, sums: &[f64], mut add: impl FnMut(usize, usize, [f64; 2])) {
    let channels = geometry.channels;
    let of_image = geometry.positions.div_ceil(geometry.rows());
    for (piece, sums) in sums.chunks_exact(2 * channels).enumerate() {
        for channel in 0..channels {
            add(geometry.set(piece / of_image, channel), channel, [sums[channel], sums[channels + channel]]);
        }
    }
}

/// Returns the pieces of a map with the image that they belong to and their first element.
fn pieces<'a, T: Scalar>(
    geometry: &NormGeometry,
    map: &'a mut [T],
) -> impl ParallelIterator<Item = (usize, usize, &'a mut [T])> {
    let (of_image, of_piece) = (geometry.positions * geometry.channels, geometry.rows() * geometry.channels);
    map.par_chunks_mut(of_image).enumerate().flat_map(move |(image, map)| {
        let piece = move |(piece, map)| (image, image * of_image + piece * of_piece, map);
        map.par_chunks_mut(of_piece).enumerate().map(piece)
    })
}

/// Numbers for each channel, the same for all images or not: `(image or 1, K, channels)`.
struct Coefficients<T, const K: usize> {
    values: Vec<T>,
    channels: usize,
}

impl<T, const K: usize> Coefficients<T, K> {
    /// Returns the coefficients of an image.
    fn of(&self, image: usize) -> [&[T]; K] {
        let first = image * K * self.channels % self.values.len();
        std::array::from_fn(|index| &self.values[first + index * self.channels..][..self.channels])
    }
}

fn coefficients<T: Scalar, const K: usize>(
    geometry: &NormGeometry,
    of: impl Fn(usize, usize) -> [T; K],
) -> Coefficients<T, K> {
    let channels = geometry.channels;
    let images = match geometry.sharing {
        NormSharing::Batch => 1,
        NormSharing::Groups(_) => geometry.batch,
    };
    let mut values = vec![T::ZERO; images * K * channels];
    for (image, values) in values.chunks_exact_mut(K * channels).enumerate() {
        for channel in 0..channels {
            let numbers = of(geometry.set(image, channel), channel);
            numbers
                .into_iter()
                .enumerate()
                .for_each(|(index, number)| values[index * channels + channel] = number);
        }
    }
    Coefficients { values, channels }
}
