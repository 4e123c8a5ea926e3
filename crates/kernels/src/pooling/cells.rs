//! Values and gradients on their way to cells of a map and back: gathered, added up, assigned.

use rayon::prelude::*;

use crate::channels::{InRuns, load_run, store_run};
use crate::convolution::check_len;
use crate::scalar::Scalar;
use crate::simd::LANES;

/// `y[n,p,c] = x[n, indices[n,p,c], c]`.
///
/// Shapes: `x` `[N, cells, C]`, `y` and `indices` `[N, P, C]`.
///
/// # Panics
/// When lengths do not fit, or an index lies outside the map.
pub fn gather_cells<T: Scalar>(batch: usize, channels: usize, indices: &[u32], x: &[T], y: &mut [T]) {
    check_len("indices", indices.len(), y.len());
    assert!(batch > 0 && channels > 0, "cells of {batch} images with {channels} channels");
    let (input, output) = (x.len() / batch, y.len() / batch);
    let images = y.par_chunks_mut(output).zip(indices.par_chunks(output)).zip(x.par_chunks(input));
    images.for_each(|((y, indices), x)| {
        for (y, indices) in y.chunks_exact_mut(channels).zip(indices.chunks_exact(channels)) {
            for (channel, (y, &index)) in y.iter_mut().zip(indices).enumerate() {
                *y = x[index as usize * channels + channel];
            }
        }
    });
}

/// The adjoint of [`gather_cells`]: every value is added to its cell, in the order of p; other cells are 0.
///
/// # Panics
/// As [`gather_cells`].
pub fn scatter_cells<T: Scalar>(batch: usize, channels: usize, indices: &[u32], values: &[T], x: &mut [T]) {
    check_len("indices", indices.len(), values.len());
    assert!(batch > 0 && channels > 0, "cells of {batch} images with {channels} channels");
    let (output, input) = (x.len() / batch, values.len() / batch);
    let images = x.par_chunks_mut(output).zip(indices.par_chunks(input)).zip(values.par_chunks(input));
    images.for_each(|((x, indices), values)| {
        x.fill(T::ZERO);
        for (values, indices) in values.chunks_exact(channels).zip(indices.chunks_exact(channels)) {
            for (channel, (&value, &index)) in values.iter().zip(indices).enumerate() {
                x[index as usize * channels + channel] += value;
            }
        }
    });
}

/// A map in which each cell holds the largest of the values that name it, 0 where none does; equal values share a cell.
///
/// Shapes as for [`scatter_cells`].
///
/// # Panics
/// As [`gather_cells`].
pub fn assign_cells<T: Scalar>(batch: usize, channels: usize, indices: &[u32], values: &[T], x: &mut [T]) {
    check_len("indices", indices.len(), values.len());
    assert!(batch > 0 && channels > 0, "cells of {batch} images with {channels} channels");
    let (output, input) = (x.len() / batch, values.len() / batch);
    let images = x.par_chunks_mut(output).zip(indices.par_chunks(input)).zip(values.par_chunks(input));
    images.for_each(|((x, indices), values)| {
        x.fill(T::NEGATIVE_INFINITY);
        let cells = |pixel: &[u32], channel: usize| pixel[channel] as usize * channels + channel;
        for (values, indices) in values.chunks_exact(channels).zip(indices.chunks_exact(channels)) {
            for (channel, &value) in values.iter().enumerate() {
                let cell = &mut x[cells(indices, channel)];
                // NaN is passed on.
                *cell = if value <= *cell { *cell } else { value };
            }
        }
        // A cell that no value names holds minus infinity, and so does one whose values are all that.
        for cell in x.iter_mut() {
            *cell = if *cell == T::NEGATIVE_INFINITY { T::ZERO } else { *cell };
        }
    });
}

/// [`assign_cells`], and what its gradient needs: `holders` `[N, P, C]`, for each value the number of equal values that hold its cell, it
/// among them, or 0 where it is none of them.
///
/// # Panics
/// As [`assign_cells`].
pub fn assign_cells_with_holders<T: Scalar>(
    [batch, channels]: [usize; 2],
    indices: &[u32],
    values: &[T],
    x: &mut [T],
    holders: &mut [T],
) {
    check_len("indices", indices.len(), values.len());
    check_len("holders", holders.len(), values.len());
    assert!(batch > 0 && channels > 0, "cells of {batch} images with {channels} channels");
    let (output, input) = (x.len() / batch, values.len() / batch);
    let given = indices.par_chunks(input).zip(values.par_chunks(input));
    let images = x.par_chunks_mut(output).zip(holders.par_chunks_mut(input)).zip(given);
    images.for_each_init(Vec::new, |counts, ((x, holders), (indices, values))| {
        x.fill(T::NEGATIVE_INFINITY);
        counts.clear();
        counts.resize(output, T::ZERO);
        for (indices, values) in indices.chunks_exact(channels).zip(values.chunks_exact(channels)) {
            in_vectors(channels, Assign { indices, values, x, counts });
        }
        for cell in x.iter_mut() {
            *cell = if *cell == T::NEGATIVE_INFINITY { T::ZERO } else { *cell };
        }
        let pixels = indices.chunks_exact(channels).zip(values.chunks_exact(channels));
        for (holders, (indices, values)) in holders.chunks_exact_mut(channels).zip(pixels) {
            in_vectors(channels, CountHolders { indices, values, x, counts, holders });
        }
    });
}

/// Work on the channels of a pixel, each once, a vector's worth at a time as far as they go. What depends on the data is chosen without
/// branches, which would be mispredicted at every other value.
fn in_vectors(channels: usize, mut work: impl InRuns) {
    let whole = channels / LANES * LANES;
    (0..whole).step_by(LANES).for_each(|first| work.run::<LANES>(first));
    (whole..channels).for_each(|first| work.run::<1>(first));
}

/// The cells of a map that `N` channels of a pixel name.
#[inline(always)]
fn cells_of<const N: usize>(indices: &[u32], first: usize) -> [usize; N] {
    let named: [u32; N] = load_run(indices, first);
    let mut cells = [0; N];
    for lane in 0..N {
        cells[lane] = named[lane] as usize * indices.len() + first + lane;
    }
    cells
}

/// What the map holds in these cells.
#[inline(always)]
fn held<T: Scalar, const N: usize>(map: &[T], cells: [usize; N]) -> [T; N] {
    let mut values = [T::ZERO; N];
    for lane in 0..N {
        values[lane] = map[cells[lane]];
    }
    values
}

/// One pixel's values on their way to their cells.
struct Assign<'a, T> {
    indices: &'a [u32],
    values: &'a [T],
    x: &'a mut [T],
    /// How many values hold each cell.
    counts: &'a mut [T],
}

impl<T: Scalar> InRuns for Assign<'_, T> {
    #[inline(always)]
    fn run<const N: usize>(&mut self, first: usize) {
        let cells = cells_of::<N>(self.indices, first);
        let values: [T; N] = load_run(self.values, first);
        let (mut best, mut counts) = (held(self.x, cells), held(self.counts, cells));
        for lane in 0..N {
            let (value, old) = (values[lane], best[lane]);
            let kept = if value <= old { counts[lane] } else { T::ZERO };
            counts[lane] = kept + if value < old { T::ZERO } else { T::ONE };
            // NaN is passed on.
            best[lane] = if value <= old { old } else { value };
        }
        for lane in 0..N {
            self.x[cells[lane]] = best[lane];
            self.counts[cells[lane]] = counts[lane];
        }
    }
}

/// How many values hold the cells of one pixel's values, 0 for those that do not.
struct CountHolders<'a, T> {
    indices: &'a [u32],
    values: &'a [T],
    x: &'a [T],
    counts: &'a [T],
    holders: &'a mut [T],
}

impl<T: Scalar> InRuns for CountHolders<'_, T> {
    #[inline(always)]
    fn run<const N: usize>(&mut self, first: usize) {
        let cells = cells_of::<N>(self.indices, first);
        let values: [T; N] = load_run(self.values, first);
        let (best, mut holders) = (held(self.x, cells), held(self.counts, cells));
        for lane in 0..N {
            holders[lane] = if best[lane] == values[lane] { holders[lane] } else { T::ZERO };
        }
        store_run(holders, self.holders, first);
    }
}

/// The shares of one pixel's values in the gradients of their cells.
struct Share<'a, T> {
    indices: &'a [u32],
    holders: &'a [T],
    dx: &'a [T],
    dvalues: &'a mut [T],
}

impl<T: Scalar> InRuns for Share<'_, T> {
    #[inline(always)]
    fn run<const N: usize>(&mut self, first: usize) {
        let holders: [T; N] = load_run(self.holders, first);
        let mut gradients = held(self.dx, cells_of::<N>(self.indices, first));
        for lane in 0..N {
            let share = gradients[lane] / holders[lane];
            gradients[lane] = if holders[lane] > T::ZERO { share } else { T::ZERO };
        }
        store_run(gradients, self.dvalues, first);
    }
}

/// The gradient of [`assign_cells_with_holders`] by the values, from the `holders` and the gradient `dx` of the map: a value has the gradient
/// of the cell that holds it, divided by the number of equal values there.
///
/// # Panics
/// As [`gather_cells`].
pub fn assign_cells_backward<T: Scalar>(
    [batch, channels]: [usize; 2],
    indices: &[u32],
    holders: &[T],
    dx: &[T],
    dvalues: &mut [T],
) {
    check_len("indices", indices.len(), holders.len());
    check_len("the gradient of the values", dvalues.len(), holders.len());
    assert!(batch > 0 && channels > 0, "cells of {batch} images with {channels} channels");
    let (output, input) = (dx.len() / batch, holders.len() / batch);
    let given = indices.par_chunks(input).zip(holders.par_chunks(input));
    dvalues.par_chunks_mut(input).zip(dx.par_chunks(output)).zip(given).for_each(
        |((dvalues, dx), (indices, holders))| {
            let pixels = indices.chunks_exact(channels).zip(holders.chunks_exact(channels));
            for (dvalues, (indices, holders)) in dvalues.chunks_exact_mut(channels).zip(pixels) {
                in_vectors(channels, Share { indices, holders, dx, dvalues });
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_takes_the_largest_of_its_values_and_equal_ones_share_its_gradient() {
        // One image, one channel, four cells; cell 3 is named thrice, cell 2 by nothing.
        let (indices, values) = ([3, 0, 3, 1, 3], [2.0, -1.0, 5.0, 0.5, 5.0_f64]);
        let mut x = [9.0; 4];
        assign_cells(1, 1, &indices, &values, &mut x);
        assert_eq!(x, [-1.0, 0.5, 0.0, 5.0]);
        let (mut counted, mut holders, mut dvalues) = ([9.0; 4], [9.0; 5], [9.0; 5]);
        assign_cells_with_holders([1, 1], &indices, &values, &mut counted, &mut holders);
        assert_eq!((counted, holders), (x, [0.0, 1.0, 2.0, 1.0, 2.0]));
        assign_cells_backward([1, 1], &indices, &holders, &[1.0, 2.0, 4.0, 8.0], &mut dvalues);
        assert_eq!(dvalues, [0.0, 1.0, 4.0, 2.0, 4.0]);
    }

    #[test]
    fn gathering_and_scattering_are_adjoint() {
        let x: Vec<f64> = (0..2 * 6 * 3).map(f64::from).collect();
        let indices: Vec<u32> = (0..2 * 4 * 3).map(|index| (index * 5 + 1) % 6).collect();
        let values: Vec<f64> = (0..2 * 4 * 3).map(|index| f64::from(index * index % 7)).collect();
        let (mut gathered, mut scattered) = (vec![0.0; values.len()], vec![9.0; x.len()]);
        gather_cells(2, 3, &indices, &x, &mut gathered);
        scatter_cells(2, 3, &indices, &values, &mut scattered);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        assert_eq!(dot(&gathered, &values), dot(&x, &scattered));
        assert_eq!(gathered[0], x[indices[0] as usize * 3]);
    }
}
