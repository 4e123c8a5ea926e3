//! `cargo xtask validity`: studies with known truth, analysed by the code that analyses real ones; writes `docs/validity.md`.

use std::io::Write;
use std::path::Path;

use crate::shell;

/// The command of the simulation, which takes the page to write and the commit that the page names.
const SIMULATION: [&str; 9] = [
    "cargo",
    "run",
    "--locked",
    "--package",
    "allconv-study",
    "--example",
    "validity",
    "--",
    "docs/validity.md",
];

/// Writes the page; fails when a rate is not what the program states.
pub(crate) fn run(workspace: &Path) -> anyhow::Result<()> {
    run_logged(workspace, &shell::commit(workspace)?, &mut std::io::sink())
}

/// [`run`] for this commit, with the rates copied to `log`.
pub(crate) fn run_logged(workspace: &Path, commit: &str, log: &mut impl Write) -> anyhow::Result<()> {
    shell::run_logged(workspace, &[&SIMULATION[..], &[commit]].concat(), &[], log)
}
