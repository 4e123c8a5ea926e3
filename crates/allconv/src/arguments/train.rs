//! Command-line arguments of `train`.

use std::path::PathBuf;

use clap::Args;

use super::{DataArguments, MachineArguments};
use crate::table::Format;

/// `allconv train`.
#[derive(Debug, Args)]
pub(crate) struct TrainArguments {
    /// Name of the network; see `allconv models list`.
    #[arg(long)]
    pub(crate) model: String,
    /// Factor on every channel count.
    #[arg(long, default_value_t = 1.0)]
    pub(crate) width: f64,
    /// Downsampling operator, as in a study file, e.g. `{ max_pool = { kernel = 3, stride = 2 } }` [default: the model's own].
    #[arg(long)]
    pub(crate) down: Option<String>,
    /// Upsampling operator, as in a study file, e.g. `{ pixel_shuffle = { factor = 2 } }` [default: the model's own].
    #[arg(long)]
    pub(crate) up: Option<String>,
    /// Name of the data set; see `allconv data list`.
    #[arg(long)]
    pub(crate) dataset: String,
    /// The task, as in a study file, e.g. `{ super_resolution = { scale = 2 } }` [default: classification].
    #[arg(long)]
    pub(crate) task: Option<String>,
    /// Names of the data sets that are tested on, in dense tasks; the first is the test split [default: the data set's own test
    /// images].
    #[arg(long, value_delimiter = ',')]
    pub(crate) test_dataset: Option<Vec<String>>,
    /// Test on one of several folds of the images, e.g. `{ index = 0, of = 5 }`.
    #[arg(long, conflicts_with = "test_dataset")]
    pub(crate) fold: Option<String>,
    /// Preprocessing steps in order [default: standardize; none in dense tasks].
    #[arg(long, value_delimiter = ',')]
    pub(crate) preprocess: Option<Vec<String>>,
    /// Mirror training images at random.
    #[arg(long)]
    pub(crate) hflip: bool,
    /// Largest random shift of training images, in pixels.
    #[arg(long, default_value_t = 0)]
    pub(crate) translate: u32,
    /// Images held out for validation [default: 5000; 8 in dense tasks].
    #[arg(long)]
    pub(crate) validation: Option<u32>,
    /// Train on this many images only.
    #[arg(long)]
    pub(crate) train_images: Option<u32>,
    /// Recipe, e.g. `fast`; the answer to an unknown one names all [default: springenberg2015; dense in dense tasks].
    #[arg(long)]
    pub(crate) preset: Option<String>,
    /// Passes over the training split [default: the preset's].
    #[arg(long, conflicts_with = "presentations")]
    pub(crate) epochs: Option<f64>,
    /// Training images shown.
    #[arg(long)]
    pub(crate) presentations: Option<u32>,
    /// Images per step [default: the preset's].
    #[arg(long, short)]
    pub(crate) batch_size: Option<u32>,
    /// Largest learning rate [default: the preset's].
    #[arg(long)]
    pub(crate) lr: Option<f64>,
    /// λ of weight decay [default: the preset's].
    #[arg(long)]
    pub(crate) weight_decay: Option<f64>,
    /// Accuracy class: `exact`, `f32`, `bf16` or `bf16-fast` [default: the preset's].
    #[arg(long)]
    pub(crate) precision: Option<String>,
    /// Measures of the finished network; `allconv measure --list` has their names.
    #[arg(long, value_delimiter = ',')]
    pub(crate) measure: Option<Vec<String>>,
    /// Keep explanations of the finished network's output for four test images: `gradient`, `deconvnet`, `guided`.
    #[arg(long, value_delimiter = ',')]
    pub(crate) explain: Option<Vec<String>>,
    /// Begin from trained weights: a safetensors file, or the folder of a run, a checkpoint or an exported network.
    #[arg(long, value_name = "WEIGHTS")]
    pub(crate) start: Option<PathBuf>,
    /// Modules or parameters that keep the values they begin with, e.g. `conv1,layer1`.
    #[arg(long, value_delimiter = ',', requires = "start")]
    pub(crate) freeze: Vec<String>,
    /// Seed of every random stream.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u32,
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
