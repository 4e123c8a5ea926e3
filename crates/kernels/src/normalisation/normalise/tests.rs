//! Tests of normalisation against its definition in f64, and its gradients against central differences.

use super::*;
use crate::cpu::Isa;
use allconv_random::{philox4x32, unit_f32};

const EPSILON: f64 = 1e-5;

fn noise(len: usize, stream: u32) -> Vec<f64> {
    (0..len).map(|i| f64::from(unit_f32(philox4x32([stream, 2], [i as u32, 0, 0, 0])[0])) - 0.5).collect()
}

fn narrow<T: Scalar>(values: &[f64]) -> Vec<T> {
    values.iter().map(|value| T::from_f64(*value)).collect()
}

fn wide<T: Scalar>(values: &[T]) -> Vec<f64> {
    values.iter().map(|value| value.to_f64()).collect()
}

/// Computes the definition, value by value.
fn defined(geometry: &NormGeometry, [x, scale, shift]: [&[f64]; 3], activation: Activation) -> Vec<f64> {
    let NormGeometry { positions, channels, .. } = *geometry;
    let set = |element: usize| geometry.set(element / (positions * channels), element % channels);
    let negative = f64::from(activation.negative_slope());
    let value = |element: usize| {
        let of_set = || (0..x.len()).filter(|other| set(*other) == set(element)).map(|other| x[other]);
        let mean = of_set().sum::<f64>() / of_set().count() as f64;
        let variance = of_set().map(|x| (x - mean) * (x - mean)).sum::<f64>() / of_set().count() as f64;
        let normal = (x[element] - mean) / (variance + EPSILON).sqrt();
        let z = scale[element % channels] * normal + shift[element % channels];
        if z > 0.0 { z } else { negative * z }
    };
    (0..x.len()).map(value).collect()
}

/// Returns the output and the gradients of x, scale and shift.
fn passes<T: Scalar>(
    engine: &Engine,
    geometry: &NormGeometry,
    activation: Activation,
    [x, scale, shift, dy]: [&[f64]; 4],
) -> [Vec<f64>; 4] {
    let (x, scale, shift, dy): (Vec<T>, Vec<T>, Vec<T>, Vec<T>) =
        (narrow(x), narrow(scale), narrow(shift), narrow(dy));
    let mut y = vec![T::ZERO; geometry.len()];
    let statistics = normalise_forward(engine, geometry, EPSILON, [&x, &scale, &shift], activation, &mut y);
    let gradients =
        normalise_backward(engine, geometry, EPSILON, &statistics, [&x, &scale, &y, &dy], activation);
    [wide(&y), wide(&gradients.dx), wide(&gradients.dscale), wide(&gradients.dshift)]
}

fn geometries() -> Vec<NormGeometry> {
    let mut all = Vec::new();
    for (batch, positions, channels) in [(1, 1, 6), (3, 7, 6), (2, 35, 12), (1, 9, 1)] {
        for sharing in [NormSharing::Batch, NormSharing::Groups(1), NormSharing::Groups(channels)] {
            all.push(NormGeometry { batch, positions, channels, sharing });
        }
    }
    all.push(NormGeometry { batch: 2, positions: 5, channels: 6, sharing: NormSharing::Groups(2) });
    // Several pieces an image, the last one shorter.
    all.push(NormGeometry { batch: 2, positions: 30, channels: CHUNK / 8, sharing: NormSharing::Groups(4) });
    all
}

#[test]
fn two_values_a_channel_become_minus_one_and_one() {
    let geometry = NormGeometry { batch: 2, positions: 1, channels: 2, sharing: NormSharing::Batch };
    let mut y = [0.0_f64; 4];
    let x = [1.0, 10.0, 3.0, 30.0];
    let statistics = normalise_forward(
        &Engine::detect(),
        &geometry,
        0.0,
        [&x, &[2.0, 1.0], &[0.5, 0.0]],
        Activation::Identity,
        &mut y,
    );
    assert_eq!(y, [-1.5, -1.0, 2.5, 1.0]);
    assert_eq!(statistics, NormStatistics { mean: vec![2.0, 20.0], variance: vec![1.0, 100.0] });
}

#[test]
fn every_instruction_set_computes_the_definition() {
    for geometry in geometries().into_iter().filter(|geometry| geometry.len() < 1000) {
        for activation in [Activation::Identity, Activation::Relu, Activation::LeakyRelu { slope: 0.25 }] {
            let (x, c) = (noise(geometry.len(), 0), geometry.channels);
            let (scale, shift) = (noise(c, 1), noise(c, 2));
            let expected = defined(&geometry, [&x, &scale, &shift], activation);
            for isa in Isa::available() {
                let engine = Engine::new(isa, crate::Accuracy::F32);
                let operands = [&x[..], &scale, &shift, &noise(geometry.len(), 3)];
                let [exact, ..] = passes::<f64>(&engine, &geometry, activation, operands);
                let [single, ..] = passes::<f32>(&engine, &geometry, activation, operands);
                for ((exact, single), expected) in exact.iter().zip(&single).zip(&expected) {
                    assert!((exact - expected).abs() < 1e-11, "{geometry:?}: {exact}, expected {expected}");
                    // The rounding of x is enlarged by 1/√(variance + epsilon), at most 316.
                    assert!((single - expected).abs() < 2e-5, "{geometry:?}: {single}, expected {expected}");
                }
            }
        }
    }
}

#[test]
fn the_gradients_are_derivatives() {
    let engine = Engine::detect();
    for geometry in
        geometries().into_iter().filter(|geometry| geometry.set_len() > 1 && geometry.len() < 1000)
    {
        let activation = Activation::LeakyRelu { slope: 0.25 };
        let c = geometry.channels;
        let operands = [noise(geometry.len(), 0), noise(c, 1), noise(c, 2)];
        let dy = noise(geometry.len(), 3);
        let [_, dx, dscale, dshift] =
            passes::<f64>(&engine, &geometry, activation, [&operands[0], &operands[1], &operands[2], &dy]);
        for (index, gradient) in [dx, dscale, dshift].iter().enumerate() {
            let direction = noise(gradient.len(), 4);
            let loss = |step: f64| {
                let mut moved = operands.clone();
                moved[index].iter_mut().zip(&direction).for_each(|(value, d)| *value += step * d);
                let y = defined(&geometry, [&moved[0], &moved[1], &moved[2]], activation);
                y.iter().zip(&dy).map(|(y, dy)| y * dy).sum::<f64>()
            };
            let numeric = (loss(1e-6) - loss(-1e-6)) / 2e-6;
            let analytic: f64 = gradient.iter().zip(&direction).map(|(g, d)| g * d).sum();
            let size = numeric.abs().max(1.0);
            assert!(
                (numeric - analytic).abs() < 1e-6 * size,
                "{geometry:?} operand {index}: {numeric} {analytic}"
            );
        }
    }
}

#[test]
fn results_do_not_depend_on_threads_or_instruction_set() {
    for geometry in geometries() {
        let c = geometry.channels;
        let operands = [noise(geometry.len(), 0), noise(c, 1), noise(c, 2), noise(geometry.len(), 3)];
        let mut seen = Vec::new();
        for isa in Isa::available() {
            for threads in [1, 3] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let engine = Engine::new(isa, crate::Accuracy::F32);
                let operands = [&operands[0][..], &operands[1], &operands[2], &operands[3]];
                seen.push(pool.install(|| passes::<f32>(&engine, &geometry, Activation::Relu, operands)));
            }
        }
        assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{geometry:?}");
    }
}

#[test]
fn a_large_mean_costs_no_accuracy() {
    let geometry = NormGeometry { batch: 1, positions: 4096, channels: 1, sharing: NormSharing::Batch };
    // 1000 and steps of 1/16, which f32 holds exactly.
    let x: Vec<f64> = (0..4096).map(|index| 1000.0 + f64::from(index % 7) / 16.0).collect();
    let expected = defined_once(&x);
    let zeros = vec![0.0; 4096];
    let [y, ..] =
        passes::<f32>(&Engine::detect(), &geometry, Activation::Identity, [&x, &[1.0], &[0.0], &zeros]);
    for (found, expected) in y.iter().zip(&expected) {
        // The mean is rounded to f32: 2⁻²⁴·1000 in units of a deviation of 1/8.
        assert!((found - expected).abs() < 6e-4, "{found}, expected {expected}");
    }
}

fn defined_once(x: &[f64]) -> Vec<f64> {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    let variance = x.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / x.len() as f64;
    x.iter().map(|x| (x - mean) / (variance + EPSILON).sqrt()).collect()
}
