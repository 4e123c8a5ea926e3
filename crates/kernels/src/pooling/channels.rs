//! Blocks of neighbouring channels: as many as a vector has lanes.

use crate::scalar::Scalar;
use crate::simd::LANES;

/// Up to [`LANES`] neighbouring channels; those beyond the last are copies of it that nobody reads.
pub(super) struct Channels {
    first: usize,
    count: usize,
}

impl Channels {
    #[inline(always)]
    pub(super) fn blocks(channels: usize) -> impl Iterator<Item = Self> {
        (0..channels).step_by(LANES).map(move |first| Self { first, count: LANES.min(channels - first) })
    }

    #[inline(always)]
    pub(super) fn load<T: Copy>(&self, source: &[T]) -> [T; LANES] {
        if self.count == LANES {
            return *source[self.first..].first_chunk().expect("a whole block of channels");
        }
        std::array::from_fn(|lane| source[self.first + lane.min(self.count - 1)])
    }

    #[inline(always)]
    pub(super) fn store<T: Copy>(&self, values: [T; LANES], target: &mut [T]) {
        target[self.first..self.first + self.count].copy_from_slice(&values[..self.count]);
    }

    #[inline(always)]
    pub(super) fn add<T: Scalar>(&self, values: [T; LANES], target: &mut [T]) {
        target[self.first..self.first + self.count]
            .iter_mut()
            .zip(values)
            .for_each(|(sum, value)| *sum += value);
    }
}
