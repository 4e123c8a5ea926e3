//! Grad-CAM: the positions of the last feature map that contribute to a class.
//!
//! `α_k = mean over positions of ∂y_c/∂A_k`, map `= max(0, Σ_k α_k A_k)`, `A` the output of a stage, `y_c` the class's logit.
//!
//! Source: Selvaraju et al., arXiv 1610.02391.

use allconv_nets::{Mode, SignalRules};
use burn::tensor::Tensor;

use super::interface::{Explanation, ExplanationRequest, Explanations};
use super::picture::map_picture;
use super::target::{Choice, Place, Target};
use crate::tensors::{host, like, tracking};
use crate::{InspectError, Pictures, Subject};

/// The entry of the registry.
pub(super) struct GradCam;

impl Explanation for GradCam {
    fn name(&self) -> &'static str {
        "grad-cam"
    }

    fn label(&self) -> &'static str {
        "Grad-CAM"
    }

    fn explain(&self, request: &ExplanationRequest<'_>) -> Result<Explanations, InspectError> {
        let stage = match request.target {
            Target::Unit { stage, .. } => stage,
            Target::Class(_) => request.subject.last_feature_stage()?,
        };
        let maps = class_maps(request.subject, request.pictures, request.class(), stage)?;
        Ok(Explanations {
            pictures: maps.iter().map(|map| map_picture(&map.values, map.shape)).collect(),
            note: Some(format!("Grad-CAM reads {}.", request.subject.stage_label(stage))),
        })
    }
}

/// The map of one picture.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassMap {
    /// Rows and columns.
    pub shape: [usize; 2],
    /// At least 0, row by row.
    pub values: Vec<f64>,
    /// The class's logit.
    pub place: Place,
}

/// Returns the class map of each picture, from the output of `stage`.
///
/// # Errors
/// [`InspectError::Request`] when there is no such class or stage.
pub fn class_maps(
    subject: &Subject,
    pictures: &Pictures,
    class: Choice<usize>,
    stage: usize,
) -> Result<Vec<ClassMap>, InspectError> {
    let target = Target::Class(class);
    target.check(subject)?;
    Target::Unit { stage, channel: Choice::Strongest, position: Choice::Strongest }.check(subject)?;
    Ok((0..pictures.len()).map(|picture| class_map(subject, pictures, target, stage, picture)).collect())
}

fn class_map(
    subject: &Subject,
    pictures: &Pictures,
    target: Target,
    stage: usize,
    picture: usize,
) -> ClassMap {
    let images = pictures.tensor(picture, picture + 1, &tracking());
    // The gradient of something added is the gradient of the sum.
    let mut added: Option<(Tensor<4>, Tensor<4>)> = None;
    let logits =
        subject.tracked().forward_through(images, Mode::Evaluate, SignalRules::GRADIENT, |index, y| {
            if index != stage {
                return y;
            }
            let zeros = y.zeros_like().detach().require_grad();
            added = Some((y.clone(), zeros.clone()));
            y + zeros
        });
    let [_, classes] = logits.dims();
    let logits: Tensor<4> = logits.reshape([1, classes, 1, 1]);
    let place = target.places(&logits)[0];
    let mut sent = vec![0.0; classes];
    sent[place.channel] = 1.0;
    let gradients = (logits.clone() * like(sent, &logits)).sum().backward();
    let Some((map, zeros)) = added else { panic!("stage {stage} was checked to exist") };
    let [_, channels, rows, columns] = map.dims();
    let positions = rows * columns;
    let gradient = zeros.grad(&gradients).map_or_else(|| vec![0.0; channels * positions], host);
    let features = host(map);
    let mut values = vec![0.0; positions];
    for channel in 0..channels {
        let weight = gradient[channel * positions..][..positions].iter().sum::<f64>() / positions as f64;
        for (value, feature) in values.iter_mut().zip(&features[channel * positions..]) {
            *value += weight * feature;
        }
    }
    values.iter_mut().for_each(|value| *value = value.max(0.0));
    ClassMap { shape: [rows, columns], values, place }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pictures::tests::drawn;
    use crate::subject::tests::subject;

    /// After the last features follow a 1×1 convolution `W` and the global average: `∂y_c/∂A_k` is `W[c, k] / positions` everywhere.
    #[test]
    fn before_a_linear_head_the_map_is_the_class_s_own_mixture() {
        let (subject, pictures) = (subject("all_cnn_c"), drawn(2));
        let stage = subject.last_feature_stage().unwrap();
        let map = class_maps(&subject, &pictures, Choice::Given(4), stage).unwrap().remove(1);
        let parameters = subject.tracked().parameters();
        let weight = parameters.iter().rfind(|parameter| parameter.path.ends_with("weight")).unwrap();
        let channels = weight.shape[1];
        let rows = &weight.values[4 * channels..][..channels];
        let trace = subject.plain().forward_traced(
            pictures.tensor(1, 2, &burn::tensor::Device::flex()),
            Mode::Evaluate,
            SignalRules::GRADIENT,
        );
        let features = host(trace.stages[stage].clone());
        let positions = map.values.len();
        for (position, value) in map.values.iter().enumerate() {
            let mixed: f64 = rows
                .iter()
                .enumerate()
                .map(|(k, w)| f64::from(*w) * features[k * positions + position])
                .sum();
            let expected = (mixed / positions as f64).max(0.0);
            assert!((value - expected).abs() < 1e-6, "{value} {expected}");
        }
        assert!(class_maps(&subject, &pictures, Choice::Given(10), stage).is_err());
    }
}
