//! The largest values of a window, with their positions.

use crate::numbers::{InRuns, Scalar, load_run, store_run};

/// The largest values of the pixels of a window, `first` and `others`, and their places.
pub(super) struct Maxima<'a, T> {
    pub(super) channels: usize,
    pub(super) first: usize,
    pub(super) others: &'a [usize],
    /// The image.
    pub(super) x: &'a [T],
    pub(super) y: &'a mut [T],
    pub(super) indices: &'a mut [u32],
}

impl<T: Scalar> InRuns for Maxima<'_, T> {
    #[inline(always)]
    fn run<const N: usize>(&mut self, first: usize) {
        let mut best: [T; N] = load_run(self.x, self.first * self.channels + first);
        let mut places = [pixel_index(self.first); N];
        for &pixel in self.others {
            let values = load_run(self.x, pixel * self.channels + first);
            keep_larger(&mut best, &mut places, values, pixel);
        }
        store_run(best, self.y, first);
        store_run(places, self.indices, first);
    }
}

/// Returns whether a value replaces the best so far. NaN (`v != v`) replaces a number and is not replaced. Without short circuits, so that
/// it vectorises.
#[inline(always)]
pub(super) fn wins<T: Scalar>(value: T, best: T) -> bool {
    #[expect(clippy::eq_op, reason = "the test for NaN that a generic scalar offers")]
    let is_first_nan = (value != value) & (best == best);
    (value > best) | is_first_nan
}

/// Takes the values that are larger than the best so far, and their position.
#[inline(always)]
pub(super) fn keep_larger<T: Scalar, const N: usize>(
    best: &mut [T; N],
    places: &mut [u32; N],
    values: [T; N],
    pixel: usize,
) {
    for lane in 0..N {
        let wins = wins(values[lane], best[lane]);
        best[lane] = if wins { values[lane] } else { best[lane] };
        places[lane] = if wins { pixel_index(pixel) } else { places[lane] };
    }
}

#[expect(clippy::cast_possible_truncation, reason = "geometries limit maps to 2^32 elements")]
pub(super) const fn pixel_index(pixel: usize) -> u32 {
    pixel as u32
}
