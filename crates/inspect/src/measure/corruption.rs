//! Robustness: the error under corruptions, absolute and relative to a baseline.
//!
//! The corruption error is the mean, over fourteen corruptions at five severities each, of the fraction of images classified wrongly.
//! The mean corruption error relative to a baseline is `mean over corruptions of Σ_s E(network) / Σ_s E(baseline)`, 1 for the baseline.
//!
//! Source: Hendrycks and Dietterich, arXiv 1903.12261; the corruptions are those of `corruptions.rs`.

use image::RgbImage;

use super::corruptions::{Corruption, SEVERITIES, corrupted};
use super::interface::{Fits, Measure, MeasureDescription, MeasureRequest, Measurement, Reading};
use super::predictions::predictions;
use crate::explain::{ContactSheet, Region, input_picture};
use crate::{InspectError, Pictures};

/// The measure.
pub(super) struct CorruptionError;

impl Measure for CorruptionError {
    fn description(&self) -> MeasureDescription {
        MeasureDescription {
            name: "corruption",
            statement: "How often images are classified wrongly that noise, blur, weather or digital processing has damaged.",
            formula: "mean error over 14 corruptions at 5 severities",
            source: "Hendrycks and Dietterich, arXiv 1903.12261; generated here",
            metrics: &["corruption_error"],
            images: 200,
            fits: Fits::Classes,
            revision: 2,
        }
    }

    fn take(&self, request: &MeasureRequest<'_>) -> Result<Measurement, InspectError> {
        let labels = request.pictures.known_labels()?;
        let errors = |pictures: &Pictures| -> Vec<f64> {
            let predicted = predictions(request.subject.plain(), pictures);
            predicted.iter().zip(labels).map(|(p, l)| f64::from(u8::from(p != l))).collect()
        };
        let mut readings = vec![Reading::fraction("clean_error", "clean", errors(request.pictures))];
        let mut whole = vec![0.0; request.pictures.len()];
        for corruption in Corruption::ALL {
            let mut sums = vec![0.0; request.pictures.len()];
            for severity in 1..=SEVERITIES {
                let found = errors(&damaged(request.pictures, corruption, severity));
                sums.iter_mut().zip(&found).for_each(|(sum, error)| *sum += error / SEVERITIES as f64);
            }
            whole
                .iter_mut()
                .zip(&sums)
                .for_each(|(whole, error)| *whole += error / Corruption::ALL.len() as f64);
            readings.push(Reading::fraction("corruption_error", corruption.name(), sums));
        }
        readings.push(Reading::fraction("corruption_error", "", whole));
        Ok(Measurement { readings, pictures: vec![("corruptions".to_owned(), sheet(request.pictures))] })
    }
}

fn damaged(pictures: &Pictures, corruption: Corruption, severity: usize) -> Pictures {
    let shape = pictures.shape();
    pictures.with_changed_pixels(|image, pixels| corrupted(corruption, severity, pixels, shape, image as u64))
}

/// Returns the first image under every corruption, one a row, severities across.
fn sheet(pictures: &Pictures) -> RgbImage {
    let shape = pictures.shape();
    let region = Region { top: 0, left: 0, size: shape.height.min(shape.width) };
    let mut sheet = ContactSheet::new(64);
    let first = pictures.only(0);
    for corruption in Corruption::ALL {
        let row = (1..=SEVERITIES)
            .map(|severity| input_picture(damaged(&first, corruption, severity).pixels(0), shape, region))
            .collect();
        sheet.push(row);
    }
    sheet.render()
}

/// Returns the mean corruption error of `readings` relative to those of a baseline; `None` where a corruption is missing or the baseline
/// has no error.
pub fn mean_corruption_error(readings: &[Reading], baseline: &[Reading]) -> Option<f64> {
    let error = |readings: &[Reading], name: &str| {
        let wanted = |reading: &&Reading| reading.metric == "corruption_error" && reading.at == name;
        readings.iter().find(wanted).map(|reading| reading.value)
    };
    let mut sum = 0.0;
    for corruption in Corruption::ALL {
        let base = error(baseline, corruption.name()).filter(|base| *base > 0.0)?;
        sum += error(readings, corruption.name())? / base;
    }
    Some(sum / Corruption::ALL.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::tests::{net_of, pointwise, request, value};
    use crate::pictures::tests::drawn;
    use allconv_nets::StageSpec;

    #[test]
    fn a_constant_prediction_has_the_same_error_under_all_corruptions_and_1_against_itself() {
        let subject = net_of(&[pointwise(10), StageSpec::GlobalAverage], 16);
        let mut network = subject.tracked().clone();
        network.replace(|path, values| {
            values.fill(0.0);
            if path.ends_with("bias") {
                values[3] = 1.0;
            }
        });
        let (subject, pictures) = (subject.with_network(network), drawn(20));
        let taken = CorruptionError.take(&request(&subject, &pictures)).unwrap();
        let threes = pictures.labels().unwrap().iter().filter(|label| **label == 3).count();
        let expected = 1.0 - threes as f64 / 20.0;
        assert!((value(&taken, "corruption_error", "") - expected).abs() < 1e-12);
        assert!((value(&taken, "corruption_error", "fog") - expected).abs() < 1e-12);
        assert!((mean_corruption_error(&taken.readings, &taken.readings).unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(mean_corruption_error(&taken.readings, &[]), None);
    }
}
