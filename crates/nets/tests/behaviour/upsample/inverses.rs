//! Pairs that undo each other, in one direction or both, and adjoints.

use allconv_kernels::Epilogue;
use allconv_nets::layers::Stage;
use allconv_nets::{Mode, SwitchKind, Switches, UpsampleConfig};
use allconv_operators::Enlargement;
use allconv_operators::parameters::{in_double_precision, replaced};
use burn::tensor::{DType, Device, Tensor};

use super::{Place, moved_module, network_of, read, read_partner, source, up};
use crate::support::{distance, noise_images, test_device};

const SIZES: [[usize; 2]; 8] = [[1, 1], [1, 2], [2, 3], [4, 4], [5, 4], [6, 7], [9, 8], [11, 3]];

/// Returns the output of the partner for `x` without a convolution before it, and its switches.
fn down(partner: &str, x: Tensor<4>) -> (Tensor<4>, Switches) {
    let [_, channels, height, width] = x.dims();
    let mut network = network_of(&read_partner(partner), [channels, height, width], &x.device()).unwrap();
    network.replace(|path, values| match path {
        "features.0.weight" => values.iter_mut().enumerate().for_each(|(index, value)| {
            *value = f32::from(u8::from(index % (channels + 1) == 0));
        }),
        "features.0.bias" => values.fill(0.0),
        _ => {}
    });
    let (y, mut switches) = network.forward_with_switches(x, Mode::Evaluate);
    (y, switches.pop().unwrap())
}

/// Returns `x` reduced and enlarged again by operators without parameters.
fn round_trip(operator: &UpsampleConfig, partner: &str, x: &Tensor<4>) -> Tensor<4> {
    let (y, switches) = down(partner, x.clone());
    fixed_up(operator, y, [x.dims()[2], x.dims()[3]], &switches)
}

/// Returns the output of an operator without parameters for `y`.
fn fixed_up(operator: &UpsampleConfig, y: Tensor<4>, size: [usize; 2], switches: &Switches) -> Tensor<4> {
    let [_, channels, rows, columns] = y.dims();
    let enlargement = Enlargement {
        input: [channels, rows, columns],
        output: [channels, size[0], size[1]],
        switches: switches.kind(),
    };
    up(&operator.layer(&enlargement, &source(&y.device())), y, size, switches)
}

fn maps() -> impl Iterator<Item = Tensor<4>> {
    SIZES.into_iter().map(|[height, width]| noise_images(1, [2, 3, height, width], &test_device()))
}

#[test]
fn shuffling_undoes_unshuffling_exactly_in_all_orders_and_at_all_sizes() {
    for order in ["pytorch", "spd", "tensorflow"] {
        for factor in [1, 2, 3] {
            let settings = format!("{{ factor = {factor}, order = \"{order}\" }}");
            let shuffle = read(&format!("pixel_shuffle = {settings}"));
            for x in maps() {
                let back = round_trip(&shuffle, &format!("pixel_unshuffle = {settings}"), &x);
                assert_eq!(distance(&back, &x), 0.0, "{settings} on {:?}", x.dims());
            }
        }
    }
}

#[test]
fn the_inverse_haar_transform_undoes_both_haar_operators() {
    for partner in ["haar_wavelet", "haar_low_pass"] {
        for padding in ["reflect", "zero", "replicate", "circular"] {
            for x in maps() {
                let partner = format!("{partner} = {{ padding = \"{padding}\" }}");
                let back = round_trip(&read("inverse_haar = {}"), &partner, &x);
                assert!(distance(&back, &x) < 1e-6, "{partner} on {:?}", x.dims());
            }
        }
    }
}

#[test]
fn max_pooling_gives_back_what_was_unpooled_from_it() {
    for (kernel, stride) in [(2, 2), (3, 2), (2, 3), (3, 1)] {
        let pool = format!("max_pool = {{ kernel = {kernel}, stride = {stride} }}");
        let unpool = read(&format!("max_unpool = {{ kernel = {kernel}, stride = {stride} }}"));
        for x in maps() {
            // The values that are left out must not be larger than the maxima.
            let (pooled, _) = down(&pool, x.clone().abs());
            let (again, _) = down(&pool, round_trip(&unpool, &pool, &x.abs()));
            assert_eq!(distance(&again, &pooled), 0.0, "{pool}");
        }
    }
}

#[test]
fn adding_values_back_is_the_backward_pass_of_max_pooling() {
    let device = test_device().autodiff();
    let x = noise_images(1, [2, 3, 7, 6], &device).require_grad();
    let (pooled, switches) = down("max_pool = {}", x.clone());
    let dy = noise_images(2, pooled.dims(), &device);
    let dx = x.grad_remove(&mut (pooled * dy.clone()).sum().backward()).unwrap();
    let unpooled = fixed_up(&read("max_unpool = { duplicates = \"add\" }"), dy, [7, 6], &switches);
    assert!(distance(&unpooled.inner(), &dx) < 1e-6);
}

#[test]
fn polyphase_unpooling_puts_the_values_back_where_they_were() {
    let unpool = read("polyphase_unpool = { blur_taps = 1 }");
    for partner in ["adaptive_polyphase = {}", "learned_polyphase = {}"] {
        for x in maps() {
            let back = round_trip(&unpool, partner, &x);
            // Every element is its old value or zero, and as many are kept as there are values.
            let kept = back.clone().not_equal_elem(0.0).float();
            assert_eq!(distance(&back, &(x.clone() * kept.clone())), 0.0, "{partner} on {:?}", x.dims());
            let [batch, channels, rows, columns] = down(partner, x.clone()).0.dims();
            assert_eq!(kept.sum().into_scalar::<f64>() as usize, batch * channels * rows * columns);
        }
    }
    // The strongest phase of the result is the one that was kept.
    for x in maps() {
        let (reduced, _) = down("adaptive_polyphase = {}", x.clone());
        let (again, _) = down("adaptive_polyphase = {}", round_trip(&unpool, "adaptive_polyphase = {}", &x));
        assert_eq!(distance(&again, &reduced), 0.0, "{:?}", x.dims());
    }
}

#[test]
fn adaptive_sampling_and_unpooling_are_equivariant_to_every_circular_shift_together() {
    let x = noise_images(3, [2, 3, 8, 6], &test_device());
    for taps in [1, 3, 4] {
        let unpool = read(&format!("polyphase_unpool = {{ blur_taps = {taps} }}"));
        let y = round_trip(&unpool, "adaptive_polyphase = {}", &x);
        for shift in [[1_i64, 0], [0, 1], [3, 5]] {
            let shifted = round_trip(&unpool, "adaptive_polyphase = {}", &x.clone().roll(&shift, &[2, 3]));
            assert!(distance(&shifted, &y.clone().roll(&shift, &[2, 3])) < 1e-6, "{taps} taps, {shift:?}");
        }
    }
}

#[test]
fn spectral_pooling_undoes_spectral_upsampling_of_maps_without_their_highest_frequency() {
    let spectral = read("spectral_upsample = {}");
    let enlarged = |x: Tensor<4>, size| fixed_up(&spectral, x, size, &Switches::None);
    // A map of 6×8 that has the frequencies of one of 5×7.
    let x = enlarged(noise_images(1, [2, 3, 5, 7], &test_device()), [6, 8]);
    let (back, _) = down("spectral_pool = {}", enlarged(x.clone(), [12, 16]));
    assert!(distance(&back, &x) < 5e-6, "{}", distance(&back, &x));
    let (back, _) = down("spectral_pool = { stride = 1.5 }", enlarged(x.clone(), [9, 12]));
    assert!(distance(&back, &x) < 5e-6, "{}", distance(&back, &x));
    // The highest frequency of an even size comes back at half its size, and no better rule is known: see the description.
    let waves = Tensor::<1>::from_floats([1.0, -1.0, 1.0, -1.0], &test_device())
        .reshape([1, 1, 4, 1])
        .expand([1, 1, 4, 4]);
    let (back, _) = down("spectral_pool = {}", enlarged(waves.clone(), [8, 8]));
    assert!(distance(&back, &(waves * 0.5)) < 5e-6);
}

#[test]
fn spectral_upsampling_interpolates_the_values() {
    for [height, width] in SIZES {
        let x = noise_images(1, [2, 3, height, width], &test_device());
        let y =
            fixed_up(&read("spectral_upsample = {}"), x.clone(), [2 * height, 3 * width], &Switches::None);
        let through = y.slice(burn::tensor::s![.., .., ..;2, ..;3]);
        assert!(distance(&through, &x) < 5e-6, "{height}×{width}");
    }
}

#[test]
fn a_transposed_convolution_is_the_adjoint_of_the_strided_convolution() {
    let device = Device::flex().autodiff();
    for (kernel, stride) in [(2, 2), (3, 2), (4, 2), (1, 2), (3, 3), (5, 3), (3, 1), (2, 3)] {
        let settings = format!("{{ kernel = {kernel}, stride = {stride} }}");
        for [height, width] in SIZES {
            let map = [2, 3, height, width];
            let partner = read_partner(&format!("strided_conv = {settings}"));
            let place =
                Place::new(&read(&format!("transposed_conv = {settings}")), &partner, map, 0.0, &device)
                    .unwrap();
            // The strided convolution alone, its channels as many as enter the transposed one.
            let network = network_of(&partner, [3, height, width], &device).unwrap();
            let weight =
                network.parameters().into_iter().find(|parameter| parameter.path == "features.1.weight");
            let weight = weight.unwrap();
            let rule = |path: &str, values: &mut Vec<f32>| match path {
                "weight" => values.copy_from_slice(&weight.values),
                _ => values.fill(0.0),
            };
            let transposed = in_double_precision(replaced(place.module, rule));
            let x = noise_images(1, map, &device).cast(DType::F64);
            let [channels, rows, columns] = place.enlargement.input;
            let y = noise_images(2, [2, channels, rows, columns], &device).cast(DType::F64);
            let network = network.in_double_precision();
            let strided = match &network.stages()[1] {
                Stage::Convolution(layer) => layer.forward(x.clone(), Epilogue::IDENTITY, network.engine()),
                other => panic!("{other:?}"),
            };
            let dot = |a: Tensor<4>, b: Tensor<4>| (a * b).sum().into_scalar::<f64>();
            let (left, right) =
                (dot(strided, y.clone()), dot(x, up(&transposed, y, [height, width], &Switches::None)));
            assert!(
                (left - right).abs() < 1e-10 * left.abs().max(1.0),
                "{settings} on {map:?}: {left}, {right}"
            );
        }
    }
}

#[test]
fn blurring_up_is_four_times_the_transposed_blur_pool() {
    let device = test_device().autodiff();
    for padding in ["zero", "circular"] {
        for taps in 1..=7 {
            for [height, width] in SIZES {
                let x = noise_images(1, [2, 3, height, width], &device).require_grad();
                let settings = format!("{{ taps = {taps}, padding = \"{padding}\" }}");
                let (pooled, _) = down(&format!("blur_pool = {settings}"), x.clone());
                let dy = noise_images(2, pooled.dims(), &device);
                let dx = x.grad_remove(&mut (pooled * dy.clone()).sum().backward()).unwrap();
                let blurred = fixed_up(
                    &read(&format!("blur_upsample = {settings}")),
                    dy,
                    [height, width],
                    &Switches::None,
                );
                assert!(distance(&blurred.inner(), &(dx * 4.0)) < 2e-6, "{settings} on {height}×{width}");
            }
        }
    }
}

#[test]
fn an_expanding_shuffle_starts_as_a_convolution_of_nearest_neighbour_enlargement() {
    let device = test_device();
    for order in ["pytorch", "spd", "tensorflow"] {
        let shuffle = read(&format!("pixel_shuffle = {{ expand = 1, order = \"{order}\" }}"));
        let enlargement = Enlargement { input: [3, 3, 4], output: [2, 5, 8], switches: SwitchKind::None };
        let x = noise_images(1, [2, 3, 3, 4], &device);
        let y = up(&shuffle.layer(&enlargement, &source(&device)), x.clone(), [5, 8], &Switches::None);
        // Enlarging by a 1×1 resize-convolution of the same weights is the same.
        let nearest = read("resize_conv = { kernel = 1 }").layer(&enlargement, &source(&device));
        let enlarged = up(&nearest, x, [6, 8], &Switches::None).slice([0..2, 0..2, 0..5, 0..8]);
        assert!(distance(&y, &enlarged) < 1e-6, "{order}");
    }
}

#[test]
fn carafe_with_equal_weights_is_a_box_filter_of_nearest_neighbour_enlargement() {
    let device = test_device();
    let enlargement = Enlargement { input: [2, 6, 6], output: [2, 12, 12], switches: SwitchKind::None };
    let module = read("carafe = { kernel = 3 }").layer(&enlargement, &source(&device));
    // Weights of zero make all logits equal.
    let rule = |_: &str, values: &mut Vec<f32>| values.fill(0.0);
    let module = moved_module(replaced(module, rule), 0.0);
    let x = noise_images(1, [1, 2, 6, 6], &device);
    let y = up(&module, x.clone(), [12, 12], &Switches::None);
    let (boxed, _) = down("average_pool = { kernel = 3, stride = 1, padding = 1, divisor = \"window\" }", x);
    let nearest = boxed.repeat_dim(3, 1).reshape([1, 2, 6, 1, 6, 1]).expand([1, 2, 6, 2, 6, 2]);
    assert!(distance(&y, &nearest.reshape([1, 2, 12, 12])) < 1e-6);
}
