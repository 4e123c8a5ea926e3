//! The output streams: results on standard output, everything else on standard error.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

/// Standard output was closed by its reader, as after `| head`: this is not a failure of the command.
#[derive(Debug, thiserror::Error)]
#[error("standard output was closed")]
pub(crate) struct OutputClosed;

/// Writes a result to standard output and flushes it.
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

/// Writes a message to standard error; a failure to write it is ignored.
pub(crate) fn note(line: impl std::fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Returns the width of the terminal that shows standard output; else the environment's `COLUMNS`, if it is set.
pub(crate) fn width() -> Option<usize> {
    let given = || std::env::var("COLUMNS").ok()?.parse().ok();
    console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns)).or_else(given)
}

/// Returns a file as standard output names it: as a link for a terminal, as its path for other programs.
pub(crate) fn link(file: &Path) -> String {
    match file.canonicalize() {
        Ok(full) if io::stdout().is_terminal() => format!("file://{}", full.display()).replace(' ', "%20"),
        _ => file.display().to_string(),
    }
}
