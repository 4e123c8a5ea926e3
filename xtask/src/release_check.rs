//! `cargo xtask release-check`: the campaigns that are too long for every push.

use std::path::Path;

use crate::shell;

/// Runs every test again with `ALLCONV_CAMPAIGN=release`, which raises the number of kills that a run must survive.
pub(crate) fn run(workspace: &Path) -> anyhow::Result<()> {
    let test = ["cargo", "test", "--workspace", "--release", "--locked"];
    shell::run(workspace, &test, &[("ALLCONV_CAMPAIGN", "release")])?;
    println!("release campaigns passed");
    Ok(())
}
