//! Lowered operators and networks compute what they compute themselves: every node by its definition, in double precision.
#![expect(clippy::disallowed_methods, reason = "an evaluation that is compared, not one whose bits matter")]

mod evaluate;

use std::collections::BTreeMap;

use allconv_nets::{
    ActivationKind, Border, ConvolutionSpec, DownsampleConfig, Engine, Initialisation, Mode, Network,
    NetworkSpec, Parameter, Slot, StageSpec, Target, UpsampleConfig, UpsampleSpec, Walk, models, walk,
    walk_stages,
};
use allconv_operators::lowering::Graph;
use allconv_random::philox4x32;
use burn::tensor::{DType, Device, Tensor, TensorData};

use evaluate::{Array, evaluate};

/// Largest difference relative to the largest value: sums of doubles in another order, of a few thousand terms at most.
const BOUND: f64 = 1e-10;

/// Returns numbers in [−1, 1), the same for the same seed.
fn noise(seed: u32, count: usize) -> Vec<f64> {
    (0..count)
        .map(|index| f64::from(philox4x32([seed, 0], [index as u32, 0, 0, 0])[0]) / 2_147_483_648.0 - 1.0)
        .collect()
}

/// Returns a network of the walk whose parameters have been moved from their start.
fn moved_network(walk: &Walk) -> Network {
    let mut network = Network::from_walk(walk, Initialisation::He, 3, Engine::detect(), &Device::flex());
    let moved = |(index, mut parameter): (usize, Parameter)| {
        let moves = noise(index as u32 + 100, parameter.values.len());
        let is_variance = parameter.path.ends_with("running_var");
        parameter.values.iter_mut().zip(moves).for_each(|(value, noise)| {
            *value += 0.3 * if is_variance { noise.abs() } else { noise } as f32;
        });
        parameter
    };
    let parameters = network.parameters().into_iter().enumerate().map(moved).collect();
    network.load_parameters(parameters).unwrap();
    network
}

/// Asserts that the lowered stages give the map of the network for images of this height and width.
fn assert_lowered(walk: &Walk, what: &str, [height, width]: [usize; 2]) {
    let network = moved_network(walk);
    let parameters: Vec<Parameter> = network.parameters();
    let double =
        |parameter: &Parameter| parameter.values.iter().map(|value| f64::from(*value)).collect::<Vec<_>>();
    let mut graph =
        Graph::new(parameters.iter().map(|parameter| (parameter.path.clone(), double(parameter))).collect());
    let input = graph.input([walk.input[0], height, width]);
    let output = walk.lower(&mut graph, input);
    let shape = vec![2, walk.input[0], height, width];
    let images = Array { values: noise(1, shape.iter().product()), shape: shape.clone() };
    let arrays: BTreeMap<String, Array> = parameters
        .iter()
        .map(|parameter| {
            (parameter.path.clone(), Array { shape: parameter.shape.clone(), values: double(parameter) })
        })
        .collect();
    let found = evaluate(&graph, &images, &arrays, output);
    let sizes: [usize; 4] = shape.try_into().unwrap();
    let tensor = Tensor::<4>::from_data(TensorData::new(images.values, sizes), (&Device::flex(), DType::F64));
    let wanted = network.in_double_precision().forward_map(tensor, Mode::Evaluate);
    assert_eq!(found.shape, wanted.dims(), "{what}");
    let wanted: Vec<f64> = wanted.into_data().try_into_vec_as().unwrap();
    let largest = wanted.iter().fold(f64::MIN_POSITIVE, |largest, value| largest.max(value.abs()));
    for (found, wanted) in found.values.iter().zip(&wanted) {
        assert!((found - wanted).abs() <= BOUND * largest, "{what}: {found} instead of {wanted}");
    }
}

/// Returns the stages that `place` leaves, alone where they can be, else behind a convolution.
fn walk_of(input: [usize; 3], place: impl Fn(&mut Vec<StageSpec>) -> Option<()>) -> Option<Walk> {
    let convolution = StageSpec::Convolution(ConvolutionSpec::square(input[0], 1, 1, Border::NONE));
    [Vec::new(), vec![convolution]].into_iter().find_map(|mut stages| {
        place(&mut stages)?;
        walk_stages(&stages, input).ok().filter(|walk| !walk.stages.is_empty())
    })
}

const SIZES: [[usize; 2]; 3] = [[8, 8], [9, 7], [12, 10]];

#[test]
fn every_downsampling_operator_lowers_to_what_it_computes() {
    let mut names = Vec::new();
    for size in SIZES {
        for operator in DownsampleConfig::examples() {
            let walk = walk_of([4, size[0], size[1]], |stages| {
                Slot::new(stages, 4, ActivationKind::Relu).place(&operator).ok().map(|_| ())
            });
            let Some(walk) = walk else { continue };
            assert_lowered(&walk, &format!("{operator:?} at {size:?}"), size);
            names.push(operator.name());
        }
    }
    for name in DownsampleConfig::NAMES {
        assert!(names.contains(name), "{name} was not lowered");
    }
}

/// Returns the first partner of an operator, and the first of each kind of switches that it takes.
fn partners(operator: &UpsampleConfig) -> Vec<DownsampleConfig> {
    let mut chosen: Vec<DownsampleConfig> = Vec::new();
    for partner in operator.partners() {
        let is_new = chosen.iter().all(|known| known.switches() != partner.switches());
        if chosen.is_empty() || (is_new && operator.takes(partner.switches())) {
            chosen.push(partner);
        }
    }
    chosen
}

#[test]
fn every_upsampling_operator_lowers_to_what_it_computes() {
    let mut names = Vec::new();
    for size in SIZES {
        for operator in UpsampleConfig::examples() {
            for partner in partners(&operator) {
                let walks = (1..=4).rev().find_map(|channels_out| {
                    walk_of([4, size[0], size[1]], |stages| {
                        stages.push(StageSpec::Target(Target::Before(partner.clone())));
                        Slot::new(stages, 4, ActivationKind::Relu).place(&partner).ok()?;
                        stages.push(StageSpec::Upsample(UpsampleSpec {
                            operator: operator.clone(),
                            channels_out,
                        }));
                        Some(())
                    })
                });
                let Some(walk) = walks else { continue };
                assert_lowered(&walk, &format!("{operator:?} behind {partner:?} at {size:?}"), size);
                names.push(operator.name());
            }
        }
    }
    for name in UpsampleConfig::NAMES {
        assert!(names.contains(name), "{name} was not lowered");
    }
}

#[test]
fn every_named_model_lowers_to_what_it_computes_at_two_sizes() {
    for model in &models::MODELS {
        let (width, sizes) = match model.name {
            "large_all_cnn" => (0.02, [[126, 126], [131, 126]]),
            "all_cnn_imagenet" => (0.03, [[96, 96], [101, 97]]),
            "u_net" => (0.06, [[32, 32], [48, 16]]),
            "autoencoder" | "sr_u_net" => (0.06, [[16, 16], [24, 8]]),
            "edsr_baseline" => (0.06, [[12, 12], [9, 7]]),
            "vgg11" | "vgg11_bn" | "vgg16" | "vgg16_bn" => (0.016, [[224, 224], [256, 224]]),
            name if name.starts_with("resnet") => (0.07, [[32, 32], [33, 27]]),
            _ => (0.05, [[32, 32], [19, 16]]),
        };
        let spec: NetworkSpec = models::named(model.name).unwrap().with_width(width).resolved();
        let classes = model.classes.min(5);
        for size @ [height, width] in sizes {
            let walk = walk(&spec, [model.input[0], height, width], classes)
                .unwrap_or_else(|error| panic!("{} at {size:?}: {error}", model.name));
            assert_lowered(&walk, &format!("{} at {size:?}", model.name), size);
        }
    }
}

/// A graph that is not sized holds for other heights and widths than those of its walk.
#[test]
fn lowered_map_networks_hold_for_any_multiple_of_their_reductions() {
    for (name, width, multiple) in [("u_net", 0.06, 16), ("sr_u_net", 0.06, 4), ("edsr_baseline", 0.06, 1)] {
        let spec = models::named(name).unwrap().with_width(width).resolved();
        let channels = models::find(name).unwrap().input[0];
        let walk = walk(&spec, [channels, 48, 48], channels).unwrap();
        assert_eq!(walk.size_multiple(), multiple, "{name}");
        let nodes = |[height, width]: [usize; 2]| {
            let mut graph = Graph::new(Vec::new());
            let images = graph.input([channels, height, width]);
            walk.lower(&mut graph, images);
            assert!(!graph.is_sized(), "{name}");
            graph.nodes().iter().map(|node| node.op.clone()).collect::<Vec<_>>()
        };
        assert_eq!(nodes([48, 48]), nodes([48 + multiple, 48 - multiple]), "{name}");
    }
}
