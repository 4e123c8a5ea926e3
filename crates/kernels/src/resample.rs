//! Separable linear maps of images: one sparse matrix along the rows and one along the columns.

use rayon::prelude::*;

use crate::channels::Channels;
use crate::engine::Engine;
use crate::scalar::Scalar;
use crate::simd::{Kernel, LANES, Simd, dispatch};

/// A sparse matrix that maps one axis of an image: output `i` is the sum of `weight · input[cell]` over its terms.
#[derive(Clone, Debug, PartialEq)]
pub struct AxisMap {
    inputs: usize,
    outputs: Vec<Vec<(usize, f64)>>,
}

impl AxisMap {
    /// The map whose output `i` sums the terms `(cell, weight)` of `outputs[i]`. Terms of weight 0 are dropped.
    ///
    /// # Panics
    ///
    /// When a cell is not below `inputs`.
    #[must_use]
    pub fn new(inputs: usize, outputs: Vec<Vec<(usize, f64)>>) -> Self {
        assert!(
            outputs.iter().flatten().all(|(cell, _)| *cell < inputs),
            "a term reads beyond {inputs} cells"
        );
        let outputs = outputs
            .into_iter()
            .map(|terms| terms.into_iter().filter(|(_, weight)| *weight != 0.0).collect())
            .collect();
        Self { inputs, outputs }
    }

    /// Cells that enter.
    #[must_use]
    pub const fn inputs(&self) -> usize {
        self.inputs
    }

    /// Cells that leave.
    #[must_use]
    pub const fn outputs(&self) -> usize {
        self.outputs.len()
    }

    /// The terms of output `index`: (cell, weight).
    #[must_use]
    pub fn terms(&self, index: usize) -> &[(usize, f64)] {
        &self.outputs[index]
    }

    /// The map of the gradient: inputs and outputs exchanged.
    #[must_use]
    pub fn transposed(&self) -> Self {
        let mut outputs = vec![Vec::new(); self.inputs];
        for (index, terms) in self.outputs.iter().enumerate() {
            for (cell, weight) in terms {
                outputs[*cell].push((index, *weight));
            }
        }
        Self { inputs: self.outputs.len(), outputs }
    }

    /// The matrix in row-major order, `[outputs, inputs]`; weights of repeated terms are added.
    #[must_use]
    pub fn dense(&self) -> Vec<f64> {
        let mut matrix = vec![0.0; self.outputs.len() * self.inputs];
        for (index, terms) in self.outputs.iter().enumerate() {
            for (cell, weight) in terms {
                matrix[index * self.inputs + cell] += weight;
            }
        }
        matrix
    }
}

/// `y[n,i,j,c] = sum over h, w of rows[i,h] · columns[j,w] · x[n,h,w,c]`.
///
/// Shapes: `x` `[N, H, W, C]`, `y` `[N, rows.outputs, columns.outputs, C]`; N follows from the lengths.
///
/// # Panics
///
/// When the slices do not hold as many images of `channels` channels as each other.
pub fn resample<T: Scalar>(
    engine: &Engine,
    rows: &AxisMap,
    columns: &AxisMap,
    channels: usize,
    x: &[T],
    y: &mut [T],
) {
    let (line_in, line_out) = (columns.inputs() * channels, columns.outputs() * channels);
    let (image_in, image_out) = (rows.inputs() * line_in, rows.outputs() * line_out);
    assert!(image_in > 0 && image_out > 0, "an image without cells");
    assert!(
        x.len().is_multiple_of(image_in) && y.len() == x.len() / image_in * image_out,
        "lengths of x and y do not fit"
    );
    y.par_chunks_mut(line_out).enumerate().for_each_init(
        || vec![T::ZERO; line_in],
        |sums, (line, y)| {
            let x = &x[line / rows.outputs() * image_in..][..image_in];
            let terms = rows.terms(line % rows.outputs());
            dispatch(engine.isa(), Line { terms, columns, channels, x, sums, y });
        },
    );
}

/// One line of the output: a sum of lines of the image, then its columns.
struct Line<'a, T> {
    /// The image's rows with their weights.
    terms: &'a [(usize, f64)],
    columns: &'a AxisMap,
    channels: usize,
    x: &'a [T],
    sums: &'a mut [T],
    y: &'a mut [T],
}

impl<T: Scalar> Kernel for Line<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let (line, channels) = (self.sums.len(), self.channels);
        self.sums.fill(T::ZERO);
        for (row, weight) in self.terms {
            let weight = T::from_f64(*weight);
            for (sum, value) in self.sums.iter_mut().zip(&self.x[row * line..][..line]) {
                *sum += *value * weight;
            }
        }
        for (column, y) in self.y.chunks_exact_mut(channels).enumerate() {
            let terms = self.columns.terms(column);
            for block in Channels::blocks(channels) {
                let mut total = [T::ZERO; LANES];
                for (cell, weight) in terms {
                    let (weight, values) = (T::from_f64(*weight), block.load(&self.sums[cell * channels..]));
                    for lane in 0..LANES {
                        total[lane] += values[lane] * weight;
                    }
                }
                block.store(total, y);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two rows to one (their sum), three columns to two (differences).
    fn maps() -> (AxisMap, AxisMap) {
        let rows = AxisMap::new(2, vec![vec![(0, 1.0), (1, 1.0)]]);
        let columns = AxisMap::new(3, vec![vec![(0, -1.0), (1, 1.0)], vec![(1, -1.0), (2, 1.0)]]);
        (rows, columns)
    }

    #[test]
    fn both_matrices_act_on_every_image_and_channel() {
        let (rows, columns) = maps();
        // Two images of 2×3 cells and two channels; the second channel is ten times the first.
        let first = [1.0, 2.0, 4.0, 1.0, 3.0, 9.0];
        let image = |factor: f64| first.iter().flat_map(move |value| [value * factor, 10.0 * value * factor]);
        let x: Vec<f64> = image(1.0).chain(image(2.0)).collect();
        let mut y = vec![0.0; 8];
        resample(&Engine::detect(), &rows, &columns, 2, &x, &mut y);
        assert_eq!(y, [3.0, 30.0, 8.0, 80.0, 6.0, 60.0, 16.0, 160.0]);
    }

    #[test]
    fn the_transposed_map_is_the_adjoint() {
        let (rows, columns) = maps();
        let x = [0.3, -1.0, 2.0, 0.7, 0.1, -0.4];
        let dy = [1.5, -0.5];
        let (mut y, mut dx) = ([0.0; 2], [0.0; 6]);
        let engine = Engine::detect();
        resample(&engine, &rows, &columns, 1, &x, &mut y);
        resample(&engine, &rows.transposed(), &columns.transposed(), 1, &dy, &mut dx);
        let forward: f64 = y.iter().zip(dy).map(|(y, dy)| y * dy).sum();
        let backward: f64 = x.iter().zip(dx).map(|(x, dx)| x * dx).sum();
        assert!((forward - backward).abs() < 1e-12, "{forward} and {backward}");
        assert_eq!(rows.transposed().transposed(), rows);
        assert_eq!(columns.dense(), [-1.0, 1.0, 0.0, 0.0, -1.0, 1.0]);
    }
}
