//! The wheel in a clean virtual environment without Rust: the study of the quickstart, from the program that pip installed.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

use super::{installed, write};
use crate::shell;

/// The study of the README.
const STUDY: &str = "studies/quickstart.toml";

/// Makes wheel and archive, installs the wheel by itself and runs the quickstart from it.
pub(crate) fn run_logged(workspace: &Path, python: &str, log: &mut impl Write) -> anyhow::Result<()> {
    let dist = write(workspace, python)?;
    let environment = shell::target_folder(workspace).join("dist-trial");
    let wheel = dist.wheel.to_str().context("the path of the target folder is not UTF-8")?;
    let programs = installed(workspace, python, &environment, &["--no-index", wheel])?;
    let program = programs.join("allconv");
    let found = std::fs::read(&program).with_context(|| format!("cannot read {}", program.display()))?;
    ensure!(found == dist.program, "the wheel and the archive contain different programs");
    let folder = environment.join("trial");
    std::fs::create_dir_all(&folder)?;
    std::fs::copy(workspace.join(STUDY), folder.join("quickstart.toml"))?;
    let words = ["study", "run", "quickstart.toml", "--progress", "none"];
    println!("$ allconv {}", words.join(" "));
    let mut command = Command::new(&program);
    // What pip installed is all that is found: no Rust, nor anything of the system.
    command.args(words).current_dir(&folder).env_clear().env("PATH", &programs);
    let output = command.output().context("cannot start allconv")?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the quickstart ended with {}: {told}", output.status);
    let report = folder.join("runs/quickstart/report/index.html");
    ensure!(report.exists(), "the quickstart left no {}", report.display());
    let name = dist.wheel.file_name().unwrap_or_default().display();
    let passed = format!("the quickstart ran from {name} in a clean virtual environment without Rust");
    println!("{passed}");
    Ok(writeln!(log, "\n{passed}")?)
}
