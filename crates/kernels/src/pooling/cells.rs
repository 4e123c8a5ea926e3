//! Values and gradients on their way to cells of a map and back: gathered, added up, assigned.

use rayon::prelude::*;

use crate::cpu::{Isa, Kernel, LINE, Simd, dispatch, prefetch};
use crate::memory::check_len;
use crate::numbers::Scalar;

/// How far ahead of the cells that are named about now a map is fetched, in elements (48 KiB): further than the rows of a window reach.
const AHEAD: usize = 12 << 10;

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
    let isa = Isa::detect();
    images.for_each(|((x, indices), values)| dispatch(isa, Assign { channels, indices, values, x }));
}

/// One image of [`assign_cells`].
struct Assign<'a, T> {
    channels: usize,
    indices: &'a [u32],
    values: &'a [T],
    x: &'a mut [T],
}

impl<T: Scalar> Kernel for Assign<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let Self { channels, indices, values, x } = self;
        for cell in x.iter_mut() {
            *cell = T::NEGATIVE_INFINITY;
        }
        for (values, indices) in values.chunks_exact(channels).zip(indices.chunks_exact(channels)) {
            for (channel, (&value, &index)) in values.iter().zip(indices).enumerate() {
                let cell = &mut x[index as usize * channels + channel];
                // NaN is passed on.
                *cell = if value <= *cell { *cell } else { value };
            }
        }
        // A cell that no value names holds minus infinity, and so does one whose values are all that.
        for cell in x.iter_mut() {
            *cell = if *cell == T::NEGATIVE_INFINITY { T::ZERO } else { *cell };
        }
    }
}

/// The gradient of [`assign_cells`] from its result `x` and the result's gradient `dx`: a value has the gradient of the cell that holds
/// it, divided by the number of equal values there.
///
/// # Panics
/// As [`gather_cells`].
pub fn assign_cells_backward<T: Scalar>(
    [batch, channels]: [usize; 2],
    indices: &[u32],
    values: &[T],
    [x, dx]: [&[T]; 2],
    dvalues: &mut [T],
) {
    check_len("indices", indices.len(), values.len());
    check_len("the gradient of the values", dvalues.len(), values.len());
    check_len("the gradient of the map", dx.len(), x.len());
    assert!(batch > 0 && channels > 0, "cells of {batch} images with {channels} channels");
    let (output, input) = (x.len() / batch, values.len() / batch);
    let maps = x.par_chunks(output).zip(dx.par_chunks(output));
    let given = indices.par_chunks(input).zip(values.par_chunks(input));
    let images = dvalues.par_chunks_mut(input).zip(maps).zip(given);
    let scratch = || (Vec::new(), Vec::new());
    let isa = Isa::detect();
    images.for_each_init(scratch, |(held, holders), ((dvalues, maps), (indices, values))| {
        let ((x, dx), mut shared) = (maps, false);
        dispatch(
            isa,
            HandBack { channels, indices, values, x, dx, held, dvalues: &mut *dvalues, shared: &mut shared },
        );
        if shared {
            share_out(channels, indices, values, maps, holders, dvalues);
        }
    });
}

/// Gives the gradient of every cell of an image to the value that holds it, as long as no other value holds it too.
struct HandBack<'a, T> {
    channels: usize,
    indices: &'a [u32],
    values: &'a [T],
    x: &'a [T],
    dx: &'a [T],
    held: &'a mut Vec<bool>,
    dvalues: &'a mut [T],
    /// Whether a value was found that shares its cell, with which this ended.
    shared: &'a mut bool,
}

impl<T: Scalar> Kernel for HandBack<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let Self { channels, indices, values, x, dx, held, dvalues, shared } = self;
        held.clear();
        held.resize(x.len(), false);
        let mut holding = vec![false; channels];
        let dx = &dx[..x.len()];
        // Pixels name cells about in the order in which these lie; each takes its share of the map.
        let share = x.len() * channels / dvalues.len();
        let pixels = indices.chunks_exact(channels).zip(values.chunks_exact(channels));
        for (pixel, (dvalues, (indices, values))) in
            dvalues.chunks_exact_mut(channels).zip(pixels).enumerate()
        {
            for element in (0..share).step_by(LINE) {
                let element = pixel * share + AHEAD + element;
                prefetch(x.as_ptr().wrapping_add(element).cast());
                prefetch(dx.as_ptr().wrapping_add(element).cast());
            }
            for (channel, (((dvalue, holds), &index), &value)) in
                dvalues.iter_mut().zip(&mut holding).zip(indices).zip(values).enumerate()
            {
                let cell = index as usize * channels + channel;
                *holds = x[cell] == value;
                *shared |= held[cell] & *holds;
                held[cell] |= *holds;
                *dvalue = dx[cell];
            }
            // Apart, so that it becomes a selection of vectors: which values hold their cells no branch prediction knows.
            for (dvalue, &holds) in dvalues.iter_mut().zip(&holding) {
                *dvalue = if holds { *dvalue } else { T::ZERO };
            }
            if *shared {
                return;
            }
        }
    }
}

/// Shares the gradient of every cell among the values that hold it.
fn share_out<T: Scalar>(
    channels: usize,
    indices: &[u32],
    values: &[T],
    (x, dx): (&[T], &[T]),
    holders: &mut Vec<T>,
    dvalues: &mut [T],
) {
    // How many values hold each cell, as an element.
    holders.clear();
    holders.resize(x.len(), T::ZERO);
    let pixels = || indices.chunks_exact(channels).zip(values.chunks_exact(channels));
    for (indices, values) in pixels() {
        for (channel, (&index, &value)) in indices.iter().zip(values).enumerate() {
            let cell = index as usize * channels + channel;
            holders[cell] += if x[cell] == value { T::ONE } else { T::ZERO };
        }
    }
    for (dvalues, (indices, values)) in dvalues.chunks_exact_mut(channels).zip(pixels()) {
        for (channel, (dvalue, (&index, &value))) in
            dvalues.iter_mut().zip(indices.iter().zip(values)).enumerate()
        {
            let cell = index as usize * channels + channel;
            *dvalue = if x[cell] == value { dx[cell] / holders[cell] } else { T::ZERO };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_takes_the_largest_of_its_values_and_equal_ones_share_its_gradient() {
        // One channel, four cells: in the first image cell 3 is named thrice and held twice, cell 2 is named by nothing; in the second
        // image every cell has one holder.
        let indices = [3, 0, 3, 1, 3, 3, 0, 3, 1, 3];
        let values = [2.0, -1.0, 5.0, 0.5, 5.0, 2.0, -1.0, 5.0, 0.5, 4.0_f64];
        let mut x = [9.0; 8];
        assign_cells(2, 1, &indices, &values, &mut x);
        assert_eq!(x, [-1.0, 0.5, 0.0, 5.0, -1.0, 0.5, 0.0, 5.0]);
        let (dx, mut dvalues) = ([1.0, 2.0, 4.0, 8.0, 1.0, 2.0, 4.0, 8.0], [9.0; 10]);
        assign_cells_backward([2, 1], &indices, &values, [&x, &dx], &mut dvalues);
        assert_eq!(dvalues, [0.0, 1.0, 4.0, 2.0, 4.0, 0.0, 1.0, 8.0, 2.0, 0.0]);
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
