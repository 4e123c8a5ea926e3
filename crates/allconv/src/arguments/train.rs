//! Command-line arguments of `train`.

use std::path::PathBuf;

use clap::Args;

use super::{DataArguments, MachineArguments};
use crate::table::Format;

/// The options that `--from` takes the place of.
const OWN_SETTINGS: [&str; 24] = [
    "start",
    "freeze",
    "model",
    "width",
    "down",
    "up",
    "dataset",
    "task",
    "test_dataset",
    "fold",
    "preprocess",
    "view",
    "hflip",
    "translate",
    "validation",
    "train_images",
    "preset",
    "epochs",
    "presentations",
    "batch_size",
    "lr",
    "weight_decay",
    "precision",
    "measure",
];

/// `allconv train`.
#[derive(Debug, Args)]
pub(crate) struct TrainArguments {
    /// Take all settings from a run: its folder, or its `spec.toml`; `--set` changes some of them.
    #[arg(long, value_name = "RUN", conflicts_with_all = OWN_SETTINGS)]
    pub(crate) from: Option<PathBuf>,
    /// A setting in place of the others, with its section, e.g. `train.learning_rate=0.1` or `data.validation=30`; may be given several
    /// times.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<String>,
    /// Name of the network; see `allconv models list`.
    #[arg(long, required_unless_present = "from", help_heading = "Network")]
    pub(crate) model: Option<String>,
    /// Factor on every channel count.
    #[arg(long, default_value_t = 1.0, allow_negative_numbers = true, help_heading = "Network")]
    pub(crate) width: f64,
    /// Downsampling operator, as in a study file, e.g. `{ max_pool = { kernel = 3, stride = 2 } }` [default: the model's own].
    #[arg(long, help_heading = "Network")]
    pub(crate) down: Option<String>,
    /// Upsampling operator, as in a study file, e.g. `{ pixel_shuffle = { factor = 2 } }` [default: the model's own].
    #[arg(long, help_heading = "Network")]
    pub(crate) up: Option<String>,
    /// Name of the data set; see `allconv data list`.
    #[arg(long, required_unless_present = "from", help_heading = "Data")]
    pub(crate) dataset: Option<String>,
    /// The task, as in a study file, e.g. `{ super_resolution = { scale = 2 } }` [default: classification].
    #[arg(long, help_heading = "Data")]
    pub(crate) task: Option<String>,
    /// Names of the data sets that are tested on, in dense tasks; the first is the test split [default: the data set's own test
    /// images].
    #[arg(long, value_delimiter = ',', help_heading = "Data")]
    pub(crate) test_dataset: Option<Vec<String>>,
    /// Test on one of several folds of the images, e.g. `{ index = 0, of = 5 }`.
    #[arg(long, conflicts_with = "test_dataset", help_heading = "Data")]
    pub(crate) fold: Option<String>,
    /// Preprocessing steps in order [default: standardize; none in dense tasks].
    #[arg(long, value_delimiter = ',', help_heading = "Data")]
    pub(crate) preprocess: Option<Vec<String>>,
    /// Height and width of the network's input, for images that differ in size: `view = { size = … }` of a study file.
    #[arg(long, help_heading = "Data")]
    pub(crate) view: Option<u32>,
    /// Mirror training images at random.
    #[arg(long, help_heading = "Data")]
    pub(crate) hflip: bool,
    /// Largest random shift of training images, in pixels.
    #[arg(long, default_value_t = 0, allow_negative_numbers = true, help_heading = "Data")]
    pub(crate) translate: u32,
    /// Images held out for validation [default: 5000, 8 in dense tasks; a fifth of sets that have no more].
    #[arg(long, allow_negative_numbers = true, help_heading = "Data")]
    pub(crate) validation: Option<u32>,
    /// Train on this many images only.
    #[arg(long, allow_negative_numbers = true, help_heading = "Data")]
    pub(crate) train_images: Option<u32>,
    /// Recipe, e.g. `fast`; see `allconv presets list` [default: springenberg2015; dense in dense tasks].
    #[arg(long, help_heading = "Training")]
    pub(crate) preset: Option<String>,
    /// Passes over the training split [default: the preset's].
    #[arg(long, conflicts_with = "presentations", allow_negative_numbers = true, help_heading = "Training")]
    pub(crate) epochs: Option<f64>,
    /// Training images shown.
    #[arg(long, allow_negative_numbers = true, help_heading = "Training")]
    pub(crate) presentations: Option<u32>,
    /// Images per step [default: the preset's].
    #[arg(long, short, allow_negative_numbers = true, help_heading = "Training")]
    pub(crate) batch_size: Option<u32>,
    /// Largest learning rate [default: the preset's].
    #[arg(long, allow_negative_numbers = true, help_heading = "Training")]
    pub(crate) lr: Option<f64>,
    /// λ of weight decay [default: the preset's].
    #[arg(long, allow_negative_numbers = true, help_heading = "Training")]
    pub(crate) weight_decay: Option<f64>,
    /// Accuracy class: `exact`, `f32`, `bf16` or `bf16-fast` [default: the preset's].
    #[arg(long, help_heading = "Training")]
    pub(crate) precision: Option<String>,
    /// Measures of the finished network; `allconv measure --list` has their names.
    #[arg(long, value_delimiter = ',', help_heading = "Training")]
    pub(crate) measure: Option<Vec<String>>,
    /// Keep explanations of the finished network's output for four test images: `gradient`, `deconvnet`, `guided`.
    #[arg(long, value_delimiter = ',', conflicts_with = "from", help_heading = "Training")]
    pub(crate) explain: Option<Vec<String>>,
    /// Begin from trained weights: a safetensors file, or the folder of a run, a checkpoint or an exported network.
    #[arg(long, value_name = "WEIGHTS", help_heading = "Training")]
    pub(crate) start: Option<PathBuf>,
    /// Modules or parameters that keep the values they begin with, e.g. `conv1,layer1`.
    #[arg(long, value_delimiter = ',', requires = "start", help_heading = "Training")]
    pub(crate) freeze: Vec<String>,
    /// Seed of every random stream [default: 0, or that of `--from`].
    #[arg(long, help_heading = "Training")]
    pub(crate) seed: Option<u32>,
    /// Folder for run directories.
    #[arg(long, default_value = "runs")]
    pub(crate) out: PathBuf,
    /// Device: `auto`, `cpu`, `cuda[:i]`, `vulkan[:i]`.
    #[arg(long, default_value = "auto")]
    pub(crate) device: String,
    #[command(flatten)]
    pub(crate) data: DataArguments,
    #[command(flatten)]
    pub(crate) machine: MachineArguments,
    /// Format of the result.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}
