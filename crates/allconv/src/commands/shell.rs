//! `allconv completions` and `allconv man`: made from the same definition as the parser.

use clap::CommandFactory;

use crate::arguments::Cli;
use crate::exit;

/// Prints a completion script.
pub(crate) fn completions(shell: clap_complete::Shell) -> anyhow::Result<u8> {
    clap_complete::generate(shell, &mut Cli::command(), "allconv", &mut std::io::stdout());
    Ok(exit::OK)
}

/// Prints the man page.
pub(crate) fn man() -> anyhow::Result<u8> {
    clap_mangen::Man::new(Cli::command()).render(&mut std::io::stdout())?;
    Ok(exit::OK)
}
