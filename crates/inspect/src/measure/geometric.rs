//! Rotation and scale: the stability of predictions under both.
//!
//! The 8-bit image is turned by an angle, or enlarged by a factor, about its middle, with bilinear interpolation; pixels from beyond the
//! edge repeat it. Agreement is the fraction of images with the prediction they had before. For the whole network: the mean over
//! [`ANGLES`], or over [`FACTORS`].
//!
//! Source: the transformations of Azulay and Weiss, arXiv 1805.12177.

use allconv_data::ImageShape;
use allconv_random::elementary::sin_cos;

use super::interface::{Fits, Measure, MeasureDescription, MeasureRequest, Measurement, Reading};
use super::predictions::{agreement, predictions};
use crate::InspectError;

/// Angles in degrees, counter-clockwise.
const ANGLES: [f64; 8] = [-30.0, -20.0, -10.0, -5.0, 5.0, 10.0, 20.0, 30.0];
/// Factors on lengths.
const FACTORS: [f64; 6] = [0.7, 0.8, 0.9, 1.1, 1.25, 1.4];

/// Agreement under rotation.
pub(super) struct Rotation;
/// Agreement under a change of scale.
pub(super) struct Scale;

impl Measure for Rotation {
    fn description(&self) -> MeasureDescription {
        MeasureDescription {
            name: "rotation",
            statement: "Whether predictions are unchanged by a rotation of the image.",
            formula: "fraction of images with an unchanged prediction, mean over ±5°, ±10°, ±20°, ±30°",
            source: "after Azulay and Weiss, arXiv 1805.12177",
            metrics: &["rotation_agreement"],
            images: 500,
            fits: Fits::Classes,
            revision: 2,
        }
    }

    fn take(&self, request: &MeasureRequest<'_>) -> Result<Measurement, InspectError> {
        let matrix = |angle: f64| {
            let (sine, cosine) = sin_cos(angle.to_radians());
            [[cosine, -sine], [sine, cosine]]
        };
        let settings: Vec<_> = ANGLES.iter().map(|angle| (format!("{angle}°"), matrix(*angle))).collect();
        Ok(curve(request, "rotation_agreement", "rotation_accuracy", &settings))
    }
}

impl Measure for Scale {
    fn description(&self) -> MeasureDescription {
        MeasureDescription {
            name: "scale",
            statement: "Whether predictions are unchanged by a change of scale.",
            formula: "fraction of images with an unchanged prediction, mean over factors 0.7, 0.8, 0.9, 1.1, 1.25, 1.4",
            source: "after Azulay and Weiss, arXiv 1805.12177",
            metrics: &["scale_agreement"],
            images: 500,
            fits: Fits::Classes,
            revision: 1,
        }
    }

    fn take(&self, request: &MeasureRequest<'_>) -> Result<Measurement, InspectError> {
        let settings: Vec<_> = FACTORS
            .iter()
            .map(|factor| (format!("×{factor}"), [[1.0 / factor, 0.0], [0.0, 1.0 / factor]]))
            .collect();
        Ok(curve(request, "scale_agreement", "scale_accuracy", &settings))
    }
}

/// Returns the agreement, and accuracy where classes are known, at each setting; then the mean agreement.
fn curve(
    request: &MeasureRequest<'_>,
    metric: &'static str,
    accuracy: &'static str,
    settings: &[(String, [[f64; 2]; 2])],
) -> Measurement {
    let network = request.subject.plain();
    let before = predictions(network, request.pictures);
    let mut readings = Vec::new();
    let mut sums = vec![0.0; request.pictures.len()];
    for (name, matrix) in settings {
        let shape = request.pictures.shape();
        let changed = request.pictures.with_changed_pixels(|_, pixels| warped(pixels, shape, *matrix));
        let after = predictions(network, &changed);
        let agrees = agreement(&before, &after);
        sums.iter_mut().zip(&agrees).for_each(|(sum, agrees)| *sum += agrees);
        readings.push(Reading::fraction(metric, name, agrees));
        if let Some(labels) = request.pictures.labels() {
            readings.push(Reading::fraction(accuracy, name, agreement(labels, &after)));
        }
    }
    let mean = sums.iter().map(|sum| sum / settings.len() as f64).collect();
    readings.push(Reading::fraction(metric, "", mean));
    Measurement { readings, pictures: Vec::new() }
}

/// Returns the image whose pixel at `centre + v` (x right, y down) is that of the old one at `centre + matrix · v`, interpolated
/// bilinearly.
fn warped(pixels: &[u8], shape: ImageShape, matrix: [[f64; 2]; 2]) -> Vec<u8> {
    let centre = [(shape.width as f64 - 1.0) / 2.0, (shape.height as f64 - 1.0) / 2.0];
    let at = |row: usize, column: usize, channel: usize| {
        f64::from(pixels[(row * shape.width + column) * shape.channels + channel])
    };
    let mut values = Vec::with_capacity(pixels.len());
    for row in 0..shape.height {
        for column in 0..shape.width {
            let v = [column as f64 - centre[0], row as f64 - centre[1]];
            let source = |axis: usize, size: usize| {
                let place = centre[axis] + matrix[axis][0] * v[0] + matrix[axis][1] * v[1];
                let place = place.clamp(0.0, size as f64 - 1.0);
                let first = (place.floor() as usize).min(size.saturating_sub(2));
                (first, (first + 1).min(size - 1), place - first as f64)
            };
            let (left, right, across) = source(0, shape.width);
            let (top, bottom, down) = source(1, shape.height);
            for channel in 0..shape.channels {
                let mix = |row| at(row, left, channel) * (1.0 - across) + at(row, right, channel) * across;
                values.push((mix(top) * (1.0 - down) + mix(bottom) * down).round() as u8);
            }
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::tests::{operator_net, request, value};
    use crate::pictures::tests::drawn;

    #[test]
    fn a_quarter_turn_moves_pixels_and_nothing_else() {
        let shape = ImageShape { height: 2, width: 2, channels: 1 };
        assert_eq!(warped(&[1, 2, 3, 4], shape, [[1.0, 0.0], [0.0, 1.0]]), [1, 2, 3, 4]);
        // Counter-clockwise: the right column becomes the top row.
        let (sine, cosine) = (1.0, 0.0);
        assert_eq!(warped(&[1, 2, 3, 4], shape, [[cosine, -sine], [sine, cosine]]), [2, 4, 1, 3]);
    }

    /// A network that depends on the mean colour only cannot tell a turned grey image from an upright one.
    #[test]
    fn constant_images_are_unchanged_at_every_angle_and_scale() {
        let (subject, pictures) = (operator_net("average_pool", 16), drawn(6));
        let flat = pictures.with_changed_pixels(|image, pixels| vec![40 * image as u8; pixels.len()]);
        for (measure, metric) in
            [(&Rotation as &dyn Measure, "rotation_agreement"), (&Scale, "scale_agreement")]
        {
            let taken = measure.take(&request(&subject, &flat)).unwrap();
            assert_eq!(value(&taken, metric, ""), 1.0);
        }
    }
}
