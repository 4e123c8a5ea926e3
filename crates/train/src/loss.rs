//! Cross-entropy over logits, with label smoothing, on the host: in double precision and a fixed order, independent of any device.

use allconv_random::elementary::{exp, ln};

/// The cross-entropy of a batch: its value, its gradient, and the result of each image.
#[derive(Clone, Debug, PartialEq)]
pub struct CrossEntropy {
    /// The mean over the images of −Σ_c t_c · log softmax(z)_c, targets t_c = (1 − ε)·1\[c = y\] + ε/C, in nats.
    pub value: f64,
    /// Its gradient by the logits, `[n, classes]`: (softmax(z) − t)/n.
    pub gradient: Vec<f32>,
    /// The result of each image.
    pub results: Vec<SampleResult>,
}

/// The result of one image: cross-entropy of the true class in nats, and the class with the largest logit (the first on ties).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampleResult {
    /// Cross-entropy of the true class, without smoothing; not finite when a logit is not.
    pub loss: f64,
    /// Class with the largest logit.
    pub predicted: u32,
}

/// Compares logits `[n, classes]` with the classes `[n]` of the images; the fraction `label_smoothing` of each target is spread over all
/// classes.
///
/// # Panics
/// If the lengths do not belong together, or a label is not below the number of classes; the data crate has checked that before.
///
/// # Example
///
/// ```
/// let found = allconv_train::cross_entropy(&[0.0, 0.0], &[1], 2, 0.0);
/// assert!((found.value - 0.693_147).abs() < 1e-6);
/// assert_eq!(found.gradient, [0.5, -0.5]);
/// ```
pub fn cross_entropy(logits: &[f32], labels: &[u32], classes: usize, label_smoothing: f64) -> CrossEntropy {
    weighted_cross_entropy(logits, labels, label_smoothing, &vec![1.0; classes])
}

/// Does [`cross_entropy`] with the loss of each image, its gradient and its result multiplied by the weight of its class; the value stays a
/// mean over the images. `class_weights` `[classes]`.
///
/// # Panics
/// As [`cross_entropy`].
///
/// # Example
///
/// ```
/// let found = allconv_train::weighted_cross_entropy(&[0.0, 0.0], &[1], 0.0, &[1.0, 3.0]);
/// assert_eq!(found.gradient, [1.5, -1.5]);
/// ```
pub fn weighted_cross_entropy(
    logits: &[f32],
    labels: &[u32],
    label_smoothing: f64,
    class_weights: &[f64],
) -> CrossEntropy {
    let classes = class_weights.len();
    let share = 1.0 / labels.len() as f64;
    let everywhere = label_smoothing / classes as f64;
    let (mut value, mut gradient) = (0.0, Vec::with_capacity(logits.len()));
    let mut powers = vec![0.0; classes];
    let rows = rows(logits, labels, classes);
    let results = rows
        .map(|(row, label)| {
            let (mut result, sum) = row_result(row, label, &mut powers);
            let weight = class_weights[label];
            let target = |class: usize| everywhere + if class == label { 1.0 - label_smoothing } else { 0.0 };
            let factor = weight * share;
            gradient
                .extend((0..classes).map(|class| ((powers[class] / sum - target(class)) * factor) as f32));
            let elsewhere: f64 = row.iter().map(|logit| f64::from(row[label]) - f64::from(*logit)).sum();
            value += weight * (result.loss + everywhere * elsewhere);
            result.loss *= weight;
            result
        })
        .collect();
    CrossEntropy { value: value * share, gradient, results }
}

/// Compares logits `[n, classes]` with two classes of each image: does [`weighted_cross_entropy`] for the targets λt + (1 − λ)t′ of the shares
/// λ `[n]`, each part with the weight of its class.
///
/// # Panics
/// As [`cross_entropy`].
///
/// # Example
///
/// ```
/// let found = allconv_train::mixed_cross_entropy(&[0.0, 0.0], [&[1], &[0]], &[0.75], 0.0, &[1.0, 1.0]);
/// assert_eq!(found.gradient, [0.25, -0.25]);
/// ```
pub fn mixed_cross_entropy(
    logits: &[f32],
    labels: [&[u32]; 2],
    shares: &[f32],
    label_smoothing: f64,
    class_weights: &[f64],
) -> CrossEntropy {
    let images = shares.len();
    assert!(labels.iter().all(|labels| labels.len() == images), "two labels of each of {images} images");
    let mut all =
        CrossEntropy { value: 0.0, gradient: Vec::with_capacity(logits.len()), results: Vec::new() };
    for (image, row) in logits.chunks_exact(class_weights.len()).enumerate() {
        let compared = |labels: &[u32]| {
            weighted_cross_entropy(row, &labels[image..=image], label_smoothing, class_weights)
        };
        let [own, other] = labels.map(compared);
        let share = f64::from(shares[image]);
        let mean = |own: f64, other: f64| share * own + (1.0 - share) * other;
        all.value += mean(own.value, other.value) / images as f64;
        let gradients = own.gradient.iter().zip(&other.gradient);
        all.gradient.extend(
            gradients.map(|(own, other)| (mean((*own).into(), (*other).into()) / images as f64) as f32),
        );
        let [own, other] = [own.results[0], other.results[0]];
        all.results.push(SampleResult { loss: mean(own.loss, other.loss), predicted: own.predicted });
    }
    all
}

/// Computes loss and predicted class of each row of `logits` `[n, classes]`.
///
/// # Panics
/// If the lengths do not belong together, or a label is not below the number of classes.
///
/// # Example
///
/// ```
/// let results = allconv_train::sample_results(&[0.0, 0.0, 3.0, 1.0], &[1, 0], 2);
/// assert!((results[0].loss - 0.693_147).abs() < 1e-6);
/// assert_eq!((results[0].predicted, results[1].predicted), (0, 0));
/// ```
pub fn sample_results(logits: &[f32], labels: &[u32], classes: usize) -> Vec<SampleResult> {
    let mut powers = vec![0.0; classes];
    rows(logits, labels, classes).map(|(row, label)| row_result(row, label, &mut powers).0).collect()
}

/// Returns each image's logits with its class.
fn rows<'a>(
    logits: &'a [f32],
    labels: &'a [u32],
    classes: usize,
) -> impl Iterator<Item = (&'a [f32], usize)> {
    assert_eq!(logits.len(), labels.len() * classes, "{} logits for {} images", logits.len(), labels.len());
    logits.chunks_exact(classes).zip(labels.iter().map(|label| *label as usize))
}

/// Computes the result of one image, and leaves e^(z − largest z) of every class in `powers`; their sum is the second result.
fn row_result(row: &[f32], label: usize, powers: &mut [f64]) -> (SampleResult, f64) {
    let mut predicted = 0;
    for (class, value) in row.iter().enumerate() {
        if *value > row[predicted] {
            predicted = class;
        }
    }
    let largest = f64::from(row[predicted]);
    let mut sum = 0.0;
    for (power, value) in powers.iter_mut().zip(row) {
        *power = exp(f64::from(*value) - largest);
        sum += *power;
    }
    let result =
        SampleResult { loss: ln(sum) + largest - f64::from(row[label]), predicted: predicted as u32 };
    (result, sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(logits: &[f32], labels: &[u32], classes: usize, smoothing: f64) -> f64 {
        cross_entropy(logits, labels, classes, smoothing).value
    }

    #[test]
    fn equal_logits_cost_the_logarithm_of_the_classes() {
        assert!((value(&[1.0; 10], &[3], 10, 0.0) - ln(10.0)).abs() < 1e-12);
        assert!((value(&[1.0; 10], &[3], 10, 0.2) - ln(10.0)).abs() < 1e-12);
    }

    #[test]
    fn the_batch_loss_is_the_mean_of_the_sample_results() {
        let logits = [0.3, -1.2, 2.0, 5.0, 0.0, -3.0];
        let labels = [0, 1];
        let results = sample_results(&logits, &labels, 3);
        assert_eq!(cross_entropy(&logits, &labels, 3, 0.1).results, results);
        let mean = (results[0].loss + results[1].loss) / 2.0;
        assert!((value(&logits, &labels, 3, 0.0) - mean).abs() < 1e-12);
    }

    #[test]
    fn smoothing_mixes_the_target_with_the_mean_over_classes() {
        // Worked by hand: logits (ln 3, 0) give log-probabilities ln(3/4), ln(1/4); ε = 0.2 gives targets 0.9, 0.1.
        let expected = -(0.9 * ln(0.75) + 0.1 * ln(0.25));
        assert!((value(&[ln(3.0) as f32, 0.0], &[0], 2, 0.2) - expected).abs() < 1e-7);
    }

    #[test]
    fn the_gradient_is_the_derivative_of_the_value() {
        let (labels, classes) = ([2, 0], 3);
        let logits = [0.5_f32, -1.0, 0.25, 3.0, 2.0, -0.5];
        let gradient = cross_entropy(&logits, &labels, classes, 0.1).gradient;
        for place in 0..logits.len() {
            // A step that f32 holds exactly.
            let moved = |by: f32| {
                let mut logits = logits;
                logits[place] += by;
                value(&logits, &labels, classes, 0.1)
            };
            let slope = (moved(1.0 / 1024.0) - moved(-1.0 / 1024.0)) * 512.0;
            assert!((slope - f64::from(gradient[place])).abs() < 1e-6, "{place}: {slope} {gradient:?}");
        }
    }

    /// `torch.nn.functional.cross_entropy(z, y, label_smoothing=0.1)` and its gradient in double precision (PyTorch 2.15).
    #[test]
    fn value_and_gradient_are_those_of_pytorch() {
        const VALUE: f64 = 1.166_260_533_761_329_4;
        const GRADIENT: [f64; 8] = [
            -0.310_748_565_380_117_3,
            0.013_870_445_218_159_413,
            0.059_182_302_044_897_47,
            0.237_695_818_117_060_42,
            0.026_927_015_171_271_52,
            0.094_673_738_890_446_63,
            -0.285_800_377_030_859_14,
            0.164_199_622_969_141_1,
        ];
        let logits = [1.5, -0.25, 0.75, 2.0, -1.0, 0.0, 0.5, 0.5];
        let found = cross_entropy(&logits, &[0, 2], 4, 0.1);
        assert!((found.value - VALUE).abs() < 1e-12, "{}", found.value);
        for (found, expected) in found.gradient.iter().zip(GRADIENT) {
            assert!((f64::from(*found) - expected).abs() < 1e-7, "{found} {expected}");
        }
    }

    /// `torch.nn.functional.cross_entropy(z, y, weight=w, reduction="sum") / 2` and its gradient in double precision (PyTorch 2.15).
    #[test]
    fn weighted_classes_have_the_value_and_gradient_of_pytorch() {
        const GRADIENT: [f64; 8] = [
            -0.174_124_282_690,
            0.013_185_222_609,
            0.035_841_151_022,
            0.125_097_909_059,
            0.118_281_045_514,
            0.321_521_216_671,
            -0.969_901_131_093,
            0.530_098_868_907,
        ];
        let logits = [1.5, -0.25, 0.75, 2.0, -1.0, 0.0, 0.5, 0.5];
        let found = weighted_cross_entropy(&logits, &[0, 2], 0.0, &[0.5, 1.0, 3.0, 1.5]);
        assert!((found.value - 1.858_326_332_922_12).abs() < 1e-12, "{}", found.value);
        assert!(((found.results[0].loss + found.results[1].loss) / 2.0 - found.value).abs() < 1e-12);
        for (found, expected) in found.gradient.iter().zip(GRADIENT) {
            assert!((f64::from(*found) - expected).abs() < 1e-7, "{found} {expected}");
        }
        // Of mixed labels each part has the weight of its class.
        let mixed = mixed_cross_entropy(&[0.0, 0.0], [&[1], &[0]], &[0.75], 0.0, &[1.0, 3.0]);
        assert_eq!(mixed.gradient, [0.75 * 1.5 - 0.25 * 0.5, -0.75 * 1.5 + 0.25 * 0.5]);
    }

    /// `torch.nn.functional.cross_entropy(z, t, label_smoothing=0.1)` of mixed targets t and its gradient in double precision (PyTorch 2.15).
    #[test]
    fn mixed_labels_are_the_targets_of_pytorch() {
        const GRADIENT: [f64; 6] =
            [-0.027_925_886, 0.036_115_567, -0.008_189_681, -0.224_312_929, 0.220_223_840, 0.004_089_089];
        let logits = [1.5, -0.25, 0.75, 0.1, 2.0, -1.0];
        let found = mixed_cross_entropy(&logits, [&[0, 0], &[2, 1]], &[0.7, 0.6], 0.1, &[1.0; 3]);
        assert!((found.value - 1.077_692_303).abs() < 1e-7, "{}", found.value);
        for (found, expected) in found.gradient.iter().zip(GRADIENT) {
            assert!((f64::from(*found) - expected).abs() < 1e-7, "{found} {expected}");
        }
        let own = mixed_cross_entropy(&logits, [&[0, 1], &[2, 2]], &[1.0, 1.0], 0.1, &[1.0; 3]);
        assert_eq!(own, cross_entropy(&logits, &[0, 1], 3, 0.1));
    }

    #[test]
    fn huge_logits_do_not_overflow_and_nan_or_infinite_ones_give_no_finite_loss() {
        assert_eq!(sample_results(&[1e4, -1e4], &[0], 2)[0].loss, 0.0);
        assert!(!sample_results(&[f32::NAN, 0.0], &[1], 2)[0].loss.is_finite());
        assert!(!sample_results(&[f32::INFINITY, 0.0], &[1], 2)[0].loss.is_finite());
    }

    #[test]
    fn the_first_class_is_predicted_on_a_tie() {
        assert_eq!(sample_results(&[0.0, 7.0, 7.0], &[2], 3)[0].predicted, 1);
    }
}
