//! Errors by class: their mean, which does not depend on how many images each class has, and the largest.

use super::interface::{Fits, Measure, MeasureDescription, MeasureRequest, Measurement, Reading};
use super::predictions::predictions;
use crate::InspectError;

/// Mean and largest of the error rates of the classes.
pub(super) struct ClassErrors;

const BALANCED: &str = "balanced_error";
const WORST: &str = "worst_class_error";

impl Measure for ClassErrors {
    fn description(&self) -> MeasureDescription {
        MeasureDescription {
            name: "class_errors",
            statement: "The mean and the largest of the error rates of the classes, for classes with different numbers of images.",
            formula: "e_c = fraction of the images of class c that are classified wrongly; balanced_error = mean of e_c over the classes with images (1 − balanced accuracy), worst_class_error = the largest e_c",
            source: "Brodersen, Ong, Stephan and Buhmann, ICPR 2010 (balanced accuracy)",
            metrics: &[BALANCED, WORST],
            images: 10_000,
            fits: Fits::Classes,
            revision: 1,
        }
    }

    fn take(&self, request: &MeasureRequest<'_>) -> Result<Measurement, InspectError> {
        let labels = request.pictures.known_labels()?;
        let errors = class_errors(labels, &predictions(request.subject.plain(), request.pictures));
        let mut readings: Vec<Reading> = Vec::with_capacity(errors.len() + 2);
        let (mut sum, mut worst) = (0.0, 0.0_f64);
        for (class, wrong) in &errors {
            let of_class = Reading::fraction("class_error", format!("class {class}"), wrong.clone());
            sum += of_class.value;
            worst = worst.max(of_class.value);
            readings.push(of_class);
        }
        readings.push(Reading::plain(BALANCED, "", sum / errors.len() as f64));
        readings.push(Reading::plain(WORST, "", worst));
        Ok(Measurement { readings, pictures: Vec::new() })
    }
}

/// Returns for each class with images, in ascending order, 1 for every image that is classified wrongly and 0 for the others.
fn class_errors(labels: &[u32], predicted: &[u32]) -> Vec<(u32, Vec<f64>)> {
    let mut classes = std::collections::BTreeMap::<u32, Vec<f64>>::new();
    for (label, predicted) in labels.iter().zip(predicted) {
        classes.entry(*label).or_default().push(f64::from(u8::from(label != predicted)));
    }
    classes.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::request;
    use super::*;
    use crate::pictures::tests::drawn;

    #[test]
    fn errors_are_counted_for_each_class_that_has_images() {
        let errors = class_errors(&[0, 0, 3, 0, 0, 3], &[0, 1, 3, 0, 0, 0]);
        assert_eq!(errors, [(0, vec![0.0, 1.0, 0.0, 0.0]), (3, vec![0.0, 1.0])]);
    }

    #[test]
    fn the_balanced_error_is_the_mean_of_the_errors_of_the_classes() {
        let (subject, pictures) = (crate::subject::tests::subject("model_c"), drawn(40));
        let readings = ClassErrors.take(&request(&subject, &pictures)).unwrap().readings;
        let [of_classes @ .., balanced, worst] = &readings[..] else { panic!("{readings:?}") };
        let errors: Vec<f64> = of_classes.iter().map(|reading| reading.value).collect();
        assert!(errors.len() > 1, "{errors:?}");
        assert_eq!(balanced.value, errors.iter().sum::<f64>() / errors.len() as f64);
        assert_eq!(worst.value, errors.iter().copied().fold(0.0, f64::max));
        assert_eq!(of_classes.iter().map(|reading| reading.per_image.len()).sum::<usize>(), 40);
    }
}
