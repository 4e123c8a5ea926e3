//! Global contrast normalisation: every image gets mean 0 and the same norm.
//!
//! `y = (x − mean(x)) / max(‖x − mean(x)‖₂ / scale)`, where a divisor below `min_divisor` counts as 1 (a constant
//! image becomes 0). Mean and norm run over all values of one image, channels included. Source: Goodfellow et al. 2013,
//! "Maxout networks", as in pylearn2 (`use_std` false, `sqrt_bias` 0).

use allconv_random::elementary::square;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of the step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GlobalContrast {
    /// Euclidean norm of an image afterwards, in grey levels.
    pub scale: f64,
    /// Divisors below this count as 1.
    pub min_divisor: f64,
}

impl Default for GlobalContrast {
    fn default() -> GlobalContrast {
        GlobalContrast { scale: 55.0, min_divisor: 1e-8 }
    }
}

impl GlobalContrast {
    /// Normalises images of `length` values each, in place. Sums are taken in `f64` in the order of the values.
    pub fn apply(&self, images: &mut [f32], length: usize) {
        images.par_chunks_exact_mut(length).for_each(|image| {
            let mean = image.iter().map(|&value| f64::from(value)).sum::<f64>() / length as f64;
            let square: f64 = image.iter().map(|&value| square(f64::from(value) - mean)).sum();
            let divisor = square.sqrt() / self.scale;
            let divisor = if divisor < self.min_divisor { 1.0 } else { divisor };
            for value in image {
                *value = ((f64::from(*value) - mean) / divisor) as f32;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worked_example() {
        // Mean 2, deviations −2, 0, 2, 0: norm √8; with scale √8 the deviations stay.
        let step = GlobalContrast { scale: 8f64.sqrt(), ..GlobalContrast::default() };
        let mut image = [0.0f32, 2.0, 4.0, 2.0];
        step.apply(&mut image, 4);
        assert_eq!(image, [-2.0, 0.0, 2.0, 0.0]);
    }

    #[test]
    fn every_image_gets_mean_zero_and_norm_55_at_any_brightness_and_contrast() {
        let mut images: Vec<f32> = (0..300).map(|i| ((i * 37) % 101) as f32).collect();
        let brighter: Vec<f32> = images.iter().map(|value| 0.5 * value + 90.0).collect();
        let mut brighter = brighter;
        GlobalContrast::default().apply(&mut images, 100);
        GlobalContrast::default().apply(&mut brighter, 100);
        for (image, other) in images.chunks(100).zip(brighter.chunks(100)) {
            let norm = image.iter().map(|&v| square(f64::from(v))).sum::<f64>().sqrt();
            assert!((norm - 55.0).abs() < 1e-4 && image.iter().sum::<f32>().abs() < 1e-3);
            assert!(image.iter().zip(other).all(|(a, b)| (a - b).abs() < 1e-4));
        }
    }

    #[test]
    fn a_constant_image_becomes_zero() {
        let mut image = [77.0f32; 12];
        GlobalContrast::default().apply(&mut image, 12);
        assert_eq!(image, [0.0; 12]);
    }
}
