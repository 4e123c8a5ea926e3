//! Aliasing: the fraction of a reduced map that comes from frequencies above its Nyquist limit.
//!
//! For each stage with stride `s` and input `z`: `z_low` is `z` without the frequencies at and above the new Nyquist limit
//! `1/(2s)`; the fraction is `‖f(z) − f(z_low)‖² / ‖f(z) − mean‖²`, the mean taken over each channel's map. For a linear stage this is the
//! aliased part of the output's spectrum (Parseval), its constant part left out; a sine above the limit gives 1, one below it 0.
//! Stages that are not linear may exceed 1. For the whole network: the mean over its reducing stages; 0 without any.
//!
//! Source: the sampling theorem; after Zhang, arXiv 1904.11486, and Vasconcelos et al., arXiv 2102.07388.

use allconv_kernels::Epilogue;
use allconv_nets::layers::Stage;
use allconv_nets::{Mode, Pass, SignalRules};
use allconv_random::elementary::square;
use burn::tensor::{Device, Tensor};

use super::interface::{Fits, Measure, MeasureDescription, MeasureRequest, Measurement, Reading};
use super::low_pass::below_nyquist;
use crate::tensors::host;
use crate::{InspectError, Subject};

/// Images per pass.
const IMAGES_PER_PASS: usize = 32;

/// The measure.
pub(super) struct Aliasing;

impl Measure for Aliasing {
    fn description(&self) -> MeasureDescription {
        MeasureDescription {
            name: "aliasing",
            statement: "How much of each reduced map comes from frequencies that its grid cannot hold.",
            formula: "‖f(z) − f(z below 1/(2s))‖² / ‖f(z) − mean‖² for each stage f of stride s",
            source: "after Zhang, arXiv 1904.11486; Vasconcelos et al., arXiv 2102.07388",
            metrics: &["aliasing_share"],
            images: 128,
            fits: Fits::Any,
            revision: 2,
        }
    }

    fn take(&self, request: &MeasureRequest<'_>) -> Result<Measurement, InspectError> {
        let images = |start, end| request.pictures.tensor(start, end, &Device::flex());
        let readings = aliasing_readings(request.subject, "aliasing_share", request.pictures.len(), images);
        Ok(Measurement { readings, pictures: Vec::new() })
    }
}

/// Returns the stages with a stride, and their strides.
pub(super) fn reducing_stages(subject: &Subject) -> Vec<(usize, usize)> {
    let stages = &subject.walk().stages;
    let jump_before = |stage: usize| stage.checked_sub(1).map_or(1.0, |before| stages[before].jump);
    (0..stages.len())
        .filter(|stage| stages[*stage].jump > jump_before(*stage))
        .map(|stage| (stage, (stages[stage].jump / jump_before(stage)).round() as usize))
        .collect()
}

/// Returns the fraction at each reducing stage, then their mean; `images(start, end)` gives the network's input.
pub(super) fn aliasing_readings(
    subject: &Subject,
    metric: &'static str,
    count: usize,
    images: impl Fn(usize, usize) -> Tensor<4>,
) -> Vec<Reading> {
    let reducing = reducing_stages(subject);
    let mut fractions = vec![Vec::with_capacity(count); reducing.len()];
    for start in (0..count).step_by(IMAGES_PER_PASS) {
        let end = (start + IMAGES_PER_PASS).min(count);
        let input = images(start, end);
        let trace = subject.plain().forward_traced(input.clone(), Mode::Evaluate, SignalRules::GRADIENT);
        for ((stage, stride), fractions) in reducing.iter().zip(&mut fractions) {
            let z = stage.checked_sub(1).map_or(&input, |before| &trace.stages[before]);
            let low = run(subject, *stage, below_nyquist(z.clone(), *stride, subject.plain().engine()));
            fractions.extend(energy_fractions(trace.stages[*stage].clone(), low));
        }
    }
    let stages = reducing.iter().map(|(stage, _)| *stage).zip(fractions).collect();
    Reading::of_stages(metric, subject, count, stages)
}

/// Returns the output of a single stage for `z`.
fn run(subject: &Subject, stage: usize, z: Tensor<4>) -> Tensor<4> {
    let engine = subject.plain().engine();
    match &subject.plain().stages()[stage] {
        Stage::Convolution(layer) => layer.forward(z, Epilogue::IDENTITY, engine),
        Stage::Downsample(operator) => operator.forward(z, &Pass::evaluate(engine)),
        // No other stage has a stride.
        _ => z,
    }
}

/// Returns `‖y − low‖² / ‖y − mean‖²` of each image; 0 for constant maps that stay as they are.
fn energy_fractions(y: Tensor<4>, low: Tensor<4>) -> Vec<f64> {
    let [_, channels, rows, columns] = y.dims();
    let positions = rows * columns;
    let (y, low) = (host(y), host(low));
    let of_image = |(y, low): (&[f64], &[f64])| {
        let lost: f64 = y.iter().zip(low).map(|(y, low)| square(y - low)).sum();
        let energy: f64 = y
            .chunks_exact(positions)
            .map(|map| {
                let mean = map.iter().sum::<f64>() / positions as f64;
                map.iter().map(|value| square(value - mean)).sum::<f64>()
            })
            .sum();
        if energy > 0.0 { lost / energy } else { 0.0 }
    };
    y.chunks_exact(channels * positions).zip(low.chunks_exact(channels * positions)).map(of_image).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::tests::{net_of, pointwise, request, value};
    use crate::pictures::tests::drawn;
    use allconv_nets::{ActivationKind, DownsampleConfig, Slot, StageSpec};
    use allconv_random::elementary::sin;

    /// Returns the fraction at an operator applied to the image itself, a sine of so many waves across its 16 columns.
    fn fraction(operator: &str, waves: usize) -> f64 {
        let mut stages = Vec::new();
        let operator = DownsampleConfig::named(operator).unwrap().remove(0);
        Slot::new(&mut stages, 3, ActivationKind::Relu).place(&operator).unwrap();
        stages.extend([pointwise(10), StageSpec::GlobalAverage]);
        let subject = net_of(&stages, 16);
        let sine = |pixels: &[f32]| -> Vec<f32> {
            (0..pixels.len())
                .map(|index| {
                    sin(std::f64::consts::TAU * (waves * (index / 3 % 16)) as f64 / 16.0 + 0.4) as f32
                })
                .collect()
        };
        let pictures = drawn(2).with_changed_inputs(sine);
        value(&Aliasing.take(&request(&subject, &pictures)).unwrap(), "aliasing_share", "")
    }

    /// At stride 2 the limit is 4 waves in 16 columns: 6 become 2 by decimation.
    #[test]
    fn a_sine_above_the_new_limit_is_all_alias_and_one_below_is_none() {
        assert!((fraction("decimation", 6) - 1.0).abs() < 1e-6);
        assert!(fraction("decimation", 2) < 1e-6);
        // Waves of f32 with 0.38 of their amplitude left.
        assert!((fraction("average_pool", 6) - 1.0).abs() < 1e-5, "{}", fraction("average_pool", 6));
        assert!(fraction("average_pool", 3) < 1e-6);
        assert!(fraction("max_pool", 6) > 0.5);
    }

    #[test]
    fn a_net_that_reduces_nothing_has_no_alias() {
        let subject = net_of(&[pointwise(10), StageSpec::GlobalAverage], 16);
        let taken = Aliasing.take(&request(&subject, &drawn(2))).unwrap();
        assert_eq!(taken.readings.len(), 1);
        assert_eq!(taken.readings[0].value, 0.0);
    }
}
