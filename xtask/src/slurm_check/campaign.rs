//! The array job and what happens to it.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};

use super::cluster::Cluster;
use super::{RUNS, tell};

/// Longest wait for anything in the campaign: Slurm lets a requeued job wait for two minutes.
const PATIENCE: Duration = Duration::from_secs(1800);

/// A task of the array that runs.
struct Task {
    /// Its name, `ARRAY_TASK`.
    job: String,
    /// The process.
    pid: String,
}

/// The job with what it is asked about.
struct Campaign<'a> {
    cluster: &'a Cluster,
    folder: &'a Path,
    program: &'a Path,
}

/// Submits the study, disturbs it, and waits until every run has ended.
pub(super) fn run(
    cluster: &Cluster,
    program: &Path,
    folder: &Path,
    log: &mut impl Write,
) -> anyhow::Result<()> {
    let campaign = Campaign { cluster, folder, program };
    let submit =
        ["study", "submit", "micro.toml", "--slurm", "--partition", "low", "--chunk", "10", "--time", "60"];
    let job = campaign
        .allconv(&[&submit[..], &["--", "--checkpoint-seconds", "0.2", "--progress", "none"]].concat())?;
    tell(log, &format!("{}, as job {}: {RUNS} runs in 20 tasks", submit.join(" "), job.trim()))?;

    let task = campaign.running()?;
    cluster.signal("USR1", &task.job)?;
    campaign.is_requeued(&task)?;
    tell(
        log,
        "scancel --full --signal=USR1 of a running task: it wrote its checkpoints and queued itself again",
    )?;

    let task = campaign.running()?;
    cluster.slurm(&["scontrol", "update", &format!("JobId={}", task.job), "TimeLimit=2"])?;
    campaign.is_requeued(&task)?;
    tell(log, "the signal before the time limit of a running task: the same")?;

    campaign.disturb(log)?;
    campaign.finish()?;
    tell(log, &format!("every run has ended: {}", campaign.counts()?.trim()))
}

impl Campaign<'_> {
    /// What others than the task do: a requeue, a preemption, a kill, a new start of the controller.
    fn disturb(&self, log: &mut impl Write) -> anyhow::Result<()> {
        let cluster = self.cluster;
        let task = self.running()?;
        cluster.slurm(&["scontrol", "requeue", &task.job])?;
        self.is_gone(&task)?;
        tell(
            log,
            "scontrol requeue of a running task: it ended after its checkpoints, and Slurm queued it again",
        )?;

        let task = self.running()?;
        let urgent = cluster.slurm(&[
            "sbatch",
            "--parsable",
            "-p",
            "high",
            "-n",
            "2",
            "-o",
            "/dev/null",
            "--wrap",
            "sleep 5",
        ])?;
        self.is_gone(&task)?;
        let ended = || Ok(self.state(urgent.trim())?.contains("COMPLETED"));
        cluster.wait_for("the urgent job", ended, PATIENCE)?;
        tell(
            log,
            "a job of a partition of higher priority: it preempted the running tasks, which Slurm queued again, and ended",
        )?;

        let task = self.running()?;
        super::cluster::kill(&task.pid)?;
        self.is_gone(&task)?;
        ensure!(!self.state(&task.job)?.contains("PENDING"), "a killed task came back");
        tell(
            log,
            "kill -9 of a task's process: Slurm gave the task up, and its runs were left to the others",
        )?;

        let task = self.running()?;
        cluster.stop_controller()?;
        ensure!(Path::new("/proc").join(&task.pid).exists(), "a task ended with the controller");
        cluster.start_controller()?;
        tell(log, "slurmctld stopped and started again: the tasks went on")?;

        Ok(())
    }

    fn allconv(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = self.cluster.command(self.program);
        let output = command.args(arguments).current_dir(self.folder).output()?;
        let told = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "allconv {}: {told}", arguments.join(" "));
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The line in which `study status` counts the runs.
    fn counts(&self) -> anyhow::Result<String> {
        let mut command = self.cluster.command(self.program);
        let output = command.args(["study", "status", "micro.toml"]).current_dir(self.folder).output()?;
        let told = String::from_utf8_lossy(&output.stderr);
        Ok(told.lines().next().unwrap_or_default().to_owned())
    }

    /// Waits for a task whose process makes runs.
    fn running(&self) -> anyhow::Result<Task> {
        let find = || {
            let listed =
                self.cluster.slurm(&["squeue", "-h", "-r", "-t", "RUNNING", "-p", "low", "-o", "%i"])?;
            let jobs: Vec<&str> = listed.lines().map(str::trim).collect();
            let task =
                jobs.iter().find_map(|job| Some(Task { job: (*job).to_owned(), pid: process_of(job)? }));
            task.context("no task runs")
        };
        self.cluster.wait_for("a running task", || Ok(find().is_ok()), PATIENCE)?;
        // Some steps later.
        std::thread::sleep(Duration::from_millis(500));
        find().or_else(|_| {
            self.cluster.wait_for("a running task", || Ok(find().is_ok()), PATIENCE)?;
            find()
        })
    }

    /// Waits until a task has queued itself again.
    fn is_requeued(&self, task: &Task) -> anyhow::Result<()> {
        self.is_gone(task)?;
        let log = || {
            let mut text = String::new();
            for entry in std::fs::read_dir(self.folder.join("runs/micro/slurm"))? {
                text.push_str(&std::fs::read_to_string(entry?.path())?);
            }
            anyhow::Ok(text)
        };
        let is_pending = || Ok(self.state(&task.job)?.contains("JobState=PENDING"));
        self.cluster.wait_for("a requeued task", is_pending, PATIENCE)?;
        ensure!(log()?.contains("the Slurm job is in the queue again"), "{}", log()?);
        Ok(())
    }

    fn is_gone(&self, task: &Task) -> anyhow::Result<()> {
        let path = Path::new("/proc").join(&task.pid);
        self.cluster.wait_for("the end of a task", || Ok(!path.exists()), PATIENCE)
    }

    fn state(&self, job: &str) -> anyhow::Result<String> {
        self.cluster.slurm(&["scontrol", "show", "job", "-o", job])
    }

    /// Waits until every run has ended and the queue is empty.
    fn finish(&self) -> anyhow::Result<()> {
        let all = format!("{RUNS} done");
        self.cluster.wait_for("the end of the runs", || Ok(self.counts()? == all), PATIENCE)?;
        // Tasks that Slurm lets wait find nothing to do.
        let is_empty = || Ok(self.cluster.slurm(&["squeue", "-h", "-r"])?.trim().is_empty());
        self.cluster.wait_for("the end of the tasks", is_empty, PATIENCE)
    }
}

/// Returns the process of a job's task.
fn process_of(job: &str) -> Option<String> {
    let (array, task) = job.split_once('_')?;
    let wanted = [format!("SLURM_ARRAY_JOB_ID={array}"), format!("SLURM_ARRAY_TASK_ID={task}")];
    for entry in std::fs::read_dir("/proc").ok()?.flatten() {
        let has = |file: &str, text: &str| {
            let bytes = std::fs::read(entry.path().join(file)).unwrap_or_default();
            bytes.split(|byte| *byte == 0).any(|part| part == text.as_bytes())
        };
        if has("cmdline", "work") && wanted.iter().all(|variable| has("environ", variable)) {
            return Some(entry.file_name().to_string_lossy().into_owned());
        }
    }
    None
}
