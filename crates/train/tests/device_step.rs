//! Training steps of every named network on another device, compared with those of the CPU: forward, loss, backward, optimiser, statistics.
//!
//! `ALLCONV_TEST_DEVICE` names the device, `vulkan` or `cuda`, in a build with that feature; without it the CPU is compared with itself.
//! `ALLCONV_TEST_NETWORK` picks one network: where a driver ends the whole process, each can have a process of its own. The outcome of a
//! network is one printed line, `step NAME: …`, and the bounds are another; `cargo xtask device-check` reads them.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use allconv_data::{Batch, ImageShape, PairBatch, Targets};
use allconv_kernels::{Accuracy, Isa};
use allconv_nets::models::{MODELS, Model};
use allconv_nets::{Engine, Mode, Network, OutputKind, images_to_tensor, walk};
use allconv_train::{
    ClassObjective, DenseLoss, MapObjective, NamedTensors, Objective, TrainRequest, Trainer, network_tensors,
};
use burn::tensor::Device;

/// Largest difference of a loss, relative to the loss: ten times what was seen of any network.
const LOSS_BOUND: f64 = 1e-6;
/// Largest difference of a value, relative to the largest of its tensor (or to [`FLOOR`] times the largest of all, where that is more).
///
/// Devices add in different orders. A sum of 1000 products in f32 errs by some √1000 · 6e-8 = 2e-6 of its terms, and up to 35 layers pass
/// that on: 1e-5 was seen, and ten times that is the bound. A wrong index, sign or mask shows as 1e-2 and more.
const VALUE_BOUND: f64 = 1e-4;
/// Fraction of the largest value of all tensors below which a tensor holds rounding alone, such as the gradient of a bias before a batch
/// normalisation, which is 0.
const FLOOR: f64 = 1e-3;
/// The second step depends on all that the first has changed: weights, velocities, running statistics.
const STEPS: usize = 2;
/// Images of a batch.
const BATCH: usize = 4;
const LEARNING_RATE: f64 = 0.01;
/// Factor on the channels, so that a driver in software comes to an end.
const WIDTH: f64 = 0.1;
/// Height and width of the images are halved as long as they stay at least this, and the network takes them.
const SMALLEST_SIZE: usize = 32;

/// The results of training steps.
#[derive(Clone)]
struct Trained {
    losses: Vec<f64>,
    /// The optimiser's velocities: sums of the gradients.
    velocities: NamedTensors,
    /// Weights, and the running statistics of batch normalisation.
    weights: NamedTensors,
    /// The output of the trained network in evaluation.
    map: Vec<f32>,
}

/// The largest differences between two trainings, in the units of their bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Differences {
    loss: f64,
    velocity: f64,
    weight: f64,
    map: f64,
}

impl Differences {
    fn within_bounds(self) -> bool {
        // A difference that is NaN is above every bound.
        let values = [self.velocity, self.weight, self.map];
        self.loss <= LOSS_BOUND && values.iter().all(|value| *value <= VALUE_BOUND)
    }
}

/// The outcome of a network.
enum Outcome {
    Agrees(Differences),
    Disagrees(Differences),
    /// The computation on the device panicked, with this message.
    Panicked(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, found) = match self {
            Outcome::Agrees(found) => ("agrees", found),
            Outcome::Disagrees(found) => ("disagrees", found),
            Outcome::Panicked(message) => return write!(f, "panicked: {}", message.replace('\n', " ")),
        };
        let Differences { loss, velocity, weight, map } = found;
        write!(f, "{word}: {loss:.1e} {velocity:.1e} {weight:.1e} {map:.1e}")
    }
}

fn device() -> Device {
    match std::env::var("ALLCONV_TEST_DEVICE").as_deref() {
        Err(_) | Ok("cpu") => Device::flex(),
        #[cfg(feature = "vulkan")]
        Ok("vulkan") => first(burn::tensor::DeviceType::Vulkan),
        #[cfg(feature = "cuda")]
        Ok("cuda") => first(burn::tensor::DeviceType::Cuda),
        Ok(other) => {
            panic!("ALLCONV_TEST_DEVICE is `{other}`: build with `--features {other}`, or use `cpu`")
        }
    }
}

#[cfg(any(feature = "vulkan", feature = "cuda"))]
fn first(kind: burn::tensor::DeviceType) -> Device {
    let missing = format!("this machine has no {kind:?} device");
    Device::enumerate(kind).into_iter().next().expect(&missing)
}

/// Returns the pixels in [−1, 1], the same on every device.
fn pixels(count: usize) -> Vec<f32> {
    (0..count).map(|index| ((index * 7919) % 2003) as f32 / 1001.0 - 1.0).collect()
}

/// Returns the input that a network is trained on here: channels, rows, columns.
fn small_input(model: &Model) -> [usize; 3] {
    let spec = model.spec().with_width(WIDTH);
    let mut input = model.input;
    loop {
        let [channels, height, width] = input;
        let halved = [channels, height / 2, width / 2];
        if halved[1] < SMALLEST_SIZE || walk(&spec, halved, model.classes).is_err() {
            return input;
        }
        input = halved;
    }
}

/// Trains the network on `device`, from the weights, batch and dropout masks that it has on every device.
fn train(model: &Model, device: &Device) -> Trained {
    let spec = model.spec().with_width(WIDTH);
    let input @ [channels, height, width] = small_input(model);
    let images = pixels(BATCH * channels * height * width);
    let samples: Vec<u32> = (0..BATCH as u32).collect();
    let network = network(model, device);
    match spec.output() {
        OutputKind::Logits => {
            let objective = ClassObjective::new(model.classes, 0.1);
            let labels = samples.iter().map(|sample| sample % model.classes as u32).collect();
            let batch = Batch { images, labels, mixed: None, samples, height, width, channels };
            steps(network, &objective, &batch, input, device)
        }
        OutputKind::Map { scale } => {
            let shape = ImageShape { height: height * scale, width: width * scale, channels: model.classes };
            let pixels_out = BATCH * shape.height * shape.width;
            // A network whose output channels differ from those of its input is a classifier.
            let (loss, targets) = if model.classes == channels {
                let values = pixels(pixels_out * channels).into_iter().rev().collect();
                (DenseLoss::Mse, Targets::Pictures { values, shape })
            } else {
                let class = |index: usize| (index / 5 % model.classes) as u8;
                (DenseLoss::CrossEntropyDice, Targets::Classes((0..pixels_out).map(class).collect()))
            };
            let input_shape = ImageShape { height, width, channels };
            let batch = PairBatch { inputs: images, input: input_shape, targets, samples };
            steps(network, &MapObjective { loss }, &batch, input, device)
        }
    }
}

fn network(model: &Model, device: &Device) -> Network {
    let spec = model.spec().with_width(WIDTH);
    let engine = Engine::new(Isa::detect(), Accuracy::Exact);
    Network::initialise(&spec, small_input(model), model.classes, 3, engine, &device.clone().autodiff())
        .unwrap()
}

fn steps<O: Objective>(
    network: Network,
    objective: &O,
    batch: &O::Batch,
    [channels, height, width]: [usize; 3],
    device: &Device,
) -> Trained {
    let settings = TrainRequest::default().resolve().unwrap();
    let mut trainer = Trainer::new(network, &settings, 7, device.clone().autodiff());
    // A step that has no finite loss or gradient changes nothing: its losses are missing.
    let step = |step| {
        trainer.step(objective, batch, step as u64, LEARNING_RATE).map_or(f64::NAN, |result| result.loss_sum)
    };
    let losses = (0..STEPS).map(step).collect();
    let seen = images_to_tensor(pixels(channels * height * width), [1, height, width, channels], device);
    let map = burn::module::Module::valid(&trainer.network).forward_map(seen, Mode::Evaluate);
    Trained {
        losses,
        velocities: trainer.optimizer.tensors(),
        weights: network_tensors(&trainer.network),
        map: map.into_data().try_into_vec().unwrap(),
    }
}

/// Returns the largest of values that are not negative; not a number where one of them is none.
fn worst(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |worst, value| if value.is_nan() || value > worst { value } else { worst })
}

fn largest(values: &[f32]) -> f64 {
    worst(values.iter().map(|value| f64::from(value.abs())))
}

/// Returns the largest difference of two arrays in units of `scale`.
fn difference(found: &[f32], expected: &[f32], scale: f64) -> f64 {
    assert_eq!(found.len(), expected.len(), "lengths");
    let apart = |(found, expected): (&f32, &f32)| (f64::from(*found) - f64::from(*expected)).abs();
    worst(found.iter().zip(expected).map(apart)) / scale
}

fn tensor_difference(found: &NamedTensors, expected: &NamedTensors) -> f64 {
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "names");
    let all = worst(expected.values().map(|tensor| largest(&tensor.values)));
    let of = |(found, expected): (&allconv_train::NamedTensor, &allconv_train::NamedTensor)| {
        assert_eq!(found.shape, expected.shape);
        difference(&found.values, &expected.values, largest(&expected.values).max(FLOOR * all))
    };
    worst(found.values().zip(expected.values()).map(of))
}

fn differences(found: &Trained, expected: &Trained) -> Differences {
    assert_eq!(found.losses.len(), expected.losses.len());
    let losses = found.losses.iter().zip(&expected.losses);
    Differences {
        loss: worst(losses.map(|(found, expected)| ((found - expected) / expected).abs())),
        velocity: tensor_difference(&found.velocities, &expected.velocities),
        weight: tensor_difference(&found.weights, &expected.weights),
        map: difference(&found.map, &expected.map, largest(&expected.map)),
    }
}

fn compare(model: &Model, device: &Device) -> Outcome {
    let expected = train(model, &Device::flex());
    let found = match catch_unwind(AssertUnwindSafe(|| train(model, device))) {
        Ok(found) => found,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            return Outcome::Panicked(text.unwrap_or("without a message").to_owned());
        }
    };
    let found = differences(&found, &expected);
    if found.within_bounds() { Outcome::Agrees(found) } else { Outcome::Disagrees(found) }
}

#[test]
fn training_steps_on_the_device_are_those_of_the_cpu() {
    let only = std::env::var("ALLCONV_TEST_NETWORK").ok();
    let models: Vec<&Model> =
        MODELS.iter().filter(|model| only.as_ref().is_none_or(|only| only == model.name)).collect();
    assert!(!models.is_empty(), "ALLCONV_TEST_NETWORK is {only:?}, which is no network");
    println!("bounds: {LOSS_BOUND:e} of the loss, {VALUE_BOUND:e} of the largest value of a tensor");
    let device = device();
    let mut failed = Vec::new();
    for model in models {
        let outcome = compare(model, &device);
        println!("step {}: {outcome}", model.name);
        if !matches!(outcome, Outcome::Agrees(_)) {
            failed.push(format!("{}: {outcome}", model.name));
        }
    }
    assert!(failed.is_empty(), "{} networks fail:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn the_cpu_gives_the_same_bits_twice() {
    let model = allconv_nets::models::find("all_cnn_c").unwrap();
    let twice = [train(model, &Device::flex()), train(model, &Device::flex())];
    assert_eq!(
        differences(&twice[0], &twice[1]),
        Differences { loss: 0.0, velocity: 0.0, weight: 0.0, map: 0.0 }
    );
}

#[test]
fn a_planted_error_is_found_in_every_result() {
    let model = allconv_nets::models::find("strided_cnn_c").unwrap();
    let right = train(model, &Device::flex());
    let agrees = |change: &dyn Fn(&mut Trained)| {
        let mut wrong = right.clone();
        change(&mut wrong);
        differences(&wrong, &right).within_bounds()
    };
    assert!(agrees(&|_| {}));
    let first = |tensors: &NamedTensors| tensors.keys().next().unwrap().clone();
    for error in [f32::NAN, f32::INFINITY, 0.01] {
        // Of the largest value of the tensor, so that the error has the stated relative size.
        let plant = |tensors: &mut NamedTensors| {
            let values = &mut tensors.get_mut(&first(tensors)).unwrap().values;
            let scale = largest(values) as f32;
            values[0] += error * scale;
        };
        assert!(!agrees(&|wrong| plant(&mut wrong.velocities)), "{error}");
        assert!(!agrees(&|wrong| plant(&mut wrong.weights)), "{error}");
        assert!(!agrees(&|wrong| wrong.map[0] += error * largest(&right.map) as f32), "{error}");
        assert!(!agrees(&|wrong| wrong.losses[1] *= 1.0 + f64::from(error)), "{error}");
    }
    // Differences far below the bounds pass.
    assert!(agrees(&|wrong| wrong.losses[0] *= 1.0 + 1e-7));
    assert!(agrees(&|wrong| wrong.map[0] += 1e-6 * largest(&right.map) as f32));
}
