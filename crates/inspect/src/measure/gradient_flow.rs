//! Signal and gradient gain of the reducing stages: at initialisation, at each checkpoint, and now.
//!
//! On the given images, with the cross-entropy of the true classes as loss L: for each reducing stage with input `x` and output `y` the
//! **signal gain** `rms(y) / rms(x)` and the **gradient gain** `‖∂L/∂x‖ / ‖∂L/∂y‖`; for the whole network the geometric means over the
//! reducing stages at initialisation (1 without any) and the norm of the gradient of all parameters, at initialisation and now.
//!
//! Source: the signal propagation of Glorot and Bengio (AISTATS 2010); the claim (c) of Springenberg et al., section 2.

use std::path::PathBuf;

use allconv_nets::{Mode, Network, SignalRules};
use allconv_random::elementary::{exp, ln};
use allconv_train::{CheckpointStore, cross_entropy};
use burn::tensor::{Tensor, TensorData};

use super::aliasing::reducing_stages;
use super::interface::{Fits, Measure, MeasureDescription, MeasureRequest, Measurement, Reading};
use crate::InspectError;
use crate::tensors::{host, tracking};

/// The measure.
pub(super) struct GradientFlow;

/// The results of one forward and backward pass.
struct Flow {
    /// For each reducing stage its signal gain and gradient gain.
    gains: Vec<[f64; 2]>,
    /// Norm of the gradient of all parameters.
    gradient_norm: f64,
    /// The loss.
    loss: f64,
}

impl Measure for GradientFlow {
    fn description(&self) -> MeasureDescription {
        MeasureDescription {
            name: "gradient_flow",
            statement: "The gain of signal and gradient at each reducing stage, and the norm of the loss's gradient.",
            formula: "rms(y)/rms(x), ‖∂L/∂x‖/‖∂L/∂y‖, ‖∂L/∂w‖, at initialisation and now",
            source: "Glorot and Bengio, AISTATS 2010; Springenberg et al., arXiv 1412.6806, section 2",
            metrics: &[
                "initial_signal_gain",
                "initial_gradient_gain",
                "initial_gradient_norm",
                "gradient_norm",
            ],
            images: 64,
            fits: Fits::Classes,
            revision: 2,
        }
    }

    fn take(&self, request: &MeasureRequest<'_>) -> Result<Measurement, InspectError> {
        let labels = request.pictures.known_labels()?;
        let stages = reducing_stages(request.subject);
        let mut readings = Vec::new();
        let mut read = |when: &str, flow: &Flow| {
            for ((stage, _), [signal, gradient]) in stages.iter().zip(&flow.gains) {
                let at = format!("{when}, {}", request.subject.stage_label(*stage));
                readings.push(Reading::plain("signal_gain", at.clone(), *signal));
                readings.push(Reading::plain("gradient_gain", at, *gradient));
            }
            readings.push(Reading::plain("gradient_norm", when, flow.gradient_norm));
            readings.push(Reading::plain("loss", when, flow.loss));
        };
        let initial = flow(request, &request.subject.untrained(request.subject.seed()), labels, &stages);
        read("initialisation", &initial);
        for (name, file) in checkpoints(request)? {
            let then = request.subject.with_weights(&file)?;
            read(&name, &flow(request, then.tracked(), labels, &stages));
        }
        let now = flow(request, request.subject.tracked(), labels, &stages);
        read("now", &now);
        let mean = |index: usize| {
            let logarithms: f64 = initial.gains.iter().map(|gains| ln(gains[index].max(1e-30))).sum();
            exp(logarithms / initial.gains.len().max(1) as f64)
        };
        readings.push(Reading::plain("initial_signal_gain", "", mean(0)));
        readings.push(Reading::plain("initial_gradient_gain", "", mean(1)));
        readings.push(Reading::plain("initial_gradient_norm", "", initial.gradient_norm));
        readings.push(Reading::plain("gradient_norm", "", now.gradient_norm));
        Ok(Measurement { readings, pictures: Vec::new() })
    }
}

/// Returns the steps and weights of the checkpoints in the run's folder, oldest first.
///
/// # Errors
/// [`InspectError::Record`] when one of them is damaged.
fn checkpoints(request: &MeasureRequest<'_>) -> Result<Vec<(String, PathBuf)>, InspectError> {
    let Some(run) = request.run else { return Ok(Vec::new()) };
    let store = CheckpointStore::at(run.checkpoints());
    let mut found = Vec::new();
    for step in store.steps()? {
        store.read(step)?;
        found.push((format!("step-{step:08}"), store.weights_of(step)));
    }
    Ok(found)
}

/// Runs one forward and backward pass through `network`, which is on a device with autodiff.
fn flow(request: &MeasureRequest<'_>, network: &Network, labels: &[u32], stages: &[(usize, usize)]) -> Flow {
    let device = tracking();
    let images = request.pictures.tensor(0, request.pictures.len(), &device).require_grad();
    // The gradient of something added is the gradient of the sum.
    let mut maps: Vec<(Tensor<4>, Tensor<4>)> = vec![(images.clone(), images.clone())];
    let logits = network.forward_through(images, Mode::Evaluate, SignalRules::GRADIENT, |_, y| {
        let zeros = y.zeros_like().detach().require_grad();
        maps.push((y.clone(), zeros.clone()));
        y + zeros
    });
    let [count, classes] = logits.dims();
    let values: Vec<f32> = host(logits.clone()).into_iter().map(|value| value as f32).collect();
    let compared = cross_entropy(&values, labels, classes, 0.0);
    let gradient = Tensor::from_data(TensorData::new(compared.gradient, [count, classes]), &device);
    let mut gradients = (logits * gradient).sum().backward();
    let norm = |values: Vec<f64>| values.iter().map(|value| value * value).sum::<f64>().sqrt();
    // Entry n + 1 is what stage n returned.
    let gain = |(stage, _): &(usize, usize)| {
        let ((x, x_zeros), (y, y_zeros)) = (&maps[*stage], &maps[*stage + 1]);
        let rms = |map: &Tensor<4>| {
            let values = host(map.clone());
            let count = values.len() as f64;
            norm(values) / count.sqrt()
        };
        let gradient =
            |zeros: &Tensor<4>| zeros.grad(&gradients).map_or(0.0, |gradient| norm(host(gradient)));
        let quotient = |over: f64, under: f64| if under > 0.0 { over / under } else { 0.0 };
        [quotient(rms(y), rms(x)), quotient(gradient(x_zeros), gradient(y_zeros))]
    };
    let gains = stages.iter().map(gain).collect();
    let parameters = network.gradients(&mut gradients);
    let gradient_norm = norm(
        parameters.iter().flat_map(|parameter| parameter.values.iter().map(|v| f64::from(*v))).collect(),
    );
    Flow { gains, gradient_norm, loss: compared.value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::tests::{operator_net, request, value};
    use crate::pictures::tests::drawn;

    /// The gradient of a mean of four values is a quarter in each: half the norm. That of a chosen value keeps its norm.
    #[test]
    fn the_gradient_gain_of_linear_pooling_is_known() {
        for (operator, gain) in [("average_pool", 0.5), ("decimation", 1.0), ("adaptive_polyphase", 1.0)] {
            let (subject, pictures) = (operator_net(operator, 16), drawn(8));
            let taken = GradientFlow.take(&request(&subject, &pictures)).unwrap();
            let found = value(&taken, "initial_gradient_gain", "");
            assert!((found - gain).abs() < 1e-5, "{operator}: {found}");
            assert_eq!(value(&taken, "initial_gradient_norm", ""), value(&taken, "gradient_norm", ""));
            assert!(value(&taken, "gradient_norm", "") > 0.0);
        }
    }
}
