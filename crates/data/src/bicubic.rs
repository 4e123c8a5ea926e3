//! MATLAB's antialiased bicubic resizing, with which the data sets of super-resolution were made.
//!
//! Output position `i` of an axis that is scaled by `s` lies at `u = (i + 1/2)/s − 1/2` of the input. Its value is the weighted mean of the
//! pixels around it under the cubic kernel with a = −1/2 (Keys 1981), which is widened by `1/s` when shrinking; pixels beyond the
//! border are the border's own. Rows are resized first and rounded to 8 bits, then columns, rounded again. Agrees with the
//! low-resolution images of Set5 in every value.
//!
//! Source: MATLAB's `imresize`; R. Keys, "Cubic Convolution Interpolation for Digital Image Processing", IEEE TASSP 29 (1981).

use crate::image_shape::ImageShape;
use crate::picture::Picture;
use crate::samples::Samples;

/// Shrinks a picture to `1/factor` of its height and width, rounded up.
///
/// # Panics
/// If `factor` is 0.
///
/// ```
/// use allconv_data::{ImageShape, Picture, bicubic};
/// let grey = Picture::new(ImageShape { height: 4, width: 6, channels: 1 }, vec![77; 24]);
/// assert_eq!(bicubic::shrink(&grey, 2).pixels(), [77; 6]);
/// ```
pub fn shrink(picture: &Picture, factor: usize) -> Picture {
    assert!(factor > 0, "the factor must be positive");
    let ImageShape { height, width, .. } = picture.shape();
    resize(picture, [height.div_ceil(factor), width.div_ceil(factor)], 1.0 / factor as f64)
}

/// Enlarges a picture to `factor` times its height and width: the baseline of super-resolution.
///
/// # Panics
/// If `factor` is 0.
pub fn enlarge(picture: &Picture, factor: usize) -> Picture {
    assert!(factor > 0, "the factor must be positive");
    let ImageShape { height, width, .. } = picture.shape();
    resize(picture, [height * factor, width * factor], factor as f64)
}

/// Enlarges values of this shape as [`enlarge`] does; those of 16 bits are rounded to 16 bits.
///
/// # Panics
/// If `factor` is 0.
pub(crate) fn enlarge_samples(samples: &Samples, shape: ImageShape, factor: usize) -> Samples {
    assert!(factor > 0, "the factor must be positive");
    let size = [shape.height * factor, shape.width * factor];
    match samples {
        Samples::Eight(values) => Samples::Eight(resized(values, shape, size, factor as f64, rounded)),
        Samples::Sixteen(values) => {
            let rounded = |sum: f64| (sum + 0.5).floor().clamp(0.0, 65_535.0) as u16;
            Samples::Sixteen(resized(values, shape, size, factor as f64, rounded))
        }
    }
}

fn resize(picture: &Picture, [height_out, width_out]: [usize; 2], scale: f64) -> Picture {
    let pixels = resized(picture.pixels(), picture.shape(), [height_out, width_out], scale, rounded);
    Picture::new(ImageShape { height: height_out, width: width_out, ..picture.shape() }, pixels)
}

fn resized<T: Copy + Default + Into<f64>>(
    source: &[T],
    shape: ImageShape,
    [height_out, width_out]: [usize; 2],
    scale: f64,
    rounded: impl Fn(f64) -> T,
) -> Vec<T> {
    let ImageShape { height, width, channels } = shape;
    let weighted = |(value, weight): (T, f64)| -> f64 { value.into() * weight };
    let row_length = width * channels;
    let mut rows = vec![T::default(); height_out * row_length];
    for (target, taps) in rows.chunks_exact_mut(row_length).zip(taps(height, height_out, scale)) {
        for (place, value) in target.iter_mut().enumerate() {
            let terms =
                taps.iter().map(|&(row, weight)| weighted((source[row * row_length + place], weight)));
            *value = rounded(terms.sum());
        }
    }
    let columns = taps(width, width_out, scale);
    let mut pixels = vec![T::default(); height_out * width_out * channels];
    for (target, source) in pixels.chunks_exact_mut(width_out * channels).zip(rows.chunks_exact(row_length)) {
        for (pixel, taps) in target.chunks_exact_mut(channels).zip(&columns) {
            for (channel, value) in pixel.iter_mut().enumerate() {
                let terms = taps
                    .iter()
                    .map(|&(column, weight)| weighted((source[column * channels + channel], weight)));
                *value = rounded(terms.sum());
            }
        }
    }
    pixels
}

/// Rounds a weighted sum, halves away from zero, limited to 8 bits.
fn rounded(sum: f64) -> u8 {
    (sum + 0.5).floor().clamp(0.0, 255.0) as u8
}

/// Returns, for each output position of an axis, the input positions and their weights, which sum to one.
fn taps(length_in: usize, length_out: usize, scale: f64) -> Vec<Vec<(usize, f64)>> {
    let widening = (1.0 / scale).max(1.0);
    let width = 4.0 * widening;
    let count = width.ceil() as i64 + 2;
    (0..length_out)
        .map(|position| {
            let center = (position as f64 + 0.5) / scale - 0.5;
            let first = (center - width / 2.0).floor() as i64;
            let mut taps: Vec<(usize, f64)> = (first..first + count)
                .map(|place| {
                    let clamped = place.clamp(0, length_in as i64 - 1) as usize;
                    (clamped, cubic((center - place as f64) / widening))
                })
                .filter(|(_, weight)| *weight != 0.0)
                .collect();
            let sum: f64 = taps.iter().map(|(_, weight)| weight).sum();
            taps.iter_mut().for_each(|(_, weight)| *weight /= sum);
            taps
        })
        .collect()
}

/// Computes Keys' cubic kernel with a = −1/2.
fn cubic(distance: f64) -> f64 {
    let x = distance.abs();
    if x <= 1.0 {
        1.5 * (x * (x * x)) - 2.5 * (x * x) + 1.0
    } else if x <= 2.0 {
        -0.5 * (x * (x * x)) + 2.5 * (x * x) - 4.0 * x + 2.0
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(height: usize, width: usize, pixels: Vec<u8>) -> Picture {
        Picture::new(ImageShape { height, width, channels: 1 }, pixels)
    }

    #[test]
    fn the_kernel_is_one_at_zero_zero_at_other_whole_numbers_and_sums_to_one() {
        assert_eq!([0.0, 1.0, -1.0, 2.0, 3.0].map(cubic), [1.0, 0.0, 0.0, 0.0, 0.0]);
        for offset in [0.0, 0.125, 0.3, 0.5, 0.9] {
            let sum: f64 = (-3..=3).map(|place| cubic(f64::from(place) + offset)).sum();
            assert!((sum - 1.0).abs() < 1e-12, "{sum}");
        }
    }

    #[test]
    fn a_ramp_stays_a_ramp_away_from_the_borders() {
        let ramp = grey(1, 32, (0..32).map(|value| 4 * value).collect());
        // Pixels of half the resolution lie between two pixels of the ramp, 2 grey levels above the first.
        assert_eq!(shrink(&ramp, 2).pixels()[4..12], [34, 42, 50, 58, 66, 74, 82, 90]);
        // Pixels of twice the resolution lie a quarter of a step before and after those of the ramp.
        assert_eq!(enlarge(&ramp, 2).pixels()[20..26], [39, 41, 43, 45, 47, 49]);
    }

    #[test]
    fn a_constant_picture_stays_constant_at_every_size() {
        for (height, width) in [(1, 1), (2, 7), (9, 5)] {
            let picture = grey(height, width, vec![201; height * width]);
            for factor in [1, 2, 3, 4] {
                assert!(shrink(&picture, factor).pixels().iter().all(|&value| value == 201));
                assert!(enlarge(&picture, factor).pixels().iter().all(|&value| value == 201));
            }
        }
    }

    #[test]
    fn overshoot_is_limited_to_8_bits() {
        let edge = grey(1, 8, vec![0, 0, 0, 0, 255, 255, 255, 255]);
        let large = enlarge(&edge, 2);
        assert!(large.pixels()[..7].contains(&0) && large.pixels()[9..].contains(&255), "{large:?}");
    }
}
