//! Command-line arguments: the commands and their common options.

mod bench;
mod explain_measure;
mod machine;
mod paper;
mod registries;
mod study;
mod train;
mod trained;

use clap::{Parser, Subcommand};

pub(crate) use bench::{BenchArguments, BenchCommand, BenchOperatorsArguments, BenchSlotArguments};
pub(crate) use explain_measure::{ExplainArguments, MaxPoolArgument, MeasureArguments, SubjectArguments};
pub(crate) use machine::{BitsArguments, DataArguments, DoctorArguments, MachineArguments, thread_count};
pub(crate) use paper::{PaperBuildArguments, PaperCommand, PaperInitArguments, PaperVerifyArguments};
pub(crate) use registries::{DataCommand, LayoutArgument, ModelsCommand, OperatorsCommand};
pub(crate) use study::{
    StudyBenchArguments, StudyCommand, StudyCompareArguments, StudyFileArguments, StudyPlanArguments,
    StudyPublishArguments, StudyReportArguments, StudyRunArguments,
};
pub(crate) use train::TrainArguments;
pub(crate) use trained::{
    EvalArguments, ExportArguments, PredictArguments, SplitArgument, TrainedArguments, Weights,
};

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
    /// Write a paper whose every number is derived from published runs, and check that it is.
    #[command(subcommand)]
    Paper(PaperCommand),
    /// Train one network; the same engine and the same run directory as a study's runs.
    Train(TrainArguments),
    /// Evaluate a trained network on a split of its data set, or on pictures of your own.
    Eval(EvalArguments),
    /// Apply a trained network to images: enlarge, restore, segment or classify them.
    Predict(PredictArguments),
    /// Show what a unit or a class responds to: gradient, deconvnet, guided backpropagation, Grad-CAM, integrated gradients.
    Explain(ExplainArguments),
    /// Measure shift, equivariance, receptive fields, aliasing, robustness and optimisation.
    Measure(MeasureArguments),
    /// Write a trained network for other machines and other programs.
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
    /// Show what this machine offers and lacks, or whether it computes the same bits as others.
    Doctor(DoctorArguments),
    /// Try one operation on a device in this process, which a driver may end; `doctor` and `train` read the result.
    #[command(hide = true)]
    TryOperation {
        /// The device.
        device: String,
        /// The operation's name.
        operation: String,
    },
    /// Print a completion script.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the man page.
    Man,
}
