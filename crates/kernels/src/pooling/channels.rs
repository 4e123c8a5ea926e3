//! Blocks of neighbouring channels: as many as a vector has lanes.

use crate::scalar::Scalar;
use crate::simd::LANES;

/// An array of what the expression is for each lane. A loop, since it is compiled with the instructions of the function it stands in; the
/// closure of [`std::array::from_fn`] often is not.
macro_rules! lanes {
    ($lane:ident => $value:expr) => {{
        let mut all = [Default::default(); $crate::simd::LANES];
        for $lane in 0..$crate::simd::LANES {
            all[$lane] = $value;
        }
        all
    }};
}
pub(super) use lanes;

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
    pub(super) fn load<T: Scalar>(&self, source: &[T]) -> [T; LANES] {
        if self.count == LANES {
            return *source[self.first..].first_chunk().expect("a whole block of channels");
        }
        lanes!(lane => source[self.first + lane.min(self.count - 1)])
    }

    /// Loads these channels of each of the `pixels` of an image with as many `channels`.
    #[inline(always)]
    pub(super) fn load_window<T: Scalar>(
        &self,
        image: &[T],
        channels: usize,
        pixels: &[usize],
        window: &mut Vec<[T; LANES]>,
    ) {
        window.clear();
        for pixel in pixels {
            window.push(self.load(&image[pixel * channels..]));
        }
    }

    #[inline(always)]
    pub(super) fn store<T: Copy>(&self, values: [T; LANES], target: &mut [T]) {
        let target = &mut target[self.first..self.first + self.count];
        if let Ok(target) = <&mut [T; LANES]>::try_from(&mut *target) {
            *target = values;
            return;
        }
        target.copy_from_slice(&values[..self.count]);
    }

    #[inline(always)]
    pub(super) fn add<T: Scalar>(&self, values: [T; LANES], target: &mut [T]) {
        let target = &mut target[self.first..self.first + self.count];
        if let Ok(target) = <&mut [T; LANES]>::try_from(&mut *target) {
            for lane in 0..LANES {
                target[lane] += values[lane];
            }
            return;
        }
        for (sum, value) in target.iter_mut().zip(values) {
            *sum += value;
        }
    }
}
