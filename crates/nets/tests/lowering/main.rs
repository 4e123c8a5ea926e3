//! Lowered operators and networks compute what they compute themselves: every node by its definition, in double precision.
#![expect(clippy::disallowed_methods, reason = "an evaluation that is compared, not one whose bits matter")]

mod cases;
mod evaluate;

use std::collections::BTreeMap;

use allconv_nets::{DownsampleConfig, Mode, Parameter, UpsampleConfig, Walk, models, walk};
use allconv_operators::lowering::Graph;
use burn::tensor::{DType, Device, Tensor, TensorData};

use cases::{downsampling, moved_network, named, noise, partners, upsampling};
use evaluate::{Array, evaluate};

/// Largest difference relative to the largest value: sums of doubles in another order, of a few thousand terms at most.
const BOUND: f64 = 1e-10;

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

const SIZES: [[usize; 2]; 3] = [[8, 8], [9, 7], [12, 10]];

#[test]
fn every_downsampling_operator_lowers_to_what_it_computes() {
    let mut names = Vec::new();
    for size in SIZES {
        for operator in DownsampleConfig::examples() {
            let Some(walk) = downsampling(size, &operator) else { continue };
            assert_lowered(&walk, &format!("{operator:?} at {size:?}"), size);
            names.push(operator.name());
        }
    }
    for name in DownsampleConfig::NAMES {
        assert!(names.contains(name), "{name} was not lowered");
    }
}

#[test]
fn every_upsampling_operator_lowers_to_what_it_computes() {
    let mut names = Vec::new();
    for size in SIZES {
        for operator in UpsampleConfig::examples() {
            for partner in partners(&operator) {
                let Some(walk) = upsampling(size, &operator, &partner) else { continue };
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
        for (size, walk) in named(model.name) {
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
