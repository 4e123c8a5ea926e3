//! Aliasing: how much of a reduced map comes from frequencies that the new grid cannot hold.
//!
//! For each stage with stride `s` and input `z`: `z_low` is `z` without the frequencies at and above the new Nyquist limit
//! `1/(2s)`; the share is `‖f(z) − f(z_low)‖² / ‖f(z) − mean‖²`, the mean taken over each channel's map. For a linear stage this is the
//! aliased part of the output's spectrum (Parseval), its constant part left out; a sine above the limit gives 1, one below it 0.
//! Stages that are not linear may exceed 1. For the whole network: the mean over its reducing stages; 0 without any.
//!
//! Source: the sampling theorem; after Zhang, arXiv 1904.11486, and Vasconcelos et al., arXiv 2102.07388.

use allconv_kernels::Epilogue;
use allconv_nets::layers::Stage;
use allconv_nets::{Mode, Pass, SignalRules};
use allconv_random::elementary::square;
use burn::tensor::{Device, Tensor};

use super::interface::{Asked, Fits, Measure, MeasureCard, Measurement, Reading};
use super::low_pass::below_nyquist;
use crate::tensors::host;
use crate::{InspectError, Subject};

/// Images that go through together.
const TOGETHER: usize = 32;

/// The measure.
pub(super) struct Aliasing;

impl Measure for Aliasing {
    fn card(&self) -> MeasureCard {
        MeasureCard {
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

    fn take(&self, asked: &Asked<'_>) -> Result<Measurement, InspectError> {
        let images = |start, end| asked.pictures.tensor(start, end, &Device::flex());
        let readings = aliasing_readings(asked.subject, "aliasing_share", asked.pictures.len(), images);
        Ok(Measurement { readings, pictures: Vec::new() })
    }
}

/// The stages with a stride, and their strides.
pub(super) fn reducing_stages(subject: &Subject) -> Vec<(usize, usize)> {
    let stages = &subject.walk().stages;
    let jump_before = |stage: usize| stage.checked_sub(1).map_or(1.0, |before| stages[before].jump);
    (0..stages.len())
        .filter(|stage| stages[*stage].jump > jump_before(*stage))
        .map(|stage| (stage, (stages[stage].jump / jump_before(stage)).round() as usize))
        .collect()
}

/// The share at each reducing stage, then their mean; `images(start, end)` gives the network's input.
pub(super) fn aliasing_readings(
    subject: &Subject,
    metric: &'static str,
    count: usize,
    images: impl Fn(usize, usize) -> Tensor<4>,
) -> Vec<Reading> {
    let reducing = reducing_stages(subject);
    let mut shares = vec![Vec::with_capacity(count); reducing.len()];
    for start in (0..count).step_by(TOGETHER) {
        let end = (start + TOGETHER).min(count);
        let input = images(start, end);
        let trace = subject.plain().forward_traced(input.clone(), Mode::Evaluate, SignalRules::GRADIENT);
        for ((stage, stride), shares) in reducing.iter().zip(&mut shares) {
            let z = stage.checked_sub(1).map_or(&input, |before| &trace.stages[before]);
            let low = run(subject, *stage, below_nyquist(z.clone(), *stride, subject.plain().engine()));
            shares.extend(energy_shares(trace.stages[*stage].clone(), low));
        }
    }
    let stages = reducing.iter().map(|(stage, _)| *stage).zip(shares).collect();
    Reading::of_stages(metric, subject, count, stages)
}

/// What a stage by itself makes of `z`.
fn run(subject: &Subject, stage: usize, z: Tensor<4>) -> Tensor<4> {
    let engine = subject.plain().engine();
    match &subject.plain().stages()[stage] {
        Stage::Convolution(layer) => layer.forward(z, Epilogue::IDENTITY, engine),
        Stage::Downsample(operator) => operator.forward(z, &Pass::evaluate(engine)),
        // No other stage has a stride.
        _ => z,
    }
}

/// `‖y − low‖² / ‖y − mean‖²` of each image; 0 for constant maps that stay as they are.
fn energy_shares(y: Tensor<4>, low: Tensor<4>) -> Vec<f64> {
    let [_, channels, rows, columns] = y.dims();
    let cells = rows * columns;
    let (y, low) = (host(y), host(low));
    let of_image = |(y, low): (&[f64], &[f64])| {
        let lost: f64 = y.iter().zip(low).map(|(y, low)| square(y - low)).sum();
        let energy: f64 = y
            .chunks_exact(cells)
            .map(|map| {
                let mean = map.iter().sum::<f64>() / cells as f64;
                map.iter().map(|value| square(value - mean)).sum::<f64>()
            })
            .sum();
        if energy > 0.0 { lost / energy } else { 0.0 }
    };
    y.chunks_exact(channels * cells).zip(low.chunks_exact(channels * cells)).map(of_image).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::tests::{asked, net_of, pointwise, value};
    use crate::pictures::tests::drawn;
    use allconv_nets::{ActivationKind, DownsampleConfig, Slot, StageSpec};
    use allconv_random::elementary::sin;

    /// The share at an operator that meets the image itself, a sine of so many waves across its 16 columns.
    fn share(operator: &str, waves: usize) -> f64 {
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
        value(&Aliasing.take(&asked(&subject, &pictures)).unwrap(), "aliasing_share", "")
    }

    /// At stride 2 the limit is 4 waves in 16 columns: 6 become 2 by decimation.
    #[test]
    fn a_sine_above_the_new_limit_is_all_alias_and_one_below_is_none() {
        assert!((share("decimation", 6) - 1.0).abs() < 1e-6);
        assert!(share("decimation", 2) < 1e-6);
        // Waves of f32 with 0.38 of their amplitude left.
        assert!((share("average_pool", 6) - 1.0).abs() < 1e-5, "{}", share("average_pool", 6));
        assert!(share("average_pool", 3) < 1e-6);
        assert!(share("max_pool", 6) > 0.5);
    }

    #[test]
    fn a_net_that_reduces_nothing_has_no_alias() {
        let subject = net_of(&[pointwise(10), StageSpec::GlobalAverage], 16);
        let taken = Aliasing.take(&asked(&subject, &drawn(2))).unwrap();
        assert_eq!(taken.readings.len(), 1);
        assert_eq!(taken.readings[0].value, 0.0);
    }
}
