//! Networks that return maps: against PyTorch, with every operator of the registries, and properties of all of them.

mod against_pytorch;
mod costs;
mod lists;
mod pairs;
mod properties;
mod statistics;

use allconv_nets::{Engine, Initialisation, Mode, Network, NetworkSpec, walk};
use burn::tensor::Device;

use crate::support::{noise, noise_images};

/// Returns a network as a study file writes its section `net`, with He's weights.
fn read(text: &str) -> NetworkSpec {
    let spec: NetworkSpec = toml::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    NetworkSpec { initialisation: Initialisation::He, ..spec }
}

/// Returns small networks that between them have every kind of stage; the last number is that of the outputs.
fn small_networks() -> Vec<(NetworkSpec, usize)> {
    [
        ("architecture = { u_net = { depth = 2, channels = 4, norm = \"batch\" } }\ndropout = 0.3", 2),
        (
            "architecture = { u_net = { depth = 1, channels = 6, norm = \"group\", convolutions = 3, blocks = \"residual\" } }\n\
             downsample = { haar_low_pass = {} }\nupsample = { inverse_haar = {} }",
            2,
        ),
        ("architecture = { edsr = { scale = 3, blocks = 2, channels = 4, residual_scale = 0.5 } }\ninput_dropout = 0.1", 3),
        ("architecture = { edsr = { scale = 4, blocks = 1, channels = 4, residual = \"bicubic\" } }\nupsample = { resize_conv = {} }", 3),
        (
            "architecture = { super_resolution_u_net = { scale = 2, channels = 4, residual = \"bicubic\" } }\n\
             downsample = { conv_pool = {} }\nupsample = { max_unpool = {} }",
            3,
        ),
        (
            "architecture = { resnet = { layers = 8, width = 0.25, shortcut = \"operator\" } }\ndownsample = { conv_blur_pool = {} }",
            4,
        ),
        ("architecture = { vgg = { layers = 11, head = \"average\", width = 0.0625 } }", 4),
        ("architecture = { autoencoder = { depth = 2, channels = 4 } }\ndownsample = { dilation = {} }\nupsample = { resize_conv = {} }", 3),
    ]
    .map(|(text, outputs)| (read(text), outputs))
    .to_vec()
}

/// Returns the network for three-channel images of this height and width.
fn network(spec: &NetworkSpec, outputs: usize, [height, width]: [usize; 2], device: &Device) -> Network {
    Network::initialise(spec, [3, height, width], outputs, 5, Engine::detect(), device)
        .unwrap_or_else(|error| panic!("{spec:?}: {error}"))
}

/// Returns every weight moved by noise, so that branches that start at zero take part too.
fn moved(mut network: Network) -> Network {
    network.replace(|path, values| {
        if !path.contains("running") {
            let noise = noise(path.len() as u32, values.len());
            values.iter_mut().zip(noise).for_each(|(value, noise)| *value += (0.2 * noise) as f32);
        }
    });
    network
}

const TRAIN: Mode = Mode::Train { seed: 3, step: 7 };

#[test]
fn every_small_network_returns_a_map_of_the_walked_shape_at_any_size() {
    let device = Device::flex();
    for (spec, outputs) in small_networks() {
        let network = network(&spec, outputs, [9, 11], &device);
        for [height, width] in [[9, 11], [16, 12], [7, 24]] {
            let y = network.forward_map(noise_images(1, [2, 3, height, width], &device), Mode::Evaluate);
            let [channels, rows, columns] = walk(&spec, [3, height, width], outputs).unwrap().output();
            assert_eq!(y.dims(), [2, channels, rows, columns], "{spec:?}");
        }
    }
}
