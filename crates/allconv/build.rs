//! Tells the program which commit and compiler it was built from, for the environment in run records.

use std::process::Command;

fn main() {
    let output = |program: &str, arguments: &[&str]| {
        let output =
            Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned()).filter(|text| !text.is_empty())
    };
    let commit = output("git", &["describe", "--always", "--dirty", "--abbrev=12"]);
    let compiler = output(&std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned()), &["--version"]);
    println!("cargo::rustc-env=ALLCONV_COMMIT={}", commit.as_deref().unwrap_or("unknown"));
    println!("cargo::rustc-env=ALLCONV_COMPILER={}", compiler.as_deref().unwrap_or("unknown"));
    // A commit moves one of these; without a repository neither exists and the build script runs once.
    for path in ["../../.git/HEAD", "../../.git/logs/HEAD"] {
        println!("cargo::rerun-if-changed={path}");
    }
}
