//! Null hypotheses: operators that are known to be the same function, or become it in a limit.

use allconv_nets::{DownsampleConfig, Engine, Initialisation, Mode, Network, walk_stages};
use burn::tensor::{Tensor, TensorData};

use super::{alone, network, output, read};
use crate::support::{distance, noise_images, test_device};

const SHAPE: [usize; 4] = [2, 3, 6, 8];

fn evaluated(operator: &DownsampleConfig, x: Tensor<4>) -> Tensor<4> {
    output(
        &network(operator, [SHAPE[1], SHAPE[2], SHAPE[3]], 0.0, &test_device()).unwrap(),
        x,
        Mode::Evaluate,
    )
}

/// Applies both operators, as a study file writes them, to the same map.
fn assert_same(left: &str, right: &str, x: &Tensor<4>, bound: f64) {
    let difference = distance(&evaluated(&read(left), x.clone()), &evaluated(&read(right), x.clone()));
    assert!(difference <= bound, "{left} and {right}: {difference}");
}

#[test]
fn pairs_of_operators_are_one_function() {
    let x = noise_images(1, SHAPE, &test_device());
    assert_same("average_pool = {}", "blur_pool = { taps = 2 }", &x, 1e-6);
    assert_same("average_pool = {}", "antialiased_resize = { filter = \"box\" }", &x, 1e-6);
    assert_same("blur_pool = { taps = 1 }", "decimation = {}", &x, 0.0);
    assert_same("folded_stride = {}", "decimation = {}", &x, 0.0);
    assert_same("gated_pool = {}", "mixed_pool = {}", &x, 1e-6);
    assert_same("local_importance_pool = {}", "average_pool = { kernel = 3, padding = 1 }", &x, 1e-6);
    assert_same("p_norm_pool = { p = inf }", "p_norm_pool = { p = 1e6 }", &x, 1e-4);
    assert_same("learned_p_norm_pool = {}", "p_norm_pool = {}", &x, 1e-5);
    assert_same("log_sum_exp_pool = { sharpness = 1e-4 }", "average_pool = {}", &x, 1e-3);
    assert_same("log_sum_exp_pool = { sharpness = 1000.0 }", "max_pool = { kernel = 2 }", &x, 2e-3);
}

#[test]
fn pairs_of_operators_are_one_function_of_positive_values() {
    let x = noise_images(2, SHAPE, &test_device()).abs() + 0.1;
    assert_same("p_norm_pool = { p = 1.0, kernel = 2 }", "average_pool = {}", &x, 1e-6);
    assert_same("gem_pool = { p = 1.0 }", "average_pool = {}", &x, 1e-6);
    assert_same("p_norm_pool = { p = inf }", "max_pool = {}", &x, 0.0);
    assert_same("gem_pool = { p = 2.0 }", "p_norm_pool = { p = 2.0, kernel = 2 }", &x, 1e-6);
}

#[test]
fn adding_a_constant_to_the_input_of_soft_pool_adds_it_to_the_output() {
    let (x, soft) = (noise_images(3, SHAPE, &test_device()), read("soft_pool = {}"));
    let shifted = evaluated(&soft, x.clone() + 50.0) - 50.0;
    assert!(distance(&shifted, &evaluated(&soft, x)) < 2e-5);
}

#[test]
fn the_low_pass_band_of_haar_is_twice_the_average() {
    let x = noise_images(4, SHAPE, &test_device());
    let low = evaluated(&read("haar_low_pass = {}"), x.clone());
    assert!(distance(&low, &(evaluated(&read("average_pool = {}"), x) * 2.0)) < 1e-6);
}

#[test]
fn the_bands_of_haar_are_an_orthogonal_mix_of_the_unshuffled_values() {
    let x = noise_images(5, SHAPE, &test_device());
    let bands = evaluated(&read("haar_wavelet = {}"), x.clone());
    let [batch, channels, ..] = SHAPE;
    // Positions in the order (0,0), (0,1), (1,0), (1,1).
    let mix = [[1., 1., 1., 1.], [1., 1., -1., -1.], [1., -1., 1., -1.], [1., -1., -1., 1.]];
    let mix: Tensor<2> = Tensor::from_data(TensorData::from(mix), &test_device()) / 2.0;
    let positions = evaluated(&read("pixel_unshuffle = { order = \"tensorflow\" }"), x);
    let flat: Tensor<3> = positions.reshape([batch, 4, channels * 12]);
    let mixed: Tensor<4> = mix.unsqueeze_dim::<3>(0).matmul(flat).reshape([batch, 4 * channels, 3, 4]);
    assert!(distance(&bands, &mixed) < 1e-6);
}

#[test]
fn the_channel_orders_of_unshuffling_are_permutations_of_each_other() {
    let x = noise_images(6, SHAPE, &test_device());
    let pytorch = evaluated(&read("pixel_unshuffle = {}"), x.clone());
    let channel = |y: &Tensor<4>, index: usize| y.clone().narrow(1, index, 1);
    for (order, place) in [("spd", [0, 2, 1, 3]), ("tensorflow", [0, 1, 2, 3])] {
        let other = evaluated(&read(&format!("pixel_unshuffle = {{ order = \"{order}\" }}")), x.clone());
        for (phase, place) in place.into_iter().enumerate() {
            for c in 0..SHAPE[1] {
                let (ours, theirs) =
                    (channel(&pytorch, 4 * c + phase), channel(&other, SHAPE[1] * place + c));
                assert_eq!(distance(&ours, &theirs), 0.0, "{order}");
            }
        }
    }
}

#[test]
fn unshuffling_and_a_projection_are_a_convolution_of_kernel_and_stride_two() {
    let device = test_device();
    let input = [SHAPE[1], SHAPE[2], SHAPE[3]];
    let build = |operator: &str| {
        let walk = walk_stages(&alone(&read(operator), SHAPE[1]), input).unwrap();
        Network::from_walk(&walk, Initialisation::He, 5, Engine::detect(), &device)
    };
    let projected = build("pixel_unshuffle = { project = \"1x1\" }");
    let mut strided = build("strided_conv = { kernel = 2 }");
    let given = projected.parameters();
    // Both weights hold [out, c, row, column] in the same order.
    strided.replace(|path, values| {
        let path = path.replacen("features.1", "features.2", 1);
        values.copy_from_slice(&given.iter().find(|parameter| parameter.path == path).unwrap().values);
    });
    let x = noise_images(7, SHAPE, &test_device());
    let outputs = [projected, strided].map(|network| output(&network, x.clone(), Mode::Evaluate));
    assert!(distance(&outputs[0], &outputs[1]) < 1e-5);
}

/// A convolution written as its sum, of inputs `[c, h, w]` with weights `[out, c, kernel, kernel]`, zeros outside.
fn convolved(
    x: &[f32],
    [channels, height, width]: [usize; 3],
    weights: &[f32],
    [outputs, kernel, stride, padding]: [usize; 4],
) -> Vec<f32> {
    let out = |size: usize| (size + 2 * padding - kernel) / stride + 1;
    let at = |c: usize, h: usize, w: usize| {
        let (h, w) = (h.checked_sub(padding), w.checked_sub(padding));
        h.zip(w)
            .filter(|(h, w)| *h < height && *w < width)
            .map_or(0.0, |(h, w)| x[(c * height + h) * width + w])
    };
    let mut y = Vec::new();
    for (o, h, w) in
        (0..outputs).flat_map(|o| (0..out(height)).flat_map(move |h| (0..out(width)).map(move |w| (o, h, w))))
    {
        let mut sum = 0.0;
        for (c, m, n) in
            (0..channels).flat_map(|c| (0..kernel).flat_map(move |m| (0..kernel).map(move |n| (c, m, n))))
        {
            sum += weights[((o * channels + c) * kernel + m) * kernel + n]
                * at(c, stride * h + m, stride * w + n);
        }
        y.push(sum);
    }
    y
}

fn values(x: Tensor<4>) -> Vec<f32> {
    x.into_data().try_to_vec().unwrap()
}

#[test]
fn unshuffling_read_by_three_by_three_is_a_convolution_of_kernel_six_and_stride_two() {
    let [_, channels, height, width] = SHAPE;
    let x = noise_images(9, [1, channels, height, width], &test_device());
    let shuffled = values(evaluated(&read("pixel_unshuffle = {}"), x.clone()));
    let weights = values(noise_images(10, [5, 4 * channels, 3, 3], &test_device()));
    let read_after = convolved(&shuffled, [4 * channels, height / 2, width / 2], &weights, [5, 3, 1, 1]);
    // W[o, c, 2u + a, 2v + b] = V[o, 4c + 2a + b, u, v].
    let mut wide = vec![0.0; 5 * channels * 36];
    for (index, value) in weights.iter().enumerate() {
        let (v, u, channel, o) =
            (index % 3, index / 3 % 3, index / 9 % (4 * channels), index / 36 / channels);
        let (c, a, b) = (channel / 4, channel / 2 % 2, channel % 2);
        wide[((o * channels + c) * 6 + 2 * u + a) * 6 + 2 * v + b] = *value;
    }
    let strided = convolved(&values(x), [channels, height, width], &wide, [5, 6, 2, 2]);
    assert_eq!(read_after.len(), strided.len());
    assert!(read_after.iter().zip(&strided).all(|(one, other)| (one - other).abs() < 1e-4));
}

#[test]
fn a_convolution_before_unshuffling_is_a_tied_convolution_of_kernel_four_and_stride_two() {
    let [_, _, height, width] = SHAPE;
    let channels = 4;
    let operator = read("conv_unshuffle = { kernel = 3 }");
    let network = network(&operator, [channels, height, width], 0.0, &test_device()).unwrap();
    let parameters = network.parameters();
    // The first convolution of the network is the identity.
    let is_own = |path: &str| path.ends_with("weight") && path != "features.0.weight";
    let weights = &parameters.iter().find(|parameter| is_own(&parameter.path)).unwrap().values;
    assert_eq!(weights.len(), channels * 9, "one output channel before the unshuffle");
    // Output 2a + b sees the one kernel moved by (a, b).
    let mut tied = vec![0.0; 4 * channels * 16];
    for phase in 0..4 {
        for (index, value) in weights.iter().enumerate() {
            let (v, u, c) = (index % 3, index / 3 % 3, index / 9);
            tied[((phase * channels + c) * 4 + u + phase / 2) * 4 + v + phase % 2] = *value;
        }
    }
    let x = noise_images(11, [1, channels, height, width], &test_device());
    let ours = values(output(&network, x.clone(), Mode::Evaluate));
    let strided = convolved(&values(x), [channels, height, width], &tied, [4, 4, 2, 1]);
    assert_eq!(ours.len(), strided.len());
    // The network's activation follows the convolution.
    assert!(ours.iter().zip(&strided).all(|(one, other)| (one - other.max(0.0)).abs() < 1e-4));
}

#[test]
fn adaptive_sampling_is_decimation_where_the_first_phase_is_strongest() {
    // Values at even rows and columns are ten times as large as the others.
    let weights: Vec<f32> =
        (0..48).map(|position| if position / 8 % 2 == 0 && position % 2 == 0 { 10.0 } else { 1.0 }).collect();
    let weights: Tensor<4> = Tensor::from_data(TensorData::new(weights, [1, 1, 6, 8]), &test_device());
    assert_same(
        "adaptive_polyphase = {}",
        "decimation = {}",
        &(noise_images(8, SHAPE, &test_device()) * weights),
        0.0,
    );
}
