//! `cargo xtask dist PYTHON`: the program for those who have no Rust, as a wheel and as a compressed archive, with checksums.
//!
//! The same commit, compiler and machine give the same archives: files are sorted, and their time is that of the commit.

mod archive;
mod licences;
mod trial;

use std::path::{Path, PathBuf};

use allconv_files::sha256;
use anyhow::{Context, ensure};

use crate::shell;
use archive::Archive;

pub(crate) use trial::run_logged;

/// The program that makes wheels.
const MATURIN: &str = "maturin==1.16.0";

/// Where the wheel expects the licences of what the program is linked with: at the root, where `pyproject.toml` looks for licences.
const THIRD_PARTY: &str = "THIRD-PARTY-LICENSES.txt";

/// Files of the repository that the archive contains.
const INCLUDED: [&str; 5] =
    ["CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "README.md", "studies/quickstart.toml"];

/// Where each shell looks for completions, below the folder in which the archive is unpacked.
const COMPLETIONS: [(&str, &str); 5] = [
    ("bash", "share/bash-completion/completions/allconv"),
    ("elvish", "share/elvish/lib/allconv.elv"),
    ("fish", "share/fish/vendor_completions.d/allconv.fish"),
    ("powershell", "share/powershell/allconv.ps1"),
    ("zsh", "share/zsh/site-functions/_allconv"),
];

/// What was made.
pub(super) struct Dist {
    /// The wheel.
    pub(super) wheel: PathBuf,
    /// The program that the archive contains.
    pub(super) program: Vec<u8>,
}

/// Writes wheel, archive and `SHA256SUMS` to `target/dist`.
pub(crate) fn run(workspace: &Path, python: &str) -> anyhow::Result<()> {
    write(workspace, python).map(|_| ())
}

fn write(workspace: &Path, python: &str) -> anyhow::Result<Dist> {
    let target = shell::target_folder(workspace);
    let out = target.join("dist");
    if out.exists() {
        std::fs::remove_dir_all(&out)?;
    }
    std::fs::create_dir_all(&out)?;
    let licences = licences::of_dependencies(workspace)?;
    std::fs::write(workspace.join(THIRD_PARTY), &licences)?;
    let time = shell::output(workspace, &["git", "log", "-1", "--format=%ct"])?;
    let wheel = write_wheel(workspace, python, &out, time.trim())?;
    let path = target.join("release").join(format!("allconv{}", std::env::consts::EXE_SUFFIX));
    let program = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let name = format!("allconv-{}-{}", env!("CARGO_PKG_VERSION"), host(workspace)?);
    let mut archive = Archive::new(&name, time.trim().parse()?);
    archive.add_program(&format!("bin/allconv{}", std::env::consts::EXE_SUFFIX), program.clone());
    archive.add(THIRD_PARTY, licences.into_bytes());
    for file in INCLUDED {
        archive
            .add(file, std::fs::read(workspace.join(file)).with_context(|| format!("cannot read {file}"))?);
    }
    let path = path.to_str().context("the path of the target folder is not UTF-8")?;
    for (interpreter, file) in COMPLETIONS {
        archive.add(file, shell::output(workspace, &[path, "completions", interpreter])?.into_bytes());
    }
    add_pages(workspace, path, &[], &mut archive)?;
    std::fs::write(out.join(format!("{name}.tar.gz")), archive.into_bytes()?)?;
    write_sums(&out)?;
    Ok(Dist { wheel, program })
}

/// Builds the program and the wheel; the program in `target/release` is that of the wheel.
fn write_wheel(workspace: &Path, python: &str, out: &Path, time: &str) -> anyhow::Result<PathBuf> {
    let environment = out.with_file_name("dist-maturin");
    let tool = installed(workspace, python, &environment, &[MATURIN])?.join("maturin");
    let words = [tool.as_os_str(), out.as_os_str()].map(|word| word.to_str().context("a path is not UTF-8"));
    let [tool, folder] = words;
    let build = [tool?, "build", "--release", "--locked", "--strip", "--out", folder?];
    shell::run(workspace, &build, &[("SOURCE_DATE_EPOCH", time)])?;
    let mut wheels: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(out)? {
        wheels.push(entry?.path());
    }
    ensure!(wheels.len() == 1, "{} files instead of one wheel in {}", wheels.len(), out.display());
    Ok(wheels.remove(0))
}

/// Makes a virtual environment anew with these packages, and returns the folder of its programs.
fn installed(
    workspace: &Path,
    python: &str,
    environment: &Path,
    packages: &[&str],
) -> anyhow::Result<PathBuf> {
    let folder = environment.to_str().context("the path of the target folder is not UTF-8")?;
    shell::run(workspace, &[python, "-m", "venv", "--clear", folder], &[])?;
    let programs = environment.join(if cfg!(windows) { "Scripts" } else { "bin" });
    let interpreter = programs.join("python");
    let interpreter = interpreter.to_str().context("the path of the target folder is not UTF-8")?;
    let install = [interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    shell::run(workspace, &[&install[..], packages].concat(), &[])?;
    Ok(programs)
}

/// Adds the man page of a command and those of its subcommands, which its page lists as `allconv\-study\-run(1)`.
fn add_pages(workspace: &Path, program: &str, names: &[&str], archive: &mut Archive) -> anyhow::Result<()> {
    let page = shell::output(workspace, &[&[program, "man"][..], names].concat())?;
    let own = [&["allconv"][..], names].concat().join("-");
    for line in page.lines() {
        let Some(listed) = line.strip_suffix("(1)").map(|name| name.replace("\\-", "-")) else { continue };
        if let Some(name) = listed.strip_prefix(&format!("{own}-")).filter(|name| *name != "help") {
            add_pages(workspace, program, &[names, &[name][..]].concat(), archive)?;
        }
    }
    archive.add(&format!("share/man/man1/{own}.1"), page.into_bytes());
    Ok(())
}

/// Writes the checksums of what lies in `out`, as `sha256sum --check` reads them.
fn write_sums(out: &Path) -> anyhow::Result<()> {
    let mut lines = Vec::new();
    for entry in std::fs::read_dir(out)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().display().to_string();
        lines.push(format!("{}  {name}\n", sha256(&std::fs::read(&path)?)));
        println!("wrote {}", path.display());
    }
    lines.sort_by(|a, b| a[64..].cmp(&b[64..]));
    Ok(std::fs::write(out.join("SHA256SUMS"), lines.concat())?)
}

/// Returns the name of the platform that the program is built for.
fn host(workspace: &Path) -> anyhow::Result<String> {
    let told = shell::output(workspace, &["rustc", "-vV"])?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc names no host")?.to_owned())
}
