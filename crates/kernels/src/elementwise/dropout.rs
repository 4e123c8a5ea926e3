//! Dropout whose mask is a hash of (key, element), so that it is never stored.

use allconv_random::splitmix64;
use rayon::prelude::*;

use crate::cpu::{Kernel, LANES, Simd, dispatch};
use crate::engine::Engine;
use crate::numbers::Scalar;

/// Elements that one task handles: large enough to hide the cost of a task, small enough for two dozen tasks a layer.
const CHUNK: usize = 1 << 15;

/// Inverted dropout: an element survives with probability `1 - rate` and is then divided by `1 - rate`.
///
/// Element `e` (its flat index in NHWC order) survives when `hash(key, e) >= rate * 2^32`, where with
/// `(k0, k1)` = low and high half of `splitmix64(key)` and all arithmetic modulo 2³²
/// `hash(key, e) = mix(mix(e ^ k0) ^ k1)`,
/// `mix(h)`: `h ^= h >> 16; h *= 0x7feb352d; h ^= h >> 15; h *= 0x846ca68b; h ^= h >> 16`.
///
/// Source: Srivastava et al., "Dropout", JMLR 2014; the mixing constants are C. Wellons' `lowbias32`, splitmix64 is
/// Steele et al., "Fast splittable pseudorandom number generators", OOPSLA 2014.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    /// Probability that an element is set to zero, in `[0, 1)`.
    pub rate: f32,
    /// Identifies the mask: derived from seed, step and layer by the caller.
    pub key: u64,
}

impl Dropout {
    /// Returns the factor on surviving elements, `1 / (1 - rate)`.
    ///
    /// # Panics
    /// When the rate lies outside `[0, 1)`.
    #[must_use]
    pub fn scale(&self) -> f32 {
        self.assert_rate();
        1.0 / (1.0 - self.rate)
    }

    /// Returns whether the element with this flat index survives.
    ///
    /// # Panics
    /// When the rate lies outside `[0, 1)`.
    #[must_use]
    pub fn keeps(&self, element: u32) -> bool {
        DropoutMask::new(self).keeps(element)
    }

    fn assert_rate(&self) {
        assert!((0.0..1.0).contains(&self.rate), "dropout rate {} must lie in [0, 1)", self.rate);
    }
}

/// A [`Dropout`] prepared for many elements.
#[derive(Clone, Copy)]
pub(crate) struct DropoutMask {
    key: [u32; 2],
    threshold: u32,
    scale: f32,
}

impl DropoutMask {
    /// Prepares the mask.
    pub(crate) fn new(dropout: &Dropout) -> Self {
        dropout.assert_rate();
        let key = splitmix64(dropout.key);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "rate < 1, so the product is below 2^32"
        )]
        let threshold = (f64::from(dropout.rate) * 4_294_967_296.0) as u32;
        #[expect(clippy::cast_possible_truncation, reason = "the two halves of the 64-bit key are wanted")]
        let halves = [key as u32, (key >> 32) as u32];
        Self { key: halves, threshold, scale: dropout.scale() }
    }

    /// Returns whether the element survives.
    #[inline(always)]
    pub(crate) fn keeps(&self, element: u32) -> bool {
        mix(mix(element ^ self.key[0]) ^ self.key[1]) >= self.threshold
    }

    /// Sets those of neighbouring values that do not survive to zero, without scaling; `element` is the index of the first.
    ///
    /// Every step is a loop over lanes, which the compiler turns into vector instructions; one loop over the whole hash
    /// it leaves scalar.
    #[inline(always)]
    pub(crate) fn select(&self, mut values: [f32; LANES], element: u32) -> [f32; LANES] {
        let mut hash = [0; LANES];
        for (lane, hash) in (0..).zip(&mut hash) {
            *hash = element.wrapping_add(lane) ^ self.key[0];
        }
        mix_each(&mut hash);
        for hash in &mut hash {
            *hash ^= self.key[1];
        }
        mix_each(&mut hash);
        let mut keep = [0; LANES];
        for (keep, hash) in keep.iter_mut().zip(&hash) {
            *keep = if *hash >= self.threshold { u32::MAX } else { 0 };
        }
        for (value, keep) in values.iter_mut().zip(&keep) {
            *value = f32::from_bits(value.to_bits() & keep);
        }
        values
    }
}

/// Elements whose hashes are computed together: enough that the loops over them stay loops, which the compiler vectorises; few
/// lanes are unrolled, and the loop around them is then vectorised instead, with a gather for every load.
const BLOCK: usize = 256;

/// Computes `y[e] = x[e] * mask[e]`, element `e` numbered from the start of the slices.
///
/// # Panics
/// When the lengths differ or the rate lies outside `[0, 1)`.
pub fn dropout_forward<T: Scalar>(engine: &Engine, dropout: &Dropout, x: &[T], y: &mut [T]) {
    assert_eq!(x.len(), y.len(), "dropout: input and output lengths differ");
    let mask = DropoutMask::new(dropout);
    y.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).enumerate().for_each(|(chunk, (y, x))| {
        dispatch(engine.isa(), ApplyMask { mask, first: element_index(chunk * CHUNK), x, y });
    });
}

/// Masks a run of elements.
struct ApplyMask<'a, T> {
    mask: DropoutMask,
    first: u32,
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Scalar> Kernel for ApplyMask<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let scale = T::from_f64(f64::from(self.mask.scale));
        let DropoutMask { key, threshold, .. } = self.mask;
        let mut hashes = [0; BLOCK];
        for (block, (y, x)) in self.y.chunks_mut(BLOCK).zip(self.x.chunks(BLOCK)).enumerate() {
            let first = self.first.wrapping_add(element_index(block * BLOCK));
            for (element, hash) in (0..).zip(&mut hashes) {
                *hash = first.wrapping_add(element) ^ key[0];
            }
            mix_each(&mut hashes);
            for hash in &mut hashes {
                *hash ^= key[1];
            }
            mix_each(&mut hashes);
            for ((y, &x), &hash) in y.iter_mut().zip(x).zip(&hashes) {
                // Dropped elements are +0 even where the input is infinite or negative.
                *y = if hash >= threshold { x * scale } else { T::ZERO };
            }
        }
    }
}

/// Computes `dx[e] = dy[e] * mask[e]` with the mask of the forward pass.
///
/// # Panics
/// As [`dropout_forward`].
pub fn dropout_backward<T: Scalar>(engine: &Engine, dropout: &Dropout, dy: &[T], dx: &mut [T]) {
    dropout_forward(engine, dropout, dy, dx);
}

/// Returns a flat index as 32 bits; geometries with more elements are refused before.
#[expect(clippy::cast_possible_truncation, reason = "geometries limit tensors to 2^32 elements")]
pub(crate) const fn element_index(element: usize) -> u32 {
    element as u32
}

#[inline(always)]
const fn mix(mut hash: u32) -> u32 {
    hash ^= hash >> 16;
    hash = hash.wrapping_mul(0x7feb_352d);
    hash ^= hash >> 15;
    hash = hash.wrapping_mul(0x846c_a68b);
    hash ^ (hash >> 16)
}

/// Computes [`mix`] of every value, step by step.
#[inline(always)]
fn mix_each<const COUNT: usize>(hash: &mut [u32; COUNT]) {
    for hash in hash.iter_mut() {
        *hash ^= *hash >> 16;
    }
    for hash in hash.iter_mut() {
        *hash = hash.wrapping_mul(0x7feb_352d);
    }
    for hash in hash.iter_mut() {
        *hash ^= *hash >> 15;
    }
    for hash in hash.iter_mut() {
        *hash = hash.wrapping_mul(0x846c_a68b);
    }
    for hash in hash.iter_mut() {
        *hash ^= *hash >> 16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitmix_gives_the_published_first_value() {
        // First output of splitmix64 seeded with 0, as listed with its reference implementation.
        assert_eq!(splitmix64(0), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn survivors_are_as_frequent_as_the_rate_says_for_every_key() {
        const ELEMENTS: u32 = 100_000;
        for (rate, key) in [(0.2_f32, 0), (0.5, 1), (0.5, 2), (0.9, u64::MAX)] {
            let dropout = Dropout { rate, key };
            let kept = (0..ELEMENTS).filter(|&element| dropout.keeps(element)).count();
            let expected = f64::from(ELEMENTS) * f64::from(1.0 - rate);
            let deviation = (f64::from(ELEMENTS) * f64::from(rate) * f64::from(1.0 - rate)).sqrt();
            assert!(
                (kept as f64 - expected).abs() < 4.5 * deviation,
                "rate {rate} key {key}: {kept} of {expected}"
            );
        }
    }

    #[test]
    fn masks_of_neighbouring_keys_and_elements_are_uncorrelated() {
        const ELEMENTS: u32 = 100_000;
        // Agreement of two fair coins is binomial with p = 1/2: deviation sqrt(n)/2 = 158.
        let limit = 4.5 * f64::from(ELEMENTS).sqrt() / 2.0;
        let half = |key| Dropout { rate: 0.5, key };
        let agreement = |pairs: &dyn Fn(u32) -> bool| (0..ELEMENTS).filter(|&e| pairs(e)).count() as f64;
        for (key, shift) in [(1, 0), (1 << 32, 0), (0, 1), (0, 2), (0, 96)] {
            let agree = agreement(&|e| half(7).keeps(e) == half(7 ^ key).keeps(e + shift));
            assert!((agree - f64::from(ELEMENTS) / 2.0).abs() < limit, "key {key} shift {shift}: {agree}");
        }
    }

    #[test]
    fn kept_elements_are_scaled_and_the_others_are_zero_in_both_passes() {
        let dropout = Dropout { rate: 0.5, key: 3 };
        let x: Vec<f64> = (1..=1000).map(f64::from).collect();
        let (mut y, mut dx) = (vec![0.0; 1000], vec![0.0; 1000]);
        dropout_forward(&Engine::detect(), &dropout, &x, &mut y);
        dropout_backward(&Engine::detect(), &dropout, &x, &mut dx);
        assert_eq!(y, dx);
        for (element, (x, y)) in (0..).zip(x.iter().zip(&y)) {
            assert_eq!(*y, if dropout.keeps(element) { 2.0 * x } else { 0.0 });
        }
    }

    #[test]
    fn lanes_agree_with_single_elements() {
        let mask = DropoutMask::new(&Dropout { rate: 0.6, key: 77 });
        for first in [0, 3, 1000, u32::MAX - 3] {
            let kept = mask.select([1.5; LANES], first);
            for (lane, kept) in (0..).zip(kept) {
                assert_eq!(
                    kept,
                    if mask.keeps(first.wrapping_add(lane)) { 1.5 } else { 0.0 },
                    "{first} {lane}"
                );
            }
        }
    }

    #[test]
    #[should_panic(expected = "must lie in [0, 1)")]
    fn a_rate_of_one_is_refused() {
        let _ = Dropout { rate: 1.0, key: 0 }.scale();
    }
}
