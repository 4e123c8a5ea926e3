//! ZCA whitening: decorrelates pixels while staying as close to the image as a linear map can.
//!
//! `y = (x − μ) · V · diag(1 / √(λ + bias)) · Vᵀ`, where `μ` is the mean training image and `V`, `λ` are the eigenvectors
//! and eigenvalues of the covariance of the training images (flattened, divided by their number). Source: Krizhevsky
//! 2009, appendix A; the bias and the divisor follow pylearn2's `ZCA`, which Goodfellow et al. 2013 used.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::DataError;

/// Parameters of the step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Zca {
    /// Added to every eigenvalue of the covariance, in squared units of the step's input.
    pub bias: f64,
}

impl Default for Zca {
    fn default() -> Zca {
        Zca { bias: 0.1 }
    }
}

/// A fitted whitening map.
#[derive(Clone, Debug, PartialEq)]
pub struct Whitening {
    /// Mean training image `[d]`.
    pub mean: Vec<f32>,
    /// The symmetric map `[d, d]`.
    pub matrix: Vec<f32>,
}

/// Images that are multiplied together; each block's sums are finished before the next block's begin.
const IMAGES_PER_BLOCK: usize = 1024;
/// Height and width of the tiles that are distributed over threads: every value is computed by one thread in one order.
const TILE: usize = 256;
/// Largest flattened image; the covariance then takes 800 MB.
const LENGTH_LIMIT: usize = 10_000;

impl Whitening {
    /// Fits the map to images of `length` values each.
    ///
    /// The covariance and its eigendecomposition are computed in `f64`. The result does not depend on the number of
    /// threads, since faer runs sequentially inside tiles of fixed size.
    ///
    /// # Errors
    /// A bias that leaves an eigenvalue at or below 0, or images of more than 10,000 values.
    pub fn fit(images: &[f32], length: usize, zca: &Zca) -> Result<Whitening, DataError> {
        if length > LENGTH_LIMIT {
            return Err(DataError::BadOption {
                field: "preprocess.zca",
                value: format!("{length} values an image"),
                limit: format!("the covariance is kept in memory, for at most {LENGTH_LIMIT} values"),
                fix: "use smaller images or another preprocessing".to_string(),
            });
        }
        let mean = mean_image(images, length);
        let mut covariance = covariance(images, &mean);
        for place in 0..length {
            covariance[(place, place)] += zca.bias;
        }
        let matrix = inverse_square_root(covariance.as_ref()).map_err(|found| DataError::BadOption {
            field: "preprocess.zca.bias",
            value: zca.bias.to_string(),
            limit: format!("every variance plus the bias must be positive, and {found}"),
            fix: "raise the bias; the usual value is 0.1".to_string(),
        })?;
        Ok(Whitening {
            mean: mean.iter().map(|&value| value as f32).collect(),
            matrix: matrix.iter().map(|&value| value as f32).collect(),
        })
    }

    /// Whitens images in place.
    pub fn apply(&self, images: &mut [f32]) {
        let length = self.mean.len();
        let matrix = MatRef::from_row_major_slice(&self.matrix, length, length);
        images.par_chunks_mut(IMAGES_PER_BLOCK / 4 * length).for_each(|block| {
            let rows = block.len() / length;
            let centred: Vec<f32> = block
                .chunks_exact(length)
                .flat_map(|image| image.iter().zip(&self.mean).map(|(x, m)| x - m))
                .collect();
            let centred = MatRef::from_row_major_slice(&centred, rows, length);
            let target = MatMut::from_row_major_slice_mut(block, rows, length);
            matmul(target, Accum::Replace, centred, matrix, 1.0f32, Par::Seq);
        });
    }
}

fn mean_image(images: &[f32], length: usize) -> Vec<f64> {
    let mut sums = vec![0.0f64; length];
    // Each thread owns some places and adds the images in stored order.
    sums.par_chunks_mut(TILE).enumerate().for_each(|(chunk, sums)| {
        for image in images.chunks_exact(length) {
            for (sum, &value) in sums.iter_mut().zip(&image[chunk * TILE..]) {
                *sum += f64::from(value);
            }
        }
    });
    let count = (images.len() / length) as f64;
    sums.iter().map(|sum| sum / count).collect()
}

/// Returns the mean outer product of the centred images, `[d, d]`; the lower triangle is computed and mirrored.
fn covariance(images: &[f32], mean: &[f64]) -> Mat<f64> {
    let length = mean.len();
    let count = images.len() / length;
    let tiles_across = length.div_ceil(TILE);
    let size = |tile: usize| TILE.min(length - tile * TILE);
    let mut tiles: Vec<(usize, usize, Mat<f64>)> = (0..tiles_across)
        .flat_map(|row| (0..=row).map(move |column| (row, column)))
        .map(|(row, column)| (row, column, Mat::zeros(size(row), size(column))))
        .collect();
    for block in images.chunks(IMAGES_PER_BLOCK * length) {
        let mut centred = vec![0.0f64; block.len()];
        centred.par_chunks_exact_mut(length).zip(block.par_chunks_exact(length)).for_each(
            |(centred, image)| {
                for ((target, &value), mean) in centred.iter_mut().zip(image).zip(mean) {
                    *target = f64::from(value) - mean;
                }
            },
        );
        let centred = MatRef::from_row_major_slice(&centred, block.len() / length, length);
        tiles.par_iter_mut().for_each(|(row, column, tile)| {
            let left = centred.subcols(*row * TILE, size(*row)).transpose();
            let right = centred.subcols(*column * TILE, size(*column));
            matmul(tile.as_mut(), Accum::Add, left, right, 1.0f64, Par::Seq);
        });
    }
    let mut covariance = Mat::zeros(length, length);
    for (row, column, tile) in &tiles {
        for (j, i) in (0..tile.ncols()).flat_map(|j| (0..tile.nrows()).map(move |i| (j, i))) {
            let value = tile[(i, j)] / count as f64;
            covariance[(row * TILE + i, column * TILE + j)] = value;
            covariance[(column * TILE + j, row * TILE + i)] = value;
        }
    }
    covariance
}

/// Returns `A^(−1/2)` of a symmetric matrix, column by column; the error describes an eigenvalue that is not positive.
fn inverse_square_root(matrix: MatRef<'_, f64>) -> Result<Vec<f64>, String> {
    let length = matrix.nrows();
    let mut eigenvalues = Diag::<f64>::zeros(length);
    let mut vectors = Mat::<f64>::zeros(length, length);
    let scratch =
        self_adjoint_evd_scratch::<f64>(length, ComputeEigenvectors::Yes, Par::Seq, Default::default());
    let mut buffer = MemBuffer::new(scratch);
    self_adjoint_evd(
        matrix,
        eigenvalues.as_mut(),
        Some(vectors.as_mut()),
        Par::Seq,
        MemStack::new(&mut buffer),
        Default::default(),
    )
    .map_err(|error| format!("the eigendecomposition failed ({error:?})"))?;
    let eigenvalues: Vec<f64> = (0..length).map(|place| eigenvalues[place]).collect();
    if let Some(worst) = eigenvalues.iter().find(|value| value.is_nan() || **value <= 0.0) {
        return Err(format!("one is {worst:e}"));
    }
    let scaled =
        Mat::from_fn(length, length, |row, column| vectors[(row, column)] / eigenvalues[column].sqrt());
    let mut result = vec![0.0f64; length * length];
    result.par_chunks_mut(TILE * length).enumerate().for_each(|(tile, columns)| {
        let count = columns.len() / length;
        let right = vectors.as_ref().subrows(tile * TILE, count).transpose();
        let target = MatMut::from_column_major_slice_mut(columns, length, count);
        matmul(target, Accum::Replace, scaled.as_ref(), right, 1.0, Par::Seq);
    });
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns correlated images from a fixed recurrence, `count` of `length` values.
    fn images(count: usize, length: usize) -> Vec<f32> {
        let mut state = 1u32;
        let mut draw = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1u32 << 24) as f32 - 0.5
        };
        let mut images = Vec::with_capacity(count * length);
        for _ in 0..count {
            let common = draw();
            images.extend(
                (0..length).map(|place| 3.0 * common + draw() * (1.0 + place as f32 / length as f32) + 7.0),
            );
        }
        images
    }

    #[test]
    fn two_independent_pixels_follow_a_worked_example() {
        // Variances 4 and 1, no correlation; with bias 0 both become 1.
        let mut images = [3.0f32, 5.0, 3.0, 7.0, -1.0, 5.0, -1.0, 7.0];
        let whitening = Whitening::fit(&images, 2, &Zca { bias: 0.0 }).expect("positive variances");
        assert_eq!(whitening.mean, [1.0, 6.0]);
        whitening.apply(&mut images);
        let expected = [1.0f32, -1.0, 1.0, 1.0, -1.0, -1.0, -1.0, 1.0];
        assert!(images.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{images:?}");
    }

    #[test]
    fn whitened_images_have_covariance_lambda_over_lambda_plus_bias() {
        let length = 12;
        let mut images = images(4000, length);
        let before = covariance(&images, &mean_image(&images, length));
        Whitening::fit(&images, length, &Zca { bias: 0.0 }).expect("positive variances").apply(&mut images);
        let after = covariance(&images, &mean_image(&images, length));
        assert!(before[(0, 1)] > 0.5, "the example must be correlated to begin with");
        for row in 0..length {
            for column in 0..length {
                let expected = f64::from(u8::from(row == column));
                assert!(
                    (after[(row, column)] - expected).abs() < 1e-4,
                    "{row}, {column}: {}",
                    after[(row, column)]
                );
            }
        }
    }

    #[test]
    fn the_covariance_is_that_of_the_definition_also_over_several_tiles_and_blocks() {
        let (count, length) = (IMAGES_PER_BLOCK + 77, TILE + 3);
        let images = images(count, length);
        let mean = mean_image(&images, length);
        let covariance = covariance(&images, &mean);
        for (row, column) in [(0, 0), (0, TILE + 2), (TILE, 5), (TILE + 2, TILE + 2), (17, 200)] {
            let expected: f64 = images
                .chunks_exact(length)
                .map(|image| (f64::from(image[row]) - mean[row]) * (f64::from(image[column]) - mean[column]))
                .sum::<f64>()
                / count as f64;
            // Sums of 1101 terms in another order: 1101 · 2⁻⁵³ relative to terms of size about 1.
            assert!((covariance[(row, column)] - expected).abs() < 1e-12, "{row}, {column}");
        }
    }

    #[test]
    fn the_fit_does_not_depend_on_the_threads() {
        let length = TILE + 40;
        let images = images(300, length);
        let fit_with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            pool.install(|| {
                let whitening = Whitening::fit(&images, length, &Zca::default()).expect("a positive bias");
                let mut whitened = images.clone();
                whitening.apply(&mut whitened);
                (whitening, whitened)
            })
        };
        let reference = fit_with(1);
        assert!(reference == fit_with(2) && reference == fit_with(5));
    }

    #[test]
    fn a_bias_that_leaves_a_variance_of_zero_is_refused() {
        let constant = [1.0f32, 2.0, 1.0, 3.0];
        let message =
            Whitening::fit(&constant, 2, &Zca { bias: -0.001 }).expect_err("no variance").to_string();
        assert!(message.contains("zca.bias = -0.001"), "{message}");
        assert!(Whitening::fit(&[0.0; 20_002], 10_001, &Zca::default()).is_err());
    }
}
