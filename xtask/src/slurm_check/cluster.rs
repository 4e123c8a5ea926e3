//! A Slurm of one machine, in a folder of its own: started, asked and ended.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use crate::shell;

/// Debian's packages.
const PACKAGES: [&str; 2] = ["slurm-wlm", "munge"];

/// Longest wait for the daemons.
const PATIENCE: Duration = Duration::from_secs(60);

/// Returns why there can be no cluster here; installs Debian's packages where they are absent.
pub(super) fn reason_against() -> Option<String> {
    let user = shell::output(Path::new("/"), &["id", "-u"]).unwrap_or_default();
    if user.trim() != "0" {
        return Some("it starts daemons, for which it needs to be root".to_owned());
    }
    let is_there = |path: &str| Path::new(path).exists();
    if is_there("/usr/sbin/slurmctld") && is_there("/usr/sbin/munged") {
        return None;
    }
    let install = [&["apt-get", "install", "--yes", "--no-install-recommends"], &PACKAGES[..]].concat();
    let quiet = [("DEBIAN_FRONTEND", "noninteractive")];
    shell::run(Path::new("/"), &install, &quiet)
        .err()
        .map(|error| format!("Debian's {}: {error}", PACKAGES.join(" and ")))
}

/// The daemons, which end with this value.
pub(super) struct Cluster {
    folder: PathBuf,
}

impl Cluster {
    /// Starts munged, slurmctld and slurmd with their files in `folder`, and waits for the node.
    pub(super) fn start(folder: &Path) -> anyhow::Result<Cluster> {
        let cluster = Cluster { folder: folder.to_owned() };
        let munge = folder.join("munge");
        for part in ["munge", "state", "spool"] {
            std::fs::create_dir_all(folder.join(part))?;
        }
        std::fs::write(munge.join("key"), random_bytes(1024)?)?;
        let munge = munge.display().to_string();
        run("/", &["chown", "-R", "munge:munge", &munge])?;
        run("/", &["chmod", "400", &format!("{munge}/key")])?;
        let file = |option: &str, name: &str| format!("--{option}={munge}/{name}");
        let files = [
            ("key-file", "key"),
            ("socket", "socket"),
            ("pid-file", "pid"),
            ("log-file", "log"),
            ("seed-file", "seed"),
        ];
        let files = files.map(|(option, name)| file(option, name));
        let munged: Vec<&str> = ["runuser", "-u", "munge", "--", "munged"]
            .into_iter()
            .chain(files.iter().map(String::as_str))
            .collect();
        run("/", &munged)?;
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname")?;
        let host = host.trim().split('.').next().unwrap_or_default().to_owned();
        std::fs::write(folder.join("slurm.conf"), configuration(&folder.display().to_string(), &host))?;
        cluster.start_controller()?;
        cluster.slurm(&["slurmd"])?;
        cluster.wait_for(
            "an idle node",
            || Ok(cluster.slurm(&["sinfo", "-h", "-o", "%T"])?.contains("idle")),
            PATIENCE,
        )?;
        Ok(cluster)
    }

    /// Starts slurmctld.
    pub(super) fn start_controller(&self) -> anyhow::Result<()> {
        self.slurm(&["slurmctld"]).map(drop)
    }

    /// Ends slurmctld and waits for its end.
    pub(super) fn stop_controller(&self) -> anyhow::Result<()> {
        let pid = self.pid("slurmctld.pid").context("slurmctld has no process")?;
        run("/", &["kill", &pid])?;
        self.wait_for("the end of slurmctld", || Ok(!Path::new("/proc").join(&pid).exists()), PATIENCE)
    }

    /// Runs one of Slurm's commands and returns what it printed.
    pub(super) fn slurm(&self, argv: &[&str]) -> anyhow::Result<String> {
        let output = self
            .command(argv[0])
            .args(&argv[1..])
            .output()
            .with_context(|| format!("cannot start {}", argv[0]))?;
        ensure!(
            output.status.success(),
            "`{}`: {}",
            argv.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Sends a signal to a task of an array. Slurm 22.05 delivers it, says that the job cannot be altered while other tasks of the array
    /// wait, and goes on trying for a minute: what the task does tells whether the signal came.
    pub(super) fn signal(&self, signal: &str, job: &str) -> anyhow::Result<()> {
        let signal = format!("--signal={signal}");
        self.command("timeout").args(["2", "scancel", "--full", &signal, job]).output()?;
        Ok(())
    }

    /// A command that finds this cluster.
    pub(super) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env("SLURM_CONF", self.folder.join("slurm.conf"));
        command
    }

    /// The version.
    pub(super) fn version(&self) -> anyhow::Result<String> {
        Ok(self.slurm(&["sinfo", "--version"])?.trim().to_owned())
    }

    /// Waits until it has happened.
    pub(super) fn wait_for(
        &self,
        what: &str,
        has_happened: impl Fn() -> anyhow::Result<bool>,
        at_most: Duration,
    ) -> anyhow::Result<()> {
        let began = Instant::now();
        while began.elapsed() < at_most {
            // Slurm's commands fail while its controller starts.
            if has_happened().unwrap_or(false) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        bail!("{what} did not come within {} s; see the logs in {}", at_most.as_secs(), self.folder.display())
    }

    fn pid(&self, file: &str) -> Option<String> {
        let text = std::fs::read_to_string(self.folder.join(file)).ok()?;
        Some(text.trim().to_owned()).filter(|pid| !pid.is_empty())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for file in ["slurmd.pid", "slurmctld.pid", "munge/pid"] {
            if let Some(pid) = self.pid(file) {
                let _ = run("/", &["kill", &pid]);
            }
        }
    }
}

/// Ports and files of its own keep it apart from a Slurm that this machine may belong to.
fn configuration(folder: &str, host: &str) -> String {
    format!(
        "ClusterName=check
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=2,sched_interval=2
ReturnToService=2
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=1000 State=UNKNOWN
PartitionName=low Nodes=ALL Default=YES PriorityTier=1 State=UP
PartitionName=high Nodes=ALL PriorityTier=10 PreemptMode=off State=UP
"
    )
}

/// Kills a process.
pub(super) fn kill(pid: &str) -> anyhow::Result<()> {
    run("/", &["kill", "-9", pid])
}

fn run(folder: &str, argv: &[&str]) -> anyhow::Result<()> {
    shell::run(Path::new(folder), argv, &[])
}

fn random_bytes(count: usize) -> anyhow::Result<Vec<u8>> {
    use std::io::Read;
    let mut bytes = vec![0; count];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}
