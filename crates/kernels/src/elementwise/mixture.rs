//! Two maps mixed by a weight: the logistic function of a logit for each channel, or for each value.

use rayon::prelude::*;

use crate::cpu::{Kernel, Simd, dispatch};
use crate::engine::Engine;
use crate::memory::check_len;
use crate::numbers::{Elementary, Scalar, logistic};

/// Values that one task mixes, about.
const CHUNK: usize = 1 << 14;

/// The maps of a mixture `[N, P, C]`, P positions of N images.
#[derive(Clone, Copy, Debug)]
pub struct MixtureMaps<'a, T> {
    /// `[C]`, one for each channel, or as many as there are values.
    pub logits: &'a [T],
    /// The map with weight s.
    pub first: &'a [T],
    /// The map with weight 1 − s.
    pub second: &'a [T],
}

/// The gradients of a mixture.
#[derive(Debug)]
pub struct MixtureGradients<'a, T> {
    /// As many as logits.
    pub logits: &'a mut [T],
    /// Of the first map.
    pub first: &'a mut [T],
    /// Of the second map.
    pub second: &'a mut [T],
}

/// Computes `y = second + s·(first − second)`, `s = 1/(1 + e^(−logit))`.
///
/// # Panics
/// When lengths do not fit.
pub fn mixture_forward<T: Scalar + Elementary>(
    engine: &Engine,
    channels: usize,
    maps: MixtureMaps<'_, T>,
    y: &mut [T],
) {
    let MixtureMaps { logits, first, second } = maps;
    check(channels, maps, y.len());
    let chunk = (CHUNK / channels).max(1) * channels;
    let parts = y.par_chunks_mut(chunk).zip(first.par_chunks(chunk)).zip(second.par_chunks(chunk));
    if logits.len() == second.len() {
        parts.zip(logits.par_chunks(chunk)).for_each(|(((y, first), second), logits)| {
            dispatch(engine.isa(), Forward { weight: Weight::OfValues(logits), first, second, y });
        });
    } else {
        let weights = weights(logits);
        parts.for_each(|((y, first), second)| {
            dispatch(engine.isa(), Forward { weight: Weight::OfChannels(&weights), first, second, y });
        });
    }
}

/// Computes the gradients of [`mixture_forward`] for the gradient `dy` of the result. Logits of channels are summed over the positions of
/// an image, then over the images, in their order.
///
/// # Panics
/// As [`mixture_forward`].
pub fn mixture_backward<T: Scalar + Elementary>(
    engine: &Engine,
    [images, channels]: [usize; 2],
    maps: MixtureMaps<'_, T>,
    dy: &[T],
    gradients: MixtureGradients<'_, T>,
) {
    let MixtureMaps { logits, first, second } = maps;
    check(channels, maps, dy.len());
    check_len("gradients of logits", gradients.logits.len(), logits.len());
    check_len("gradients of the first map", gradients.first.len(), dy.len());
    check_len("gradients of the second map", gradients.second.len(), dy.len());
    let image = dy.len() / images.max(1);
    let maps = first.par_chunks(image).zip(second.par_chunks(image)).zip(dy.par_chunks(image));
    let of_maps = gradients.first.par_chunks_mut(image).zip(gradients.second.par_chunks_mut(image));
    if logits.len() == second.len() {
        let of_logits = logits.par_chunks(image).zip(gradients.logits.par_chunks_mut(image));
        maps.zip(of_maps).zip(of_logits).for_each(
            |((((first, second), dy), (dfirst, dsecond)), (logits, dlogits))| {
                let weight = Weight::OfValues(logits);
                dispatch(engine.isa(), Backward { weight, first, second, dy, dfirst, dsecond, dlogits });
            },
        );
        return;
    }
    let weights = weights(logits);
    let by_image: Vec<Vec<T>> = maps
        .zip(of_maps)
        .map(|(((first, second), dy), (dfirst, dsecond))| {
            let mut sums = vec![T::ZERO; channels];
            let (weight, dlogits) = (Weight::OfChannels(&weights), &mut sums[..]);
            dispatch(engine.isa(), Backward { weight, first, second, dy, dfirst, dsecond, dlogits });
            sums
        })
        .collect();
    gradients.logits.fill(T::ZERO);
    for sums in by_image {
        gradients.logits.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
    }
}

fn check<T>(channels: usize, MixtureMaps { logits, first, second }: MixtureMaps<'_, T>, values: usize) {
    assert!(channels > 0 && values.is_multiple_of(channels), "{values} values of {channels} channels");
    check_len("the first map", first.len(), values);
    check_len("the second map", second.len(), values);
    assert!(logits.len() == channels || logits.len() == values, "{} logits", logits.len());
}

fn weights<T: Scalar + Elementary>(logits: &[T]) -> Vec<T> {
    logits.iter().map(|logit| logistic(*logit)).collect()
}

/// The source of the weight.
enum Weight<'a, T> {
    /// The logistic function of a logit for each value.
    OfValues(&'a [T]),
    /// Weights, not logits, of the channels.
    OfChannels(&'a [T]),
}

struct Forward<'a, T> {
    weight: Weight<'a, T>,
    first: &'a [T],
    second: &'a [T],
    y: &'a mut [T],
}

impl<T: Scalar + Elementary> Kernel for Forward<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let Self { weight, first, second, y } = self;
        match weight {
            Weight::OfValues(logits) => {
                let maps = first.iter().zip(second).zip(logits);
                for (y, ((first, second), logit)) in y.iter_mut().zip(maps) {
                    *y = *second + logistic(*logit) * (*first - *second);
                }
            }
            Weight::OfChannels(weights) => {
                let channels = weights.len();
                let maps = first.chunks_exact(channels).zip(second.chunks_exact(channels));
                for (y, (first, second)) in y.chunks_exact_mut(channels).zip(maps) {
                    let maps = first.iter().zip(second).zip(weights);
                    for (y, ((first, second), weight)) in y.iter_mut().zip(maps) {
                        *y = *second + *weight * (*first - *second);
                    }
                }
            }
        }
    }
}

/// One image. Gradients of the logits of channels are added up.
struct Backward<'a, T> {
    weight: Weight<'a, T>,
    first: &'a [T],
    second: &'a [T],
    dy: &'a [T],
    dfirst: &'a mut [T],
    dsecond: &'a mut [T],
    dlogits: &'a mut [T],
}

impl<T: Scalar + Elementary> Kernel for Backward<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let Self { weight, first, second, dy, dfirst, dsecond, dlogits } = self;
        match weight {
            Weight::OfValues(logits) => {
                let maps = first.iter().zip(second).zip(logits).zip(dy);
                let gradients = dfirst.iter_mut().zip(dsecond).zip(dlogits);
                for (((dfirst, dsecond), dlogit), (((first, second), logit), dy)) in gradients.zip(maps) {
                    let weight = logistic(*logit);
                    *dfirst = weight * *dy;
                    *dsecond = *dy - weight * *dy;
                    *dlogit = weight * (T::ONE - weight) * (*first - *second) * *dy;
                }
            }
            Weight::OfChannels(weights) => {
                let channels = weights.len();
                let maps = first.chunks_exact(channels).zip(second.chunks_exact(channels));
                let gradients = dfirst.chunks_exact_mut(channels).zip(dsecond.chunks_exact_mut(channels));
                let positions = gradients.zip(maps.zip(dy.chunks_exact(channels)));
                for ((dfirst, dsecond), ((first, second), dy)) in positions {
                    let maps = first.iter().zip(second).zip(weights).zip(dy);
                    let gradients = dfirst.iter_mut().zip(dsecond).zip(&mut *dlogits);
                    for (((dfirst, dsecond), dlogit), (((first, second), weight), dy)) in gradients.zip(maps)
                    {
                        *dfirst = *weight * *dy;
                        *dsecond = *dy - *weight * *dy;
                        *dlogit += *weight * (T::ONE - *weight) * (*first - *second) * *dy;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::Isa;
    use crate::numbers::Accuracy;
    use allconv_random::elementary::exp;

    const IMAGES: usize = 2;
    const CHANNELS: usize = 11;
    const VALUES: usize = IMAGES * 3 * CHANNELS;

    fn values<T: Scalar>(count: usize, seed: usize) -> Vec<T> {
        (0..count)
            .map(|index| T::from_f64(((index * 7919 + seed * 104_729) % 1009) as f64 / 252.0 - 2.0))
            .collect()
    }

    /// Returns the result, then the gradients of logits and both maps.
    fn answers<T: Scalar + Elementary>(isa: Isa, count: usize) -> [Vec<T>; 4] {
        let engine = Engine::new(isa, Accuracy::F32);
        let [logits, first, second, dy] =
            [(count, 1), (VALUES, 2), (VALUES, 3), (VALUES, 4)].map(|(count, seed)| values(count, seed));
        let maps = MixtureMaps { logits: &logits[..], first: &first, second: &second };
        let mut y = vec![T::ZERO; VALUES];
        mixture_forward(&engine, CHANNELS, maps, &mut y);
        let (mut dlogits, mut dfirst, mut dsecond) = (vec![T::ZERO; count], y.clone(), y.clone());
        let gradients = MixtureGradients { logits: &mut dlogits, first: &mut dfirst, second: &mut dsecond };
        mixture_backward(&engine, [IMAGES, CHANNELS], maps, &dy, gradients);
        [y, dlogits, dfirst, dsecond]
    }

    #[test]
    fn results_and_gradients_agree_with_the_definition_on_every_instruction_set() {
        for count in [CHANNELS, VALUES] {
            let [logits, first, second, dy]: [Vec<f64>; 4] =
                [(count, 1), (VALUES, 2), (VALUES, 3), (VALUES, 4)].map(|(count, seed)| values(count, seed));
            let mut expected = [vec![0.0; VALUES], vec![0.0; count], vec![0.0; VALUES], vec![0.0; VALUES]];
            for value in 0..VALUES {
                // e^z/(1 + e^z), and its derivative e^z/(1 + e^z)².
                let power = exp(logits[value % count]);
                let weight = power / (1.0 + power);
                expected[0][value] = weight * first[value] + (1.0 - weight) * second[value];
                expected[1][value % count] +=
                    weight / (1.0 + power) * (first[value] - second[value]) * dy[value];
                expected[2][value] = weight * dy[value];
                expected[3][value] = (1.0 - weight) * dy[value];
            }
            for isa in Isa::available() {
                let single = answers::<f32>(isa, count).map(|all| all.into_iter().map(f64::from).collect());
                for (found, bound) in [(answers::<f64>(isa, count), 1e-13), (single, 1e-5)] {
                    for (found, expected) in found.iter().zip(&expected) {
                        for (found, expected) in found.iter().zip(expected) {
                            assert!((found - expected).abs() < bound, "{isa}: {found} and {expected}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn large_logits_leave_one_map() {
        let maps = MixtureMaps { logits: &[1000.0_f32, -1000.0], first: &[1.0, 1.0], second: &[2.0, 2.0] };
        let mut y = [0.0; 2];
        mixture_forward(&Engine::detect(), 2, maps, &mut y);
        assert_eq!(y, [1.0, 2.0]);
    }
}
