//! Runs that differ in length only: the longer one continues the shorter one, and its weights are bit-identical to those of a run trained
//! alone. Means of weights and balanced classes, also after an interruption.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use allconv_data::DataDirectory;
use allconv_kernels::Isa;
use allconv_record::{
    Event, Leases, MetricPoint, Observer, Request, Resolve, Resolved, RunDirectory, Status,
};
use allconv_train::{DataStore, Execution, Identity, Job, Resolver, train};
use burn::tensor::Device;

/// Stops a run after some steps.
struct StopAfter<'a> {
    steps: u64,
    interrupted: &'a AtomicBool,
}

impl Observer for StopAfter<'_> {
    fn observe(&mut self, event: &Event) {
        if let Event::Stepped { step, .. } = event
            && *step >= self.steps
        {
            self.interrupted.store(true, Ordering::Relaxed);
        }
    }
}

struct Lengths {
    folder: tempfile::TempDir,
    data: Arc<DataStore>,
}

impl Lengths {
    fn new() -> Lengths {
        let folder = tempfile::tempdir().unwrap();
        let data = Arc::new(DataStore::new(DataDirectory::new(folder.path().join("data"))));
        Lengths { folder, data }
    }

    /// Returns a training over 60 images in batches of 8.
    fn resolved(&self, epochs: f64, train_extra: &str) -> Resolved {
        let schedule = "schedule = { trapezoid = { rise_epochs = 0.5, fall = 0.5 } }";
        let text = format!("preset = 'fast'\nbatch = 8\nepochs = {epochs:?}\n{schedule}\n{train_extra}");
        let request = Request {
            seed: 1,
            data: toml::toml! {
                dataset = "synthetic"
                validation = 20
                synthetic = { seed = 0, size = 16, train = 80, test = 20 }
                augment = { alternating_flip = true, translate = 2, cutout = 3 }
            },
            net: toml::toml! { architecture = { springenberg = { base = "c", width = 0.05, norm = "batch" } } },
            train: text.parse().unwrap(),
        };
        Resolver::new(Arc::clone(&self.data), "cpu").resolve(&request).unwrap()
    }

    /// Trains until `steps` are made.
    fn run(
        &self,
        name: &str,
        epochs: f64,
        train_extra: &str,
        relatives: &[&str],
        steps: u64,
    ) -> RunDirectory {
        let resolved = self.resolved(epochs, train_extra);
        let interrupted = AtomicBool::new(false);
        let relatives: Vec<RunDirectory> = relatives.iter().map(|name| self.directory(name)).collect();
        let job = Job {
            specification: &resolved.specification,
            directory: &self.directory(name),
            identity: &Identity::default(),
            leases: &Leases::default(),
            data: &self.data,
            device: &Device::flex(),
            execution: Execution {
                isa: Isa::detect(),
                loader_workers: 0,
                checkpoint_every: Duration::from_secs(60),
                memory: None,
            },
            relatives: &relatives,
            measurer: &(),
            interrupted: &interrupted,
        };
        let status = train(&job, &mut StopAfter { steps, interrupted: &interrupted }).unwrap();
        assert_eq!(status, if steps < resolved.steps { Status::Interrupted } else { Status::Finished });
        self.directory(name)
    }

    fn directory(&self, name: &str) -> RunDirectory {
        RunDirectory::at(self.folder.path().join(name))
    }
}

/// Returns the weights of the last step, the best ones, and every metric.
fn result(run: &RunDirectory) -> ([Vec<u8>; 2], Vec<MetricPoint>) {
    let weights = |link: &str| std::fs::read(run.checkpoints().join(link).join("model.safetensors")).unwrap();
    (["last", "best"].map(weights), run.read_metrics().unwrap())
}

fn parent_step(run: &RunDirectory) -> Option<u64> {
    run.read_record().unwrap().parent.map(|parent| parent.step)
}

/// Of 60 images 8 at a time: 8 steps an epoch.
const EPOCH: u64 = 8;
const ALL: u64 = u64::MAX;

#[test]
fn the_images_that_a_plan_takes_for_shared_are_those_of_the_steps_taken_over() {
    let lengths = Lengths::new();
    let [short, long] = [3.0, 6.0].map(|epochs| lengths.resolved(epochs, "").shared_presentations);
    // The shorter run falls from the middle of its second epoch on: four batches of 8 after the first 60 images.
    assert_eq!((short, long), (60 + 4 * 8, 180));
    lengths.run("short", 3.0, "", &[], ALL);
    assert_eq!(parent_step(&lengths.run("long", 6.0, "", &["short"], EPOCH + 5)), Some(EPOCH + 4));
}

#[test]
fn a_run_continues_a_shorter_one_and_ends_with_the_bits_of_one_trained_alone() {
    let lengths = Lengths::new();
    let alone = lengths.run("alone", 6.0, "", &[], ALL);
    let short = lengths.run("short", 3.0, "", &[], ALL);
    let long = lengths.run("long", 6.0, "", &["missing", "short"], ALL);
    // Half of three epochs of 60 images: the step after which 90 have been shown.
    assert_eq!((parent_step(&short), parent_step(&long)), (None, Some(12)));
    assert_eq!(result(&long), result(&alone));
    // A shorter run can begin with the longer one's steps too, as far as a checkpoint from before both begin to fall is left.
    assert_eq!(result(&short), result(&lengths.run("short_of_long", 3.0, "", &["alone"], ALL)));
    let second = lengths.run("second", 5.0, "", &["short"], ALL);
    assert_eq!(parent_step(&second), Some(12));
    assert_eq!(result(&second), result(&lengths.run("second_alone", 5.0, "", &[], ALL)));
}

#[test]
fn a_run_that_was_interrupted_after_it_branched_continues_itself() {
    let lengths = Lengths::new();
    lengths.run("short", 3.0, "", &[], ALL);
    lengths.run("long", 6.0, "", &["short"], 2 * EPOCH + 3);
    let long = lengths.run("long", 6.0, "", &[], ALL);
    assert_eq!(parent_step(&long), Some(12));
    assert_eq!(result(&long), result(&lengths.run("alone", 6.0, "", &[], ALL)));
}

#[test]
fn a_run_that_lost_its_shared_steps_makes_them_itself_and_names_no_parent() {
    let lengths = Lengths::new();
    lengths.run("short", 3.0, "", &[], ALL);
    let long = lengths.run("long", 6.0, "", &["short"], 2 * EPOCH + 3);
    assert_eq!(parent_step(&long), Some(12));
    std::fs::remove_dir_all(long.checkpoints()).unwrap();
    let long = lengths.run("long", 6.0, "", &[], ALL);
    assert_eq!(parent_step(&long), None);
    assert_eq!(result(&long), result(&lengths.run("alone", 6.0, "", &[], ALL)));
}

#[test]
fn runs_that_differ_in_more_than_length_share_nothing() {
    let lengths = Lengths::new();
    lengths.run("short", 3.0, "", &[], ALL);
    let other = lengths.run("other", 6.0, "learning_rate = 0.01", &["short"], ALL);
    assert_eq!(parent_step(&other), None);
}

#[test]
fn a_run_may_end_with_the_mean_of_its_weights_also_after_an_interruption() {
    let lengths = Lengths::new();
    let plain = lengths.run("plain", 3.0, "", &[], ALL);
    let averaged = "weight_average = { last_epochs = 1.0 }";
    let whole = lengths.run("whole", 3.0, averaged, &[], ALL);
    lengths.run("stopped", 3.0, averaged, &[], 2 * EPOCH + 3);
    let stopped = lengths.run("stopped", 3.0, averaged, &[], ALL);
    assert_eq!(result(&stopped), result(&whole));
    assert_ne!(result(&whole).0, result(&plain).0);
    // Training itself is the same: what it shows of the last epoch is taken before each step.
    let training = |run: &RunDirectory| {
        let points = run.read_metrics().unwrap().into_iter();
        points.filter(|point| point.split.name() == "train" && point.name == "loss").collect::<Vec<_>>()
    };
    assert_eq!(training(&whole), training(&plain));
    let clean =
        |run: &RunDirectory| run.read_metrics().unwrap().iter().any(|point| point.name == "clean_error");
    assert!(clean(&whole) && clean(&plain));
}

#[test]
fn classes_are_balanced_by_weights_or_by_repetition_also_after_an_interruption() {
    let lengths = Lengths::new();
    let plain = lengths.run("plain", 2.0, "", &[], ALL);
    for balance in ["loss", "sampling"] {
        let setting = format!("class_balance = '{balance}'");
        let whole = lengths.run(balance, 2.0, &setting, &[], ALL);
        let stopped = format!("{balance}_stopped");
        lengths.run(&stopped, 2.0, &setting, &[], EPOCH + 3);
        assert_eq!(result(&lengths.run(&stopped, 2.0, &setting, &[], ALL)), result(&whole));
        // These classes have equally many images, so that all weights of the loss are 1.
        assert_eq!(result(&whole).0 == result(&plain).0, balance == "loss", "{balance}");
    }
}
