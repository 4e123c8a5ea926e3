//! `cargo xtask training-unharmed`: training in every accuracy class and by PyTorch, from the same weights and batches.

use std::path::Path;

use anyhow::Context;

use crate::shell;

/// Builds the example that trains, and runs the script that compares; `options` are the script's.
pub(crate) fn run(workspace: &Path, python: &str, data: &str, options: &[&str]) -> anyhow::Result<()> {
    // The program with it: one selection of features, so that Burn is not compiled again for the example.
    let argv =
        ["cargo", "build", "--release", "--locked", "--package", "allconv", "--package", "allconv-train"];
    let argv = [&argv[..], &["--bins", "--example", "accuracy_classes"]].concat();
    shell::run(workspace, &argv, &[])?;
    let target = shell::target_folder(workspace);
    let program = target.join("release/examples/accuracy_classes");
    let program = program.to_str().context("the path of the target folder is not UTF-8")?;
    let folder = target.join("training-unharmed");
    let folder = folder.to_str().context("the path of the target folder is not UTF-8")?;
    let commit = shell::output(workspace, &["git", "describe", "--always", "--dirty", "--abbrev=12"])?;
    let script = [python, "peers/torch/training_unharmed.py", program, data, "--folder", folder, "--commit"];
    shell::run(workspace, &[&script[..], &[commit.trim()], options].concat(), &[])
}
