//! The two streams to people and programs: results on standard output, everything else on standard error.

use std::io::{self, Write};

/// Nobody reads standard output any more, as after `| head`: the command has done what was wanted.
#[derive(Debug, thiserror::Error)]
#[error("standard output was closed")]
pub(crate) struct OutputClosed;

/// Writes a result to standard output and sees that it got there.
///
/// # Errors
/// [`OutputClosed`]; [`io::Error`] when it cannot be written, a full disk included.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(OutputClosed.into()),
        Err(error) => Err(anyhow::Error::new(error).context("cannot write to standard output")),
    }
}

/// Writes a result and a line end to standard output.
///
/// # Errors
/// As [`print()`].
pub(crate) fn print_line(text: impl std::fmt::Display) -> anyhow::Result<()> {
    print(&format!("{text}\n"))
}

/// Writes a line for people to standard error. Where nobody listens it is lost, which stops no work.
pub(crate) fn note(line: impl std::fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
