//! The interface of mixtures of two images, and the draw of their shares.

use allconv_random::Stream;
use allconv_random::elementary::pow;

use super::change::check_range;
use crate::error::OutOfRange;
use crate::image_shape::ImageShape;

/// Least and largest parameter of the distribution of shares.
const ALPHAS: [f64; 2] = [0.05, 4.0];

/// A random mixture of an image with another image of its batch, after preprocessing.
pub(super) trait Mixing {
    /// Refuses settings out of range.
    fn check(&self) -> Result<(), OutOfRange>;
    /// Mixes `other` into `image` and returns the share of the image's own label.
    fn mix(&self, shape: ImageShape, image: &mut [f32], other: &[f32], stream: &mut Stream) -> f32;
}

/// Refuses parameters for which [`beta`] is slow or inexact.
pub(super) fn check_alpha(field: &'static str, alpha: f64) -> Result<(), OutOfRange> {
    check_range(field, alpha, ALPHAS)
}

/// Draws a number from 0 to 1 with the distribution Beta(α, α), by Jöhnk's method: x/(x + y) for x = u^(1/α), y = v^(1/α), drawn until
/// x + y ≤ 1.
pub(super) fn beta(stream: &mut Stream, alpha: f64) -> f64 {
    loop {
        let [x, y] = [stream.unit(), stream.unit()].map(|unit| pow(f64::from(unit), 1.0 / alpha));
        if x + y > 0.0 && x + y <= 1.0 {
            return x / (x + y);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use allconv_random::Purpose;

    #[test]
    fn shares_have_the_mean_and_variance_of_the_beta_distribution() {
        for alpha in [0.2, 1.0, 4.0] {
            let count = 20_000;
            let draw = |sample| beta(&mut Stream::of_sample(1, Purpose::Mixup, 0, sample), alpha);
            let shares: Vec<f64> = (0..count).map(draw).collect();
            let mean = shares.iter().sum::<f64>() / f64::from(count);
            let variance =
                shares.iter().map(|share| (share - 0.5) * (share - 0.5)).sum::<f64>() / f64::from(count);
            let expected = 1.0 / (4.0 * (2.0 * alpha + 1.0));
            // Five standard errors of the mean; the variance of (share − 1/2)² is at most 1/4 of its mean.
            assert!((mean - 0.5).abs() < 5.0 * (expected / f64::from(count)).sqrt(), "{alpha}: mean {mean}");
            let error = 5.0 * (expected / 4.0 / f64::from(count)).sqrt();
            assert!((variance - expected).abs() < error, "{alpha}: variance {variance}, expected {expected}");
        }
    }
}
