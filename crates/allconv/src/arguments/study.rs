//! Command-line arguments of `study`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{DataArguments, MachineArguments, StudySubmitArguments, StudyWorkArguments, at_least_one};
use crate::table::Format;

/// `allconv study`.
#[derive(Debug, Subcommand)]
pub(crate) enum StudyCommand {
    /// Write an annotated study file to begin from.
    #[command(after_help = "Examples:
  allconv study new my-study.toml --dataset shapes
  allconv study new tissue.toml --dataset tissue --task segmentation")]
    New(StudyNewArguments),
    /// Make the runs that are not made yet, then print the results and write the report.
    #[command(after_help = "Examples:
  allconv study run studies/quickstart.toml
  allconv study run my-study.toml --jobs 2 --set base.train.epochs=20
  allconv study run my-study.toml --progress plain --format json")]
    Run(StudyRunArguments),
    /// Have a cluster make the runs that are not made yet: write a job of many tasks, and submit it.
    #[command(after_help = "Examples:
  allconv study submit my-study.toml --slurm --time 4:00:00 --array-limit 100
  allconv study submit my-study.toml --slurm --cpus 4 --chunk 10 --dry-run
  allconv study submit my-study.toml --slurm -- --checkpoint-seconds 30
  allconv study submit my-study.toml --print slurm")]
    Submit(StudySubmitArguments),
    /// Make runs beside other processes, on this machine or on others that share the folder: a slice of the study, then what others left.
    #[command(after_help = "Examples:
  allconv study work my-study.toml
  allconv study work my-study.toml --slice 3/8")]
    Work(StudyWorkArguments),
    #[command(after_help = "Examples:
  allconv study check my-study.toml
  allconv study check my-study.toml --set seeds.count=9")]
    /// Check the file, and print shapes, cost, memory and what the statistics can show.
    Check(StudyFileArguments),
    /// Show how many seeds the comparisons need, given the spread of the runs made so far.
    Plan(StudyPlanArguments),
    /// Show which runs are done, running, failed and left, and the tasks of a cluster that work on them.
    Status(StudyFileArguments),
    #[command(after_help = "Examples:
  allconv study watch my-study.toml
  allconv study watch my-study.toml --every 30 --format csv")]
    /// Follow a study that other processes are making, until its last run has ended; then print what `status` prints.
    Watch(StudyWatchArguments),
    /// Write the report from the runs there are.
    Report(StudyReportArguments),
    /// Time a forward pass of each finished arm's network, all arms in turn, and write the times next to the runs for reports.
    Bench(StudyBenchArguments),
    /// Compare the arms of two studies.
    Compare(StudyCompareArguments),
    /// Copy what is worth committing of a finished study: runs without checkpoints, results, README.
    Publish(StudyPublishArguments),
    /// Write a page of Markdown on which operator to choose when, from published studies.
    Guide(StudyGuideArguments),
}

/// A study file and the folder of its runs.
#[derive(Clone, Debug, Args)]
pub(crate) struct StudyFileArguments {
    /// The study file.
    pub(crate) file: PathBuf,
    /// A setting in place of the file's, e.g. `base.train.learning_rate=0.1`; may be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<String>,
    /// Folder that holds a folder of runs for each study.
    #[arg(long, default_value = "runs")]
    pub(crate) out: PathBuf,
    /// Kind of device the runs are made on: `auto`, `cpu`, `cuda[:i]`, `vulkan[:i]`.
    #[arg(long, default_value = "auto")]
    pub(crate) device: String,
    #[command(flatten)]
    pub(crate) data: DataArguments,
    /// Output format.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// `allconv study new`.
#[derive(Debug, Args)]
pub(crate) struct StudyNewArguments {
    /// The study file to write; an existing one is not replaced.
    pub(crate) file: PathBuf,
    /// Name of the data set; see `allconv data list`.
    #[arg(long)]
    pub(crate) dataset: String,
    /// The task.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) task: TaskArgument,
    #[command(flatten)]
    pub(crate) data: DataArguments,
}

/// Tasks that a study file can be written for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum TaskArgument {
    /// A class for each image.
    #[default]
    Classification,
    /// A class for each pixel.
    Segmentation,
    /// An image of twice the height and width.
    SuperResolution,
}

/// `allconv study run`.
#[derive(Debug, Args)]
pub(crate) struct StudyRunArguments {
    #[command(flatten)]
    pub(crate) study: StudyFileArguments,
    /// Runs made at the same time; the threads are divided between them.
    #[arg(long, default_value_t = 1, value_parser = at_least_one())]
    pub(crate) jobs: usize,
    #[command(flatten)]
    pub(crate) machine: MachineArguments,
}

/// `allconv study watch`.
#[derive(Debug, Args)]
pub(crate) struct StudyWatchArguments {
    #[command(flatten)]
    pub(crate) study: StudyFileArguments,
    /// Seconds between two looks at the runs.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) every: u64,
}

/// `allconv study plan`.
#[derive(Debug, Args)]
pub(crate) struct StudyPlanArguments {
    #[command(flatten)]
    pub(crate) study: StudyFileArguments,
    /// Power: the chance of showing the difference that the plan aims at.
    #[arg(long, default_value_t = 0.8)]
    pub(crate) power: f64,
    /// True difference to plan for, in units of the metric (0.005 is half a point of error) [default: the equivalence margin].
    #[arg(long)]
    pub(crate) difference: Option<f64>,
    /// True difference of arms that are to be shown equivalent, in units of the metric.
    #[arg(long, default_value_t = 0.0)]
    pub(crate) true_difference: f64,
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

/// `allconv study bench`.
#[derive(Debug, Args)]
pub(crate) struct StudyBenchArguments {
    #[command(flatten)]
    pub(crate) study: StudyFileArguments,
    /// Images of a forward pass.
    #[arg(long, default_value_t = 128)]
    pub(crate) images: usize,
    /// Rounds, in each of which every arm is timed once.
    #[arg(long, default_value_t = 21)]
    pub(crate) rounds: usize,
    /// Threads of the kernels [default: all].
    #[arg(long, value_parser = at_least_one())]
    pub(crate) threads: Option<usize>,
    /// Instruction set of the kernels [default: the fastest this processor has].
    #[arg(long)]
    pub(crate) isa: Option<String>,
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
    /// Publish the ended runs of an unfinished study, so that it can continue elsewhere.
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
