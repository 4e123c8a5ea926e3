//! `cargo xtask slurm-check`: a study of 200 runs as an array job of a real Slurm on this machine, disturbed in every way that a cluster
//! knows, whose report is compared with that of an undisturbed local study.

mod campaign;
mod cluster;
mod store;

use std::fs::File;
use std::io::Write;
use std::path::Path;

use anyhow::Context;

use self::cluster::Cluster;
use crate::shell;

/// The path of the last check's log, which is committed.
const LOG: &str = "docs/slurm-check.log";

/// The study.
const STUDY: &str = include_str!("slurm_check/micro.toml");

/// Its runs.
const RUNS: usize = 200;

/// What one machine cannot show.
const NOT_SHOWN: &str = "not shown: several nodes, a file system over a network and its caches, accounting, a node that fails, job steps by srun, GPUs; \
     leases of machines that see no locks of each other are tested in allconv-files and allconv-study with short heartbeats";

/// Builds the program and runs the check, or takes the program named; writes `docs/slurm-check.log`.
pub(crate) fn run(workspace: &Path, program: Option<&str>) -> anyhow::Result<()> {
    let path = workspace.join(LOG);
    let mut log = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let commit = shell::commit(workspace)?;
    writeln!(log, "cargo xtask slurm-check, commit {commit}, processor {}", shell::processor_name())?;
    run_logged(workspace, program, &mut log)?;
    println!("the log is {LOG}");
    Ok(())
}

/// Does [`run`] with its steps in `log`. Where Slurm can neither be found nor installed, says so.
pub(crate) fn run_logged(
    workspace: &Path,
    program: Option<&str>,
    log: &mut impl Write,
) -> anyhow::Result<()> {
    if let Some(reason) = cluster::reason_against() {
        return tell(log, &format!("left out: the campaign on a real Slurm: {reason}"));
    }
    let program = match program {
        Some(program) => {
            Path::new(program).canonicalize().with_context(|| format!("no program {program}"))?
        }
        None => {
            shell::run(workspace, &["cargo", "build", "--release", "--locked", "--package", "allconv"], &[])?;
            shell::target_folder(workspace).join("release/allconv")
        }
    };
    let folder = std::env::temp_dir().join(format!("allconv-slurm-check-{}", std::process::id()));
    for part in ["local", "cluster", "slurm"] {
        let part = folder.join(part);
        std::fs::create_dir_all(&part).with_context(|| format!("cannot make {}", part.display()))?;
        std::fs::write(part.join("micro.toml"), STUDY)?;
    }
    let cluster = Cluster::start(&folder.join("slurm"))?;
    tell(log, &format!("{} on one machine, 2 cores, partitions low and high", cluster.version()?))?;
    campaign::run(&cluster, &program, &folder.join("cluster"), log)?;
    drop(cluster);
    let local = ["study", "run", "micro.toml", "--jobs", "2", "--progress", "none", "--format", "json"];
    store::allconv(&program, &folder.join("local"), &local)?;
    let files = store::compare(&program, &folder)?;
    tell(
        log,
        &format!(
            "{RUNS} runs: specification, metrics, outcomes, data and last weights of each are the bytes of the local study; so are all {files} files of the \
             report, once times, command lines and interruptions are taken out of the runs' records"
        ),
    )?;
    tell(log, NOT_SHOWN)?;
    tell(log, "the campaign on Slurm passed")?;
    std::fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))
}

/// Writes a line to the log and the screen.
fn tell(log: &mut impl Write, line: &str) -> anyhow::Result<()> {
    println!("{line}");
    Ok(writeln!(log, "{line}")?)
}
