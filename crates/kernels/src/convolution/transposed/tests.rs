//! Tests of transposed convolution: a worked example, bit equality with its adjoint, and its gradients.

use super::*;
use crate::convolution::{ConvBackward, ConvForward, Convolution, Convolve, grouped};
use crate::cpu::Isa;
use crate::elementwise::{Activation, Dropout, Epilogue};
use crate::engine::Engine;
use crate::numbers::Accuracy;
use crate::windows::{GeometryError, Padding};
use allconv_random::{philox4x32, unit_f32};

const DOUBLING: ConvTransposeGeometry = ConvTransposeGeometry {
    batch: 1,
    height_in: 2,
    width_in: 2,
    channels_in: 1,
    channels_out: 1,
    kernel: [2, 2],
    stride: [2, 2],
    padding: Padding::NONE,
    output_padding: [0, 0],
    dilation: [1, 1],
    groups: 1,
};

#[test]
fn two_by_two_taps_at_stride_two_reach_disjoint_squares() {
    let mut y = [0.0_f32; 16];
    let (x, w) = ([1.0, 2.0, 3.0, 4.0], [1.0, 10.0, 100.0, 1000.0]);
    let convolution = TransposedConvolution::plan(&Engine::detect(), &DOUBLING);
    let epilogue = Epilogue::IDENTITY;
    convolution.prepare(&w).forward(ConvForward { x: &x, bias: Some(&[0.5]), epilogue, y: &mut y });
    #[rustfmt::skip]
    let expected = [
        1.5, 10.5, 2.5, 20.5,
        100.5, 1000.5, 200.5, 2000.5,
        3.5, 30.5, 4.5, 40.5,
        300.5, 3000.5, 400.5, 4000.5,
    ];
    assert_eq!(y, expected);
}

#[test]
fn sizes_follow_the_formula_and_wrong_ones_are_refused() {
    let geometry = ConvTransposeGeometry {
        kernel: [3, 3],
        padding: Padding::same(1),
        output_padding: [1, 0],
        ..DOUBLING
    };
    assert_eq!(geometry.adjoint().map(|adjoint| [adjoint.height_in, adjoint.width_in]), Ok([4, 3]));
    let reaching = ConvTransposeGeometry { output_padding: [2, 0], ..DOUBLING };
    let error = GeometryError::OutputPaddingReachesStride { axis: "height", padding: 2, stride: 2 };
    assert_eq!(reaching.adjoint(), Err(error));
    let nothing = ConvTransposeGeometry { padding: Padding::same(2), ..DOUBLING };
    assert_eq!(nothing.adjoint(), Err(GeometryError::NothingLeft { axis: "height", full: 4, cut: 4 }));
}

fn noise(len: usize, stream: u32) -> Vec<f64> {
    (0..len).map(|i| f64::from(unit_f32(philox4x32([stream, 1], [i as u32, 0, 0, 0])[0])) - 0.5).collect()
}

/// Returns the output, then gradients of input, weight and bias.
fn passes<T: Convolve>(
    geometry: &ConvTransposeGeometry,
    epilogue: Epilogue,
    saved: Option<&[f64]>,
) -> [Vec<f64>; 4] {
    let adjoint = geometry.adjoint().expect("the test made a valid geometry");
    let inputs = geometry.batch * geometry.height_in * geometry.width_in * geometry.channels_in;
    let narrow = |values: Vec<f64>| values.into_iter().map(T::from_f64).collect::<Vec<T>>();
    let convolution = TransposedConvolution::plan(&Engine::detect(), geometry);
    let (x, w) = (narrow(noise(inputs, 0)), narrow(noise(adjoint.weight_len(), 1)));
    let (bias, dy) = (narrow(noise(geometry.channels_out, 2)), narrow(noise(adjoint.input_len(), 3)));
    let mut y = vec![T::ZERO; adjoint.input_len()];
    let convolution = convolution.prepare(&w);
    convolution.forward(ConvForward { x: &x, bias: Some(&bias), epilogue, y: &mut y });
    let saved = saved.map_or_else(|| y.clone(), |saved| narrow(saved.to_vec()));
    let (mut dx, mut dweight, mut dbias) =
        (vec![T::ZERO; x.len()], vec![T::ZERO; w.len()], vec![T::ZERO; bias.len()]);
    convolution.backward(ConvBackward {
        x: &x,
        y: &saved,
        dy: &dy,
        epilogue,
        dx: Some(&mut dx),
        dweight: &mut dweight,
        dbias: Some(&mut dbias),
    });
    [y, dx, dweight, dbias].map(|values| values.into_iter().map(T::to_f64).collect())
}

#[test]
fn blocks_are_scattered_to_the_last_bit_as_the_adjoint_computes_them() {
    let epilogues = [
        Epilogue::IDENTITY,
        Epilogue::RELU,
        Epilogue { activation: Activation::LeakyRelu { slope: 0.3 }, dropout: None },
    ];
    let engines = Isa::available().into_iter().flat_map(|isa| {
        [Accuracy::Exact, Accuracy::F32, Accuracy::Bf16].map(|accuracy| Engine::new(isa, accuracy))
    });
    for engine in engines {
        for (kernel, [channels_in, channels_out]) in
            [([2, 2], [12, 8]), ([2, 3], [5, 16]), ([1, 2], [40, 24]), ([4, 4], [16, 8])]
        {
            let geometry = ConvTransposeGeometry {
                batch: 3,
                height_in: 5,
                width_in: 7,
                channels_in,
                channels_out,
                kernel,
                stride: kernel,
                ..DOUBLING
            };
            let convolution = TransposedConvolution::plan(&engine, &geometry);
            let adjoint = Convolution::plan(&engine, &geometry.adjoint().expect("a valid geometry"));
            let (weights, outputs) = (adjoint.geometry().weight_len(), adjoint.geometry().input_len());
            let narrow = |len: usize, stream: u32| -> Vec<f32> {
                noise(len, stream).into_iter().map(|value| value as f32).collect()
            };
            let x = narrow(3 * 5 * 7 * channels_in, 0);
            let (weight, bias) = (narrow(weights, 1), narrow(channels_out, 2));
            for (epilogue, bias) in epilogues.into_iter().zip([Some(&bias[..]), None, Some(&bias[..])]) {
                let [mut scattered, mut expected] = [0; 2].map(|_| vec![f32::NAN; outputs]);
                assert!(grouped::scatters_blocks(&geometry, &epilogue));
                convolution.prepare(&weight).forward(ConvForward {
                    x: &x,
                    bias,
                    epilogue,
                    y: &mut scattered,
                });
                let operands = ConvForward { x: &x[..], bias, epilogue, y: &mut expected };
                forward_by_adjoint(&adjoint, operands, |x, y| {
                    grouped::input_gradient(&adjoint, &weight, x, y);
                });
                let differs = scattered.iter().zip(&expected).position(|(a, b)| a.to_bits() != b.to_bits());
                assert_eq!(differs, None, "{engine:?} {geometry:?} {epilogue:?}");
            }
        }
    }
}

#[test]
fn the_gradients_are_derivatives_and_f32_agrees_with_f64() {
    let geometry = ConvTransposeGeometry {
        batch: 2,
        height_in: 4,
        width_in: 3,
        channels_in: 6,
        channels_out: 4,
        kernel: [3, 3],
        stride: [2, 1],
        padding: Padding { top: 1, bottom: 0, left: 1, right: 1 },
        output_padding: [1, 0],
        dilation: [1, 1],
        groups: 2,
    };
    let epilogue = Epilogue {
        activation: Activation::LeakyRelu { slope: 0.3 },
        dropout: Some(Dropout { rate: 0.25, key: 4 }),
    };
    let wide = passes::<f64>(&geometry, epilogue, None);
    let narrow = passes::<f32>(&geometry, epilogue, Some(&wide[0]));
    for (wide, narrow) in wide.iter().zip(&narrow) {
        for (wide, narrow) in wide.iter().zip(narrow) {
            // Sums of fewer than 100 products below 0.3: 30 roundings of 2^-24 are a generous bound.
            assert!((wide - narrow).abs() < 2e-6 * 3.0, "{wide} against {narrow}");
        }
    }
    // Euler: forward is linear in weight and bias between the kinks, so <dweight, w> + <dbias, b> = <dy, y>.
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let adjoint = geometry.adjoint().expect("the test made a valid geometry");
    let (w, bias) = (noise(adjoint.weight_len(), 1), noise(geometry.channels_out, 2));
    let dy = noise(adjoint.input_len(), 3);
    let loss = dot(&dy, &wide[0]);
    assert!((dot(&wide[2], &w) + dot(&wide[3], &bias) - loss).abs() < 1e-10 * loss.abs().max(1.0));
    // The same in the input once the bias is taken away.
    let x = noise(2 * 4 * 3 * 6, 0);
    assert!((dot(&wide[1], &x) + dot(&wide[3], &bias) - loss).abs() < 1e-10 * loss.abs().max(1.0));
}
