//! `cargo xtask release-check`: the campaigns that are too long for every push, with their log.

use std::path::Path;

use crate::shell;

/// Runs the ignored-by-size campaigns: every test again with `ALLCONV_CAMPAIGN=release`, which raises the counts of kills, shapes and seeds.
pub(crate) fn run(workspace: &Path) -> anyhow::Result<()> {
    let test = ["cargo", "test", "--workspace", "--release", "--locked"];
    shell::run(workspace, &test, &[("ALLCONV_CAMPAIGN", "release")])?;
    println!("release campaigns passed");
    Ok(())
}
