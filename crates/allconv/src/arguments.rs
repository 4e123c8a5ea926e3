//! What can be typed.

mod asking;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use asking::{
    ExplainArguments, MaxPoolArgument, MeasureArguments, MethodArgument, SubjectArguments,
};

use crate::progress::ProgressMode;
use crate::table::Format;

/// How should a network reduce resolution? Train, compare, measure and report, with evidence.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a study file: arms × seeds, compared by paired statistics, with a report.
    #[command(subcommand)]
    Study(StudyCommand),
    /// Train one network; the same engine and the same run directory as a study's runs.
    Train(TrainArguments),
    /// Evaluate a trained network on a split of its data set.
    Eval(EvalArguments),
    /// Ask a trained network about pictures: enlarge, restore or segment them, or name their class.
    Predict(PredictArguments),
    /// Show what a unit or a class saw: gradient, deconvnet, guided backpropagation, Grad-CAM, integrated gradients.
    Explain(ExplainArguments),
    /// Measure shift, equivariance, receptive fields, aliasing, robustness and optimisation.
    Measure(MeasureArguments),
    /// Write the weights of a run for other programs.
    Export(ExportArguments),
    /// The networks: names, shapes, cost.
    #[command(subcommand)]
    Models(ModelsCommand),
    /// The downsampling operators.
    #[command(subcommand)]
    Operators(OperatorsCommand),
    /// The data sets: list, import, verify, fetch.
    #[command(subcommand)]
    Data(DataCommand),
    /// Measure throughput.
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Show what this machine offers and what is missing.
    Doctor(DataArguments),
    /// Print a completion script.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the man page.
    Man,
}

/// `allconv study`.
#[derive(Debug, Subcommand)]
pub(crate) enum StudyCommand {
    /// Make the runs that are not made yet, then write the report.
    Run(StudyRunArguments),
    /// Check the file, and print shapes, cost, memory and what the statistics can show.
    Check(StudyFileArguments),
    /// Show how many seeds the comparisons need, given the spread of the runs made so far.
    Plan(StudyPlanArguments),
    /// Show which runs are done, running, failed and left.
    Status(StudyFileArguments),
    /// Write the report from the runs there are.
    Report(StudyReportArguments),
    /// Set the arms of two studies beside each other.
    Compare(StudyCompareArguments),
    /// Copy what is worth committing of a finished study: runs without checkpoints, results, README.
    Publish(StudyPublishArguments),
    /// Tell from published studies which operator to choose when, as a page of Markdown.
    Guide(StudyGuideArguments),
}

/// A study file and where its runs lie.
#[derive(Clone, Debug, Args)]
pub(crate) struct StudyFileArguments {
    /// The study file.
    pub(crate) file: PathBuf,
    /// Folder that holds a folder of runs for each study.
    #[arg(long, default_value = "runs")]
    pub(crate) out: PathBuf,
    /// Kind of device the runs are made on: `auto`, `cpu`, `cuda[:i]`, `vulkan[:i]`.
    #[arg(long, default_value = "auto")]
    pub(crate) device: String,
    #[command(flatten)]
    pub(crate) data: DataArguments,
    /// Format of what is printed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// `allconv study run`.
#[derive(Debug, Args)]
pub(crate) struct StudyRunArguments {
    #[command(flatten)]
    pub(crate) study: StudyFileArguments,
    /// Runs made at the same time; the threads are divided between them.
    #[arg(long, default_value_t = 1)]
    pub(crate) jobs: usize,
    #[command(flatten)]
    pub(crate) machine: MachineArguments,
}

/// `allconv study plan`.
#[derive(Debug, Args)]
pub(crate) struct StudyPlanArguments {
    #[command(flatten)]
    pub(crate) study: StudyFileArguments,
    /// Chance of showing the difference that the plan aims at.
    #[arg(long, default_value_t = 0.8)]
    pub(crate) power: f64,
    /// True difference to plan for, in units of the metric (0.005 is half a point of error) [default: the equivalence margin].
    #[arg(long)]
    pub(crate) difference: Option<f64>,
}

/// `allconv study report`.
#[derive(Debug, Args)]
pub(crate) struct StudyReportArguments {
    #[command(flatten)]
    pub(crate) study: StudyFileArguments,
    /// Folder for the report; default: `<out>/<study>/report`.
    #[arg(long)]
    pub(crate) to: Option<PathBuf>,
    /// Write the curves of every run as event files for TensorBoard too, below `tensorboard/` in the report's folder.
    #[arg(long)]
    pub(crate) tensorboard: bool,
}

/// `allconv study compare`.
#[derive(Debug, Args)]
pub(crate) struct StudyCompareArguments {
    #[command(flatten)]
    pub(crate) first: StudyFileArguments,
    /// The second study file.
    pub(crate) second: PathBuf,
}

/// `allconv study publish`.
#[derive(Debug, Args)]
pub(crate) struct StudyPublishArguments {
    /// The study file.
    pub(crate) file: PathBuf,
    /// Folder with the study's runs; default: `runs/<study>`.
    #[arg(long)]
    pub(crate) runs: Option<PathBuf>,
    /// Folder to publish to; default: `docs/results/<study>`.
    #[arg(long)]
    pub(crate) to: Option<PathBuf>,
    /// Publish the runs that have ended of a study that is under way, so that it can go on elsewhere.
    #[arg(long)]
    pub(crate) partial: bool,
}

/// `allconv study guide`.
#[derive(Debug, Args)]
pub(crate) struct StudyGuideArguments {
    /// Folder of published studies, one folder `NAME` each with its `NAME.toml` and `runs`.
    #[arg(long, default_value = "docs/results")]
    pub(crate) results: PathBuf,
}

/// Where data sets lie.
#[derive(Clone, Debug, Args)]
pub(crate) struct DataArguments {
    /// Folder of the data sets.
    #[arg(long, env = "ALLCONV_DATA", default_value = "data")]
    pub(crate) data_dir: PathBuf,
}

/// How runs are carried out on this machine; none of it changes a result.
#[derive(Clone, Debug, Args)]
pub(crate) struct MachineArguments {
    /// Threads of the kernels [default: all].
    #[arg(long)]
    pub(crate) threads: Option<usize>,
    /// Threads that prepare batches; 0 prepares them between steps.
    #[arg(long, short = 'j', default_value_t = 1)]
    pub(crate) workers: usize,
    /// Instruction set of the kernels [default: the fastest this processor has].
    #[arg(long)]
    pub(crate) isa: Option<String>,
    /// Longest time between two checkpoints in seconds.
    #[arg(long, default_value_t = 60.0)]
    pub(crate) checkpoint_seconds: f64,
    /// How progress is shown.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) progress: ProgressMode,
}

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
    /// What is learned, as in a study file, e.g. `{ super_resolution = { scale = 2 } }` [default: the class of an image].
    #[arg(long)]
    pub(crate) task: Option<String>,
    /// Name of the data set that is tested on, in tasks over maps [default: the data set's own test pictures].
    #[arg(long)]
    pub(crate) test_dataset: Option<String>,
    /// Test on one of several folds of the pictures, e.g. `{ index = 0, of = 5 }`.
    #[arg(long, conflicts_with = "test_dataset")]
    pub(crate) fold: Option<String>,
    /// Preprocessing steps in order [default: standardize; none in tasks over maps].
    #[arg(long, value_delimiter = ',')]
    pub(crate) preprocess: Option<Vec<String>>,
    /// Mirror training images at random.
    #[arg(long)]
    pub(crate) hflip: bool,
    /// Largest random shift of training images, in pixels.
    #[arg(long, default_value_t = 0)]
    pub(crate) translate: u32,
    /// Images held out for validation [default: 5000; 8 in tasks over maps].
    #[arg(long)]
    pub(crate) validation: Option<u32>,
    /// Train on this many images only.
    #[arg(long)]
    pub(crate) train_images: Option<u32>,
    /// Recipe: `springenberg2015`, `fast` or `dense` [default: springenberg2015; dense in tasks over maps].
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
    /// Metrics taken of the finished network; `allconv measure --list` has their names.
    #[arg(long, value_delimiter = ',')]
    pub(crate) measure: Option<Vec<String>>,
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

/// Which weights of a run.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum Weights {
    /// Those of the last step.
    #[default]
    Last,
    /// Those with the lowest validation error.
    Best,
}

/// A trained network.
#[derive(Debug, Args)]
pub(crate) struct TrainedArguments {
    /// The run directory.
    pub(crate) run: PathBuf,
    /// Which of its weights.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) checkpoint: Weights,
    /// A safetensors file with other weights for the same network.
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
    /// Images the weights were fitted to.
    Train,
    /// Images held out of training.
    #[default]
    Valid,
    /// The test images.
    Test,
}

/// `allconv eval`.
#[derive(Debug, Args)]
pub(crate) struct EvalArguments {
    #[command(flatten)]
    pub(crate) trained: TrainedArguments,
    /// Split to evaluate.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) split: SplitArgument,
    /// Format of the result.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// `allconv predict`.
#[derive(Debug, Args)]
pub(crate) struct PredictArguments {
    #[command(flatten)]
    pub(crate) trained: TrainedArguments,
    /// The pictures, JPEG or PNG.
    #[arg(required = true)]
    pub(crate) images: Vec<PathBuf>,
    /// Folder for the pictures that come out, `NAME.png` each; created if absent.
    #[arg(long, default_value = "predictions")]
    pub(crate) out: PathBuf,
    /// Cut pictures into tiles with so many input pixels a side [default: 512 for pictures above a megapixel].
    #[arg(long)]
    pub(crate) tile: Option<usize>,
    /// Format of the table.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// Formats that weights are written in.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum ExportFormat {
    /// Weights under PyTorch's tensor names.
    #[default]
    Safetensors,
}

/// `allconv export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    #[command(flatten)]
    pub(crate) trained: TrainedArguments,
    /// Format.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) to: ExportFormat,
    /// File to write; default: `<run>/export/model.safetensors`.
    #[arg(long)]
    pub(crate) file: Option<PathBuf>,
}

/// `allconv models`.
#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    /// All networks with their cost.
    List {
        /// Format of the table.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// One network, stage by stage.
    Show {
        /// Name of the network.
        name: String,
        /// Factor on every channel count.
        #[arg(long, default_value_t = 1.0)]
        width: f64,
        /// Number of classes [default: the paper's].
        #[arg(long)]
        classes: Option<usize>,
        /// Format of the table.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

/// `allconv operators`.
#[derive(Debug, Subcommand)]
pub(crate) enum OperatorsCommand {
    /// All operators: downsampling and upsampling.
    List {
        /// Format of the table.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Definition, promises, cost and source of one operator, or of all.
    Show {
        /// Its name; all operators without one.
        name: Option<String>,
        /// Write Markdown.
        #[arg(long)]
        markdown: bool,
    },
    /// Reconstruction error, aliasing and checkerboard energy of each way down with each way back up.
    Pairs {
        /// Every pair that can be; without it the usual ones.
        #[arg(long)]
        all: bool,
        /// Format of the table.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Write a picture of what each operator does to a test image and to a zone plate.
    Pictures {
        /// The folder, created if absent; a file `NAME.png` each.
        folder: PathBuf,
    },
}

/// `allconv data`.
#[derive(Debug, Subcommand)]
pub(crate) enum DataCommand {
    /// All data sets, and which of them are here.
    List {
        #[command(flatten)]
        data: DataArguments,
        /// Format of the table.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Check sizes, labels and hashes of a data set.
    Verify {
        /// Name of the data set.
        name: String,
        #[command(flatten)]
        data: DataArguments,
    },
    /// Bring in a folder or archive of images, of photographs, or of pictures with label maps.
    Import {
        /// The folder, or a `.tar`, `.tar.gz` or `.tar.xz`.
        source: PathBuf,
        /// Name of the new data set.
        #[arg(long)]
        name: String,
        /// How the files are laid out.
        #[arg(long, value_enum, default_value_t)]
        layout: LayoutArgument,
        /// Read only files whose path matches this pattern (`*` also matches `/`), e.g. `*/x2/*_HR.png`; for photographs and segmentation.
        #[arg(long)]
        select: Option<String>,
        /// Classes of the label maps with their grey values, e.g. `membrane=0,cell=255`; for segmentation [default: the values found].
        #[arg(long)]
        labels: Option<String>,
        #[command(flatten)]
        data: DataArguments,
    },
    /// Download a data set from its publisher, and check it.
    Fetch {
        /// Name of the data set.
        name: String,
        #[command(flatten)]
        data: DataArguments,
    },
}

/// How the files of an import are laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LayoutArgument {
    /// Images of one size at `SPLIT/CLASS/*`.
    #[default]
    Classes,
    /// Pictures of any size, in one pool or in folders `train`, `val`, `test`.
    Photographs,
    /// Pictures at `image/N.png` with label maps at `label/N.png`, in one pool or in folders `train`, `val`, `test`.
    Segmentation,
}

/// `allconv bench`.
#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Whole training steps through the product's own loop.
    Train(BenchArguments),
    /// Inference.
    Infer(BenchArguments),
    /// Every convolution of a network by itself: the algorithm that was chosen, and its alternatives.
    ///
    /// GFLOP/s are direct-equivalent (the operations of the definition, whatever the algorithm does), the peak is measured first. Times
    /// are those of the fastest round.
    Conv(BenchArguments),
    /// Every operator by itself, down and up: forward, and with the gradients of its input and its parameters.
    ///
    /// The result and the gradient of the input are first held to the same computation in f64. `cargo xtask bench-operators` sets the
    /// times beside PyTorch's.
    Operators(BenchOperatorsArguments),
    /// Training steps of a network with each downsampling operator in its slot.
    Slot(BenchSlotArguments),
}

/// Which operators are timed, and on what.
#[derive(Debug, Args)]
pub(crate) struct BenchOperatorsArguments {
    /// Names of the operators [default: all that compute something of their own].
    pub(crate) names: Vec<String>,
    /// Images, channels, rows and columns of the larger map: what a downsampling operator takes and an upsampling operator gives.
    #[arg(long, default_value = "32,96,32,32")]
    pub(crate) shape: String,
    /// Timed rounds of each pass, after two that are not timed.
    #[arg(long, default_value_t = 7)]
    pub(crate) rounds: usize,
    /// Threads of the kernels [default: all].
    #[arg(long)]
    pub(crate) threads: Option<usize>,
    /// Instruction set of the kernels [default: the fastest this processor has].
    #[arg(long)]
    pub(crate) isa: Option<String>,
    /// Format of the result.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// Which operators a network is trained with, and how.
#[derive(Debug, Args)]
pub(crate) struct BenchSlotArguments {
    /// Names of the operators [default: all].
    pub(crate) names: Vec<String>,
    /// Name of the network.
    #[arg(long, default_value = "model_c")]
    pub(crate) model: String,
    /// Factor on every channel count.
    #[arg(long, default_value_t = 0.25)]
    pub(crate) width: f64,
    /// Images per step.
    #[arg(long, default_value_t = 32)]
    pub(crate) batch: usize,
    /// Timed steps, after two that are not timed.
    #[arg(long, default_value_t = 15)]
    pub(crate) steps: usize,
    /// Threads of the kernels [default: all].
    #[arg(long)]
    pub(crate) threads: Option<usize>,
    /// Format of the result.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// What is measured.
#[derive(Debug, Args)]
pub(crate) struct BenchArguments {
    /// Name of the network.
    #[arg(long, default_value = "all_cnn_c")]
    pub(crate) model: String,
    /// Factor on every channel count.
    #[arg(long, default_value_t = 1.0)]
    pub(crate) width: f64,
    /// Side of the images in pixels [default: the network's own].
    #[arg(long)]
    pub(crate) size: Option<usize>,
    /// Images per step.
    #[arg(long, default_value_t = 128)]
    pub(crate) batch: usize,
    /// Timed steps, after two that are not timed; with `conv`, rounds over all algorithms.
    #[arg(long, default_value_t = 7)]
    pub(crate) steps: usize,
    /// End with 3 when a step faults in 200 pages or more; with `conv`, when a choice takes over 10 % longer than an alternative.
    #[arg(long)]
    pub(crate) assert: bool,
    /// Threads of the kernels [default: all].
    #[arg(long)]
    pub(crate) threads: Option<usize>,
    /// Accuracy class: `exact`, `f32`, `bf16` or `bf16-fast`.
    #[arg(long, default_value = "f32")]
    pub(crate) precision: String,
    /// Instruction set of the kernels [default: the fastest this processor has].
    #[arg(long)]
    pub(crate) isa: Option<String>,
    /// Format of the result.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}
