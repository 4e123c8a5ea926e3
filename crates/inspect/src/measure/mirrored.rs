//! The error when an image and its mirror image decide together.

use burn::tensor::Device;

use super::interface::{Asked, Fits, Measure, MeasureCard, Measurement, Reading};
use super::predictions::judged_together;
use crate::InspectError;

/// Images that go through together, each twice.
const TOGETHER: usize = 128;

/// Share of wrong answers of the mean of the logits of an image and its mirror image.
pub(super) struct Mirrored;

const ERROR: &str = "mirrored_error";

impl Measure for Mirrored {
    fn card(&self) -> MeasureCard {
        MeasureCard {
            name: "mirrored",
            statement: "The error when an image and its mirror image decide together.",
            formula: "share of images whose class is not that of the largest of (z(x) + z(x mirrored left and right))/2, z the logits",
            source: "test-time flips: Krizhevsky et al., NIPS 2012, section 4.1; as in Jordan, arXiv 2404.00498",
            metrics: &[ERROR],
            images: 10_000,
            fits: Fits::Classes,
            revision: 1,
        }
    }

    fn take(&self, asked: &Asked<'_>) -> Result<Measurement, InspectError> {
        let labels = asked.pictures.known_labels()?;
        let mut wrong = Vec::with_capacity(asked.pictures.len());
        for start in (0..asked.pictures.len()).step_by(TOGETHER) {
            let end = (start + TOGETHER).min(asked.pictures.len());
            let images = asked.pictures.tensor(start, end, &Device::flex());
            let mirrored = images.clone().flip([3]);
            let labels = &labels[start..end];
            let verdicts = judged_together(asked.subject.plain(), [images, mirrored], labels);
            wrong.extend(
                verdicts
                    .iter()
                    .zip(labels)
                    .map(|(verdict, label)| f64::from(u8::from(verdict.predicted != *label))),
            );
        }
        Ok(Measurement { readings: vec![Reading::share(ERROR, "", wrong)], pictures: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::asked;
    use super::super::{Measure, predictions::predictions};
    use super::*;
    use crate::pictures::tests::drawn;

    #[test]
    fn an_image_and_its_mirror_image_get_one_answer_and_symmetric_images_their_own() {
        let subject = crate::subject::tests::subject("model_c");
        let pictures = drawn(40);
        let [width, channels] = [pictures.shape().width, pictures.shape().channels];
        let row = width * channels;
        let mirrored_row = |row: &[f32]| row.chunks(channels).rev().flatten().copied().collect::<Vec<_>>();
        let mirrored =
            pictures.with_changed_inputs(|input| input.chunks(row).flat_map(mirrored_row).collect());
        let errors =
            |pictures: &_| Mirrored.take(&asked(&subject, pictures)).unwrap().readings[0].per_image.clone();
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
