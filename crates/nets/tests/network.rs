//! Properties of every named network: fused and traced runs agree, dropout is keyed, parameters leave and enter by name.

use allconv_nets::{
    Engine, Mode, Network, NetworkSpec, ParameterError, SignalRules, images_to_tensor, models,
};
use burn::module::Module;
use burn::tensor::{Device, Tensor};

const TRAIN: Mode = Mode::Train { seed: 3, step: 7 };

fn small(name: &str) -> NetworkSpec {
    models::named(name).unwrap().with_width(0.06)
}

fn network(spec: &NetworkSpec, device: &Device) -> Network {
    Network::initialise(spec, [3, 32, 32], 10, 0, Engine::detect(), device).unwrap()
}

fn images(device: &Device) -> Tensor<4> {
    let values = (0..2 * 32 * 32 * 3).map(|index| ((index * 7919) % 2003) as f32 / 1001.0 - 1.0).collect();
    images_to_tensor(values, [2, 32, 32, 3], device)
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec_as().unwrap()
}

fn largest_difference(left: &[f32], right: &[f32]) -> f32 {
    left.iter().zip(right).map(|(left, right)| (left - right).abs()).fold(0.0, f32::max)
}

#[test]
fn fused_and_traced_runs_give_the_same_logits_and_gradients() {
    let device = Device::flex().autodiff();
    for model in &models::MODELS[..12] {
        let network = network(&small(model.name), &device);
        for mode in [Mode::Evaluate, TRAIN] {
            let fused = network.forward(images(&device), mode);
            let traced = network.forward_traced(images(&device), mode, SignalRules::GRADIENT);
            assert_eq!(traced.stages.len(), network.stages().len());
            let mut of_fused = fused.clone().square().sum().backward();
            let mut of_traced = traced.logits.clone().square().sum().backward();
            let (left, right) = (network.gradients(&mut of_fused), network.gradients(&mut of_traced));
            // The same arithmetic in another order of passes: a few roundings apart.
            assert!(largest_difference(&values(fused), &values(traced.logits)) < 1e-5, "{}", model.name);
            assert_eq!(left.len(), network.parameters().len());
            for (left, right) in left.iter().zip(&right) {
                let scale = right.values.iter().fold(1e-6_f32, |scale, value| scale.max(value.abs()));
                assert!(
                    largest_difference(&left.values, &right.values) < 1e-4 * scale,
                    "{} {}",
                    model.name,
                    left.path
                );
            }
        }
    }
}

#[test]
fn dropout_is_a_function_of_seed_and_step_and_silent_in_evaluation() {
    let device = Device::flex();
    let spec = NetworkSpec { last_relu: Some(false), ..small("all_cnn_c") };
    let network = network(&spec, &device);
    let run = |mode| values(network.forward(images(&device), mode));
    assert_eq!(run(TRAIN), run(TRAIN));
    assert_ne!(run(TRAIN), run(Mode::Train { seed: 3, step: 8 }));
    assert_ne!(run(TRAIN), run(Mode::Train { seed: 4, step: 7 }));
    assert_ne!(run(TRAIN), run(Mode::Evaluate));
    assert_eq!(run(Mode::Evaluate), run(Mode::Evaluate));

    let none = NetworkSpec { input_dropout: Some(0.0), dropout: Some(0.0), ..spec };
    let without = self::network(&none, &device);
    assert_eq!(values(without.forward(images(&device), TRAIN)), run(Mode::Evaluate));
}

#[test]
fn evaluation_of_a_training_network_leaves_no_graph_and_changes_no_value() {
    let device = Device::flex().autodiff();
    let network = network(&small("model_a"), &device);
    let logits = network.valid().forward(images(&Device::flex()), Mode::Evaluate);
    assert!(!logits.is_autodiff());
    let tracked = network.forward(images(&device), Mode::Evaluate);
    assert_eq!(values(logits), values(tracked));
}

#[test]
fn weights_are_a_function_of_seed_and_name() {
    let device = Device::flex();
    let at = |seed| {
        let spec = small("all_cnn_c");
        Network::initialise(&spec, [3, 32, 32], 10, seed, Engine::detect(), &device).unwrap().parameters()
    };
    assert_eq!(at(1), at(1));
    assert_ne!(at(1), at(2));
    assert!(at(1).iter().filter(|p| p.path.ends_with("bias")).all(|p| p.values.iter().all(|v| *v == 0.0)));
}

#[test]
fn names_are_those_of_a_sequential_of_the_same_stages() {
    let paths: Vec<String> =
        network(&small("model_c"), &Device::flex()).parameters().into_iter().map(|p| p.path).collect();
    // Stages: dropout, (conv, relu) × 2, pool, dropout, (conv, relu) × 2, pool, dropout, (conv, relu) × 3, average.
    let expected: Vec<String> = [1, 3, 7, 9, 13, 15, 17]
        .iter()
        .flat_map(|stage| [format!("features.{stage}.weight"), format!("features.{stage}.bias")])
        .collect();
    assert_eq!(paths, expected);
}

#[test]
fn loaded_parameters_give_the_logits_of_the_network_they_came_from() {
    let device = Device::flex();
    let spec = small("convpool_cnn_b");
    let source = network(&spec, &device);
    let mut target = Network::initialise(&spec, [3, 32, 32], 10, 9, Engine::detect(), &device).unwrap();
    let logits = |network: &Network| values(network.forward(images(&device), Mode::Evaluate));
    assert_ne!(logits(&source), logits(&target));
    target.load_parameters(source.parameters()).unwrap();
    assert_eq!(logits(&source), logits(&target));
    assert_eq!(source.parameters(), target.parameters());
}

#[test]
fn parameters_that_do_not_fit_are_refused_and_nothing_is_replaced() {
    let device = Device::flex();
    let mut network = network(&small("all_cnn_a"), &device);
    let own = network.parameters();
    let mut missing = own.clone();
    missing.remove(1);
    assert!(
        matches!(network.load_parameters(missing), Err(ParameterError::Missing { path, .. }) if path == "features.1.bias")
    );
    let mut unexpected = own.clone();
    unexpected.push(allconv_nets::Parameter {
        path: "classifier.weight".to_owned(),
        shape: vec![1],
        values: vec![1.0],
    });
    assert!(matches!(network.load_parameters(unexpected), Err(ParameterError::Unexpected { .. })));
    let mut wrong = own.clone();
    wrong[0].values.iter_mut().for_each(|value| *value += 1.0);
    wrong[2].shape = vec![1, 2];
    assert!(matches!(network.load_parameters(wrong), Err(ParameterError::Shape { .. })));
    assert_eq!(network.parameters(), own);
}

#[test]
fn replaced_values_are_used_and_keep_their_gradients() {
    let device = Device::flex().autodiff();
    let mut network = network(&NetworkSpec { last_relu: Some(false), ..small("strided_cnn_c") }, &device);
    for _ in 0..2 {
        let mut gradients = network.forward(images(&device), TRAIN).square().sum().backward();
        let taken = network.gradients(&mut gradients);
        assert_eq!(taken.len(), network.parameters().len());
        let before = network.parameters();
        let mut steps = taken.iter();
        network.replace(|path, values| {
            let gradient = steps.next().unwrap();
            assert_eq!(gradient.path, path);
            values.iter_mut().zip(&gradient.values).for_each(|(value, gradient)| *value -= 0.01 * gradient);
        });
        let after = network.parameters();
        for ((before, after), gradient) in before.iter().zip(&after).zip(&taken) {
            let expected: Vec<f32> =
                before.values.iter().zip(&gradient.values).map(|(v, g)| v - 0.01 * g).collect();
            assert_eq!(after.values, expected, "{}", after.path);
        }
        assert_ne!(before, after);
    }
}
