//! Gathering of values from positions of a map, and scattering, by sum or by assignment, to them.

use rayon::prelude::*;

use crate::cpu::{Isa, Kernel, LINE, Simd, dispatch, prefetch};
use crate::memory::check_len;
use crate::numbers::Scalar;

/// How far ahead of the elements in work a map is fetched, in elements (48 KiB): further than the rows of a window reach.
const AHEAD: usize = 12 << 10;

/// Computes `y[n,p,c] = x[n, indices[n,p,c], c]`.
///
/// Shapes: `x` `[N, positions, C]`, `y` and `indices` `[N, P, C]`.
///
/// # Panics
/// When lengths do not fit, or an index lies outside the map.
pub fn gather_positions<T: Scalar>(batch: usize, channels: usize, indices: &[u32], x: &[T], y: &mut [T]) {
    check_len("indices", indices.len(), y.len());
    assert!(batch > 0 && channels > 0, "positions of {batch} images with {channels} channels");
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

/// Adds every value to its position, in the order of p, the adjoint of [`gather_positions`]; other positions are 0.
///
/// # Panics
/// As [`gather_positions`].
pub fn scatter_positions<T: Scalar>(
    batch: usize,
    channels: usize,
    indices: &[u32],
    values: &[T],
    x: &mut [T],
) {
    check_len("indices", indices.len(), values.len());
    assert!(batch > 0 && channels > 0, "positions of {batch} images with {channels} channels");
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

/// Writes a map in which each element is the largest of the values with its index, or 0 where there is none.
///
/// Shapes as for [`scatter_positions`].
///
/// # Panics
/// As [`gather_positions`].
pub fn assign_positions<T: Scalar>(
    batch: usize,
    channels: usize,
    indices: &[u32],
    values: &[T],
    x: &mut [T],
) {
    check_len("indices", indices.len(), values.len());
    assert!(batch > 0 && channels > 0, "positions of {batch} images with {channels} channels");
    let (output, input) = (x.len() / batch, values.len() / batch);
    let images = x.par_chunks_mut(output).zip(indices.par_chunks(input)).zip(values.par_chunks(input));
    let isa = Isa::detect();
    images.for_each(|((x, indices), values)| dispatch(isa, Assign { channels, indices, values, x }));
}

/// One image of [`assign_positions`].
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
        for element in x.iter_mut() {
            *element = T::NEGATIVE_INFINITY;
        }
        for (values, indices) in values.chunks_exact(channels).zip(indices.chunks_exact(channels)) {
            for (channel, (&value, &index)) in values.iter().zip(indices).enumerate() {
                let element = &mut x[index as usize * channels + channel];
                // NaN is passed on.
                *element = if value <= *element { *element } else { value };
            }
        }
        // An element without a value holds minus infinity, and so does one whose values are all minus infinity.
        for element in x.iter_mut() {
            *element = if *element == T::NEGATIVE_INFINITY { T::ZERO } else { *element };
        }
    }
}

/// Computes the gradient of [`assign_positions`] from its result `x` and the result's gradient `dx`: a value that equals its element of
/// `x` gets that element's gradient, divided by the number of equal values there; other values get 0.
///
/// # Panics
/// As [`gather_positions`].
pub fn assign_positions_backward<T: Scalar>(
    [batch, channels]: [usize; 2],
    indices: &[u32],
    values: &[T],
    [x, dx]: [&[T]; 2],
    dvalues: &mut [T],
) {
    check_len("indices", indices.len(), values.len());
    check_len("the gradient of the values", dvalues.len(), values.len());
    check_len("the gradient of the map", dx.len(), x.len());
    assert!(batch > 0 && channels > 0, "positions of {batch} images with {channels} channels");
    let (output, input) = (x.len() / batch, values.len() / batch);
    let maps = x.par_chunks(output).zip(dx.par_chunks(output));
    let given = indices.par_chunks(input).zip(values.par_chunks(input));
    let images = dvalues.par_chunks_mut(input).zip(maps).zip(given);
    let scratch = || (Vec::new(), Vec::new());
    let isa = Isa::detect();
    images.for_each_init(scratch, |(taken, counts), ((dvalues, maps), (indices, values))| {
        let ((x, dx), mut tied) = (maps, false);
        dispatch(
            isa,
            AssignBackward {
                channels,
                indices,
                values,
                x,
                dx,
                taken,
                dvalues: &mut *dvalues,
                tied: &mut tied,
            },
        );
        if tied {
            divide_ties(channels, indices, values, maps, counts, dvalues);
        }
    });
}

/// Gives the gradient of every element of an image to the value that equals it; stops at an element that two values equal.
struct AssignBackward<'a, T> {
    channels: usize,
    indices: &'a [u32],
    values: &'a [T],
    x: &'a [T],
    dx: &'a [T],
    /// Elements of the map whose gradient was given to a value.
    taken: &'a mut Vec<bool>,
    dvalues: &'a mut [T],
    /// Whether two values equal one element.
    tied: &'a mut bool,
}

impl<T: Scalar> Kernel for AssignBackward<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let Self { channels, indices, values, x, dx, taken, dvalues, tied } = self;
        taken.clear();
        taken.resize(x.len(), false);
        let mut equal = vec![false; channels];
        let dx = &dx[..x.len()];
        // The indices are about in the order of the map, so that each pixel fetches its part of the map.
        let part = x.len() * channels / dvalues.len();
        let pixels = indices.chunks_exact(channels).zip(values.chunks_exact(channels));
        for (pixel, (dvalues, (indices, values))) in
            dvalues.chunks_exact_mut(channels).zip(pixels).enumerate()
        {
            for element in (0..part).step_by(LINE) {
                let element = pixel * part + AHEAD + element;
                prefetch(x.as_ptr().wrapping_add(element).cast());
                prefetch(dx.as_ptr().wrapping_add(element).cast());
            }
            for (channel, (((dvalue, equals), &index), &value)) in
                dvalues.iter_mut().zip(&mut equal).zip(indices).zip(values).enumerate()
            {
                let element = index as usize * channels + channel;
                *equals = x[element] == value;
                *tied |= taken[element] & *equals;
                taken[element] |= *equals;
                *dvalue = dx[element];
            }
            // In a loop of its own, so that it becomes a selection of vectors: branch prediction would fail here.
            for (dvalue, &equals) in dvalues.iter_mut().zip(&equal) {
                *dvalue = if equals { *dvalue } else { T::ZERO };
            }
            if *tied {
                return;
            }
        }
    }
}

/// Divides the gradient of every element among the values that equal it.
fn divide_ties<T: Scalar>(
    channels: usize,
    indices: &[u32],
    values: &[T],
    (x, dx): (&[T], &[T]),
    counts: &mut Vec<T>,
    dvalues: &mut [T],
) {
    // How many values equal each element, in the element type.
    counts.clear();
    counts.resize(x.len(), T::ZERO);
    let pixels = || indices.chunks_exact(channels).zip(values.chunks_exact(channels));
    for (indices, values) in pixels() {
        for (channel, (&index, &value)) in indices.iter().zip(values).enumerate() {
            let element = index as usize * channels + channel;
            counts[element] += if x[element] == value { T::ONE } else { T::ZERO };
        }
    }
    for (dvalues, (indices, values)) in dvalues.chunks_exact_mut(channels).zip(pixels()) {
        for (channel, (dvalue, (&index, &value))) in
            dvalues.iter_mut().zip(indices.iter().zip(values)).enumerate()
        {
            let element = index as usize * channels + channel;
            *dvalue = if x[element] == value { dx[element] / counts[element] } else { T::ZERO };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_is_the_largest_of_its_values_and_its_gradient_is_divided_among_equal_ones() {
        // One channel, four positions: in the first image position 3 has three values, two of them equal and largest, and position 2 has
        // none; in the second image no two values are equal and largest.
        let indices = [3, 0, 3, 1, 3, 3, 0, 3, 1, 3];
        let values = [2.0, -1.0, 5.0, 0.5, 5.0, 2.0, -1.0, 5.0, 0.5, 4.0_f64];
        let mut x = [9.0; 8];
        assign_positions(2, 1, &indices, &values, &mut x);
        assert_eq!(x, [-1.0, 0.5, 0.0, 5.0, -1.0, 0.5, 0.0, 5.0]);
        let (dx, mut dvalues) = ([1.0, 2.0, 4.0, 8.0, 1.0, 2.0, 4.0, 8.0], [9.0; 10]);
        assign_positions_backward([2, 1], &indices, &values, [&x, &dx], &mut dvalues);
        assert_eq!(dvalues, [0.0, 1.0, 4.0, 2.0, 4.0, 0.0, 1.0, 8.0, 2.0, 0.0]);
    }

    #[test]
    fn gathering_and_scattering_are_adjoint() {
        let x: Vec<f64> = (0..2 * 6 * 3).map(f64::from).collect();
        let indices: Vec<u32> = (0..2 * 4 * 3).map(|index| (index * 5 + 1) % 6).collect();
        let values: Vec<f64> = (0..2 * 4 * 3).map(|index| f64::from(index * index % 7)).collect();
        let (mut gathered, mut scattered) = (vec![0.0; values.len()], vec![9.0; x.len()]);
        gather_positions(2, 3, &indices, &x, &mut gathered);
        scatter_positions(2, 3, &indices, &values, &mut scattered);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        assert_eq!(dot(&gathered, &values), dot(&x, &scattered));
        assert_eq!(gathered[0], x[indices[0] as usize * 3]);
    }
}
