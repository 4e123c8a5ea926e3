//! Per-channel standardisation: `y = (x − mean_c) / deviation_c` with the training split's numbers.

use allconv_random::elementary::square;
use rayon::prelude::*;

/// Mean and standard deviation of each channel over all training pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelMoments {
    /// Means `[channels]`.
    pub mean: Vec<f32>,
    /// Standard deviations `[channels]` with the number of values as divisor; a constant channel has 1.
    pub deviation: Vec<f32>,
}

impl ChannelMoments {
    /// Measures images of `length` values each. Sums run per image, then over images in stored order, so that the
    /// number of threads cannot change them.
    pub fn fit(images: &[f32], length: usize, channels: usize) -> ChannelMoments {
        let count = (images.len() / channels) as f64;
        let sum_of = |f: &(dyn Fn(usize, f64) -> f64 + Sync)| -> Vec<f64> {
            let per_image: Vec<Vec<f64>> = images
                .par_chunks_exact(length)
                .map(|image| {
                    let mut sums = vec![0.0; channels];
                    for pixel in image.chunks_exact(channels) {
                        for (channel, &value) in pixel.iter().enumerate() {
                            sums[channel] += f(channel, f64::from(value));
                        }
                    }
                    sums
                })
                .collect();
            (0..channels).map(|channel| per_image.iter().map(|sums| sums[channel]).sum()).collect()
        };
        let mean: Vec<f64> = sum_of(&|_, value| value).iter().map(|sum| sum / count).collect();
        let squares = sum_of(&|channel, value| square(value - mean[channel]));
        let deviation = squares
            .iter()
            .map(|square| (square / count).sqrt() as f32)
            .map(|deviation| if deviation > 0.0 { deviation } else { 1.0 })
            .collect();
        ChannelMoments { mean: mean.iter().map(|&value| value as f32).collect(), deviation }
    }

    /// Standardises images in place.
    pub fn apply(&self, images: &mut [f32], length: usize) {
        let channels = self.mean.len();
        images.par_chunks_exact_mut(length).for_each(|image| {
            for pixel in image.chunks_exact_mut(channels) {
                for ((value, mean), deviation) in pixel.iter_mut().zip(&self.mean).zip(&self.deviation) {
                    *value = (*value - mean) / deviation;
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worked_example_with_two_channels() {
        let mut images = [0.0f32, 5.0, 4.0, 5.0, 2.0, 5.0, 2.0, 5.0];
        let moments = ChannelMoments::fit(&images, 4, 2);
        assert_eq!(moments.mean, [2.0, 5.0]);
        assert_eq!(moments.deviation, [std::f32::consts::SQRT_2, 1.0]);
        moments.apply(&mut images, 4);
        let r = 2.0 / std::f32::consts::SQRT_2;
        assert_eq!(images, [-r, 0.0, r, 0.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn numbers_do_not_depend_on_the_threads() {
        let images: Vec<f32> = (0..60_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as f32).collect();
        let fit_with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            pool.install(|| ChannelMoments::fit(&images, 300, 3))
        };
        assert_eq!(fit_with(1), fit_with(3));
    }
}
