//! `cargo xtask check`: all checks before a push except the tests.

use std::path::Path;

use crate::{dependencies, generated, links, shell, source, words};

/// Runs all checks; the first that fails ends it.
pub(crate) fn run(workspace: &Path) -> anyhow::Result<()> {
    dependencies::check(workspace)?;
    source::check(workspace)?;
    links::check(workspace)?;
    words::check(workspace)?;
    shell::run(workspace, &["cargo", "fmt", "--all", "--check"], &[])?;
    let clippy = ["cargo", "clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"];
    shell::run(workspace, &clippy, &[])?;
    let documentation = ["cargo", "doc", "--workspace", "--no-deps", "--document-private-items", "--locked"];
    shell::run(workspace, &documentation, &[("RUSTDOCFLAGS", "--deny warnings")])?;
    for feature in ["cuda", "vulkan"] {
        let tree = [
            "cargo",
            "tree",
            "--package",
            "allconv",
            "--features",
            feature,
            "--locked",
            "--quiet",
            "--depth",
            "1",
        ];
        shell::output(workspace, &tree)?;
    }
    generated::check(workspace)?;
    println!("all checks passed");
    Ok(())
}
