//! Losses over maps, computed on the host with their gradients, in double precision and in a fixed order.
//!
//! Neither value nor gradient depends on a device's order of summation or on the number of threads. The gradient is given to the network as
//! a constant: `(output · gradient).sum()` has exactly this gradient.

use allconv_random::elementary::{exp, ln};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A loss over the values of a feature map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DenseLoss {
    /// Mean of |e|: the usual loss of super-resolution (Lim et al., EDSR, 2017).
    L1,
    /// Mean of √(e² + ε²) with ε = 10⁻³ of the pixels' range (Charbonnier et al. 1994; Lai et al., LapSRN, 2017).
    Charbonnier,
    /// Mean of e².
    Mse,
    /// Mean cross-entropy of the pixels' classes, in nats.
    CrossEntropy,
    /// Cross-entropy plus one minus the mean soft Dice of the classes.
    ///
    /// Dice_c = (2 Σ pₖ tₖ + 1) / (Σ pₖ + Σ tₖ + 1) over all pixels of the batch, p the softmax and t the truth of class c. Source:
    /// Milletari et al., V-Net, 2016, in the form of nnU-Net (Isensee et al. 2021).
    CrossEntropyDice,
}

/// ε of the Charbonnier loss.
const CHARBONNIER_EPSILON: f64 = 1e-3;
/// Added to numerator and denominator of the Dice, so that an absent class divides by no zero.
const DICE_SMOOTHING: f64 = 1.0;

/// A loss and its gradient by the values of the map.
#[derive(Clone, Debug, PartialEq)]
pub struct LossValue {
    /// Mean over the batch; not finite when a value of the map is not.
    pub value: f64,
    /// d value / d map, in the map's layout.
    pub gradient: Vec<f32>,
}

impl DenseLoss {
    /// Returns its name in a study file.
    pub fn name(self) -> &'static str {
        match self {
            DenseLoss::L1 => "l1",
            DenseLoss::Charbonnier => "charbonnier",
            DenseLoss::Mse => "mse",
            DenseLoss::CrossEntropy => "cross_entropy",
            DenseLoss::CrossEntropyDice => "cross_entropy_dice",
        }
    }

    /// Returns whether maps are compared with classes rather than with pictures.
    pub fn is_of_classes(self) -> bool {
        matches!(self, DenseLoss::CrossEntropy | DenseLoss::CrossEntropyDice)
    }
}

/// Compares a map with its target picture, value by value.
///
/// # Panics
/// If the lengths differ, or the loss is one of classes.
pub fn picture_loss(loss: DenseLoss, map: &[f32], target: &[f32]) -> LossValue {
    assert_eq!(map.len(), target.len(), "values of map and target");
    let weight = 1.0 / map.len() as f64;
    let mut sum = 0.0;
    let gradient = map
        .iter()
        .zip(target)
        .map(|(found, wanted)| {
            let error = f64::from(*found) - f64::from(*wanted);
            let (value, derivative) = match loss {
                // The derivative at zero is 0, as PyTorch has it; `signum` of zero is 1.
                DenseLoss::L1 => (error.abs(), if error == 0.0 { 0.0 } else { error.signum() }),
                DenseLoss::Charbonnier => {
                    let root = (error * error + CHARBONNIER_EPSILON * CHARBONNIER_EPSILON).sqrt();
                    (root, error / root)
                }
                DenseLoss::Mse => (error * error, 2.0 * error),
                DenseLoss::CrossEntropy | DenseLoss::CrossEntropyDice => {
                    panic!("{loss:?} compares classes, not pictures")
                }
            };
            sum += value;
            (derivative * weight) as f32
        })
        .collect();
    LossValue { value: sum * weight, gradient }
}

/// Compares logits `[pixels, classes]` with the true classes `[pixels]`. Pixels whose number is no class
/// ([`IGNORED`](allconv_data::IGNORED)) are left out: means are over the others, and their gradient is 0. Without any other pixel the value is that of no error.
///
/// # Panics
/// If the lengths do not belong together, or the loss is one of pictures.
pub fn class_loss(loss: DenseLoss, map: &[f32], target: &[u8], classes: usize) -> LossValue {
    assert!(loss.is_of_classes(), "{loss:?} compares pictures, not classes");
    assert_eq!(map.len(), target.len() * classes, "values of {} pixels in {classes} classes", target.len());
    let counted: Vec<(usize, usize)> = target
        .iter()
        .map(|label| usize::from(*label))
        .enumerate()
        .filter(|(_, label)| *label < classes)
        .collect();
    let weight = 1.0 / counted.len().max(1) as f64;
    let place = |pixel: usize, class: usize| pixel * classes + class;
    let mut softmax = vec![0.0f64; map.len()];
    let mut entropy = 0.0;
    for &(pixel, label) in &counted {
        let logit = |class: usize| f64::from(map[place(pixel, class)]);
        let largest = (0..classes).map(logit).fold(f64::NEG_INFINITY, f64::max);
        let mut sum = 0.0;
        for class in 0..classes {
            let power = exp(logit(class) - largest);
            softmax[place(pixel, class)] = power;
            sum += power;
        }
        entropy += ln(sum) + largest - logit(label);
        for class in 0..classes {
            softmax[place(pixel, class)] /= sum;
        }
    }
    let mut value = entropy * weight;
    let (mut both, mut sums) = (vec![0.0; classes], vec![DICE_SMOOTHING; classes]);
    if loss == DenseLoss::CrossEntropyDice {
        for &(pixel, label) in &counted {
            for (class, sum) in sums.iter_mut().enumerate() {
                *sum += softmax[place(pixel, class)];
            }
            both[label] += softmax[place(pixel, label)];
            sums[label] += 1.0;
        }
        let dice: f64 = both.iter().zip(&sums).map(|(both, sum)| (2.0 * both + DICE_SMOOTHING) / sum).sum();
        value += 1.0 - dice / classes as f64;
    }
    let mut gradient = vec![0.0f32; map.len()];
    let mut dice_gradients = vec![0.0; classes];
    for &(pixel, label) in &counted {
        let truth = |class: usize| f64::from(u8::from(class == label));
        let mut mean_dice_gradient = 0.0;
        if loss == DenseLoss::CrossEntropyDice {
            for (class, dice_gradient) in dice_gradients.iter_mut().enumerate() {
                // d(1 − mean Dice)/dp of this pixel and class.
                let dice = (2.0 * both[class] + DICE_SMOOTHING) / sums[class];
                *dice_gradient = (dice - 2.0 * truth(class)) / sums[class] / classes as f64;
                mean_dice_gradient += *dice_gradient * softmax[place(pixel, class)];
            }
        }
        for (class, dice_gradient) in dice_gradients.iter().enumerate() {
            let p = softmax[place(pixel, class)];
            gradient[place(pixel, class)] =
                ((p - truth(class)) * weight + p * (dice_gradient - mean_dice_gradient)) as f32;
        }
    }
    LossValue { value, gradient }
}

#[cfg(test)]
mod tests {
    use super::*;
    use allconv_data::IGNORED;
    use allconv_random::elementary::sin;
    use serde_json::Value;

    /// Values and gradients are f64 here and there; the map enters and the gradient leaves as f32.
    const BOUND: f64 = 3e-7;

    fn wave(count: usize, step: f64, scale: f64) -> Vec<f32> {
        (0..count).map(|index| (scale * sin(step * index as f64 + 0.3)) as f32).collect()
    }

    /// Returns the place in PyTorch's `[2, 3, 4, 5]` of an element of `[2, 4, 5, 3]`.
    fn channels_first(place: usize) -> usize {
        let (image, pixel, channel) = (place / 60, place / 3 % 20, place % 3);
        image * 60 + channel * 20 + pixel
    }

    fn agrees(name: &str, found: &LossValue, place: fn(usize) -> usize) {
        let text = include_str!("../tests/fixtures/dense.json");
        let golden = &serde_json::from_str::<Value>(text).unwrap()["losses"][name];
        let value = golden["value"].as_f64().unwrap();
        assert!((found.value - value).abs() <= BOUND, "{name}: {} against {value}", found.value);
        let gradient = golden["gradient"].as_array().unwrap();
        assert_eq!(gradient.len(), found.gradient.len());
        for (index, found) in found.gradient.iter().enumerate() {
            let expected = gradient[place(index)].as_f64().unwrap();
            assert!((f64::from(*found) - expected).abs() <= BOUND, "{name}: {found} against {expected}");
        }
    }

    #[test]
    fn values_and_gradients_are_those_of_pytorch() {
        let (map, target) = (wave(120, 1.7, 0.4), wave(120, 0.9, 0.4));
        for (name, loss) in
            [("l1", DenseLoss::L1), ("mse", DenseLoss::Mse), ("charbonnier", DenseLoss::Charbonnier)]
        {
            agrees(name, &picture_loss(loss, &map, &target), |place| place);
        }
        let logits = wave(120, 1.1, 3.0);
        let logits: Vec<f32> = (0..120).map(|place| logits[channels_first(place)]).collect();
        let labels: Vec<u8> = (0..40).map(|index| ((index * 7) % 5 % 3) as u8).collect();
        for (name, loss) in
            [("cross_entropy", DenseLoss::CrossEntropy), ("cross_entropy_dice", DenseLoss::CrossEntropyDice)]
        {
            agrees(name, &class_loss(loss, &logits, &labels, 3), channels_first);
            let ignoring: Vec<u8> = labels
                .iter()
                .enumerate()
                .map(|(index, label)| if index % 4 == 1 { IGNORED } else { *label })
                .collect();
            agrees(&format!("{name}_ignoring"), &class_loss(loss, &logits, &ignoring, 3), channels_first);
        }
    }

    #[test]
    fn a_map_of_ignored_pixels_has_neither_loss_nor_gradient() {
        for loss in [DenseLoss::CrossEntropy, DenseLoss::CrossEntropyDice] {
            let nothing = class_loss(loss, &[3.0, -2.0, 0.5, 1.0], &[IGNORED; 2], 2);
            assert_eq!((nothing.value, nothing.gradient), (0.0, vec![0.0; 4]));
        }
    }

    #[test]
    fn a_perfect_map_has_no_loss_and_a_map_with_nan_is_not_finite() {
        for loss in [DenseLoss::L1, DenseLoss::Mse] {
            let perfect = picture_loss(loss, &[0.5, -0.25], &[0.5, -0.25]);
            assert_eq!((perfect.value, perfect.gradient), (0.0, vec![0.0; 2]));
        }
        let sure = class_loss(DenseLoss::CrossEntropyDice, &[50.0, -50.0, -50.0, 50.0], &[0, 1], 2);
        assert!(sure.value.abs() < 1e-12, "{}", sure.value);
        assert!(!picture_loss(DenseLoss::L1, &[f32::NAN], &[0.0]).value.is_finite());
        let broken = class_loss(DenseLoss::CrossEntropyDice, &[f32::NAN, 0.0], &[0], 2);
        assert!(!broken.value.is_finite());
    }
}
