//! Peak signal-to-noise ratio.

use allconv_random::elementary::{log10, square};

/// The value of [`psnr`] for equal values, in dB: that of an error of 1e-5 grey levels in every value, far beyond what 8 bits can differ.
/// The true value is infinite, which cannot be recorded.
pub const BEST_PSNR: f64 = 148.130_803_608_679_1;

/// Returns the peak signal-to-noise ratio of values from 0 to 255, in dB; higher is better.
///
/// PSNR = 10·log₁₀(255² / mean((a − b)²)), at most [`BEST_PSNR`]. Colour is compared over all three channels together.
///
/// # Panics
/// If there is no value, or the lengths differ.
///
/// # Example
///
/// ```
/// use allconv_train::metrics::psnr;
/// assert!((psnr(&[10.0, 20.0], &[11.0, 19.0]) - 48.1308).abs() < 1e-4);
/// ```
pub fn psnr(first: &[f64], second: &[f64]) -> f64 {
    assert!(!first.is_empty() && first.len() == second.len(), "{} and {} values", first.len(), second.len());
    let squares: f64 = first.iter().zip(second).map(|(a, b)| square(a - b)).sum();
    (10.0 * log10(255.0 * 255.0 * first.len() as f64 / squares)).min(BEST_PSNR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_have_the_largest_psnr_and_opposite_ones_zero() {
        assert_eq!(psnr(&[3.0; 5], &[3.0; 5]), BEST_PSNR);
        assert!((psnr(&[1e-5], &[0.0]) - BEST_PSNR).abs() < 1e-9);
        assert_eq!(psnr(&[0.0, 255.0], &[255.0, 0.0]), 0.0);
    }
}
