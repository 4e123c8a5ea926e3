//! Trains All-CNN-C in one accuracy class and writes the loss of every step and the final validation error, and everything that another
//! program needs to make the same run: initial weights, images, order and learning rates.
//!
//! Usage: `accuracy_classes FOLDER DATA_DIR DATASET IMAGES WIDTH EPOCHS STEPS SEED CLASS`
//!
//! The recipe is the preset `fast` without dropout and augmentation, so that a batch is its images and nothing else. `STEPS` ends the run
//! early (0: after all epochs, then the validation split is evaluated). Writes `FOLDER/CLASS.json` and, where it is absent,
//! `FOLDER/run.safetensors`: the weights by name, `order` (sample numbers, epoch by epoch) and `learning_rates` (step by step); and, one
//! folder up, `data.safetensors`: `train.images`, `train.labels`, `validation.images` and `validation.labels`, preprocessed, NHWC.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use allconv_data::{
    Augmentation, DataDirectory, Loader, LoaderSettings, Order, Position, PreparedSplit, Preprocess,
    SampleSource,
};
use allconv_kernels::{Accuracy, Engine, Isa};
use allconv_nets::{Network, NetworkSpec, models};
use allconv_train::{
    ClassObjective, DataSettings, DataStore, NamedTensor, NamedTensors, Preset, StepPlan, Trainer, evaluate,
    network_tensors, write_safetensors,
};
use burn::module::Module;
use burn::tensor::Device;
use serde_json::json;

/// Images held out of training.
const VALIDATION: usize = 5000;

struct Arguments {
    folder: PathBuf,
    data_dir: PathBuf,
    dataset: String,
    images: usize,
    width: f64,
    epochs: u64,
    steps: u64,
    seed: u64,
    class: String,
}

impl Arguments {
    fn read() -> Result<Arguments, Box<dyn Error>> {
        let words: Vec<String> = std::env::args().skip(1).collect();
        let [folder, data_dir, dataset, images, width, epochs, steps, seed, class] = &words[..] else {
            return Err(
                "usage: accuracy_classes FOLDER DATA_DIR DATASET IMAGES WIDTH EPOCHS STEPS SEED CLASS".into(),
            );
        };
        Ok(Arguments {
            folder: folder.into(),
            data_dir: data_dir.into(),
            dataset: dataset.clone(),
            images: images.parse()?,
            width: width.parse()?,
            epochs: epochs.parse()?,
            steps: steps.parse()?,
            seed: seed.parse()?,
            class: class.clone(),
        })
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::read()?;
    fs::create_dir_all(&arguments.folder)?;
    let data = DataStore::new(DataDirectory::new(&arguments.data_dir)).prepared(&DataSettings {
        dataset: arguments.dataset.clone(),
        preprocess: vec![Preprocess::Standardize],
        augment: Augmentation::default(),
        validation: VALIDATION,
        train_images: Some(arguments.images),
        view: None,
        synthetic: None,
        task: None,
        test_dataset: None,
        fold: None,
    })?;
    let validation = data.validation.as_ref().ok_or("the data set has no validation split")?;
    let preset = Preset::named("fast").ok_or("the preset is registered")?;
    let settings = (preset.settings)();
    let spec = NetworkSpec {
        last_relu: Some(preset.last_relu),
        input_dropout: Some(0.0),
        dropout: Some(0.0),
        initialisation: preset.initialisation,
        ..models::named("all_cnn_c")?.with_width(arguments.width)
    };
    let input = [data.shape.channels, data.shape.height, data.shape.width];
    let engine = Engine::new(Isa::detect(), Accuracy::named(&arguments.class)?);
    let device = Device::flex().autodiff();
    let network = Network::initialise(&spec, input, data.classes.len(), arguments.seed, engine, &device)?;

    let images = data.train.len() as u64;
    let plan = StepPlan::new(images, settings.batch as u64, images * arguments.epochs);
    let steps = if arguments.steps == 0 { plan.total_steps() } else { arguments.steps };
    let rates: Vec<f64> = (0..steps)
        .map(|step| settings.learning_rate * settings.schedule.factor(plan.progress(step)))
        .collect();
    write_run(&arguments, &network, data.train.len(), &rates)?;
    write_data(&arguments.folder, &data.train, validation)?;

    let loader = LoaderSettings {
        batch_size: settings.batch,
        seed: arguments.seed,
        order: Order::Shuffled,
        augmentation: Augmentation::default(),
        workers: 1,
        prefetch: 4,
    };
    let batches = Loader::new(data.train.clone(), loader)?
        .batches(Position { epoch: 0, batch: 0 }, u32::try_from(arguments.epochs)?);
    let mut trainer = Trainer::new(network, &settings, arguments.seed, device);
    let objective = ClassObjective::new(data.classes.len(), settings.label_smoothing);
    let mut losses = Vec::with_capacity(rates.len());
    for ((step, &rate), batch) in (0..).zip(&rates).zip(batches) {
        let batch = batch?;
        losses.push(trainer.step(&objective, &batch, step, rate)?.loss_sum / batch.len() as f64);
    }
    let error = if arguments.steps == 0 {
        let network = trainer.network.valid();
        Some(evaluate(&network, validation, data.classes.len(), &Device::flex())?.error())
    } else {
        None
    };
    let result = json!({
        "losses": losses,
        "error": error,
        "validation_images": validation.len(),
        "clip_gradient_norm": settings.clip_gradient_norm,
        "momentum": settings.momentum,
        "weight_decay": settings.weight_decay,
        "batch": settings.batch,
    });
    fs::write(arguments.folder.join(format!("{}.json", arguments.class)), result.to_string())?;
    Ok(())
}

/// Writes weights, order and learning rates of the run.
fn write_run(
    arguments: &Arguments,
    network: &Network,
    images: usize,
    rates: &[f64],
) -> Result<(), Box<dyn Error>> {
    let path = arguments.folder.join("run.safetensors");
    if path.exists() {
        return Ok(());
    }
    let epochs = u32::try_from(arguments.epochs)?;
    let order =
        (0..epochs).flat_map(|epoch| Order::Shuffled.of_epoch(arguments.seed, epoch, images)).collect();
    let mut tensors = network_tensors(network);
    tensors.insert("order".to_owned(), numbers(order, vec![arguments.epochs as usize, images]));
    let rates: Vec<f32> = rates.iter().map(|&rate| rate as f32).collect();
    let shape = vec![rates.len()];
    tensors.insert("learning_rates".to_owned(), NamedTensor { shape, values: rates });
    Ok(write_safetensors(&path, &tensors)?)
}

/// Writes images and labels of both splits.
fn write_data(
    folder: &Path,
    train: &PreparedSplit,
    validation: &PreparedSplit,
) -> Result<(), Box<dyn Error>> {
    let path = folder.join("../data.safetensors");
    if path.exists() {
        return Ok(());
    }
    let mut tensors = NamedTensors::new();
    for (name, split) in [("train", train), ("validation", validation)] {
        let (mut images, mut labels) = (Vec::new(), Vec::new());
        for sample in 0..split.len() {
            images.extend_from_slice(&split.image(sample)?);
            labels.push(split.label(sample)?);
        }
        let shape = vec![split.len(), images.len() / split.len()];
        tensors.insert(format!("{name}.images"), NamedTensor { shape, values: images });
        tensors.insert(format!("{name}.labels"), numbers(labels, vec![split.len()]));
    }
    Ok(write_safetensors(&path, &tensors)?)
}

/// Whole numbers as f32, which holds them exactly up to 2²⁴.
fn numbers(values: Vec<u32>, shape: Vec<usize>) -> NamedTensor {
    NamedTensor { shape, values: values.into_iter().map(|value| value as f32).collect() }
}
