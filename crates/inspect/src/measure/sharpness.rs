//! Sharpness: the rise of the loss along random directions of the weights.
//!
//! For each of [`DIRECTIONS`] normal directions d, every tensor of it scaled to [`REACH`] times the norm of the network's own tensor:
//! `½ (L(w + d) + L(w − d)) − L(w)`, L the mean cross-entropy over the images. The mean over directions; the derivative along d cancels.
//!
//! Source: the normalised directions of Li et al., arXiv 1712.09913.

use allconv_nets::Network;
use allconv_random::{Purpose, Stream};

use super::interface::{Fits, Measure, MeasureDescription, MeasureRequest, Measurement, Reading};
use super::predictions::results;
use crate::InspectError;

/// Number of directions.
const DIRECTIONS: u64 = 10;
/// Length of a direction relative to the weights.
const REACH: f64 = 0.1;

/// The measure.
pub(super) struct Sharpness;

impl Measure for Sharpness {
    fn description(&self) -> MeasureDescription {
        MeasureDescription {
            name: "sharpness",
            statement: "How fast the loss rises along random directions of the weights.",
            formula: "mean over 10 directions d, each tensor's norm 0.1 of the weights': ½(L(w + d) + L(w − d)) − L(w)",
            source: "after Li et al., arXiv 1712.09913",
            metrics: &["sharpness"],
            images: 256,
            fits: Fits::Classes,
            revision: 2,
        }
    }

    fn take(&self, request: &MeasureRequest<'_>) -> Result<Measurement, InspectError> {
        let labels = request.pictures.known_labels()?;
        let loss = |network: &Network| {
            let results = results(network, request.pictures, labels);
            results.iter().map(|result| result.loss).sum::<f64>() / results.len() as f64
        };
        let here = loss(request.subject.plain());
        let mut readings = Vec::new();
        let mut sum = 0.0;
        for direction in 0..DIRECTIONS {
            let there = |sign: f64| loss(&moved(request.subject.plain(), direction, sign));
            let rise = (there(1.0) + there(-1.0)) / 2.0 - here;
            readings.push(Reading::plain("sharpness", format!("direction {direction}"), rise));
            sum += rise;
        }
        readings.push(Reading::plain("sharpness", "", sum / DIRECTIONS as f64));
        Ok(Measurement { readings, pictures: Vec::new() })
    }
}

/// Returns the network with `sign` times a direction added to its weights.
fn moved(network: &Network, direction: u64, sign: f64) -> Network {
    let mut random = Stream::of_number(Purpose::Direction, direction);
    let mut moved = network.clone();
    moved.replace(|_, values| {
        let drawn: Vec<f64> = values.iter().map(|_| random.normal()).collect();
        let norm =
            |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>().sqrt();
        let own = norm(&mut values.iter().map(|value| f64::from(*value)));
        let factor = sign * REACH * own / norm(&mut drawn.iter().copied()).max(1e-30);
        values.iter_mut().zip(drawn).for_each(|(value, drawn)| *value += (factor * drawn) as f32);
    });
    moved
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::tests::{net_of, pointwise, request, value};
    use crate::pictures::tests::drawn;
    use allconv_nets::StageSpec;
    use allconv_random::elementary::{exp, square};

    /// With one convolution the logits are linear in the weights, and the loss is log Σ exp of them: convex, so it rises along every
    /// direction, by the quadratic form of the softmax's covariance up to third order.
    #[test]
    fn the_rise_of_a_linear_net_is_that_of_its_log_sum_exp() {
        let subject = net_of(&[pointwise(10), StageSpec::GlobalAverage], 16);
        let pictures = drawn(30);
        let taken = Sharpness.take(&request(&subject, &pictures)).unwrap();
        let mean_input = |image: usize| -> Vec<f64> {
            let input = pictures.input(image);
            (0..3)
                .map(|c| input.iter().skip(c).step_by(3).map(|v| f64::from(*v)).sum::<f64>() / 256.0)
                .collect()
        };
        for direction in 0..DIRECTIONS {
            let weights = |network: &Network| network.parameters()[0].values.clone();
            let (here, there) = (weights(subject.plain()), weights(&moved(subject.plain(), direction, 1.0)));
            let mut expected = 0.0;
            for image in 0..pictures.len() {
                let x = mean_input(image);
                let logits = |w: &[f32]| -> Vec<f64> {
                    w.chunks(3).map(|row| row.iter().zip(&x).map(|(w, x)| f64::from(*w) * x).sum()).collect()
                };
                let (z, moved) = (logits(&here), logits(&there));
                let total: f64 = z.iter().map(|z| exp(*z)).sum();
                let p: Vec<f64> = z.iter().map(|z| exp(*z) / total).collect();
                let dz: Vec<f64> = z.iter().zip(&moved).map(|(z, moved)| moved - z).collect();
                let mean: f64 = p.iter().zip(&dz).map(|(p, d)| p * d).sum();
                expected += 0.5 * p.iter().zip(&dz).map(|(p, d)| p * square(d - mean)).sum::<f64>();
            }
            expected /= pictures.len() as f64;
            let found = value(&taken, "sharpness", &format!("direction {direction}"));
            assert!(found > 0.0 && (found - expected).abs() < 0.05 * expected + 1e-7, "{found} {expected}");
        }
    }
}
