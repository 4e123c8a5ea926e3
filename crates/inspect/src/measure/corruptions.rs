//! The corruptions: fourteen ways to damage an 8-bit image at five severities, in the four families of Hendrycks and Dietterich.
//!
//! Lengths (blur radii, block sizes, displacements) are given for images of 32×32 pixels and grow with the image; values are in [0, 1].
//! The parameters follow the small-image variant of the benchmark where it has them; snow is drawn, since its textures are not
//! distributed here, and frost, which needs photographs, is left out. So numbers are comparable between networks measured here, not with
//! published tables.
//!
//! Source: Hendrycks and Dietterich, arXiv 1903.12261.

use std::io::Cursor;

use allconv_data::ImageShape;
use allconv_random::elementary::sin_cos;
use allconv_random::{Purpose, Stream};
use image::codecs::jpeg::JpegEncoder;
use image::{ColorType, ExtendedColorType, ImageEncoder};

use super::canvas::{Canvas, disc, smooth_noise};

/// Severities, from 1 to this.
pub const SEVERITIES: usize = 5;

/// One corruption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corruption {
    /// Normal noise.
    GaussianNoise,
    /// Poisson noise, as from few photons.
    ShotNoise,
    /// Pixels that become black or white.
    ImpulseNoise,
    /// The mean over a disc.
    DefocusBlur,
    /// Neighbouring pixels change places.
    GlassBlur,
    /// The mean along a line.
    MotionBlur,
    /// The mean of the image and enlargements of it.
    ZoomBlur,
    /// Bright streaks.
    Snow,
    /// A bright, smooth cloud.
    Fog,
    /// A constant added.
    Brightness,
    /// Differences from the mean made smaller.
    Contrast,
    /// Pixels displaced by smooth noise.
    Elastic,
    /// Means of blocks.
    Pixelate,
    /// JPEG at low quality.
    Jpeg,
}

impl Corruption {
    /// Every corruption: noise, blur, weather, digital.
    pub const ALL: [Corruption; 14] = [
        Self::GaussianNoise,
        Self::ShotNoise,
        Self::ImpulseNoise,
        Self::DefocusBlur,
        Self::GlassBlur,
        Self::MotionBlur,
        Self::ZoomBlur,
        Self::Snow,
        Self::Fog,
        Self::Brightness,
        Self::Contrast,
        Self::Elastic,
        Self::Pixelate,
        Self::Jpeg,
    ];

    /// Returns its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::GaussianNoise => "gaussian_noise",
            Self::ShotNoise => "shot_noise",
            Self::ImpulseNoise => "impulse_noise",
            Self::DefocusBlur => "defocus_blur",
            Self::GlassBlur => "glass_blur",
            Self::MotionBlur => "motion_blur",
            Self::ZoomBlur => "zoom_blur",
            Self::Snow => "snow",
            Self::Fog => "fog",
            Self::Brightness => "brightness",
            Self::Contrast => "contrast",
            Self::Elastic => "elastic",
            Self::Pixelate => "pixelate",
            Self::Jpeg => "jpeg",
        }
    }
}

/// Returns an image `[height, width, channels]` damaged at a `severity` from 1 to 5; `number` names the image, whose noise is always the
/// same.
///
/// # Panics
/// If the severity is 0 or above 5.
pub fn corrupted(
    corruption: Corruption,
    severity: usize,
    pixels: &[u8],
    shape: ImageShape,
    number: u64,
) -> Vec<u8> {
    assert!((1..=SEVERITIES).contains(&severity), "severity {severity} is not between 1 and {SEVERITIES}");
    let level = severity - 1;
    let stream = (number << 12) | ((corruption as u64) << 4) | severity as u64;
    let mut random = Stream::of_number(Purpose::Corruption, stream);
    let values: Vec<f64> = pixels.iter().map(|value| f64::from(*value) / 255.0).collect();
    let canvas = Canvas { values, shape };
    let scale = shape.height.min(shape.width) as f64 / 32.0;
    let damaged = match corruption {
        Corruption::GaussianNoise => {
            let deviation = [0.04, 0.06, 0.08, 0.09, 0.10][level];
            canvas.each(|value| value + deviation * random.normal())
        }
        Corruption::ShotNoise => {
            let photons = [500.0, 250.0, 100.0, 75.0, 50.0][level];
            canvas.each(|value| random.poisson(value * photons) / photons)
        }
        Corruption::ImpulseNoise => {
            let amount = [0.01, 0.02, 0.03, 0.05, 0.07][level];
            canvas.each(|value| match f64::from(random.unit()) {
                chance if chance < amount / 2.0 => 0.0,
                chance if chance < amount => 1.0,
                _ => value,
            })
        }
        Corruption::DefocusBlur => {
            let radius = [0.6, 0.9, 1.2, 1.6, 2.1][level] * scale;
            canvas.mean_over(&disc(radius))
        }
        Corruption::GlassBlur => {
            let (reach, passes) = ([0.6, 0.7, 0.8, 1.0, 1.3][level] * scale, [1, 1, 2, 2, 2][level]);
            canvas.shuffled(reach.max(1.0) as i64, [0.25, 0.4, 0.4, 0.6, 0.8][level], passes, &mut random)
        }
        Corruption::MotionBlur => {
            let length = [1.5, 2.0, 2.5, 3.0, 3.5][level] * scale;
            let angle = std::f64::consts::PI * (f64::from(random.unit()) - 0.5);
            let (sine, cosine) = sin_cos(angle);
            let taps: Vec<(f64, f64, f64)> = (-8..=8)
                .map(|step| f64::from(step) / 8.0 * length)
                .map(|along| (along * sine, along * cosine, 1.0))
                .collect();
            canvas.mean_over(&taps)
        }
        Corruption::ZoomBlur => {
            let most = [1.06, 1.11, 1.16, 1.21, 1.26][level];
            let copies: Vec<Canvas> =
                (0..6).map(|step| canvas.enlarged(1.0 + (most - 1.0) * f64::from(step) / 5.0)).collect();
            canvas.mean_of(&copies)
        }
        Corruption::Snow => canvas.snowed([0.02, 0.04, 0.06, 0.08, 0.1][level], scale, &mut random),
        Corruption::Fog => {
            let strength = [0.2, 0.5, 0.75, 1.0, 1.5][level];
            let cloud = smooth_noise(shape, [8.0 * scale, 4.0 * scale, 2.0 * scale], &mut random);
            let largest = canvas.values.iter().fold(0.0_f64, |largest, value| largest.max(*value));
            canvas.each_at(|value, position, _| {
                (value + strength * cloud[position]) * largest / (largest + strength)
            })
        }
        Corruption::Brightness => {
            let added = [0.05, 0.1, 0.15, 0.2, 0.3][level];
            canvas.each(|value| value + added)
        }
        Corruption::Contrast => {
            let factor = [0.75, 0.5, 0.4, 0.3, 0.15][level];
            let mean = canvas.values.iter().sum::<f64>() / canvas.values.len() as f64;
            canvas.each(|value| mean + factor * (value - mean))
        }
        Corruption::Elastic => {
            let reach = [1.0, 1.4, 1.8, 2.2, 2.7][level] * scale;
            let down = smooth_noise(shape, [6.0 * scale, 3.0 * scale, 3.0 * scale], &mut random);
            let across = smooth_noise(shape, [6.0 * scale, 3.0 * scale, 3.0 * scale], &mut random);
            canvas.displaced(|position| {
                (2.0 * reach * (down[position] - 0.5), 2.0 * reach * (across[position] - 0.5))
            })
        }
        Corruption::Pixelate => canvas.pixelated([0.9, 0.75, 0.6, 0.5, 0.4][level]),
        Corruption::Jpeg => return jpeg(pixels, shape, [80, 65, 58, 50, 40][level]),
    };
    damaged.values.iter().map(|value| (value.clamp(0.0, 1.0) * 255.0).round() as u8).collect()
}

/// Returns the image after a JPEG encoder of this quality and a decoder; images that are neither grey nor colour stay as they are.
fn jpeg(pixels: &[u8], shape: ImageShape, quality: u8) -> Vec<u8> {
    let kind = match shape.channels {
        1 => ExtendedColorType::L8,
        3 => ExtendedColorType::Rgb8,
        _ => return pixels.to_vec(),
    };
    let mut bytes = Vec::new();
    let encoded = JpegEncoder::new_with_quality(Cursor::new(&mut bytes), quality).write_image(
        pixels,
        shape.width as u32,
        shape.height as u32,
        kind,
    );
    let decoded = encoded.and_then(|()| image::load_from_memory(&bytes));
    match decoded {
        Ok(image) if image.color() == ColorType::L8 && shape.channels == 1 => image.into_luma8().into_raw(),
        Ok(image) if shape.channels == 3 => image.into_rgb8().into_raw(),
        Ok(image) => image.into_luma8().into_raw(),
        Err(error) => panic!("an image of {shape:?} could not pass a JPEG encoder: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use allconv_random::elementary::square;

    const SHAPE: ImageShape = ImageShape { height: 32, width: 32, channels: 3 };

    /// Returns a smooth picture with edges, all colours different.
    fn picture() -> Vec<u8> {
        (0..32 * 32 * 3)
            .map(|index| {
                let (row, column, channel) = (index / 96, index / 3 % 32, index % 3);
                let box_ = if (8..20).contains(&row) && (6..18).contains(&column) { 90 } else { 0 };
                (60 + 3 * row + 2 * column * channel / 2 + box_).min(255) as u8
            })
            .collect()
    }

    fn distance(corruption: Corruption, severity: usize) -> f64 {
        let clean = picture();
        let damaged = corrupted(corruption, severity, &clean, SHAPE, 7);
        assert_eq!(damaged.len(), clean.len());
        let squares: f64 =
            clean.iter().zip(&damaged).map(|(a, b)| square(f64::from(*a) - f64::from(*b))).sum();
        (squares / clean.len() as f64).sqrt()
    }

    #[test]
    fn every_corruption_damages_more_at_severity_5_than_at_1_and_is_repeatable() {
        for corruption in Corruption::ALL {
            let (least, most) = (distance(corruption, 1), distance(corruption, 5));
            assert!(least > 0.0 && most > 1.2 * least, "{}: {least} {most}", corruption.name());
            assert!(most < 110.0, "{}: {most}", corruption.name());
            let again = corrupted(corruption, 3, &picture(), SHAPE, 7);
            assert_eq!(again, corrupted(corruption, 3, &picture(), SHAPE, 7));
        }
    }

    #[test]
    fn noise_has_the_deviation_it_states() {
        let grey = vec![128_u8; 32 * 32 * 3];
        let damaged = corrupted(Corruption::GaussianNoise, 5, &grey, SHAPE, 1);
        let squares: f64 = damaged.iter().map(|value| square(f64::from(*value) - 128.0)).sum();
        // 0.10 of 255 grey levels; five standard errors of 3072 values.
        assert!(((squares / 3072.0).sqrt() - 25.5).abs() < 1.7, "{}", (squares / 3072.0).sqrt());
        let impulses = corrupted(Corruption::ImpulseNoise, 5, &grey, SHAPE, 1);
        let fraction = impulses.iter().filter(|value| **value != 128).count() as f64 / 3072.0;
        assert!((fraction - 0.07).abs() < 0.023, "{fraction}");
    }

    #[test]
    fn blur_and_geometry_leave_a_constant_image_alone_and_contrast_has_its_factor() {
        let grey = vec![100_u8; 32 * 32 * 3];
        for corruption in [
            Corruption::DefocusBlur,
            Corruption::GlassBlur,
            Corruption::MotionBlur,
            Corruption::ZoomBlur,
            Corruption::Elastic,
            Corruption::Pixelate,
            Corruption::Contrast,
        ] {
            assert_eq!(corrupted(corruption, 4, &grey, SHAPE, 2), grey, "{}", corruption.name());
        }
        let steps: Vec<u8> = (0..32 * 32 * 3).map(|index| if index % 2 == 0 { 100 } else { 200 }).collect();
        let damaged = corrupted(Corruption::Contrast, 2, &steps, SHAPE, 2);
        assert_eq!(damaged[..2], [125, 175]);
    }
}
