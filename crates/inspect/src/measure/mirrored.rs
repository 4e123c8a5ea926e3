//! The error of the mean prediction of an image and its mirror image.

use burn::tensor::Device;

use super::interface::{Fits, Measure, MeasureDescription, MeasureRequest, Measurement, Reading};
use super::predictions::results_of_mean_logits;
use crate::InspectError;

/// Images that go through together, each twice.
const IMAGES_PER_PASS: usize = 128;

/// Error rate of the mean of the logits of an image and its mirror image.
pub(super) struct Mirrored;

const ERROR: &str = "mirrored_error";

impl Measure for Mirrored {
    fn description(&self) -> MeasureDescription {
        MeasureDescription {
            name: "mirrored",
            statement: "The error of the mean prediction of an image and its mirror image.",
            formula: "fraction of images whose class is not that of the largest of (z(x) + z(x mirrored left and right))/2, z the logits",
            source: "test-time flips: Krizhevsky et al., NIPS 2012, section 4.1; as in Jordan, arXiv 2404.00498",
            metrics: &[ERROR],
            images: 10_000,
            fits: Fits::Classes,
            revision: 1,
        }
    }

    fn take(&self, request: &MeasureRequest<'_>) -> Result<Measurement, InspectError> {
        let labels = request.pictures.known_labels()?;
        let mut wrong = Vec::with_capacity(request.pictures.len());
        for start in (0..request.pictures.len()).step_by(IMAGES_PER_PASS) {
            let end = (start + IMAGES_PER_PASS).min(request.pictures.len());
            let images = request.pictures.tensor(start, end, &Device::flex());
            let mirrored = images.clone().flip([3]);
            let labels = &labels[start..end];
            let results = results_of_mean_logits(request.subject.plain(), [images, mirrored], labels);
            wrong.extend(
                results
                    .iter()
                    .zip(labels)
                    .map(|(result, label)| f64::from(u8::from(result.predicted != *label))),
            );
        }
        Ok(Measurement { readings: vec![Reading::fraction(ERROR, "", wrong)], pictures: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::request;
    use super::super::{Measure, predictions::predictions};
    use super::*;
    use crate::pictures::tests::drawn;

    #[test]
    fn mirror_images_get_the_same_prediction_and_symmetric_images_the_unmirrored_one() {
        let subject = crate::subject::tests::subject("model_c");
        let pictures = drawn(40);
        let [width, channels] = [pictures.shape().width, pictures.shape().channels];
        let row = width * channels;
        let mirrored_row = |row: &[f32]| row.chunks(channels).rev().flatten().copied().collect::<Vec<_>>();
        let mirrored =
            pictures.with_changed_inputs(|input| input.chunks(row).flat_map(mirrored_row).collect());
        let errors =
            |pictures: &_| Mirrored.take(&request(&subject, pictures)).unwrap().readings[0].per_image.clone();
        assert_eq!(errors(&pictures), errors(&mirrored));
        assert_ne!(predictions(subject.plain(), &pictures), predictions(subject.plain(), &mirrored));
        let symmetric = pictures.with_changed_inputs(|input| {
            let halves = input.chunks(row).flat_map(|row| {
                let back = mirrored_row(row);
                row.iter().zip(back).map(|(one, other)| one + other).collect::<Vec<_>>()
            });
            halves.collect()
        });
        let labels = symmetric.labels().unwrap();
        let plain = predictions(subject.plain(), &symmetric);
        let plain: Vec<f64> =
            plain.iter().zip(labels).map(|(found, label)| f64::from(u8::from(found != label))).collect();
        assert_eq!(errors(&symmetric), plain);
    }
}
