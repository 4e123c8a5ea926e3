//! Command-line arguments of `study submit` and `study work`: studies on many machines.

use std::path::PathBuf;

use allconv_study::Slice;
use clap::{ArgGroup, Args, ValueEnum};

use super::{StudyFileArguments, StudyRunArguments, at_least_one};

/// `allconv study work`.
#[derive(Debug, Args)]
pub(crate) struct StudyWorkArguments {
    #[command(flatten)]
    pub(crate) run: StudyRunArguments,
    /// Begin with every N-th run of the study, from the I-th; then make any others that no process makes.
    #[arg(long, value_name = "I/N", default_value = "1/1")]
    pub(crate) slice: Slice,
    /// When interrupted, put the Slurm job that this process belongs to back into the queue.
    #[arg(long)]
    pub(crate) requeue: bool,
}

/// `allconv study submit`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("scheduler").required(true).args(["slurm", "print"])))]
pub(crate) struct StudySubmitArguments {
    #[command(flatten)]
    pub(crate) study: StudyFileArguments,
    /// Submit an array job to Slurm.
    #[arg(long)]
    pub(crate) slurm: bool,
    /// Print a template instead: Slurm's script with its names to fill in, or a Kubernetes Job for this study (not tested).
    #[arg(long, value_enum)]
    pub(crate) print: Option<Scheduler>,
    /// Print the script instead of submitting it.
    #[arg(long, requires = "slurm")]
    pub(crate) dry_run: bool,
    /// A script in place of the one that `--print slurm` prints.
    #[arg(long, value_name = "FILE", requires = "slurm")]
    pub(crate) template: Option<PathBuf>,
    /// Slurm's partition [default: the cluster's].
    #[arg(long, requires = "slurm")]
    pub(crate) partition: Option<String>,
    /// Time limit of a task, as Slurm writes it, e.g. 4:00:00; a task that reaches it continues later [default: the partition's].
    #[arg(long, requires = "slurm")]
    pub(crate) time: Option<String>,
    /// Most tasks that run at the same time; also their number, unless --chunk is given.
    #[arg(long, value_parser = at_least_one())]
    pub(crate) array_limit: Option<usize>,
    /// Cores of a task, which its runs use as threads.
    #[arg(long, default_value_t = 1, value_parser = at_least_one())]
    pub(crate) cpus: usize,
    /// Runs of a slice: the number of tasks is that of the missing runs divided by this.
    #[arg(long, value_parser = at_least_one())]
    pub(crate) chunk: Option<usize>,
    /// Further arguments of `study work`, after `--`.
    #[arg(last = true, value_name = "ARGUMENT")]
    pub(crate) work: Vec<String>,
}

/// Schedulers with a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scheduler {
    /// Slurm's `sbatch`.
    Slurm,
    /// Kubernetes, an indexed Job.
    K8s,
}
