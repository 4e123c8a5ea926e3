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

    /// Every value multiplied by `factor`.
    pub(crate) fn scaled(mut self, factor: f64) -> Self {
        self.values.iter_mut().for_each(|value| *value *= factor);
        self
    }

    /// Every row multiplied by its factor.
    pub(crate) fn scaled_rows(mut self, factor: impl Fn(usize) -> f64) -> Self {
        for (row, values) in self.values.chunks_mut(self.columns).enumerate() {
            let factor = factor(row);
            values.iter_mut().for_each(|value| *value *= factor);
        }
        self
    }

    /// The matrix as a map of one axis.
    pub(crate) fn axis_map(&self) -> AxisMap {
        let output = |row: &[f64]| row.iter().copied().enumerate().collect();
        AxisMap::new(self.columns, self.values.chunks(self.columns).map(output).collect())
    }
}

/// The frequencies kept along the rows' axis for `kept` outputs of `side`: indices into the transform of length `side` and of
/// length `kept`. Of an even number, half come from each end.
pub(crate) fn row_frequencies(side: usize, kept: usize) -> Vec<(usize, usize)> {
    let low = kept.div_ceil(2);
    let lower = (0..low).map(|index| (index, index));
    let upper = (low..kept).map(|index| (side - kept + index, index));
    lower.chain(upper).collect()
}

/// Cosine and sine at `cell` of the wave with `frequency` periods in `side` positions.
fn wave(frequency: usize, cell: usize, side: usize) -> [f64; 2] {
    cos_sin_of_turn((frequency * cell) as u64, side as u64)
}

/// Cosines and sines of the transform along the rows' axis: `[frequencies, side]`, forward.
pub(crate) fn forward_rows(side: usize, kept: usize) -> [Matrix; 2] {
    let frequencies = row_frequencies(side, kept);
    let wave = |row: usize, cell: usize| wave(frequencies[row].0, cell, side);
    [
        Matrix::from_fn(kept, side, |row, cell| wave(row, cell)[0]),
        Matrix::from_fn(kept, side, |row, cell| -wave(row, cell)[1]),
    ]
}

/// Cosines and sines of the inverse along the rows' axis: `[kept, frequencies]`, divided by `kept`.
pub(crate) fn inverse_rows(side: usize, kept: usize) -> [Matrix; 2] {
    let frequencies = row_frequencies(side, kept);
    let wave = |cell: usize, row: usize| wave(frequencies[row].1, cell, kept);
    let scale = 1.0 / kept as f64;
    [
        Matrix::from_fn(kept, kept, |cell, row| scale * wave(cell, row)[0]),
        Matrix::from_fn(kept, kept, |cell, row| scale * wave(cell, row)[1]),
    ]
}

/// Cosines and sines of the transform along the columns' axis: `[floor(kept/2) + 1, side]`, forward, one-sided.
pub(crate) fn forward_columns(side: usize, kept: usize) -> [Matrix; 2] {
    [
        Matrix::from_fn(kept / 2 + 1, side, |frequency, cell| wave(frequency, cell, side)[0]),
        Matrix::from_fn(kept / 2 + 1, side, |frequency, cell| -wave(frequency, cell, side)[1]),
    ]
}

/// Cosines and sines of the one-sided inverse along the columns' axis: `[kept, floor(kept/2) + 1]`, divided by `kept`.
/// Frequencies with a mirror image count twice; the sine of the others is left out, as in `irfft`.
pub(crate) fn inverse_columns(kept: usize) -> [Matrix; 2] {
    let frequencies = kept / 2 + 1;
    let own_mirror = |row: usize| row == 0 || 2 * row == kept;
    let scale = move |row: usize| if own_mirror(row) { 1.0 } else { 2.0 } / kept as f64;
    [
        Matrix::from_fn(kept, frequencies, |cell, row| scale(row) * wave(row, cell, kept)[0]),
        Matrix::from_fn(kept, frequencies, |cell, row| {
            if own_mirror(row) { 0.0 } else { -scale(row) * wave(row, cell, kept)[1] }
        }),
    ]
}

/// The product of two matrices.
pub(crate) fn product(left: &Matrix, right: &Matrix) -> Matrix {
    Matrix::from_fn(left.rows, right.columns, |row, column| {
        (0..left.columns)
            .map(|inner| {
                left.values[row * left.columns + inner] * right.values[inner * right.columns + column]
            })
            .sum()
    })
}

/// `left + sign·right`.
pub(crate) fn sum(left: &Matrix, sign: f64, right: &Matrix) -> Matrix {
    Matrix::from_fn(left.rows, left.columns, |row, column| {
        let index = row * left.columns + column;
        left.values[index] + sign * right.values[index]
    })
}
