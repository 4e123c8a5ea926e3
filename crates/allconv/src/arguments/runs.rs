//! Command-line arguments of `runs`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::table::Format;

/// `allconv runs`.
#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// All runs with their state and size.
    List(RunsListArguments),
    /// The settings and metrics of one run.
    Show {
        /// The run's folder.
        run: PathBuf,
    },
    /// Disk space by study, and what `clean` would free.
    Du(RunsListArguments),
    #[command(after_help = "Examples:\n  allconv runs clean --dry-run\n  allconv runs clean runs/my-study")]
    /// Remove checkpoints of finished runs that nothing needs any more: all but the last and the best.
    Clean {
        /// Folder of runs, or of studies with runs.
        #[arg(default_value = "runs")]
        folder: PathBuf,
        /// Only list what would be removed.
        #[arg(long)]
        dry_run: bool,
    },
    /// Remove runs for good, their results included.
    Rm {
        /// The runs' folders.
        #[arg(required = true)]
        runs: Vec<PathBuf>,
        /// Only list what would be removed.
        #[arg(long)]
        dry_run: bool,
    },
}

/// `allconv runs list|du`.
#[derive(Debug, Args)]
pub(crate) struct RunsListArguments {
    /// Folder of runs, or of studies with runs.
    #[arg(default_value = "runs")]
    pub(crate) folder: PathBuf,
    /// Format of the table.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}
