//! Command-line arguments of `explain` and `measure`.

use std::path::PathBuf;

use allconv_inspect::explain::EXPLANATIONS;
use clap::builder::PossibleValuesParser;
use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum};

use super::{DataArguments, SplitArgument, Weights};
use crate::table::Format;

/// A network, trained or not, and the images to apply it to.
#[derive(Clone, Debug, Args)]
pub(crate) struct SubjectArguments {
    /// A run directory, a model folder, or a file of weights for --model: safetensors, or of torch.save.
    pub(crate) subject: Option<PathBuf>,
    /// Which weights of the run.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) checkpoint: Weights,
    /// Take the weights that the run started from.
    #[arg(long)]
    pub(crate) untrained: bool,
    /// Name of the network, where there is no run; without a file of weights it is untrained.
    #[arg(long)]
    pub(crate) model: Option<String>,
    /// Factor on every channel count [default: 1].
    #[arg(long, requires = "model")]
    pub(crate) width: Option<f64>,
    /// Downsampling operator, as in a study file [default: the model's own].
    #[arg(long, requires = "model")]
    pub(crate) down: Option<String>,
    /// Number of classes [default: the data set's, else the model's].
    #[arg(long, requires = "model")]
    pub(crate) classes: Option<usize>,
    /// Seed of untrained weights [default: 0].
    #[arg(long, requires = "model")]
    pub(crate) seed: Option<u32>,
    /// Data set of the images, where there is no run.
    #[arg(long, requires = "model")]
    pub(crate) dataset: Option<String>,
    /// Preprocessing steps in order, where there is no run [default: standardize].
    #[arg(long, value_delimiter = ',', requires = "dataset")]
    pub(crate) preprocess: Option<Vec<String>>,
    /// Height and width of what the network sees of images, where there is no run [default: all of each image].
    #[arg(long, requires = "model")]
    pub(crate) view: Option<usize>,
    /// Split of the data set.
    #[arg(long, value_enum, default_value = "test")]
    pub(crate) split: SplitArgument,
    /// Image files of the network's input size (of any size with a view), or folders of them, in place of a split; folders with names of classes give labels.
    #[arg(long, num_args = 1..)]
    pub(crate) images: Vec<PathBuf>,
    /// Number of images, evenly spaced in the split [default: what each figure or measure needs].
    #[arg(long, value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    pub(crate) count: Option<usize>,
    #[command(flatten)]
    pub(crate) data: DataArguments,
    /// Instruction set of the kernels [default: the fastest this processor has].
    #[arg(long)]
    pub(crate) isa: Option<String>,
}

/// Where max pooling sends a signal in the backward pass.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum MaxPoolArgument {
    /// To the position of the maximum.
    #[default]
    Switches,
    /// In equal parts to all positions of the window.
    Spread,
}

/// `allconv explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArguments {
    #[command(flatten)]
    pub(crate) subject: SubjectArguments,
    /// Explain a unit of this stage; see `allconv models show` for the numbers.
    #[arg(long)]
    pub(crate) layer: Option<usize>,
    /// Channel of the unit, or channels whose patches are shown [default: the strongest].
    #[arg(long, value_delimiter = ',')]
    pub(crate) channel: Vec<usize>,
    /// Position of the unit as ROW,COLUMN [default: the strongest].
    #[arg(long)]
    pub(crate) position: Option<String>,
    /// Explain this class [default, without --layer: the one with the largest logit].
    #[arg(long)]
    pub(crate) class: Option<usize>,
    /// Methods, in the order of the columns [default: gradient, deconvnet, guided].
    #[arg(long, value_delimiter = ',', value_parser = PossibleValuesParser::new(EXPLANATIONS.map(|one| one.name())))]
    pub(crate) method: Vec<String>,
    /// What max pooling does with a signal in the backward pass.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) max_pooling: MaxPoolArgument,
    /// Steps of integrated gradients [default: 64].
    #[arg(long)]
    pub(crate) steps: Option<usize>,
    /// Images shown whole; all --count images are searched for patches.
    #[arg(long, default_value_t = 12)]
    pub(crate) rows: usize,
    /// Units of the layer whose patches are shown, those with the largest values [default: 8].
    #[arg(long, requires = "layer")]
    pub(crate) units: Option<usize>,
    /// Patches of each unit [default: 4].
    #[arg(long, requires = "layer")]
    pub(crate) top: Option<usize>,
    /// Folder for the page and the figures.
    #[arg(long, default_value = "explain")]
    pub(crate) out: PathBuf,
    /// Write the signals of the strongest unit of every stage, in f64, to this safetensors file, and nothing else.
    #[arg(long)]
    pub(crate) signals: Option<PathBuf>,
    /// Format of the randomisation check's table.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// `allconv measure`.
#[derive(Debug, Args)]
pub(crate) struct MeasureArguments {
    #[command(flatten)]
    pub(crate) subject: SubjectArguments,
    /// Print every measure with its definition and source, and measure nothing.
    #[arg(long)]
    pub(crate) list: bool,
    /// Measures by name [default: all that fit].
    #[arg(long, value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Print every value: by stage, angle, corruption, …; without it those for the whole network.
    #[arg(long)]
    pub(crate) all: bool,
    /// Largest shift in pixels.
    #[arg(long, default_value_t = allconv_inspect::measure::DEFAULT_LARGEST_SHIFT)]
    pub(crate) largest_shift: usize,
    /// A run whose errors under corruption are the reference for this network's.
    #[arg(long)]
    pub(crate) baseline: Option<PathBuf>,
    /// Folder for figures.
    #[arg(long)]
    pub(crate) pictures: Option<PathBuf>,
    /// Format of the table.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}
