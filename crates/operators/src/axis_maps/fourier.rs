//! The truncated Fourier transform of real images as dense real matrices: every size, every device, exact gradients.
//!
//! Let `R = G·F` be transform (F), truncation and inverse (G) along the rows' axis, `f` the one-sided transform along the
//! columns' axis and `C`, `S` the cosines and sines of its inverse. Then `irfft2(crop(rfft2 x))` is
//! `Re R · x · (C·Re f + S·Im f)ᵀ + Im R · x · (S·Re f − C·Im f)ᵀ`.

use allconv_kernels::AxisMap;
use allconv_random::elementary::cos_sin_of_turn;

/// A real matrix in row-major order.
#[derive(Clone, Debug)]
pub(crate) struct Matrix {
    rows: usize,
    columns: usize,
    values: Vec<f64>,
}

impl Matrix {
    fn from_fn(rows: usize, columns: usize, value: impl Fn(usize, usize) -> f64) -> Self {
        let values = (0..rows * columns).map(|index| value(index / columns, index % columns)).collect();
        Self { rows, columns, values }
    }

    /// Returns every value multiplied by `factor`.
    pub(crate) fn scaled(mut self, factor: f64) -> Self {
        self.values.iter_mut().for_each(|value| *value *= factor);
        self
    }

    /// Returns every row multiplied by its factor.
    pub(crate) fn scaled_rows(mut self, factor: impl Fn(usize) -> f64) -> Self {
        for (row, values) in self.values.chunks_mut(self.columns).enumerate() {
            let factor = factor(row);
            values.iter_mut().for_each(|value| *value *= factor);
        }
        self
    }

    /// Returns the matrix as a map of one axis.
    pub(crate) fn axis_map(&self) -> AxisMap {
        let output = |row: &[f64]| row.iter().copied().enumerate().collect();
        AxisMap::new(self.columns, self.values.chunks(self.columns).map(output).collect())
    }
}

/// Returns the frequencies kept along the rows' axis for `kept` outputs of `size`: indices into the transform of length `size` and of
/// length `kept`. Of an even number, half come from each end.
pub(crate) fn row_frequencies(size: usize, kept: usize) -> Vec<(usize, usize)> {
    let low = kept.div_ceil(2);
    let lower = (0..low).map(|index| (index, index));
    let upper = (low..kept).map(|index| (size - kept + index, index));
    lower.chain(upper).collect()
}

/// Returns cosine and sine at `position` of the wave with `frequency` periods in `size` positions.
fn wave(frequency: usize, position: usize, size: usize) -> [f64; 2] {
    cos_sin_of_turn((frequency * position) as u64, size as u64)
}

/// Returns cosines and sines of the transform along the rows' axis: `[frequencies, size]`, forward.
pub(crate) fn forward_rows(size: usize, kept: usize) -> [Matrix; 2] {
    let frequencies = row_frequencies(size, kept);
    let wave = |row: usize, position: usize| wave(frequencies[row].0, position, size);
    [
        Matrix::from_fn(kept, size, |row, position| wave(row, position)[0]),
        Matrix::from_fn(kept, size, |row, position| -wave(row, position)[1]),
    ]
}

/// Returns cosines and sines of the inverse along the rows' axis: `[kept, frequencies]`, divided by `kept`.
pub(crate) fn inverse_rows(size: usize, kept: usize) -> [Matrix; 2] {
    let frequencies = row_frequencies(size, kept);
    let wave = |position: usize, row: usize| wave(frequencies[row].1, position, kept);
    let scale = 1.0 / kept as f64;
    [
        Matrix::from_fn(kept, kept, |position, row| scale * wave(position, row)[0]),
        Matrix::from_fn(kept, kept, |position, row| scale * wave(position, row)[1]),
    ]
}

/// Returns cosines and sines of the transform along the columns' axis: `[floor(kept/2) + 1, size]`, forward, one-sided.
pub(crate) fn forward_columns(size: usize, kept: usize) -> [Matrix; 2] {
    [
        Matrix::from_fn(kept / 2 + 1, size, |frequency, position| wave(frequency, position, size)[0]),
        Matrix::from_fn(kept / 2 + 1, size, |frequency, position| -wave(frequency, position, size)[1]),
    ]
}

/// Returns cosines and sines of the one-sided inverse along the columns' axis: `[kept, floor(kept/2) + 1]`, divided by `kept`.
/// Frequencies with a mirror image count twice; the sine of the others is left out, as in `irfft`.
pub(crate) fn inverse_columns(kept: usize) -> [Matrix; 2] {
    let frequencies = kept / 2 + 1;
    let own_mirror = |row: usize| row == 0 || 2 * row == kept;
    let scale = move |row: usize| if own_mirror(row) { 1.0 } else { 2.0 } / kept as f64;
    [
        Matrix::from_fn(kept, frequencies, |position, row| scale(row) * wave(row, position, kept)[0]),
        Matrix::from_fn(kept, frequencies, |position, row| {
            if own_mirror(row) { 0.0 } else { -scale(row) * wave(row, position, kept)[1] }
        }),
    ]
}

/// Returns the product of two matrices.
pub(crate) fn product(left: &Matrix, right: &Matrix) -> Matrix {
    Matrix::from_fn(left.rows, right.columns, |row, column| {
        (0..left.columns)
            .map(|inner| {
                left.values[row * left.columns + inner] * right.values[inner * right.columns + column]
            })
            .sum()
    })
}

/// Computes `left + sign·right`.
pub(crate) fn sum(left: &Matrix, sign: f64, right: &Matrix) -> Matrix {
    Matrix::from_fn(left.rows, left.columns, |row, column| {
        let index = row * left.columns + column;
        left.values[index] + sign * right.values[index]
    })
}
