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
    check_dependencies(workspace)?;
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

/// Checks licences, sources and second versions of dependencies against `deny.toml`, where `cargo deny` is installed.
fn check_dependencies(workspace: &Path) -> anyhow::Result<()> {
    if shell::output(workspace, &["cargo", "deny", "--version"]).is_err() {
        println!(
            "not run: `cargo deny` is not installed, so licences and sources of dependencies are not checked"
        );
        return Ok(());
    }
    let sources = ["cargo", "deny", "--locked", "--all-features", "check", "licenses", "sources"];
    shell::run(workspace, &sources, &[])?;
    shell::run(workspace, &["cargo", "deny", "--locked", "check", "bans"], &[])
}
