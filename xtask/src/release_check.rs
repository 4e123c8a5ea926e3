//! `cargo xtask release-check`: the campaigns that are too long for every push.

use std::path::Path;

use crate::shell;

/// The kernels' tests with every access to memory checked. The flag is an unstable one that stable compilers carry as well, and asks
/// for a target to be named.
const SANITIZED: [&str; 10] = [
    "cargo",
    "test",
    "--package",
    "allconv-kernels",
    "--locked",
    "--lib",
    "--tests",
    "--target",
    "x86_64-unknown-linux-gnu",
    "--target-dir=target/sanitized",
];

/// The environment of [`SANITIZED`]; buffers that are kept until the end are no leaks.
const SANITIZER: [(&str, &str); 3] =
    [("RUSTC_BOOTSTRAP", "1"), ("RUSTFLAGS", "-Zsanitizer=address"), ("ASAN_OPTIONS", "detect_leaks=0")];

/// What a program for training must not do on the machine at hand, which should have nothing else to do meanwhile.
const BENCHES: [&[&str]; 2] = [&["train", "--assert"], &["conv", "--assert"]];

/// Runs every test again with `ALLCONV_CAMPAIGN=release`, which raises the number of kills that a run must survive; the kernels'
/// tests under a sanitiser; and the benchmarks that assert something.
pub(crate) fn run(workspace: &Path) -> anyhow::Result<()> {
    let test = ["cargo", "test", "--workspace", "--release", "--locked"];
    shell::run(workspace, &test, &[("ALLCONV_CAMPAIGN", "release")])?;
    sanitize(workspace)?;
    for bench in BENCHES {
        let allconv = ["cargo", "run", "--release", "--locked", "--package", "allconv", "--", "bench"];
        shell::run(workspace, &[&allconv[..], bench].concat(), &[])?;
    }
    println!("release campaigns passed");
    Ok(())
}

/// Runs the kernels' tests under AddressSanitizer, on the machines that the compiler brings it for.
pub(crate) fn sanitize(workspace: &Path) -> anyhow::Result<()> {
    if cfg!(not(all(target_os = "linux", target_arch = "x86_64"))) {
        println!("left out: the kernels' tests under AddressSanitizer run on x86-64 Linux");
        return Ok(());
    }
    shell::run(workspace, &SANITIZED, &SANITIZER)
}
