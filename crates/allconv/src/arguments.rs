//! Command-line arguments: the commands and their common options.

mod bench;
mod cluster;
mod explain_measure;
mod machine;
mod paper;
mod registries;
mod runs;
mod serve;
mod study;
mod train;
mod trained;

use clap::{Parser, Subcommand};

pub(crate) use bench::{BenchArguments, BenchCommand, BenchOperatorsArguments, BenchSlotArguments};
pub(crate) use cluster::{Scheduler, StudySubmitArguments, StudyWorkArguments};
pub(crate) use explain_measure::{ExplainArguments, MaxPoolArgument, MeasureArguments, SubjectArguments};
pub(crate) use machine::{
    BitsArguments, DataArguments, DoctorArguments, MachineArguments, at_least_one, thread_count,
};
pub(crate) use paper::{PaperBuildArguments, PaperCommand, PaperInitArguments, PaperVerifyArguments};
pub(crate) use registries::{
    DataCommand, FileArguments, ImportArguments, KindArgument, LayoutArgument, ModelsCommand,
    OperatorExportArguments, OperatorFormat, OperatorsCommand, PackArguments, PresetsCommand, SchemaFormat,
};
pub(crate) use runs::{RunsCommand, RunsListArguments};
pub(crate) use serve::ServeArguments;
pub(crate) use study::{
    StudyBenchArguments, StudyCommand, StudyCompareArguments, StudyFileArguments, StudyNewArguments,
    StudyPlanArguments, StudyPublishArguments, StudyReportArguments, StudyRunArguments, StudyWatchArguments,
    TaskArgument,
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

/// Examples of `train`.
const TRAIN_EXAMPLES: &str = "Examples:
  allconv train --model all_cnn_c --dataset cifar10 --preset fast --epochs 10
  allconv train --model model_c --dataset shapes --validation 30 --down blur_pool
  allconv train --from runs/train/all_cnn_c-s0-1a2b3c4d --set train.learning_rate=0.1";

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a study file: arms × seeds, compared by paired statistics, with a report.
    #[command(subcommand)]
    Study(StudyCommand),
    /// Write a paper whose every number is derived from published runs, and check that it is.
    #[command(subcommand)]
    Paper(PaperCommand),
    #[command(after_help = TRAIN_EXAMPLES)]
    /// Train one network; the same engine and the same run directory as a study's runs.
    Train(TrainArguments),
    #[command(after_help = "Examples:\n  allconv eval runs/train/all_cnn_c-s0-1a2b3c4d --split test")]
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
    /// The runs on this machine: list, show, disk space, removal.
    #[command(subcommand)]
    Runs(RunsCommand),
    #[command(after_help = "Examples:
  allconv serve
  allconv serve runs docs/results --port 8000")]
    /// Show all studies and runs live in the browser: a local page, read only.
    ///
    /// The address that is printed ends with a random token, which nobody else on this machine or elsewhere knows. The page answers on this
    /// machine alone; from another one, reach it through a tunnel: `ssh -L 8000:localhost:8000 MACHINE`, with `--port 8000`.
    Serve(ServeArguments),
    /// The networks: names, shapes, cost.
    #[command(subcommand)]
    Models(ModelsCommand),
    /// The downsampling operators.
    #[command(subcommand)]
    Operators(OperatorsCommand),
    /// The presets of the training: learning rate, schedule, length and the like.
    #[command(subcommand)]
    Presets(PresetsCommand),
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
    /// Print the keys of a study file with type, default and meaning: as a JSON Schema for editors, or to read.
    ///
    /// Editors with Taplo ("Even Better TOML") complete and check a study file whose first line is `#:schema ./study.schema.json`,
    /// after `allconv schema > study.schema.json`.
    Schema {
        /// Format of what is printed.
        #[arg(long, value_enum, default_value_t)]
        format: SchemaFormat,
    },
    /// Print a completion script.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the man page of the program or of a command, e.g. `allconv man study run`.
    Man {
        /// The command.
        command: Vec<String>,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn examples(command: &clap::Command, found: &mut Vec<String>) {
        let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        found.extend(text.lines().filter_map(|line| line.strip_prefix("  ")).map(str::to_owned));
        command.get_subcommands().for_each(|inner| examples(inner, found));
    }

    #[test]
    fn every_example_in_the_help_is_a_command() {
        let mut found = Vec::new();
        examples(&Cli::command(), &mut found);
        assert!(found.len() >= 10, "{found:?}");
        for line in found {
            let parsed = Cli::try_parse_from(line.split(' '));
            assert!(
                parsed.is_ok(),
                "{line}: {}",
                parsed.err().map(|error| error.to_string()).unwrap_or_default()
            );
        }
    }
}
