//! Normalisation over a batch or over groups of channels, with scale, shift and activation, and its gradient.

use std::ops::Range;

use rayon::prelude::*;

use crate::engine::Engine;
use crate::epilogue::Activation;
use crate::scalar::Scalar;
use crate::simd::{Kernel, Simd, dispatch};
use crate::unspecified::unspecified_vec;

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
    /// Elements of the map.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.batch * self.positions * self.channels
    }

    /// Whether the map has no element.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sets of values with a mean of their own.
    #[must_use]
    pub const fn sets(&self) -> usize {
        match self.sharing {
            NormSharing::Batch => self.channels,
            NormSharing::Groups(groups) => self.batch * groups,
        }
    }

    /// Values of one set.
    #[must_use]
    pub const fn set_len(&self) -> usize {
        match self.sharing {
            NormSharing::Batch => self.batch * self.positions,
            NormSharing::Groups(groups) => self.positions * (self.channels / groups),
        }
    }

    /// The set of a channel of an image.
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

    /// Positions that one task works on.
    fn rows(&self) -> usize {
        (CHUNK / self.channels).clamp(1, self.positions)
    }
}

/// `y[·,c] = f(scale[c]·(x[·,c] − μ)/√(σ² + epsilon) + shift[c])` with the mean μ and variance σ² of each set, which are returned.
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
            .map(|[sum, square]| T::from_f64((square / count - (sum / count).powi(2)).max(0.0)))
            .collect(),
    };
    let coefficients = coefficients(geometry, |set, channel| {
        let deviation = (statistics.variance[set].to_f64() + epsilon).sqrt();
        [statistics.mean[set], T::from_f64(scale[channel].to_f64() / deviation), shift[channel]]
    });
    let negative = T::from_f64(slope_below_zero(activation));
    pieces(geometry, y).for_each(|(image, first, y)| {
        let x = &x[first..first + y.len()];
        dispatch(engine.isa(), Forward { coefficients: coefficients.of(image), negative, x, y });
    });
    statistics
}

/// The gradients of [`normalise_forward`], from its operands, the statistics and the result `y` that it returned, and the result's
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
    let negative = T::from_f64(slope_below_zero(activation));
    let NormStatistics { mean, variance } = statistics;
    assert_eq!([mean.len(), variance.len()], [geometry.sets(); 2], "statistics of a normalisation");
    let means = coefficients(geometry, |set, _| [mean[set]]);
    let sums = sums(geometry, |values, sums| {
        let [mean] = means.of(values.start / (geometry.positions * geometry.channels));
        let (x, y, dy) = (&x[values.clone()], &y[values.clone()], &dy[values]);
        dispatch(engine.isa(), Slopes { mean, negative, x, y, dy, sums });
    });
    let inverse: Vec<f64> =
        variance.iter().map(|variance| 1.0 / (variance.to_f64() + epsilon).sqrt()).collect();
    let (mut dscale, mut dshift) = (vec![0.0; geometry.channels], vec![0.0; geometry.channels]);
    let mut totals = vec![[0.0; 2]; geometry.sets()];
    add_up(geometry, &sums, |set, channel, [slope, product]| {
        let product = product * inverse[set];
        dshift[channel] += slope;
        dscale[channel] += product;
        let scale = scale[channel].to_f64();
        totals[set][0] += scale * slope;
        totals[set][1] += scale * product;
    });
    let count = geometry.set_len() as f64;
    let coefficients = coefficients(geometry, |set, channel| {
        let [slope, product] = totals[set].map(|total| total / count);
        let inverse = inverse[set];
        let of_slope = scale[channel].to_f64() * inverse;
        [
            mean[set],
            T::from_f64(of_slope),
            T::from_f64(-product * inverse * inverse),
            T::from_f64(-slope * inverse),
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

/// Every activation is `z` above zero and this times `z` below.
fn slope_below_zero(activation: Activation) -> f64 {
    match activation {
        Activation::Identity => 1.0,
        Activation::Relu => 0.0,
        Activation::LeakyRelu { slope } => f64::from(slope),
    }
}

fn check_lengths<T>(geometry: &NormGeometry, maps: &[&[T]], vectors: &[&[T]]) {
    for map in maps {
        assert_eq!(map.len(), geometry.len(), "elements of a map of {geometry:?}");
    }
    for vector in vectors {
        assert_eq!(vector.len(), geometry.channels, "values for the channels of {geometry:?}");
    }
}

/// Two sums for each channel of each piece of each image: `(piece of image, 2, channels)`, by `add`, which is given the piece's range.
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

/// The pieces of a map with the image that they belong to and their first element.
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
    /// Those of an image.
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

/// Sums of the values and of their squares.
struct Moments<'a, T> {
    x: &'a [T],
    sums: &'a mut [f64],
}

impl<T: Scalar> Kernel for Moments<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let channels = self.sums.len() / 2;
        let (sum, square) = self.sums.split_at_mut(channels);
        for x in self.x.chunks_exact(channels) {
            for ((sum, square), x) in sum.iter_mut().zip(&mut *square).zip(x) {
                let x = x.to_f64();
                *sum += x;
                *square += x * x;
            }
        }
    }
}

/// `y = f(scale·(x − mean) + shift)`.
struct Forward<'a, T> {
    coefficients: [&'a [T]; 3],
    negative: T,
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Scalar> Kernel for Forward<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let [mean, scale, shift] = self.coefficients;
        let channels = mean.len();
        for (y, x) in self.y.chunks_exact_mut(channels).zip(self.x.chunks_exact(channels)) {
            for ((((y, x), mean), scale), shift) in y.iter_mut().zip(x).zip(mean).zip(scale).zip(shift) {
                let z = (*x - *mean) * *scale + *shift;
                *y = if z > T::ZERO { z } else { self.negative * z };
            }
        }
    }
}

/// Sums of the slopes at the activation's input, and of their products with the distances from the mean.
struct Slopes<'a, T> {
    mean: &'a [T],
    negative: T,
    x: &'a [T],
    y: &'a [T],
    dy: &'a [T],
    sums: &'a mut [f64],
}

impl<T: Scalar> Kernel for Slopes<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let channels = self.mean.len();
        let (slopes, products) = self.sums.split_at_mut(channels);
        let rows = self
            .x
            .chunks_exact(channels)
            .zip(self.y.chunks_exact(channels))
            .zip(self.dy.chunks_exact(channels));
        for ((x, y), dy) in rows {
            let values = x.iter().zip(y).zip(dy).zip(self.mean);
            for ((slope, product), (((x, y), dy), mean)) in slopes.iter_mut().zip(&mut *products).zip(values)
            {
                let dz = (if *y > T::ZERO { *dy } else { self.negative * *dy }).to_f64();
                *slope += dz;
                *product += dz * (*x - *mean).to_f64();
            }
        }
    }
}

/// `dx = a·dz + b·(x − mean) + c`.
struct Backward<'a, T> {
    coefficients: [&'a [T]; 4],
    negative: T,
    x: &'a [T],
    y: &'a [T],
    dy: &'a [T],
    dx: &'a mut [T],
}

impl<T: Scalar> Kernel for Backward<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let [mean, of_slope, of_distance, constant] = self.coefficients;
        let channels = mean.len();
        let rows = self
            .x
            .chunks_exact(channels)
            .zip(self.y.chunks_exact(channels))
            .zip(self.dy.chunks_exact(channels));
        for (dx, ((x, y), dy)) in self.dx.chunks_exact_mut(channels).zip(rows) {
            let numbers = mean.iter().zip(of_slope).zip(of_distance).zip(constant);
            let values = x.iter().zip(y).zip(dy).zip(numbers);
            for (dx, (((x, y), dy), (((mean, of_slope), of_distance), constant))) in dx.iter_mut().zip(values)
            {
                let dz = if *y > T::ZERO { *dy } else { self.negative * *dy };
                *dx = dz * *of_slope + (*x - *mean) * *of_distance + *constant;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Isa;
    use crate::philox::{philox4x32, unit_f32};

    const EPSILON: f64 = 1e-5;

    fn noise(len: usize, stream: u32) -> Vec<f64> {
        (0..len).map(|i| f64::from(unit_f32(philox4x32([stream, 2], [i as u32, 0, 0, 0])[0])) - 0.5).collect()
    }

    fn narrow<T: Scalar>(values: &[f64]) -> Vec<T> {
        values.iter().map(|value| T::from_f64(*value)).collect()
    }

    fn wide<T: Scalar>(values: &[T]) -> Vec<f64> {
        values.iter().map(|value| value.to_f64()).collect()
    }

    /// The definition, value by value.
    fn defined(geometry: &NormGeometry, [x, scale, shift]: [&[f64]; 3], activation: Activation) -> Vec<f64> {
        let NormGeometry { positions, channels, .. } = *geometry;
        let set = |element: usize| geometry.set(element / (positions * channels), element % channels);
        let negative = slope_below_zero(activation);
        let value = |element: usize| {
            let of_set = || (0..x.len()).filter(|other| set(*other) == set(element)).map(|other| x[other]);
            let mean = of_set().sum::<f64>() / of_set().count() as f64;
            let variance = of_set().map(|x| (x - mean).powi(2)).sum::<f64>() / of_set().count() as f64;
            let normal = (x[element] - mean) / (variance + EPSILON).sqrt();
            let z = scale[element % channels] * normal + shift[element % channels];
            if z > 0.0 { z } else { negative * z }
        };
        (0..x.len()).map(value).collect()
    }

    /// Output and the gradients of x, scale and shift.
    fn passes<T: Scalar>(
        engine: &Engine,
        geometry: &NormGeometry,
        activation: Activation,
        [x, scale, shift, dy]: [&[f64]; 4],
    ) -> [Vec<f64>; 4] {
        let (x, scale, shift, dy): (Vec<T>, Vec<T>, Vec<T>, Vec<T>) =
            (narrow(x), narrow(scale), narrow(shift), narrow(dy));
        let mut y = vec![T::ZERO; geometry.len()];
        let statistics =
            normalise_forward(engine, geometry, EPSILON, [&x, &scale, &shift], activation, &mut y);
        let gradients =
            normalise_backward(engine, geometry, EPSILON, &statistics, [&x, &scale, &y, &dy], activation);
        [wide(&y), wide(&gradients.dx), wide(&gradients.dscale), wide(&gradients.dshift)]
    }

    fn geometries() -> Vec<NormGeometry> {
        let mut all = Vec::new();
        for (batch, positions, channels) in [(1, 1, 6), (3, 7, 6), (2, 35, 12), (1, 9, 1)] {
            for sharing in [NormSharing::Batch, NormSharing::Groups(1), NormSharing::Groups(channels)] {
                all.push(NormGeometry { batch, positions, channels, sharing });
            }
        }
        all.push(NormGeometry { batch: 2, positions: 5, channels: 6, sharing: NormSharing::Groups(2) });
        // Several pieces an image, the last one shorter.
        all.push(NormGeometry {
            batch: 2,
            positions: 30,
            channels: CHUNK / 8,
            sharing: NormSharing::Groups(4),
        });
        all
    }

    #[test]
    fn two_values_a_channel_become_minus_one_and_one() {
        let geometry = NormGeometry { batch: 2, positions: 1, channels: 2, sharing: NormSharing::Batch };
        let mut y = [0.0_f64; 4];
        let x = [1.0, 10.0, 3.0, 30.0];
        let statistics = normalise_forward(
            &Engine::detect(),
            &geometry,
            0.0,
            [&x, &[2.0, 1.0], &[0.5, 0.0]],
            Activation::Identity,
            &mut y,
        );
        assert_eq!(y, [-1.5, -1.0, 2.5, 1.0]);
        assert_eq!(statistics, NormStatistics { mean: vec![2.0, 20.0], variance: vec![1.0, 100.0] });
    }

    #[test]
    fn every_instruction_set_computes_the_definition() {
        for geometry in geometries().into_iter().filter(|geometry| geometry.len() < 1000) {
            for activation in [Activation::Identity, Activation::Relu, Activation::LeakyRelu { slope: 0.25 }]
            {
                let (x, c) = (noise(geometry.len(), 0), geometry.channels);
                let (scale, shift) = (noise(c, 1), noise(c, 2));
                let expected = defined(&geometry, [&x, &scale, &shift], activation);
                for isa in Isa::available() {
                    let engine = Engine::new(isa, crate::Accuracy::F32);
                    let operands = [&x[..], &scale, &shift, &noise(geometry.len(), 3)];
                    let [exact, ..] = passes::<f64>(&engine, &geometry, activation, operands);
                    let [single, ..] = passes::<f32>(&engine, &geometry, activation, operands);
                    for ((exact, single), expected) in exact.iter().zip(&single).zip(&expected) {
                        assert!(
                            (exact - expected).abs() < 1e-11,
                            "{geometry:?}: {exact}, expected {expected}"
                        );
                        // The rounding of x is enlarged by 1/√(variance + epsilon), at most 316.
                        assert!(
                            (single - expected).abs() < 2e-5,
                            "{geometry:?}: {single}, expected {expected}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn the_gradients_are_derivatives() {
        let engine = Engine::detect();
        for geometry in
            geometries().into_iter().filter(|geometry| geometry.set_len() > 1 && geometry.len() < 1000)
        {
            let activation = Activation::LeakyRelu { slope: 0.25 };
            let c = geometry.channels;
            let operands = [noise(geometry.len(), 0), noise(c, 1), noise(c, 2)];
            let dy = noise(geometry.len(), 3);
            let [_, dx, dscale, dshift] = passes::<f64>(
                &engine,
                &geometry,
                activation,
                [&operands[0], &operands[1], &operands[2], &dy],
            );
            for (index, gradient) in [dx, dscale, dshift].iter().enumerate() {
                let direction = noise(gradient.len(), 4);
                let loss = |step: f64| {
                    let mut moved = operands.clone();
                    moved[index].iter_mut().zip(&direction).for_each(|(value, d)| *value += step * d);
                    let y = defined(&geometry, [&moved[0], &moved[1], &moved[2]], activation);
                    y.iter().zip(&dy).map(|(y, dy)| y * dy).sum::<f64>()
                };
                let numeric = (loss(1e-6) - loss(-1e-6)) / 2e-6;
                let analytic: f64 = gradient.iter().zip(&direction).map(|(g, d)| g * d).sum();
                let size = numeric.abs().max(1.0);
                assert!(
                    (numeric - analytic).abs() < 1e-6 * size,
                    "{geometry:?} operand {index}: {numeric} {analytic}"
                );
            }
        }
    }

    #[test]
    fn results_do_not_depend_on_threads_or_instruction_set() {
        for geometry in geometries() {
            let c = geometry.channels;
            let operands = [noise(geometry.len(), 0), noise(c, 1), noise(c, 2), noise(geometry.len(), 3)];
            let mut seen = Vec::new();
            for isa in Isa::available() {
                for threads in [1, 3] {
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                    let engine = Engine::new(isa, crate::Accuracy::F32);
                    let operands = [&operands[0][..], &operands[1], &operands[2], &operands[3]];
                    seen.push(pool.install(|| passes::<f32>(&engine, &geometry, Activation::Relu, operands)));
                }
            }
            assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{geometry:?}");
        }
    }

    #[test]
    fn a_large_mean_costs_no_accuracy() {
        let geometry = NormGeometry { batch: 1, positions: 4096, channels: 1, sharing: NormSharing::Batch };
        // 1000 and steps of 1/16, which f32 holds exactly.
        let x: Vec<f64> = (0..4096).map(|index| 1000.0 + f64::from(index % 7) / 16.0).collect();
        let expected = defined_once(&x);
        let zeros = vec![0.0; 4096];
        let [y, ..] =
            passes::<f32>(&Engine::detect(), &geometry, Activation::Identity, [&x, &[1.0], &[0.0], &zeros]);
        for (found, expected) in y.iter().zip(&expected) {
            // The mean is rounded to f32: 2⁻²⁴·1000 in units of a deviation of 1/8.
            assert!((found - expected).abs() < 6e-4, "{found}, expected {expected}");
        }
    }

    fn defined_once(x: &[f64]) -> Vec<f64> {
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len() as f64;
        x.iter().map(|x| (x - mean) / (variance + EPSILON).sqrt()).collect()
    }
}
