//! Command-line arguments of the commands on a trained network: `eval`, `predict`, `export`.

use std::path::PathBuf;

use allconv_data::Crops;
use allconv_exchange::{ExportFormat, FORMATS};
use allconv_inspect::CheckpointChoice;
use allconv_record::SplitName;
use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Args, ValueEnum};

use super::DataArguments;
use crate::table::Format;

/// Which weights of a run.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum Weights {
    /// Those of the last step.
    #[default]
    Last,
    /// Those with the lowest validation error.
    Best,
}

impl From<Weights> for CheckpointChoice {
    fn from(weights: Weights) -> CheckpointChoice {
        match weights {
            Weights::Last => CheckpointChoice::Last,
            Weights::Best => CheckpointChoice::Best,
        }
    }
}

/// A trained network.
#[derive(Debug, Args)]
pub(crate) struct TrainedArguments {
    /// A run directory, or a model folder that `allconv export --to folder` wrote.
    pub(crate) run: PathBuf,
    /// Which of its weights.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) checkpoint: Weights,
    /// A file with other weights for the same network under PyTorch's names: safetensors, or what torch.save wrote of a state dict.
    #[arg(long)]
    pub(crate) weights: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) data: DataArguments,
    /// Instruction set of the kernels [default: the fastest this processor has].
    #[arg(long)]
    pub(crate) isa: Option<String>,
}

/// The splits of a data set.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum SplitArgument {
    /// Training images.
    Train,
    /// Validation images, held out of training.
    #[default]
    Valid,
    /// The test images.
    Test,
}

impl From<SplitArgument> for SplitName {
    fn from(split: SplitArgument) -> SplitName {
        match split {
            SplitArgument::Train => SplitName::Train,
            SplitArgument::Valid => SplitName::Valid,
            SplitArgument::Test => SplitName::Test,
        }
    }
}

/// `allconv eval`.
#[derive(Debug, Args)]
pub(crate) struct EvalArguments {
    #[command(flatten)]
    pub(crate) trained: TrainedArguments,
    /// Split to evaluate.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) split: SplitArgument,
    /// JPEG or PNG files, or folders of them, in place of a split; the folder that a picture lies in names its class.
    #[arg(long, num_args = 1.., conflicts_with = "split")]
    pub(crate) images: Vec<PathBuf>,
    /// The crops of each image that are looked at, where images have a view [default: as in the run].
    #[arg(long, value_enum, conflicts_with = "images")]
    pub(crate) crops: Option<CropsArgument>,
    /// Format of the result.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// Crops of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CropsArgument {
    /// The centre.
    Centre,
    /// The mean over the four corners, the centre, and their mirror images.
    Ten,
}

impl From<CropsArgument> for Crops {
    fn from(argument: CropsArgument) -> Crops {
        match argument {
            CropsArgument::Centre => Crops::Centre,
            CropsArgument::Ten => Crops::Ten,
        }
    }
}

/// `allconv predict`.
#[derive(Debug, Args)]
pub(crate) struct PredictArguments {
    #[command(flatten)]
    pub(crate) trained: TrainedArguments,
    /// The images, JPEG or PNG, or folders of them.
    #[arg(required = true)]
    pub(crate) images: Vec<PathBuf>,
    /// Folder for the output images, `NAME.png` each; created if absent.
    #[arg(long, default_value = "predictions")]
    pub(crate) out: PathBuf,
    /// Cut images into tiles of this height and width in input pixels [default: 512 for images above a megapixel].
    #[arg(long)]
    pub(crate) tile: Option<usize>,
    /// Format of the table.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// `allconv export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    #[command(flatten)]
    pub(crate) trained: TrainedArguments,
    /// Format of the exported network.
    #[arg(long, default_value = FORMATS[0].name(), value_parser = PossibleValuesParser::new(FORMATS.map(possible_value)))]
    pub(crate) to: String,
    /// Make the preprocessing a part of the exported network, which then takes grey levels from 0 to 255.
    #[arg(long)]
    pub(crate) with_preprocessing: bool,
    /// File or folder to write [default: below `export` in the run directory].
    #[arg(long, visible_alias = "out")]
    pub(crate) file: Option<PathBuf>,
}

/// A format with what it contains, for the help text.
fn possible_value(format: &dyn ExportFormat) -> PossibleValue {
    PossibleValue::new(format.name()).help(format.about())
}
