//! Element types and their functions, blocks of channels, and accuracy classes.

mod accuracy;
mod channels;
mod elementary;
mod scalar;

pub use accuracy::{
    Accuracy, BF16_ERROR_BOUND, BF16_FAST_ERROR_BOUND, EXACT_ERROR_BOUND, F32_ERROR_BOUND, UnknownAccuracy,
};
pub(crate) use channels::{Channels, InRuns, in_runs, lanes, load_run, store_run};
pub use elementary::Elementary;
pub(crate) use elementary::logistic;
pub use scalar::Scalar;
