//! Command-line arguments shared by many commands: the data folder, and how runs are executed.

use std::path::PathBuf;

use allconv_record::DEFAULT_HEARTBEAT;
use clap::Args;
use clap::builder::{NonEmptyStringValueParser, RangedU64ValueParser, TypedValueParser};

use crate::progress::ProgressMode;

/// Most threads, workers or runs at the same time: more than any machine gains from, and fewer than any refuses.
const MOST_THREADS: u64 = allconv_data::MOST_WORKERS as u64;

/// Reads a number of threads, of workers or of runs at the same time.
pub(crate) fn thread_count() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(..=MOST_THREADS)
}

/// Reads a number of which 0 would do nothing.
pub(crate) fn at_least_one() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=MOST_THREADS)
}

/// Reads a time between heartbeats: shorter ones than storage takes would lose runs, longer ones would keep the runs of dead owners.
fn heartbeat() -> impl TypedValueParser<Value = f64> {
    NonEmptyStringValueParser::new().try_map(|text| {
        let seconds: Option<f64> = text.parse().ok();
        seconds.filter(|seconds| (0.2..=3600.0).contains(seconds)).ok_or("give seconds from 0.2 to 3600")
    })
}

/// The folder of the data sets.
#[derive(Clone, Debug, Args)]
pub(crate) struct DataArguments {
    /// Folder of the data sets.
    #[arg(long, env = "ALLCONV_DATA", default_value = "data")]
    pub(crate) data_dir: PathBuf,
}

/// How runs are executed on this machine; none of it changes a result.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Machine")]
pub(crate) struct MachineArguments {
    /// Threads of the kernels [default: all].
    #[arg(long, value_parser = at_least_one())]
    pub(crate) threads: Option<usize>,
    /// Threads that prepare batches; 0 prepares them between steps.
    #[arg(long, short = 'j', default_value_t = 1, value_parser = thread_count())]
    pub(crate) workers: usize,
    /// Instruction set of the kernels [default: the fastest this processor has].
    #[arg(long)]
    pub(crate) isa: Option<String>,
    /// Longest time between two checkpoints in seconds.
    #[arg(long, default_value_t = 60.0)]
    pub(crate) checkpoint_seconds: f64,
    /// Time between two heartbeats of a run in seconds. When other processes, also on other machines that share the folder, see none for
    /// twice as long, they take the run over.
    #[arg(long, default_value_t = DEFAULT_HEARTBEAT.as_secs_f64(), value_parser = heartbeat())]
    pub(crate) heartbeat_seconds: f64,
    /// How progress is shown.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) progress: ProgressMode,
}

/// `doctor`.
#[derive(Clone, Debug, Args)]
pub(crate) struct DoctorArguments {
    #[command(flatten)]
    pub(crate) data: DataArguments,
    /// Train some fifty tiny networks, in a minute or less, and compare their weights, metrics and outcomes with recorded ones, bit by bit;
    /// ends with 3 when they differ.
    #[arg(long)]
    pub(crate) bits: bool,
    #[command(flatten)]
    pub(crate) bits_arguments: BitsArguments,
}

/// How the runs of `doctor --bits` are made.
#[derive(Clone, Debug, Args)]
pub(crate) struct BitsArguments {
    /// Threads of the kernels [default: all].
    #[arg(long, value_parser = thread_count(), requires = "bits")]
    pub(crate) threads: Option<usize>,
    /// Instruction set of the kernels [default: the fastest this processor has].
    #[arg(long, requires = "bits")]
    pub(crate) isa: Option<String>,
    /// Print the hashes of the runs' results, a line each, instead of comparing them.
    #[arg(long, requires = "bits")]
    pub(crate) print: bool,
}
