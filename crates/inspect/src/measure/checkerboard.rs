//! Checkerboard energy: the fraction of an enlarged map's variance that follows the grid of the enlargement.
//!
//! For each upsampling stage by a factor `f`, with output `y`: the positions of each channel fall into `f × f` phases by their place in the
//! block of one coarse position. The fraction of the variance that the phases' means explain: `Σ_phase n_phase (m_phase − m)² / Σ (y −
//! m)²`, energies summed over channels, mean over images. 0 where no phase differs from another; values that do not depend on the grid give
//! about `(f² − 1)/positions`. For the whole network: the mean over its upsampling stages.
//!
//! Source: the artefacts of Odena, Dumoulin and Olah, Distill 2016, as an analysis of variance.

use allconv_nets::{Mode, SignalRules, StageSpec};
use allconv_random::elementary::square;
use burn::tensor::Device;

use super::interface::{Fits, Measure, MeasureDescription, MeasureRequest, Measurement, Reading};
use crate::InspectError;
use crate::tensors::host;

/// Images per pass.
const IMAGES_PER_PASS: usize = 16;

/// The measure.
pub(super) struct Checkerboard;

impl Measure for Checkerboard {
    fn description(&self) -> MeasureDescription {
        MeasureDescription {
            name: "checkerboard",
            statement: "How much of each enlarged map follows the grid it was enlarged on.",
            formula: "Σ_phase n (m_phase − m)² / Σ (y − m)² over the f × f phases of each stage that enlarges f times",
            source: "after Odena, Dumoulin and Olah, Distill 2016",
            metrics: &["checkerboard_energy"],
            fits: Fits::Maps,
            images: 64,
            revision: 1,
        }
    }

    fn take(&self, request: &MeasureRequest<'_>) -> Result<Measurement, InspectError> {
        let walk = request.subject.walk();
        let stages: Vec<(usize, [usize; 2])> = (0..walk.stages.len())
            .filter(|stage| matches!(walk.stages[*stage].stage, StageSpec::Upsample(_)))
            .map(|stage| {
                let shape = &walk.stages[stage];
                (stage, [1, 2].map(|axis| shape.output[axis].div_ceil(shape.input[axis])))
            })
            .collect();
        if stages.is_empty() {
            return Err(InspectError::Request("the network has no upsampling operator".to_owned()));
        }
        let mut fractions = vec![Vec::with_capacity(request.pictures.len()); stages.len()];
        for start in (0..request.pictures.len()).step_by(IMAGES_PER_PASS) {
            let end = (start + IMAGES_PER_PASS).min(request.pictures.len());
            let images = request.pictures.tensor(start, end, &Device::flex());
            let trace = request.subject.plain().forward_traced(images, Mode::Evaluate, SignalRules::GRADIENT);
            for ((stage, factors), fractions) in stages.iter().zip(&mut fractions) {
                let map = trace.stages[*stage].clone();
                let [count, channels, rows, columns] = map.dims();
                let values = host(map);
                for image in values.chunks_exact(channels * rows * columns).take(count) {
                    fractions.push(fraction(image, [rows, columns], *factors));
                }
            }
        }
        let stages = stages.iter().map(|(stage, _)| *stage).zip(fractions).collect();
        let images = request.pictures.len();
        let readings = Reading::of_stages("checkerboard_energy", request.subject, images, stages);
        Ok(Measurement { readings, pictures: Vec::new() })
    }
}

/// Returns the fraction of the variance of these maps that their phases explain; 0 for constant maps.
fn fraction(maps: &[f64], [rows, columns]: [usize; 2], [down, across]: [usize; 2]) -> f64 {
    let (mut explained, mut all) = (0.0, 0.0);
    for map in maps.chunks_exact(rows * columns) {
        let mean = map.iter().sum::<f64>() / map.len() as f64;
        let (mut sums, mut counts) = (vec![0.0; down * across], vec![0_u32; down * across]);
        for (position, value) in map.iter().enumerate() {
            let phase = position / columns % down * across + position % columns % across;
            sums[phase] += value - mean;
            counts[phase] += 1;
            all += square(value - mean);
        }
        // n·(sum/n)²
        explained += sums
            .iter()
            .zip(&counts)
            .filter(|(_, count)| **count > 0)
            .map(|(sum, count)| sum * sum / f64::from(*count))
            .sum::<f64>();
    }
    if all > 0.0 { explained / all } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_of_the_grid_is_all_checkerboard_and_equal_blocks_are_none() {
        let (rows, columns) = (6, 8);
        let of = |value: &dyn Fn(usize, usize) -> f64| -> Vec<f64> {
            (0..rows * columns).map(|position| value(position / columns, position % columns)).collect()
        };
        let pattern = of(&|row, column| ((row % 2) * 3 + column % 2) as f64);
        assert!((fraction(&pattern, [rows, columns], [2, 2]) - 1.0).abs() < 1e-12);
        let blocks = of(&|row, column| (row / 2 * 5 + column / 2 * 7 % 4) as f64);
        assert!(fraction(&blocks, [rows, columns], [2, 2]) < 1e-12);
        // A row that rises by 1 per position: the two phases of a row differ by 1, within a variance of (8² − 1)/12.
        let ramp = of(&|_, column| column as f64);
        assert!((fraction(&ramp, [rows, columns], [2, 2]) - 0.25 / (63.0 / 12.0)).abs() < 1e-12);
        assert_eq!(fraction(&[2.0; 48], [rows, columns], [2, 2]), 0.0);
    }
}
