//! Blocks of neighbouring channels: as many as a vector has lanes.

use super::scalar::Scalar;
use crate::cpu::LANES;

/// An array of the values of the expression for each lane. A loop, since it is compiled with the instructions of the function around it;
/// the closure of [`std::array::from_fn`] often is not.
macro_rules! lanes {
    ($lane:ident => $value:expr) => {{
        let mut all = [Default::default(); $crate::cpu::LANES];
        for $lane in 0..$crate::cpu::LANES {
            all[$lane] = $value;
        }
        all
    }};
}
pub(crate) use lanes;

/// Up to [`LANES`] neighbouring channels; those beyond the last are copies of it that are not read.
///
/// The code for fewer than [`LANES`] is kept out of line: merged into the loops over whole blocks it would slow these down.
#[derive(Clone, Copy)]
pub(crate) struct Channels {
    first: usize,
    count: usize,
}

impl Channels {
    /// Returns the blocks of so many channels.
    #[inline(always)]
    pub(crate) fn blocks(channels: usize) -> impl Iterator<Item = Self> {
        (0..channels).step_by(LANES).map(move |first| Self { first, count: LANES.min(channels - first) })
    }

    /// Loads these channels of a pixel, whose first channel is the first element of `source`.
    #[inline(always)]
    pub(crate) fn load<T: Scalar>(&self, source: &[T]) -> [T; LANES] {
        match self.count {
            LANES => *source[self.first..].first_chunk().expect("a whole block of channels"),
            _ => self.load_part(source),
        }
    }

    /// Loads these channels of each of the `pixels` of an image with as many `channels`.
    #[inline(always)]
    pub(crate) fn load_window<T: Scalar>(
        &self,
        image: &[T],
        channels: usize,
        pixels: &[usize],
        window: &mut Vec<[T; LANES]>,
    ) {
        window.resize(pixels.len(), [T::ZERO; LANES]);
        for (values, pixel) in window.iter_mut().zip(pixels) {
            *values = self.load(&image[pixel * channels..]);
        }
    }

    /// Writes these channels of a pixel.
    #[inline(always)]
    pub(crate) fn store<T: Scalar>(&self, values: [T; LANES], target: &mut [T]) {
        self.store_bits(values, target);
    }

    /// Writes positions, one for each of these channels.
    #[inline(always)]
    pub(crate) fn store_places(&self, places: [u32; LANES], target: &mut [u32]) {
        self.store_bits(places, target);
    }

    /// Adds to these channels of a pixel.
    #[inline(always)]
    pub(crate) fn add<T: Scalar>(&self, values: [T; LANES], target: &mut [T]) {
        match self.count {
            LANES => {
                let target: &mut [T; LANES] =
                    target[self.first..].first_chunk_mut().expect("a whole block of channels");
                for lane in 0..LANES {
                    target[lane] += values[lane];
                }
            }
            _ => self.add_part(values, target),
        }
    }

    #[inline(always)]
    fn store_bits<B: Copy>(&self, values: [B; LANES], target: &mut [B]) {
        match self.count {
            LANES => {
                *target[self.first..].first_chunk_mut().expect("a whole block of channels") = values;
            }
            _ => self.store_part(values, target),
        }
    }

    #[cold]
    #[inline(never)]
    fn load_part<T: Scalar>(&self, source: &[T]) -> [T; LANES] {
        lanes!(lane => source[self.first + lane.min(self.count - 1)])
    }

    #[cold]
    #[inline(never)]
    fn store_part<B: Copy>(&self, values: [B; LANES], target: &mut [B]) {
        target[self.first..][..self.count].copy_from_slice(&values[..self.count]);
    }

    #[cold]
    #[inline(never)]
    fn add_part<T: Scalar>(&self, values: [T; LANES], target: &mut [T]) {
        for (sum, value) in target[self.first..][..self.count].iter_mut().zip(values) {
            *sum += value;
        }
    }
}

/// Work on neighbouring channels, as many at a time as registers hold. What it writes for a channel must not depend on the run that the
/// channel is in, since runs overlap where the channels do not divide evenly.
pub(crate) trait InRuns {
    /// Whether registers hold longer runs than usual: where a channel takes one accumulator and little else.
    const LONG: bool = false;
    /// Does the work for `N` channels from `first` on.
    fn run<const N: usize>(&mut self, first: usize);
}

/// Does work on so many channels.
#[inline(always)]
pub(crate) fn in_runs<W: InRuns>(channels: usize, mut work: W) {
    #[inline(always)]
    fn each<const N: usize>(channels: usize, work: &mut impl InRuns) {
        for first in (0..channels).step_by(N) {
            work.run::<N>(first.min(channels - N));
        }
    }
    match channels {
        _ if W::LONG && channels.is_multiple_of(96) => each::<96>(channels, &mut work),
        _ if W::LONG && channels.is_multiple_of(64) => each::<64>(channels, &mut work),
        32.. => each::<32>(channels, &mut work),
        16.. => each::<16>(channels, &mut work),
        8.. => each::<8>(channels, &mut work),
        _ => each::<1>(channels, &mut work),
    }
}

/// Returns the `N` values from `first` on.
#[inline(always)]
pub(crate) fn load_run<T: Copy, const N: usize>(source: &[T], first: usize) -> [T; N] {
    *source[first..].first_chunk().expect("a whole run of channels")
}

/// Writes a run from `first` on.
#[inline(always)]
pub(crate) fn store_run<T: Copy, const N: usize>(values: [T; N], target: &mut [T], first: usize) {
    *target[first..].first_chunk_mut().expect("a whole run of channels") = values;
}
