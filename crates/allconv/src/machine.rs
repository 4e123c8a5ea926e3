//! Instruction sets and threads of this machine.

use std::num::NonZero;

use allconv_kernels::Isa;
use anyhow::Context;

use crate::exit::UsageError;

/// The instruction set called `name`, or the fastest.
///
/// # Errors
/// [`UsageError`] when it is unknown or this processor lacks it.
pub(crate) fn isa(name: Option<&str>) -> Result<Isa, UsageError> {
    match name {
        None => Ok(Isa::detect()),
        Some(name) => Isa::named(name).map_err(|error| UsageError(format!("--isa {name}: {error}"))),
    }
}

/// All threads this process may use.
pub(crate) fn all_threads() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// Returns the requested threads, all without a number, and how many these are.
pub(crate) fn thread_pool(threads: Option<usize>) -> anyhow::Result<(rayon::ThreadPool, usize)> {
    let threads = threads.unwrap_or_else(all_threads);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    Ok((pool.context("cannot start the threads")?, threads))
}
