//! Equivariance error: the difference between a shifted map and the map of the shifted image.
//!
//! For a stage with output `z` and jump `j` (input pixels between its positions) and a circular shift `T` of the image by d pixels:
//! `min over coarse circular shifts T' of ‖T' z(x) − z(T x)‖ / ‖z(x)‖`, T' by ⌊d/j⌋ or ⌈d/j⌉ positions on each axis. Mean over all shifts
//! d ∈ {0 … J − 1}² but none, J the largest jump (at most 4), and over images. 0 is exact equivariance; images whose map is all zeros
//! count as 0. For the whole network: the last features, or the map that it returns.
//!
//! Source: the definition of Chaman and Dokmanić, arXiv 2011.14214, for whole maps.

use allconv_nets::{Mode, SignalRules, StageSpec};
use allconv_random::elementary::square;
use burn::tensor::{Device, Tensor};

use super::interface::{Fits, Measure, MeasureDescription, MeasureRequest, Measurement, Reading};
use crate::InspectError;
use crate::tensors::host;

/// Images per pass.
const IMAGES_PER_PASS: usize = 32;
/// Largest shift in pixels, less one: beyond it only more of the same.
const LARGEST_JUMP: usize = 4;

/// The measure.
pub(super) struct Equivariance;

impl Measure for Equivariance {
    fn description(&self) -> MeasureDescription {
        MeasureDescription {
            name: "equivariance",
            statement: "How far each stage's map is from moving with the image.",
            formula: "min over T' of ‖T'z(x) − z(Tx)‖ / ‖z(x)‖, mean over circular shifts below the jump",
            source: "after Chaman and Dokmanić, arXiv 2011.14214",
            metrics: &["equivariance_error"],
            images: 64,
            fits: Fits::Any,
            revision: 1,
        }
    }

    fn take(&self, request: &MeasureRequest<'_>) -> Result<Measurement, InspectError> {
        let walk = request.subject.walk();
        let jump = |stage: usize| walk.stages[stage].jump;
        let stages: Vec<usize> = (0..walk.stages.len())
            .filter(|stage| walk.stages[*stage].output[1..].iter().all(|size| *size > 1))
            // These do not change their map's shifts.
            .filter(|stage| {
                !matches!(
                    walk.stages[*stage].stage,
                    StageSpec::Keep | StageSpec::KeepEnlarged { .. } | StageSpec::Target(_)
                )
            })
            .collect();
        let largest = stages.iter().map(|stage| jump(*stage)).fold(1.0, f64::max);
        let reach = (largest.round() as usize).clamp(2, LARGEST_JUMP);
        let shifts: Vec<[usize; 2]> =
            (1..reach * reach).map(|shift| [shift / reach, shift % reach]).collect();
        let mut errors = vec![Vec::with_capacity(request.pictures.len()); walk.stages.len()];
        for start in (0..request.pictures.len()).step_by(IMAGES_PER_PASS) {
            let end = (start + IMAGES_PER_PASS).min(request.pictures.len());
            let images = request.pictures.tensor(start, end, &Device::flex());
            let maps = traced(request, images.clone());
            let mut sums = vec![vec![0.0; end - start]; walk.stages.len()];
            for shift in &shifts {
                let moved = images.clone().roll(&[-(shift[0] as i64), -(shift[1] as i64)], &[2, 3]);
                let moved = traced(request, moved);
                for stage in &stages {
                    let found = distances(&maps[*stage], &moved[*stage], jump(*stage), *shift);
                    sums[*stage].iter_mut().zip(found).for_each(|(sum, found)| *sum += found);
                }
            }
            for stage in &stages {
                errors[*stage].extend(sums[*stage].iter().map(|sum| sum / shifts.len() as f64));
            }
        }
        let mut readings: Vec<Reading> = stages
            .iter()
            .map(|stage| {
                let label = request.subject.stage_label(*stage);
                Reading::mean("equivariance_error", label, errors[*stage].clone())
            })
            .collect();
        let last = request.subject.whole_stage()?;
        let whole =
            if stages.contains(&last) { errors[last].clone() } else { vec![0.0; request.pictures.len()] };
        readings.push(Reading::mean("equivariance_error", "", whole));
        Ok(Measurement { readings, pictures: Vec::new() })
    }
}

/// Each stage's map with its sizes.
struct Map {
    sizes: [usize; 4],
    values: Vec<f64>,
}

fn traced(request: &MeasureRequest<'_>, images: Tensor<4>) -> Vec<Map> {
    let trace = request.subject.plain().forward_traced(images, Mode::Evaluate, SignalRules::GRADIENT);
    trace.stages.into_iter().map(|map| Map { sizes: map.dims(), values: host(map) }).collect()
}

/// Returns the error of each image for one shift in pixels.
fn distances(map: &Map, moved: &Map, jump: f64, shift: [usize; 2]) -> Vec<f64> {
    let [count, channels, rows, columns] = map.sizes;
    let length = channels * rows * columns;
    let candidates = |pixels: usize| {
        let positions = pixels as f64 / jump;
        [positions.floor() as usize, positions.ceil() as usize]
    };
    let of_image = |image: usize| {
        let (map, moved) =
            (&map.values[image * length..][..length], &moved.values[image * length..][..length]);
        let norm: f64 = map.iter().map(|value| value * value).sum();
        if norm == 0.0 {
            return 0.0;
        }
        let distance = |down: usize, right: usize| -> f64 {
            let mut sum = 0.0;
            for (index, value) in moved.iter().enumerate() {
                let (channel, row, column) =
                    (index / (rows * columns), index / columns % rows, index % columns);
                let (row, column) = ((row + down) % rows, (column + right) % columns);
                sum += square(map[(channel * rows + row) * columns + column] - value);
            }
            sum
        };
        let mut least = f64::INFINITY;
        for down in candidates(shift[0]) {
            for right in candidates(shift[1]) {
                least = least.min(distance(down, right));
            }
        }
        (least / norm).sqrt()
    };
    (0..count).map(of_image).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::tests::{operator_net, request, value};
    use crate::pictures::tests::drawn;

    fn error(operator: &str) -> f64 {
        let (subject, pictures) = (operator_net(operator, 16), drawn(5));
        let taken = Equivariance.take(&request(&subject, &pictures)).unwrap();
        let before = value(&taken, "equivariance_error", &subject.stage_label(0));
        assert!(before < 1e-6, "a 1×1 convolution moves with its image: {before}");
        value(&taken, "equivariance_error", "")
    }

    #[test]
    fn adaptive_sampling_is_equivariant_and_decimation_is_not() {
        assert!(error("adaptive_polyphase") < 1e-6);
        assert!(error("decimation") > 0.1);
        assert!(error("blur_pool") < error("decimation"));
    }
}
