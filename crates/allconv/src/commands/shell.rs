//! `allconv completions` and `allconv man`, generated from the definition of the parser.

use clap::CommandFactory;

use crate::arguments::Cli;
use crate::exit::{self, UsageError};
use crate::output;

/// Prints a completion script.
pub(crate) fn completions(shell: clap_complete::Shell) -> anyhow::Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "allconv", &mut script);
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(exit::OK)
}

/// Prints the man page of the program, or of the subcommand with these names.
pub(crate) fn man(names: &[String]) -> anyhow::Result<u8> {
    let mut command = Cli::command();
    command.build();
    for name in names {
        let found = command.get_subcommands().find(|found| found.get_name() == name && !found.is_hide_set());
        command = found.cloned().ok_or_else(|| {
            let all: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
            UsageError(format!("no command is called `{name}` here; there are {}", all.join(", ")))
        })?;
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    output::print(&String::from_utf8_lossy(&page))?;
    Ok(exit::OK)
}
