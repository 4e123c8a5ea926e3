//! Integrated gradients: the contribution of each input value to a class's logit along the straight line from a baseline.
//!
//! `IG_i = (x_i − b_i) · (1/m) Σ_{k=1..m} ∂y(b + (k − ½)/m · (x − b))/∂x_i`, b = 0 (after standardisation: the mean image).
//! Completeness: `Σ_i IG_i = y(x) − y(b)` as m → ∞; the difference is reported.
//!
//! Source: Sundararajan, Taly and Yan, arXiv 1703.01365.

use allconv_nets::{Mode, SignalRules};
use burn::tensor::Tensor;

use super::interface::{Explanation, ExplanationRequest, Explanations};
use super::picture::signal_picture;
use super::signal::sent_back;
use super::target::{Choice, Place, Target};
use crate::tensors::{host, tracking};
use crate::{InspectError, Pictures, Subject};

/// Steps that go through the network together.
const STEPS_PER_PASS: usize = 16;

/// The entry of the registry.
pub(super) struct IntegratedGradients;

impl Explanation for IntegratedGradients {
    fn name(&self) -> &'static str {
        "integrated"
    }

    fn label(&self) -> &'static str {
        "integrated gradients"
    }

    fn explain(&self, request: &ExplanationRequest<'_>) -> Result<Explanations, InspectError> {
        let found = integrated_gradients(request.subject, request.pictures, request.class(), request.steps)?;
        let largest =
            |of: fn(&Attribution) -> f64| found.iter().map(|one| of(one).abs()).fold(0.0_f64, f64::max);
        let note = format!(
            "Integrated gradients in {} steps: completeness is missed by {:.2e} at most, where the logit differs from the baseline's by up \
             to {:.2e}.",
            request.steps,
            largest(Attribution::missing),
            largest(|one| one.place.value - one.baseline)
        );
        let shape = request.subject.walk().input;
        let picture = |one: &Attribution| signal_picture(&one.values, shape, request.region);
        Ok(Explanations { pictures: found.iter().map(picture).collect(), note: Some(note) })
    }
}

/// The attribution of one picture.
#[derive(Clone, Debug)]
pub struct Attribution {
    /// `[channels, rows, columns]`.
    pub values: Vec<f64>,
    /// The class, and its logit for the picture.
    pub place: Place,
    /// The class's logit for the baseline.
    pub baseline: f64,
}

impl Attribution {
    /// `Σ IG − (y(x) − y(b))`: 0 for infinitely many steps.
    pub fn missing(&self) -> f64 {
        self.values.iter().sum::<f64>() - (self.place.value - self.baseline)
    }
}

/// Returns the attribution of each picture, in `steps` steps.
///
/// # Errors
/// [`InspectError::Request`] for a class that does not exist, or no step.
pub fn integrated_gradients(
    subject: &Subject,
    pictures: &Pictures,
    class: Choice<usize>,
    steps: usize,
) -> Result<Vec<Attribution>, InspectError> {
    Target::Class(class).check(subject)?;
    if steps == 0 {
        return Err(InspectError::Request("integrated gradients need at least 1 step".to_owned()));
    }
    Ok((0..pictures.len()).map(|picture| attribution(subject, pictures, class, steps, picture)).collect())
}

fn attribution(
    subject: &Subject,
    pictures: &Pictures,
    class: Choice<usize>,
    steps: usize,
    picture: usize,
) -> Attribution {
    let network = subject.tracked();
    let image = pictures.tensor(picture, picture + 1, &tracking());
    let logits = |images: Tensor<4>| {
        let logits = network.forward(images, Mode::Evaluate);
        let [count, classes] = logits.dims();
        logits.reshape([count, classes, 1, 1])
    };
    let place = Target::Class(class).places(&logits(image.clone()))[0];
    let target = Target::Class(Choice::Given(place.channel));
    let baseline = target.places(&logits(image.zeros_like()))[0].value;
    let mut sum = vec![0.0; image.dims().iter().product()];
    for start in (0..steps).step_by(STEPS_PER_PASS) {
        let end = (start + STEPS_PER_PASS).min(steps);
        let on_the_way: Vec<Tensor<4>> =
            (start..end).map(|step| image.clone() * ((step as f64 + 0.5) / steps as f64)).collect();
        let stage = target.stage(network.stages().len());
        let images = Tensor::cat(on_the_way, 0);
        let (values, _) = sent_back(network, images, stage, |map| target.places(map), SignalRules::GRADIENT);
        for gradient in values.chunks_exact(sum.len()) {
            sum.iter_mut().zip(gradient).for_each(|(sum, gradient)| *sum += gradient);
        }
    }
    let values = host(image).iter().zip(&sum).map(|(x, sum)| x * sum / steps as f64).collect();
    Attribution { values, place, baseline }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pictures::tests::drawn;
    use crate::subject::tests::subject;
    use allconv_random::elementary::sin;

    #[test]
    fn the_error_of_completeness_shrinks_with_the_steps() {
        let (subject, pictures) = (subject("all_cnn_c"), drawn(2));
        // Without biases the logit is linear along every ray from 0, and one step is exact.
        let mut network = subject.tracked().clone();
        network.replace(|path, values| {
            if path.ends_with("bias") {
                values
                    .iter_mut()
                    .enumerate()
                    .for_each(|(index, value)| *value = 0.3 * sin(index as f64 + 0.5) as f32);
            }
        });
        let subject = subject.with_network(network);
        let missing = |steps| {
            let attributions = integrated_gradients(&subject, &pictures, Choice::Given(3), steps).unwrap();
            attributions.iter().map(|one| one.missing().abs()).sum::<f64>()
        };
        let (few, many) = (missing(2), missing(128));
        // The line crosses kinks of the rectifiers, between which the logit is linear: the midpoint rule errs by O(1/m) at most.
        assert!(many < 1e-3 && many < 0.2 * few, "{few} {many}");
        assert!(integrated_gradients(&subject, &pictures, Choice::Strongest, 0).is_err());
    }
}
