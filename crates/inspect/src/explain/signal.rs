//! Signals of a single unit propagated back to the image: gradient, deconvnet or guided backpropagation.
//!
//! All values of the target's stage are set to 0 except the target, which is 1; the rules of [`SignalRules`] determine what passes
//! each rectifier and each max pooling. With the gradient's rules this is `∂y/∂x`.
//!
//! Source: Springenberg et al., arXiv 1412.6806, section 4; Simonyan et al., arXiv 1312.6034 (gradient); Zeiler and Fergus,
//! arXiv 1311.2901 (deconvnet).

use allconv_nets::{Mode, Network, ReluRule, SignalRules};
use burn::tensor::{DType, Tensor};

use super::interface::{Explanation, ExplanationRequest, Explanations};
use super::picture::signal_picture;
use super::target::{Place, Target};
use crate::tensors::{host, like, tracking};
use crate::{InspectError, Pictures, Subject};

/// Images per backward pass: enough to keep the kernels busy, few enough for the maps of a large network to fit.
const IMAGES_PER_PASS: usize = 16;

/// The signal of the target by one rule of the rectifiers.
pub(super) struct Signal {
    name: &'static str,
    label: &'static str,
    relu: ReluRule,
}

/// The gradient.
pub(super) const GRADIENT: Signal =
    Signal { name: "gradient", label: "gradient", relu: ReluRule::Backpropagation };

/// The deconvnet.
pub(super) const DECONVNET: Signal =
    Signal { name: "deconvnet", label: "deconvnet", relu: ReluRule::Deconvnet };

/// Guided backpropagation.
pub(super) const GUIDED: Signal =
    Signal { name: "guided", label: "guided backpropagation", relu: ReluRule::Guided };

impl Explanation for Signal {
    fn name(&self) -> &'static str {
        self.name
    }

    fn label(&self) -> &'static str {
        self.label
    }

    fn signal_rule(&self) -> Option<ReluRule> {
        Some(self.relu)
    }

    fn explain(&self, request: &ExplanationRequest<'_>) -> Result<Explanations, InspectError> {
        let rules = SignalRules { relu: self.relu, max_pool: request.max_pool };
        let found = signals(request.subject, request.pictures, request.target, rules)?;
        let picture = |picture| signal_picture(found.of(picture), found.shape, request.region);
        Ok(Explanations { pictures: (0..request.pictures.len()).map(picture).collect(), note: None })
    }
}

/// Signals at the image, one for each picture.
#[derive(Clone, Debug)]
pub struct Signals {
    /// Channels, rows and columns of an image.
    pub shape: [usize; 3],
    /// `[n, channels, rows, columns]`.
    pub values: Vec<f64>,
    /// The unit of each signal.
    pub places: Vec<Place>,
}

impl Signals {
    /// Returns the signal at one picture, `[channels, rows, columns]`.
    pub fn of(&self, picture: usize) -> &[f64] {
        let length: usize = self.shape.iter().product();
        &self.values[picture * length..][..length]
    }
}

/// Propagates the target of each picture back through the network.
///
/// # Errors
/// [`InspectError::Request`] for a target that the network does not have.
pub fn signals(
    subject: &Subject,
    pictures: &Pictures,
    target: Target,
    rules: SignalRules,
) -> Result<Signals, InspectError> {
    target.check(subject)?;
    Ok(signals_through(subject.tracked(), DType::F32, pictures, target, rules))
}

/// Computes [`signals`] through `network`, which is on a device with autodiff and computes in `dtype`.
pub(crate) fn signals_through(
    network: &Network,
    dtype: DType,
    pictures: &Pictures,
    target: Target,
    rules: SignalRules,
) -> Signals {
    let stage = target.stage(network.stages().len());
    collected(pictures, dtype, |images, _| sent_back(network, images, stage, |map| target.places(map), rules))
}

/// Returns the signals of given places of `stage`, one for each picture.
pub(crate) fn signals_of_places(
    network: &Network,
    pictures: &Pictures,
    stage: usize,
    places: &[Place],
    rules: SignalRules,
) -> Signals {
    collected(pictures, DType::F32, |images, start| {
        let [count, ..] = images.dims();
        sent_back(network, images, stage, |_| places[start..start + count].to_vec(), rules)
    })
}

/// Runs `send` on the pictures, some at a time, given their tensor and the number of the first.
fn collected(
    pictures: &Pictures,
    dtype: DType,
    send: impl Fn(Tensor<4>, usize) -> (Vec<f64>, Vec<Place>),
) -> Signals {
    let shape = pictures.shape();
    let mut all = Signals {
        shape: [shape.channels, shape.height, shape.width],
        values: Vec::with_capacity(pictures.len() * shape.len()),
        places: Vec::with_capacity(pictures.len()),
    };
    for start in (0..pictures.len()).step_by(IMAGES_PER_PASS) {
        let end = (start + IMAGES_PER_PASS).min(pictures.len());
        let (values, places) = send(pictures.tensor(start, end, &tracking()).cast(dtype), start);
        all.values.extend(values);
        all.places.extend(places);
    }
    all
}

/// Returns the signals at `images` of the places that `choose` finds in the output of `stage`, and those places.
pub(crate) fn sent_back(
    network: &Network,
    images: Tensor<4>,
    stage: usize,
    choose: impl Fn(&Tensor<4>) -> Vec<Place>,
    rules: SignalRules,
) -> (Vec<f64>, Vec<Place>) {
    let images = images.detach().require_grad();
    let mut trace = network.forward_traced(images.clone(), Mode::Evaluate, rules);
    let map = trace.stages.swap_remove(stage);
    let places = choose(&map);
    let [_, channels, rows, columns] = map.dims();
    let mut sent = vec![0.0; places.len() * channels * rows * columns];
    for (image, place) in places.iter().enumerate() {
        sent[((image * channels + place.channel) * rows + place.row) * columns + place.column] = 1.0;
    }
    let sent = like(sent, &map);
    let gradients = (map * sent).sum().backward();
    let count = images.dims().iter().product();
    // No path from the unit to the image: the signal is 0.
    let values = images.grad(&gradients).map_or_else(|| vec![0.0; count], host);
    (values, places)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::Choice;
    use crate::pictures::tests::drawn;
    use crate::subject::tests::subject;

    #[test]
    fn the_signal_of_a_batch_is_that_of_each_image_alone() {
        let (subject, pictures) = (subject("model_c"), drawn(3));
        let target = Target::Class(Choice::Strongest);
        let rules = SignalRules::GRADIENT;
        let together = signals(&subject, &pictures, target, rules).unwrap();
        let first = signals(&subject, &pictures.only(0), target, rules).unwrap();
        assert_eq!(together.places[0], first.places[0]);
        for (together, alone) in together.of(0).iter().zip(first.of(0)) {
            assert!((together - alone).abs() < 1e-6, "{together} {alone}");
        }
    }

    #[test]
    fn the_signal_of_a_low_stage_is_confined_to_its_receptive_field() {
        let (subject, pictures) = (subject("all_cnn_c"), drawn(2));
        let position = Choice::Given([8, 5]);
        // Stage 1 is the first 3×3 convolution.
        let target = Target::Unit { stage: 1, channel: Choice::Given(2), position };
        let heard = signals(&subject, &pictures, target, SignalRules::GRADIENT).unwrap();
        for (index, value) in heard.of(1).iter().enumerate() {
            let (row, column) = (index / 16 % 16, index % 16);
            let inside = (7..=9).contains(&row) && (4..=6).contains(&column);
            assert_eq!(*value != 0.0, inside, "row {row}, column {column}: {value}");
        }
    }
}
