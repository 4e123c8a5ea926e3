//! The running statistics of batch normalisation.

use allconv_nets::{
    Engine, Initialisation, Mode, Network, NormaliseKind, NormaliseSpec, StageSpec, walk_stages,
};
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};

use super::{TRAIN, network, read};
use crate::support::{noise_images, values};

fn bare(device: &Device) -> Network {
    let spec = NormaliseSpec { kind: NormaliseKind::Batch, scale: Default::default() };
    let walk = walk_stages(&[StageSpec::Normalise(spec)], [2, 1, 2]).unwrap();
    Network::from_walk(&walk, Initialisation::He, 0, Engine::detect(), device)
}

fn named(network: &Network, name: &str) -> Vec<f32> {
    network.parameters().into_iter().find(|parameter| parameter.path == name).unwrap().values
}

#[test]
fn a_tenth_of_each_batch_goes_into_the_running_statistics_as_in_pytorch() {
    let device = Device::flex();
    let mut network = bare(&device);
    // Channel 0 holds 1, 2, 3, 6 (mean 3, variance over n − 1 14/3), channel 1 holds 5 throughout.
    let x = TensorData::new(vec![1.0_f32, 2.0, 5.0, 5.0, 3.0, 6.0, 5.0, 5.0], [2, 2, 1, 2]);
    let x = Tensor::<4>::from_data(x, &device);
    let y = values(network.forward_map(x.clone(), TRAIN));
    assert!((y[0] + 2.0 / 3.5_f32.sqrt()).abs() < 1e-5 && y[2] == 0.0, "{y:?}");
    assert_eq!(
        named(&network, "features.0.running_mean"),
        [0.0, 0.0],
        "a forward pass alone changes nothing"
    );
    network.absorb_statistics();
    let near = |found: Vec<f32>, expected: [f32; 2]| {
        assert!(
            found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-6),
            "{found:?}"
        );
    };
    near(named(&network, "features.0.running_mean"), [0.3, 0.5]);
    near(named(&network, "features.0.running_var"), [0.9 + 0.1 * 14.0 / 3.0, 0.9]);
    let once = network.parameters();
    network.absorb_statistics();
    assert_eq!(network.parameters(), once, "a batch is folded in once");
    let y = values(network.forward_map(x, Mode::Evaluate));
    let expected = (1.0 - 0.3) / (0.9 + 1.4 / 3.0_f32 + 1e-5).sqrt();
    assert!((y[0] - expected).abs() < 1e-6, "{} {expected}", y[0]);
}

#[test]
fn they_are_saved_and_loaded_by_name_and_have_no_gradient() {
    let device = Device::flex().autodiff();
    let spec = read("architecture = { u_net = { depth = 1, channels = 4, norm = \"batch\" } }");
    let mut trained = network(&spec, 2, [8, 8], &device);
    for step in 0..3 {
        let x = noise_images(step, [3, 3, 8, 8], &device);
        let mut gradients = trained.forward_map(x, TRAIN).square().mean().backward();
        let gradients = trained.gradients(&mut gradients);
        assert!(gradients.iter().all(|gradient| !gradient.path.contains("running")));
        assert_eq!(gradients.len() + 2 * 6, trained.parameters().len());
        trained.absorb_statistics();
    }
    let mut loaded = network(&spec, 2, [8, 8], &device);
    loaded.load_parameters(trained.parameters()).unwrap();
    let x = noise_images(9, [2, 3, 8, 8], &Device::flex());
    let map = |network: &Network| values(network.valid().forward_map(x.clone(), Mode::Evaluate));
    assert_eq!(map(&loaded), map(&trained));
    // Both continue identically, so that a checkpoint is all that a run needs.
    for network in [&mut loaded, &mut trained] {
        let _ = network.forward_map(noise_images(10, [3, 3, 8, 8], &device), TRAIN);
        network.absorb_statistics();
    }
    assert_eq!(loaded.parameters(), trained.parameters());
    assert!(trained.parameters().iter().any(|parameter| parameter.path.ends_with("running_var")));
}
