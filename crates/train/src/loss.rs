//! Cross-entropy over logits, with label smoothing.

use burn::tensor::{Device, Tensor, TensorData, activation::log_softmax};

/// Mean cross-entropy of a batch, as a tensor that can be differentiated.
///
/// L = −(1/n) Σ_i Σ_c t_ic · log softmax(z_i)_c with targets t_ic = (1 − ε)·1\[c = y_i\] + ε/C.
///
/// # Shapes
/// - logits: `[n, classes]`; result: `[1]`, in nats.
///
/// # Panics
/// If a label is not below the number of classes; the data crate has checked that before.
pub fn cross_entropy(logits: Tensor<2>, labels: &[u32], label_smoothing: f64, device: &Device) -> Tensor<1> {
    let [count, classes] = logits.dims();
    assert_eq!(count, labels.len(), "logits of {count} images, {} labels", labels.len());
    let mut targets = vec![(label_smoothing / classes as f64) as f32; count * classes];
    for (row, label) in targets.chunks_exact_mut(classes).zip(labels) {
        row[*label as usize] += (1.0 - label_smoothing) as f32;
    }
    let targets = Tensor::<2>::from_data(TensorData::new(targets, [count, classes]), device);
    (log_softmax(logits, 1) * targets).sum().div_scalar(-(count as f32))
}

/// What a network says of one image: cross-entropy of the true class in nats, and the class with the largest logit (the first on ties).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// Cross-entropy of the true class, without smoothing; not finite when a logit is not.
    pub loss: f64,
    /// Class with the largest logit.
    pub predicted: u32,
}

/// Judges each row of `logits` `[n, classes]` on the host, in double precision, independent of any device's order of summation.
///
/// # Example
///
/// ```
/// let verdicts = allconv_train::judge(&[0.0, 0.0, 3.0, 1.0], &[1, 0], 2);
/// assert!((verdicts[0].loss - 2f64.ln()).abs() < 1e-12);
/// assert_eq!((verdicts[0].predicted, verdicts[1].predicted), (0, 0));
/// ```
pub fn judge(logits: &[f32], labels: &[u32], classes: usize) -> Vec<Verdict> {
    assert_eq!(logits.len(), labels.len() * classes, "{} logits for {} images", logits.len(), labels.len());
    logits
        .chunks_exact(classes)
        .zip(labels)
        .map(|(row, label)| {
            let mut predicted = 0;
            for (class, value) in row.iter().enumerate() {
                if *value > row[predicted] {
                    predicted = class;
                }
            }
            let largest = f64::from(row[predicted]);
            let sum: f64 = row.iter().map(|value| (f64::from(*value) - largest).exp()).sum();
            Verdict {
                loss: sum.ln() + largest - f64::from(row[*label as usize]),
                predicted: predicted as u32,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(logits: &[f32], labels: &[u32], classes: usize, smoothing: f64) -> f32 {
        let device = Device::flex();
        let data = TensorData::new(logits.to_vec(), [labels.len(), classes]);
        cross_entropy(Tensor::from_data(data, &device), labels, smoothing, &device).into_scalar::<f32>()
    }

    #[test]
    fn equal_logits_cost_the_logarithm_of_the_classes() {
        assert!((value(&[1.0; 10], &[3], 10, 0.0) - 10f32.ln()).abs() < 1e-6);
        assert!((value(&[1.0; 10], &[3], 10, 0.2) - 10f32.ln()).abs() < 1e-6);
    }

    #[test]
    fn tensor_and_host_agree_and_the_batch_is_averaged() {
        let logits = [0.3, -1.2, 2.0, 5.0, 0.0, -3.0];
        let labels = [0, 1];
        let verdicts = judge(&logits, &labels, 3);
        let mean = (verdicts[0].loss + verdicts[1].loss) / 2.0;
        assert!((f64::from(value(&logits, &labels, 3, 0.0)) - mean).abs() < 1e-6);
    }

    #[test]
    fn smoothing_mixes_the_target_with_the_mean_over_classes() {
        // Worked by hand: logits (ln 3, 0) give log-probabilities ln(3/4), ln(1/4); ε = 0.2 gives targets 0.9, 0.1.
        let expected = -(0.9 * 0.75f32.ln() + 0.1 * 0.25f32.ln());
        assert!((value(&[3f32.ln(), 0.0], &[0], 2, 0.2) - expected).abs() < 1e-6);
    }

    #[test]
    fn huge_logits_do_not_overflow_and_broken_ones_are_not_finite() {
        assert_eq!(judge(&[1e4, -1e4], &[0], 2)[0].loss, 0.0);
        assert!(!judge(&[f32::NAN, 0.0], &[1], 2)[0].loss.is_finite());
        assert!(!judge(&[f32::INFINITY, 0.0], &[1], 2)[0].loss.is_finite());
    }

    #[test]
    fn the_first_class_wins_a_tie() {
        assert_eq!(judge(&[0.0, 7.0, 7.0], &[2], 3)[0].predicted, 1);
    }
}
