//! Command-line arguments of `bench`.

use clap::{Args, Subcommand};

use super::thread_count;
use crate::table::Format;

/// `allconv bench`.
#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Whole training steps of the training loop.
    Train(BenchArguments),
    /// Inference.
    Infer(BenchArguments),
    /// Every convolution of a network by itself: the algorithm that was chosen, and its alternatives.
    ///
    /// GFLOP/s are direct-equivalent (the operations of the definition, whatever the algorithm does); the peak is measured first. Times
    /// are those of the fastest round.
    Conv(BenchArguments),
    /// Every operator by itself, down and up: forward, and with the gradients of its input and its parameters.
    ///
    /// The result and the gradient of the input are first compared with the same computation in f64. `cargo xtask bench-operators` compares the
    /// times with PyTorch's.
    Operators(BenchOperatorsArguments),
    /// Training steps of a network with each downsampling operator in its slot.
    Slot(BenchSlotArguments),
}

/// Which operators are timed, and on what.
#[derive(Debug, Args)]
pub(crate) struct BenchOperatorsArguments {
    /// Names of the operators [default: all that compute something by themselves].
    pub(crate) names: Vec<String>,
    /// Images, channels, rows and columns of the larger feature map: the input of a downsampling and the output of an upsampling operator.
    #[arg(long, default_value = "32,96,32,32")]
    pub(crate) shape: String,
    /// Timed rounds of each pass, after two that are not timed.
    #[arg(long, default_value_t = 7)]
    pub(crate) rounds: usize,
    /// Threads of the kernels [default: all].
    #[arg(long, value_parser = thread_count())]
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
    #[arg(long, value_parser = thread_count())]
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
    /// Height and width of the images in pixels [default: the network's own].
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
    #[arg(long, value_parser = thread_count())]
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
