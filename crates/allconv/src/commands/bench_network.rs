//! A network with its batches, made to be timed.

use std::sync::Arc;

use allconv_data::{
    Augmentation, BatchIterator, DataDirectory, Loader, LoaderSettings, Order, Position, Preprocess,
};
use allconv_kernels::{Accuracy, Engine};
use allconv_nets::{DownsampleConfig, Mode, Network, OutputKind, models, walk};
use allconv_train::{ClassObjective, DataSettings, DataStore, Preset, Trainer, to_tensor};
use anyhow::{Context, ensure};
use burn::tensor::Device;

use super::bench_dense::DenseBench;
use super::bench_time::{Step, WARM_UP, time};
use crate::arguments::BenchArguments;
use crate::exit::UsageError;
use crate::machine;

/// Learning rate of the training steps: small enough for every network.
const LEARNING_RATE: f64 = 0.01;

/// A network that can be timed.
pub(super) struct Bench {
    subject: Subject,
    steps: usize,
    pub(super) macs: u64,
    pub(super) instruction_set: String,
}

/// What is timed.
enum Subject {
    /// A classifier with its loader.
    Classifier(Box<Classifier>),
    /// A network of a dense task.
    Dense(DenseBench),
}

/// A classifier and an endless supply of batches.
struct Classifier {
    network: Network,
    batches: BatchIterator,
    classes: usize,
}

impl Bench {
    /// The network that the arguments name.
    pub(super) fn new(arguments: &BenchArguments) -> anyhow::Result<Bench> {
        Bench::with_operator(arguments, None)
    }

    /// The network of the arguments with an operator in its slot, its own without one.
    pub(super) fn with_operator(
        arguments: &BenchArguments,
        operator: Option<&DownsampleConfig>,
    ) -> anyhow::Result<Bench> {
        let usage = |error: allconv_nets::DescriptionError| UsageError(error.to_string());
        let model = models::find(&arguments.model).map_err(usage)?;
        let mut spec = model.spec().with_width(arguments.width);
        spec.downsample = operator.cloned().or(spec.downsample);
        let [channels, ..] = model.input;
        let input = arguments.size.map_or(model.input, |size| [channels, size, size]);
        let walk = walk(&spec, input, model.classes).map_err(usage)?;
        let accuracy = Accuracy::named(&arguments.precision)
            .map_err(|error| UsageError(format!("--precision: {error}")))?;
        let isa = machine::isa(arguments.isa.as_deref())?;
        let device = Device::flex().autodiff();
        let network =
            Network::initialise(&spec, input, model.classes, 0, Engine::new(isa, accuracy), &device)?;
        let subject = match spec.output() {
            OutputKind::Logits => Subject::Classifier(Box::new(Classifier {
                network,
                batches: batches(arguments, input)?,
                classes: model.classes,
            })),
            OutputKind::Map { .. } => Subject::Dense(DenseBench::new(network, arguments.batch, &walk)),
        };
        let (macs, instruction_set) = (walk.macs(), isa.to_string());
        Ok(Bench { subject, steps: arguments.steps, macs, instruction_set })
    }

    /// Each timed training step, loading included.
    pub(super) fn train(&mut self) -> anyhow::Result<Vec<Step>> {
        let steps = self.steps;
        let Classifier { network, batches, classes } = match &mut self.subject {
            Subject::Classifier(classifier) => &mut **classifier,
            Subject::Dense(bench) => return time(steps, bench.training()?),
        };
        let settings = (Preset::named("springenberg2015").context("the preset is registered")?.settings)();
        let device = Device::flex().autodiff();
        let mut trainer = Trainer::new(network.clone(), &settings, 0, device);
        let objective = ClassObjective::new(*classes, settings.label_smoothing);
        let timed = time(steps, |step| {
            let batch = batches.next().context("the loader ended early")??;
            trainer.step(&objective, &batch, step, LEARNING_RATE).map(|_| ()).map_err(Into::into)
        })?;
        *network = trainer.network;
        Ok(timed)
    }

    /// Each timed forward pass, loading included.
    pub(super) fn infer(&mut self) -> anyhow::Result<Vec<Step>> {
        use burn::module::Module;
        let steps = self.steps;
        let Classifier { network, batches, classes } = match &mut self.subject {
            Subject::Classifier(classifier) => &mut **classifier,
            Subject::Dense(bench) => return time(steps, bench.inference()),
        };
        let network = network.valid();
        let device = Device::flex();
        time(steps, |_| {
            let batch = batches.next().context("the loader ended early")??;
            let logits = network.forward(to_tensor(&batch, &device), Mode::Evaluate).into_data();
            ensure!(logits.num_elements() == batch.len() * *classes, "{} logits", logits.num_elements());
            Ok(())
        })
    }
}

/// Returns drawn images of this size for all steps.
fn batches(arguments: &BenchArguments, [channels, size, _]: [usize; 3]) -> anyhow::Result<BatchIterator> {
    ensure!(channels == 3, "drawn images have 3 channels, {} takes {channels}", arguments.model);
    let synthetic = allconv_data::SyntheticSettings { seed: 0, size, train: 2 * arguments.batch, test: 10 };
    let settings = DataSettings {
        dataset: "synthetic".to_owned(),
        preprocess: vec![Preprocess::Standardize],
        augment: Augmentation::default(),
        validation: 0,
        train_images: None,
        view: None,
        synthetic: Some(synthetic),
        task: None,
        test_dataset: None,
        fold: None,
    };
    let data = Arc::new(DataStore::new(DataDirectory::new(std::env::temp_dir()))).prepared(&settings)?;
    let loader = LoaderSettings {
        batch_size: arguments.batch,
        seed: 0,
        order: Order::Shuffled,
        augmentation: Augmentation { horizontal_flip: true, translate: 5, ..Augmentation::default() },
        workers: 1,
        prefetch: 4,
    };
    let total = (WARM_UP + arguments.steps) as u32;
    Ok(Loader::new(data.train.clone(), loader)?.batches(Position { epoch: 0, batch: 0 }, total))
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::sync::atomic::AtomicBool;
    use std::time::Duration;

    use allconv_inspect::{CheckpointChoice, checkpoint_file};
    use allconv_kernels::Isa;
    use allconv_record::{Environment, Event, Leases, Observer, Request, Resolve, RunDirectory, Status};
    use allconv_train::{
        Execution, Identity, Job, NamedTensors, Resolver, network_tensors, read_safetensors, train,
    };

    struct Silent;

    impl Observer for Silent {
        fn observe(&mut self, _event: &Event) {}
    }

    /// The weights of a run of `steps` steps of 8 images: the specification that the benchmark stands for.
    fn trained(steps: u32) -> anyhow::Result<NamedTensors> {
        let folder = tempfile::tempdir()?;
        let data = Arc::new(DataStore::new(DataDirectory::new(folder.path().join("data"))));
        let request = Request {
            seed: 0,
            data: toml::toml! {
                dataset = "synthetic"
                validation = 0
                augment = { horizontal_flip = true, translate = 5 }
                synthetic = { seed = 0, size = 32, train = 16, test = 10 }
            },
            net: toml::toml! {
                architecture = { springenberg = { base = "c", width = 0.1 } }
                downsample = { strided_conv = { kernel = 3, stride = 2 } }
            },
            train: format!(
                "preset = \"springenberg2015\"\npresentations = {}\nbatch = 8\nlearning_rate = {LEARNING_RATE}\nschedule = {{ constant = {{}} }}",
                8 * steps
            )
            .parse()?,
        };
        let resolved = Resolver::new(Arc::clone(&data), "cpu").resolve(&request)?;
        let directory = RunDirectory::for_run(folder.path(), "bench", &resolved.specification);
        let identity = Identity {
            study: "bench".to_owned(),
            arm: "bench".to_owned(),
            request_hash: request.hash(),
            study_file_sha256: None,
            command: Vec::new(),
            environment: Environment::default(),
        };
        let execution = Execution {
            isa: Isa::detect(),
            loader_workers: 0,
            checkpoint_every: Duration::from_secs(60),
            memory: None,
        };
        let job = Job {
            specification: &resolved.specification,
            directory: &directory,
            identity: &identity,
            leases: &Leases::default(),
            data: &data,
            device: &Device::flex(),
            execution,
            relatives: &[],
            measurer: &(),
            interrupted: &AtomicBool::new(false),
        };
        assert_eq!(train(&job, &mut Silent)?, Status::Finished);
        Ok(read_safetensors(&checkpoint_file(&directory, CheckpointChoice::Last)?)?)
    }

    #[test]
    fn the_timed_steps_leave_the_weights_of_a_run_of_as_many_steps() -> anyhow::Result<()> {
        let arguments = BenchArguments {
            model: "all_cnn_c".to_owned(),
            width: 0.1,
            size: None,
            batch: 8,
            steps: 2,
            assert: false,
            threads: None,
            precision: "f32".to_owned(),
            isa: None,
            format: crate::table::Format::Json,
        };
        let mut bench = Bench::new(&arguments)?;
        let weights = |bench: &Bench| match &bench.subject {
            Subject::Classifier(classifier) => network_tensors(&classifier.network),
            Subject::Dense(_) => panic!("all_cnn_c is a classifier"),
        };
        let before = weights(&bench);
        bench.train()?;
        let after = weights(&bench);
        assert_ne!(after, before);
        assert_eq!(after, trained((WARM_UP + arguments.steps) as u32)?);
        Ok(())
    }
}
