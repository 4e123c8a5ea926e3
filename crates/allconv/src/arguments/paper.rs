//! What can be typed behind `paper`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{DataArguments, MachineArguments};
use crate::table::Format;

/// `allconv paper`.
#[derive(Debug, Subcommand)]
pub(crate) enum PaperCommand {
    /// Make the folder of a paper about some studies: LaTeX text, bibliography, `paper.toml`.
    Init(PaperInitArguments),
    /// Fill in every key from published runs, write tables, figures, checklist and `paper.lock`, and the PDF where LaTeX is installed.
    Build(PaperBuildArguments),
    /// Derive everything again and compare it with `paper.lock`; on request, train runs again and compare them by hash.
    Verify(PaperVerifyArguments),
}

/// `allconv paper init`.
#[derive(Debug, Args)]
pub(crate) struct PaperInitArguments {
    /// The study files.
    #[arg(required = true)]
    pub(crate) studies: Vec<PathBuf>,
    /// Folder of the paper, which must hold none.
    #[arg(long, default_value = "paper")]
    pub(crate) to: PathBuf,
    /// Folder that holds a folder of runs for each study.
    #[arg(long, default_value = "runs")]
    pub(crate) out: PathBuf,
}

/// `allconv paper build`.
#[derive(Debug, Args)]
pub(crate) struct PaperBuildArguments {
    /// Folder of the paper.
    #[arg(default_value = "paper")]
    pub(crate) folder: PathBuf,
}

/// `allconv paper verify`.
#[derive(Debug, Args)]
pub(crate) struct PaperVerifyArguments {
    /// Folder of the paper.
    #[arg(default_value = "paper")]
    pub(crate) folder: PathBuf,
    /// Train so many runs again, drawn among those that took less than ten minutes.
    #[arg(long, value_name = "K", conflicts_with_all = ["run", "all"])]
    pub(crate) sample: Option<usize>,
    /// What decides the draw: the same text draws the same runs [default: the time].
    #[arg(long, value_name = "TEXT", requires = "sample")]
    pub(crate) draw: Option<String>,
    /// Train one run again: `ARM-sSEED-HASH`, or `STUDY/ARM-sSEED-HASH`.
    #[arg(long, value_name = "NAME", conflicts_with = "all")]
    pub(crate) run: Option<String>,
    /// Train every run again that this program can make.
    #[arg(long)]
    pub(crate) all: bool,
    /// Kind of device that runs are trained on: `auto`, `cpu`, `cuda[:i]`, `vulkan[:i]`.
    #[arg(long, default_value = "cpu")]
    pub(crate) device: String,
    #[command(flatten)]
    pub(crate) data: DataArguments,
    #[command(flatten)]
    pub(crate) machine: MachineArguments,
    /// Format of what is printed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}
