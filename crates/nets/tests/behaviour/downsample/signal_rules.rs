//! Guided backpropagation and the deconvnet through every operator, against the rules applied by hand between stages.

use allconv_kernels::Epilogue;
use allconv_nets::layers::Stage;
use allconv_nets::{
    ActivationKind, Border, ConvolutionSpec, DownsampleConfig, Engine, Initialisation, MaxPoolRule, Mode,
    Network, ReluRule, SignalRules, Slot, StageSpec, walk_stages,
};
use allconv_operators::Pass;
use burn::tensor::{DType, Device, Tensor, TensorData};

use super::network;
use crate::support::{noise_tensor, values};

const CHANNELS: usize = 3;
const SIZE: usize = 9;
/// Operators that rectify inside; the gate of the bottleneck is held to its rules in its own file.
const RECTIFIES_ITS_INPUT: &str = "stochastic_pool";

/// Returns a rectifier before the operator, those inside it, and one after a convolution after it.
fn surrounded(operator: &DownsampleConfig, kind: ActivationKind, device: &Device) -> Option<Network> {
    let convolution = StageSpec::Convolution(ConvolutionSpec::square(CHANNELS, 3, 1, Border::same(3)));
    let mut stages = vec![convolution.clone(), StageSpec::Activation(kind)];
    Slot::new(&mut stages, CHANNELS, kind).place(operator).ok()?;
    stages.extend([convolution, StageSpec::Activation(kind)]);
    let walk = walk_stages(&stages, [CHANNELS, SIZE, SIZE]).ok()?;
    Some(Network::from_walk(&walk, Initialisation::He, 3, Engine::detect(), device).in_double_precision())
}

fn run(stage: &Stage, x: Tensor<4>, engine: &Engine) -> Tensor<4> {
    match stage {
        Stage::Convolution(layer) => layer.forward(x, Epilogue::IDENTITY, engine),
        Stage::Downsample(operator) => operator.forward(x, &Pass::evaluate(engine)),
        other => panic!("{other:?} is not part of these nets"),
    }
}

/// Returns the rule, value by value.
fn by_hand(f: &[f32], signal: &[f32], slope: f32, rule: ReluRule) -> Vec<f64> {
    let damping = |sign: f32| if sign > 0.0 { 1.0 } else { slope };
    let passed = |(f, signal): (&f32, &f32)| {
        f64::from(match rule {
            ReluRule::Backpropagation => damping(*f) * signal,
            ReluRule::Deconvnet => damping(*signal) * signal,
            ReluRule::Guided => damping(*f) * damping(*signal) * signal,
        })
    };
    f.iter().zip(signal).map(passed).collect()
}

fn upload(values: Vec<f64>, like: &Tensor<4>) -> Tensor<4> {
    Tensor::from_data(TensorData::new(values, like.dims()), (&like.device(), DType::F64))
}

/// Returns what arrives at the input, stage by stage: each stage's own gradient, and the rule at each activation.
fn stage_by_stage(
    network: &Network,
    x: &Tensor<4>,
    signal: &Tensor<4>,
    slope: f32,
    rule: ReluRule,
) -> Vec<f32> {
    let engine = network.engine();
    let mut inputs = vec![x.clone().detach()];
    for stage in network.stages() {
        let x = inputs.last().unwrap().clone();
        inputs.push(match stage {
            Stage::Activation(layer) => layer.forward(x, ReluRule::Backpropagation),
            stage => run(stage, x, engine).detach(),
        });
    }
    let mut signal = signal.clone();
    for (stage, x) in network.stages().iter().zip(&inputs).rev() {
        signal = match stage {
            Stage::Activation(_) => {
                upload(by_hand(&values(x.clone()), &values(signal.clone()), slope, rule), x)
            }
            stage => {
                let leaf = x.clone().require_grad();
                let gradients = (run(stage, leaf.clone(), engine) * signal).sum().backward();
                let below: Vec<f64> = leaf
                    .grad(&gradients)
                    .map(|gradient| gradient.into_data().try_into_vec_as().unwrap())
                    .unwrap_or_else(|| vec![0.0; x.dims().iter().product()]);
                let rectifies = matches!(stage, Stage::Downsample(operator)
                    if format!("{operator:?}").to_lowercase().contains(&RECTIFIES_ITS_INPUT.replace('_', "")));
                match (rectifies, rule) {
                    // Its gradient is 0 where its rectifier is off already.
                    (true, ReluRule::Guided) => upload(below.iter().map(|below| below.max(0.0)).collect(), x),
                    _ => upload(below, x),
                }
            }
        };
    }
    values(signal)
}

#[test]
fn no_rectifier_of_any_operator_is_skipped() {
    let device = Device::flex().autodiff();
    let mut checked = 0;
    for (kind, slope) in [(ActivationKind::Relu, 0.0), (ActivationKind::LeakyRelu { slope: 0.25 }, 0.25)] {
        for operator in DownsampleConfig::examples() {
            let Some(network) = surrounded(&operator, kind, &device) else { continue };
            if format!("{operator:?}").contains("Bottleneck") {
                continue;
            }
            let x = noise_tensor(1, [2, CHANNELS, SIZE, SIZE], &device).require_grad();
            for rule in [ReluRule::Guided, ReluRule::Deconvnet] {
                if rule == ReluRule::Deconvnet && operator.name() == RECTIFIES_ITS_INPUT {
                    continue;
                }
                let trace = network.forward_traced(x.clone(), Mode::Evaluate, SignalRules::of_relu(rule));
                let y = trace.stages.last().unwrap().clone();
                let signal = noise_tensor(2, y.dims(), &device);
                let gradients = (y * signal.clone()).sum().backward();
                let found = values(x.grad(&gradients).unwrap());
                let expected = stage_by_stage(&network, &x, &signal, slope, rule);
                let scale = expected.iter().fold(1e-6_f32, |scale, value| scale.max(value.abs()));
                for (found, expected) in found.iter().zip(&expected) {
                    // Both are computed in f64 and read back as f32.
                    assert!(
                        (found - expected).abs() <= 1e-6 * scale,
                        "{operator:?} {rule:?}: {found} {expected}"
                    );
                }
                checked += 1;
            }
        }
    }
    assert!(checked > 150, "{checked}");
}

/// Returns what arrives at the input of one operator alone.
fn alone(operator: &DownsampleConfig, mode: Mode, rule: ReluRule) -> Vec<f32> {
    let device = Device::flex().autodiff();
    let network = network(operator, [CHANNELS, 8, 8], 0.3, &device).unwrap().in_double_precision();
    let x = noise_tensor(1, [2, CHANNELS, 8, 8], &device).require_grad();
    let y = network.forward_traced(x.clone(), mode, SignalRules::of_relu(rule)).stages.pop().unwrap();
    let signal = noise_tensor(2, y.dims(), &device);
    values(x.grad(&(y * signal).sum().backward()).unwrap())
}

#[test]
fn the_rectifiers_inside_operators_follow_the_rule() {
    let training = Mode::Train { seed: 1, step: 2 };
    for (name, mode) in [("stochastic_pool", Mode::Evaluate), ("learned_polyphase", training)] {
        let operator = DownsampleConfig::named(name).unwrap().remove(0);
        let gradient = alone(&operator, mode, ReluRule::Backpropagation);
        for rule in [ReluRule::Deconvnet, ReluRule::Guided] {
            assert_ne!(alone(&operator, mode, rule), gradient, "{name} {rule:?}");
        }
    }
    let gated = DownsampleConfig::named("soft_pool").unwrap().remove(0);
    let gradient = alone(&gated, training, ReluRule::Backpropagation);
    assert_eq!(
        alone(&gated, training, ReluRule::Guided),
        gradient,
        "without a rectifier there is nothing to change"
    );
}

#[test]
fn without_switches_the_signal_of_a_window_goes_to_all_its_positions() {
    let device = Device::flex().autodiff();
    let operator = DownsampleConfig::named("max_pool").unwrap().remove(1);
    let mut stages = Vec::new();
    Slot::new(&mut stages, 1, ActivationKind::Relu).place(&operator).unwrap();
    let walk = walk_stages(&stages, [1, 4, 4]).unwrap();
    let network = Network::from_walk(&walk, Initialisation::He, 0, Engine::detect(), &device);
    let x = Tensor::<4>::from_data(
        [[[[1., 2., 3., 4.], [5., 6., 7., 8.], [9., 10., 11., 12.], [13., 14., 15., 16.]]]],
        &device,
    )
    .require_grad();
    let passed = |max_pool| {
        let rules = SignalRules { max_pool, ..SignalRules::GRADIENT };
        let y = network.forward_traced(x.clone(), Mode::Evaluate, rules).stages.pop().unwrap();
        assert_eq!(values(y.clone()), [6., 8., 14., 16.], "{max_pool:?}");
        let signal = Tensor::<4>::from_data([[[[4., 8.], [12., 16.]]]], &device);
        values(x.grad(&(y * signal).sum().backward()).unwrap())
    };
    assert_eq!(
        passed(MaxPoolRule::Switches),
        [0., 0., 0., 0., 0., 4., 0., 8., 0., 0., 0., 0., 0., 12., 0., 16.]
    );
    assert_eq!(passed(MaxPoolRule::Spread), [1., 1., 2., 2., 1., 1., 2., 2., 3., 3., 4., 4., 3., 3., 4., 4.]);
}
