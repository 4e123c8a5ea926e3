//! `cargo xtask release-check`: the campaigns that are too long for every push.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use anyhow::Context;

use crate::{dist, shell, slurm_check, validity};

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

/// The environment of [`SANITIZED`]; buffers that are kept until the end are not leaks.
const SANITIZER: [(&str, &str); 3] =
    [("RUSTC_BOOTSTRAP", "1"), ("RUSTFLAGS", "-Zsanitizer=address"), ("ASAN_OPTIONS", "detect_leaks=0")];

/// Benchmarks that fail when training is slower than it should be; the machine should be otherwise idle.
const BENCHES: [&[&str]; 2] = [&["train", "--assert"], &["conv", "--assert"]];

/// The paper filled in from the published runs and compiled, then derived again and compared with its lock file.
const PAPER: [&[&str]; 2] = [&["paper", "build", "paper"], &["paper", "verify", "paper"]];

/// Debian's packages without which no PDF is written.
const LATEX: &str =
    "texlive-latex-extra texlive-science texlive-pictures texlive-fonts-recommended lmodern latexmk";

/// More kills and more runs than at every push; panics that tests expect leave one line in the log.
const CAMPAIGN: [(&str, &str); 2] = [("ALLCONV_CAMPAIGN", "release"), ("RUST_BACKTRACE", "0")];

/// The published statistics computed again from the records, and the proof that a changed number is found.
const RECOMPUTE: [&[&str]; 2] = [
    &["peers/statistics/recompute.py", "docs/results"],
    &["peers/statistics/recompute.py", "--plant", "docs/results", "three-hypotheses"],
];

/// The path of the last campaign's log, which is committed.
const LOG: &str = "docs/release-check.log";

/// Runs every test again with `ALLCONV_CAMPAIGN=release`, which raises the number of kills that a run must survive; the kernels'
/// tests under a sanitiser; the published statistics in Python and the quickstart from a wheel, where an interpreter is given; the simulated
/// studies behind `docs/validity.md`; a study on a real Slurm, where this is root on Debian; the paper,
/// as a PDF where LaTeX is installed; the live page in a Chromium; and the benchmarks that assert something.
/// What they say goes to `docs/release-check.log` too.
pub(crate) fn run(workspace: &Path, python: Option<&str>) -> anyhow::Result<()> {
    let commit = shell::commit(workspace)?;
    let compiler = shell::output(workspace, &["rustc", "--version"])?;
    let path = workspace.join(LOG);
    let mut log = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let processor = shell::processor_name();
    writeln!(log, "cargo xtask release-check, commit {commit}, {}, processor {processor}", compiler.trim())?;
    // The profile of the tests is optimised; the release profile would compile Burn once more.
    let test = ["cargo", "test", "--workspace", "--locked", "--", "--show-output"];
    shell::run_logged(workspace, &test, &CAMPAIGN, &mut log)?;
    sanitize_logged(workspace, &mut log)?;
    recompute_logged(workspace, python, &mut log)?;
    if let Some(python) = python {
        dist::run_logged(workspace, python, &mut log)?;
    }
    validity::run_logged(workspace, &commit, &mut log)?;
    slurm_check::run_logged(workspace, None, &mut log)?;
    let allconv = ["cargo", "run", "--release", "--locked", "--package", "allconv", "--"];
    paper_logged(workspace, &allconv, &mut log)?;
    browser_logged(workspace, python, &mut log)?;
    for bench in BENCHES {
        shell::run_logged(workspace, &[&allconv[..], &["bench"], bench].concat(), &[], &mut log)?;
    }
    writeln!(log, "\nrelease campaigns passed")?;
    println!("release campaigns passed; the log is {LOG}");
    Ok(())
}

/// Opens the pages of `allconv serve` in a Chromium while a study is made, and says so where there is none.
fn browser_logged(workspace: &Path, python: Option<&str>, log: &mut impl Write) -> anyhow::Result<()> {
    let is_found = shell::output(workspace, &["chromium", "--version"]).is_ok();
    let (Some(python), true) = (python, is_found) else {
        let left_out = "left out: the live page is opened by `release-check PYTHON` in Debian's chromium";
        println!("{left_out}");
        writeln!(log, "{left_out}")?;
        return Ok(());
    };
    let script = [python, "peers/browser/serve.py", "target/release/allconv", "target/live-page"];
    shell::run_logged(workspace, &script, &[], log)
}

/// Runs the kernels' tests under AddressSanitizer, on the machines that the compiler brings it for.
pub(crate) fn sanitize(workspace: &Path) -> anyhow::Result<()> {
    sanitize_logged(workspace, &mut std::io::sink())
}

fn recompute_logged(workspace: &Path, python: Option<&str>, log: &mut impl Write) -> anyhow::Result<()> {
    let Some(python) = python else {
        let left_out =
            "left out: `release-check PYTHON` computes the published statistics again and tries the wheel";
        println!("{left_out}");
        writeln!(log, "{left_out}")?;
        return Ok(());
    };
    for script in RECOMPUTE {
        shell::run_logged(workspace, &[&[python], script].concat(), &[], log)?;
    }
    Ok(())
}

/// Builds and verifies the paper, and says where no PDF came of it.
fn paper_logged(workspace: &Path, allconv: &[&str], log: &mut impl Write) -> anyhow::Result<()> {
    for command in PAPER {
        shell::run_logged(workspace, &[allconv, command].concat(), &[], log)?;
    }
    if !workspace.join("paper/build/main.pdf").exists() {
        let left_out = format!("left out: the PDF of the paper needs Debian's {LATEX}");
        println!("{left_out}");
        writeln!(log, "{left_out}")?;
    }
    Ok(())
}

fn sanitize_logged(workspace: &Path, log: &mut impl Write) -> anyhow::Result<()> {
    if cfg!(not(all(target_os = "linux", target_arch = "x86_64"))) {
        let left_out = "left out: the kernels' tests under AddressSanitizer run on x86-64 Linux";
        println!("{left_out}");
        writeln!(log, "{left_out}")?;
        return Ok(());
    }
    shell::run_logged(workspace, &SANITIZED, &SANITIZER, log)
}
