//! Runs the commands that checks are made of, and says what was run.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

/// Runs `words` in `folder` with its output passed through, and fails when it fails.
pub(crate) fn run(folder: &Path, words: &[&str], environment: &[(&str, &str)]) -> anyhow::Result<()> {
    println!("$ {}", words.join(" "));
    let status =
        command(folder, words, environment).status().with_context(|| format!("cannot start {}", words[0]))?;
    ensure!(status.success(), "`{}` ended with {status}", words.join(" "));
    Ok(())
}

/// Runs `words` in `folder` and returns what it wrote to standard output; fails when it fails.
pub(crate) fn output(folder: &Path, words: &[&str]) -> anyhow::Result<String> {
    output_with(folder, words, &[])
}

/// As [`output`], with variables set in its environment.
pub(crate) fn output_with(
    folder: &Path,
    words: &[&str],
    environment: &[(&str, &str)],
) -> anyhow::Result<String> {
    println!("$ {}", words.join(" "));
    let output = command(folder, words, environment)
        .stderr(std::process::Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {}", words[0]))?;
    ensure!(output.status.success(), "`{}` ended with {}", words.join(" "), output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// Where cargo puts what it builds.
pub(crate) fn target_folder(workspace: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), PathBuf::from)
}

fn command(folder: &Path, words: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).current_dir(folder);
    for (name, value) in environment {
        command.env(name, value);
    }
    command
}
