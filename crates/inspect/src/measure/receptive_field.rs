//! Receptive fields, theoretical and effective.
//!
//! Theoretical: the height and width `r` with `r ← r + (k − 1)·j`, `j ← j·s` over the stages. Effective: `g(pixel) = mean over images of
//! Σ_colour |∂y/∂x|`, `y` the sum over channels of the stage's output at its middle position; the radius holding a fraction of `Σ g`,
//! in pixels around the place that `g` is centred on (its weighted mean).
//! For the whole network: the last features, or the map that it returns.
//!
//! Sources: Luo et al., arXiv 1701.04128; Ding et al., arXiv 2203.06717 (RepLKNet's measurement).

use allconv_nets::{Mode, SignalRules};
use allconv_random::elementary::hypot;
use burn::tensor::Tensor;

use super::interface::{Fits, Measure, MeasureDescription, MeasureRequest, Measurement, Reading};
use crate::InspectError;
use crate::explain::{ContactSheet, map_picture};
use crate::tensors::{host, like, tracking};

/// Images per backward pass.
const IMAGES_PER_PASS: usize = 16;

/// Height and width of a stage's picture, in pixels.
const PICTURE: u32 = 96;

/// The measure.
pub(super) struct ReceptiveField;

impl Measure for ReceptiveField {
    fn description(&self) -> MeasureDescription {
        MeasureDescription {
            name: "receptive_field",
            statement: "The theoretical and the effective receptive field of each stage.",
            formula: "g = mean over images of Σ_colour |∂ Σ_channels y_middle / ∂x|; radius around the mean of g that holds 50 % and 90 % of it",
            source: "Luo et al., arXiv 1701.04128; Ding et al., arXiv 2203.06717",
            metrics: &["receptive_field", "effective_radius_50", "effective_radius_90"],
            images: 64,
            fits: Fits::Any,
            revision: 2,
        }
    }

    fn take(&self, request: &MeasureRequest<'_>) -> Result<Measurement, InspectError> {
        let walk = request.subject.walk();
        let mut taken = Measurement::default();
        let last = request.subject.whole_stage()?;
        let mut previous = 0;
        let mut row = Vec::new();
        for (stage, shape) in walk.stages.iter().enumerate() {
            // Activations and dropout have the receptive field of the stage before them.
            if shape.receptive_field == previous && stage != last {
                continue;
            }
            previous = shape.receptive_field;
            let map = gradient_map(request, stage);
            let [_, height, width] = walk.input;
            let label = request.subject.stage_label(stage);
            let (half, most) = (radius(&map, width, 0.5), radius(&map, width, 0.9));
            let mut read = |at: &str| {
                taken.readings.push(Reading::plain("receptive_field", at, shape.receptive_field as f64));
                taken.readings.push(Reading::plain("effective_radius_50", at, half));
                taken.readings.push(Reading::plain("effective_radius_90", at, most));
            };
            read(&label);
            if stage == last {
                read("");
            }
            row.push(map_picture(&map, [height, width]));
        }
        let mut sheet = ContactSheet::new(PICTURE);
        sheet.push(row);
        taken.pictures.push(("receptive-fields".to_owned(), sheet.render()));
        Ok(taken)
    }
}

/// Returns `g`, row by row.
fn gradient_map(request: &MeasureRequest<'_>, stage: usize) -> Vec<f64> {
    let [_, height, width] = request.subject.walk().input;
    let mut map = vec![0.0; height * width];
    for start in (0..request.pictures.len()).step_by(IMAGES_PER_PASS) {
        let end = (start + IMAGES_PER_PASS).min(request.pictures.len());
        let images = request.pictures.tensor(start, end, &tracking()).require_grad();
        let mut trace =
            request.subject.tracked().forward_traced(images.clone(), Mode::Evaluate, SignalRules::GRADIENT);
        let y: Tensor<4> = trace.stages.swap_remove(stage);
        let [count, outputs, rows, columns] = y.dims();
        let middle = (rows / 2) * columns + columns / 2;
        let mut sent = vec![0.0; count * outputs * rows * columns];
        sent.iter_mut().skip(middle).step_by(rows * columns).for_each(|value| *value = 1.0);
        let sent = like(sent, &y);
        let Some(gradient) = images.grad(&(y * sent).sum().backward()) else { continue };
        for (index, value) in host(gradient).into_iter().enumerate() {
            map[index % (height * width)] += value.abs() / request.pictures.len() as f64;
        }
    }
    map
}

/// Returns the radius around the weighted mean of `map` inside which `fraction` of its sum lies; 0 for a map of zeros.
fn radius(map: &[f64], width: usize, fraction: f64) -> f64 {
    let total: f64 = map.iter().sum();
    if total <= 0.0 {
        return 0.0;
    }
    let place = |index: usize| [(index / width) as f64, (index % width) as f64];
    let centre = [0, 1].map(|axis: usize| {
        map.iter().enumerate().map(|(index, value)| place(index)[axis] * value).sum::<f64>() / total
    });
    let mut by_distance: Vec<(f64, f64)> = map
        .iter()
        .enumerate()
        .map(|(index, value)| {
            let [row, column] = place(index);
            (hypot(row - centre[0], column - centre[1]), *value)
        })
        .collect();
    by_distance.sort_by(|left, right| left.0.total_cmp(&right.0));
    let mut inside = 0.0;
    for (distance, value) in by_distance {
        inside += value;
        // Rounding must not push the last position beyond the fraction.
        if inside >= fraction * total * (1.0 - 1e-9) {
            return distance;
        }
    }
    0.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::tests::{net_of, pointwise, request, value};
    use crate::pictures::tests::drawn;
    use allconv_nets::{Border, ConvolutionSpec, StageSpec};

    /// A 5×5 convolution of equal weights reads 25 pixels equally: 13 of them within 2, 25 within √8.
    #[test]
    fn the_receptive_field_of_a_known_network_is_found() {
        let convolution = StageSpec::Convolution(ConvolutionSpec::square(2, 5, 1, Border::same(5)));
        let subject = net_of(&[convolution, pointwise(10), StageSpec::GlobalAverage], 16);
        let mut network = subject.tracked().clone();
        network.replace(|path, values| {
            if path == "features.0.weight" {
                values.fill(0.5);
            }
        });
        let (subject, pictures) = (subject.with_network(network), drawn(3));
        let taken = ReceptiveField.take(&request(&subject, &pictures)).unwrap();
        assert_eq!(value(&taken, "receptive_field", ""), 5.0);
        assert_eq!(value(&taken, "effective_radius_50", ""), 2.0);
        assert!((value(&taken, "effective_radius_90", "") - 8_f64.sqrt()).abs() < 1e-6);
    }

    #[test]
    fn all_cnn_c_has_a_receptive_field_of_27_pixels_at_its_head() {
        let subject = crate::subject::tests::subject("all_cnn_c");
        let taken = ReceptiveField.take(&request(&subject, &drawn(2))).unwrap();
        assert_eq!(value(&taken, "receptive_field", ""), 27.0);
    }

    #[test]
    fn a_point_and_a_map_of_zeros_have_radius_0() {
        let mut map = vec![0.0; 25];
        assert_eq!(radius(&map, 5, 0.9), 0.0);
        map[7] = 2.0;
        assert_eq!(radius(&map, 5, 0.9), 0.0);
    }
}
