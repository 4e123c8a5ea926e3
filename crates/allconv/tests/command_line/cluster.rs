//! Studies on many machines: submitted jobs, tasks that share a store, and owners of runs that stand still.
//!
//! Slurm's commands are stand-ins in `fake_slurm/`; `cargo xtask release-check` does the same with Slurm itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::resume::{CHECKPOINTS, newest_checkpoint, wait_until};
use crate::tiny_study::{STUDY, TinyStudy, allconv};
use crate::tutorial::blocks;

/// Longest wait for anything in these tests.
const PATIENCE: Duration = Duration::from_secs(120);

/// A study of three arms and two seeds.
fn six_runs() -> String {
    let text = STUDY.replace("epochs = 12", "epochs = 6").replace("count = 1", "count = 2");
    format!(
        "{text}[arms.max_pool.net.downsample]\nmax_pool = {{ kernel = 3, stride = 2 }}\n\
         [arms.average.net.downsample]\naverage_pool = {{ kernel = 2, stride = 2 }}\n"
    )
}

/// A folder that is a cluster of one machine, with a study in it.
struct Cluster {
    study: TinyStudy,
}

impl Cluster {
    fn with(study: TinyStudy) -> Cluster {
        std::fs::create_dir(study.path().join("queue")).unwrap();
        Cluster { study }
    }

    /// The file or folder of this name among the notes of the stand-ins.
    fn note(&self, name: &str) -> PathBuf {
        self.study.path().join("queue").join(name)
    }

    /// Lets a command find the stand-ins instead of Slurm.
    fn on_path(&self, command: &mut Command) {
        let fakes = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/command_line/fake_slurm");
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", fakes.display())).env("FAKE_SLURM", self.note(""));
    }

    /// Runs the program; returns its exit code with what it wrote to both streams.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = allconv(self.study.path());
        self.on_path(command.args(arguments));
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    }

    fn pid(&self, task: usize) -> Option<Pid> {
        let text = std::fs::read_to_string(self.note(&format!("100_{task}.pid"))).ok()?;
        Pid::from_raw(text.trim().parse().ok()?)
    }

    fn log(&self, task: usize) -> String {
        std::fs::read_to_string(self.note(&format!("100_{task}.log"))).unwrap_or_default()
    }

    /// Waits until every run of the study has ended.
    fn wait(&self, file: &str) {
        let began = Instant::now();
        loop {
            let status = self.run(&["study", "status", file]).2;
            if status.contains("6 done") && !status.contains("running") {
                return;
            }
            let logs: Vec<String> = (1..7).map(|task| self.log(task)).collect();
            assert!(began.elapsed() < PATIENCE, "{status}\n{}", logs.join("\n"));
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// The files of all runs that do not depend on who made them and when, by run and name.
fn results(study: &TinyStudy) -> BTreeMap<String, Vec<u8>> {
    let mut results = BTreeMap::new();
    for entry in std::fs::read_dir(study.path().join("runs/tiny")).unwrap() {
        let run = entry.unwrap().path();
        for file in ["spec.toml", "metrics.jsonl", "outcomes.bin", "checkpoints/last/model.safetensors"] {
            if run.join("run.json").is_file() {
                let name = format!("{}/{file}", run.file_name().unwrap().to_string_lossy());
                results.insert(name, std::fs::read(run.join(file)).unwrap());
            }
        }
    }
    results
}

#[test]
fn an_array_job_whose_task_is_warned_and_whose_task_is_killed_makes_the_runs_of_a_local_study() {
    let local = TinyStudy::with(&six_runs());
    local.finish(&[]);
    let cluster = Cluster::with(TinyStudy::with(&six_runs()));
    let submit = [
        "study",
        "submit",
        "tiny.toml",
        "--slurm",
        "--array-limit",
        "3",
        "--",
        CHECKPOINTS[0],
        CHECKPOINTS[1],
    ];
    let (code, out, told) = cluster.run(&submit);
    assert_eq!((code, out.trim()), (0, "100"), "{told}");
    assert!(told.contains("6 runs to go, 3 tasks"), "{told}");
    let script = std::fs::read_to_string(cluster.study.path().join("runs/tiny/slurm/job.sh")).unwrap();
    assert!(script.contains("--array=1-3%3") && script.contains("--threads 1"), "{script}");
    let status = cluster.run(&["study", "status", "tiny.toml"]).2;
    assert!(status.contains("1 pending (Resources)"), "{status}");
    // One task is warned before its time limit, when it has made something; another is killed.
    let began = Instant::now();
    let has_checkpoint = || {
        let runs = std::fs::read_dir(cluster.study.path().join("runs/tiny")).unwrap();
        runs.filter_map(Result::ok).filter(|run| newest_checkpoint(&run.path()).is_some()).count() >= 2
    };
    while !has_checkpoint() {
        assert!(began.elapsed() < PATIENCE, "no task makes a run: {}", cluster.log(1));
        std::thread::sleep(Duration::from_millis(5));
    }
    kill_process(cluster.pid(1).unwrap(), Signal::USR1).unwrap();
    kill_process(cluster.pid(2).unwrap(), Signal::KILL).unwrap();
    cluster.wait("tiny.toml");
    assert_eq!(std::fs::read_to_string(cluster.note("requeued")).unwrap(), "100_1\n");
    assert!(cluster.log(1).contains("the Slurm job is in the queue again"), "{}", cluster.log(1));
    assert_eq!(results(&local), results(&cluster.study));
    let (code, out, told) = cluster.run(&submit[..4]);
    assert_eq!((code, out.as_str()), (0, ""), "{told}");
    assert!(told.contains("every run has ended"), "{told}");
}

#[test]
fn a_task_of_a_cancelled_job_writes_checkpoints_and_does_not_come_back() {
    let cluster = Cluster::with(TinyStudy::new());
    std::fs::write(cluster.note("100_1.state"), "COMPLETING").unwrap();
    let submit = ["study", "submit", "tiny.toml", "--slurm", "--", CHECKPOINTS[0], CHECKPOINTS[1]];
    assert_eq!(cluster.run(&submit).0, 0);
    let began = Instant::now();
    while cluster.study.run_directory().and_then(|run| newest_checkpoint(&run)).is_none() {
        assert!(began.elapsed() < PATIENCE, "{}", cluster.log(1));
        std::thread::sleep(Duration::from_millis(2));
    }
    kill_process(cluster.pid(1).unwrap(), Signal::TERM).unwrap();
    while !cluster.log(1).contains("not requeued") {
        assert!(began.elapsed() < PATIENCE, "{}", cluster.log(1));
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(cluster.log(1).contains("COMPLETING") && !cluster.note("requeued").exists());
    assert!(cluster.run(&["study", "status", "tiny.toml"]).2.contains("1 interrupted"));
}

#[test]
fn a_job_that_cannot_be_submitted_is_an_error_that_says_why() {
    let cluster = Cluster::with(TinyStudy::new());
    let refused = |arguments: &[&str], code: i32| {
        let (found, _, told) =
            cluster.run(&[&["study", "submit", "tiny.toml", "--slurm"], arguments].concat());
        assert_eq!(found, code, "{arguments:?}: {told}");
        told
    };
    std::fs::write(cluster.note("refuse"), "fast").unwrap();
    assert!(refused(&["--partition", "fast"], 1).contains("invalid partition specified: fast"));
    let told = refused(&["--", "--thread", "2"], 2);
    assert!(told.contains("--thread"), "{told}");
    std::fs::write(cluster.study.path().join("mine.sh"), "#!/bin/bash\n@work@ @slice@\n").unwrap();
    let told = refused(&["--template", "mine.sh"], 2);
    assert!(told.contains("@slice@") && told.contains("@tasks@"), "{told}");
    assert!(refused(&["--template", "absent.sh"], 74).contains("absent.sh"));
    let nothing = cluster.run(&["study", "submit", "tiny.toml"]);
    assert!(nothing.0 == 2 && nothing.2.contains("--slurm"), "{}", nothing.2);
}

#[test]
fn the_scripts_are_printed_and_a_changed_one_is_filled_in() {
    let cluster = Cluster::with(TinyStudy::with(&six_runs()));
    let (code, template, _) = cluster.run(&["study", "submit", "tiny.toml", "--print", "slurm"]);
    assert!(code == 0 && template.contains("@work@") && template.contains("#SBATCH --requeue"));
    std::fs::write(
        cluster.study.path().join("mine.sh"),
        template.replace("--requeue\n", "--requeue\n#SBATCH --account=me\n"),
    )
    .unwrap();
    let arguments = ["study", "submit", "tiny.toml", "--slurm", "--template", "mine.sh", "--dry-run"];
    let further = ["--time", "4:00:00", "--chunk", "4", "--cpus", "2", "--set", "seeds.count=3"];
    let (code, script, told) = cluster.run(&[&arguments[..], &further[..]].concat());
    assert_eq!(code, 0, "{told}");
    for part in
        ["--account=me", "--time=4:00:00", "--array=1-3\n", "--set seeds.count=3", "--cpus-per-task=2"]
    {
        assert!(script.contains(part), "{part} is not in {script}");
    }
    assert!(!script.contains(" @") && !cluster.study.path().join("runs").exists());
    let checked = Command::new("bash").args(["-n", "-c", &script]).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let (code, yaml, _) = cluster.run(&["study", "submit", "tiny.toml", "--print", "k8s"]);
    assert!(code == 0 && yaml.contains("NOT TESTED") && yaml.contains("completions: 6"), "{yaml}");
}

#[test]
fn an_owner_that_is_stopped_is_replaced_and_writes_nothing_when_it_continues() {
    let undisturbed = TinyStudy::new();
    undisturbed.finish(&[]);
    let study = TinyStudy::new();
    let further = [CHECKPOINTS[0], CHECKPOINTS[1], "--heartbeat-seconds", "1"];
    let mut stopped = study.start(&further);
    let has_begun = || study.run_directory().and_then(|run| newest_checkpoint(&run)).is_some();
    assert!(wait_until(&mut stopped, has_begun), "the run ended before it could be stopped");
    kill_process(Pid::from_child(&stopped), Signal::STOP).unwrap();
    study.finish(&further);
    let run = study.run_directory().unwrap();
    let record = std::fs::read(run.join("run.json")).unwrap();
    kill_process(Pid::from_child(&stopped), Signal::CONT).unwrap();
    assert_eq!(stopped.wait().unwrap().code(), Some(0), "it finds the run finished");
    assert_eq!(std::fs::read(run.join("run.json")).unwrap(), record);
    // One that was stopped between its check and a link of a checkpoint still makes that link: results do not depend on it.
    for file in ["metrics.jsonl", "outcomes.bin"] {
        let of = |study: &TinyStudy| std::fs::read(study.run_directory().unwrap().join(file)).unwrap();
        assert!(of(&study) == of(&undisturbed), "{file} differs");
    }
    let error = |study: &TinyStudy| {
        let run = study.run_directory().unwrap();
        let answer =
            crate::tiny_study::succeed(study.path(), &["eval", run.to_str().unwrap(), "--format", "json"]);
        serde_json::from_str::<serde_json::Value>(&answer).unwrap()["error"].clone()
    };
    assert_eq!(error(&study), error(&undisturbed));
}

#[test]
fn where_files_have_no_links_the_lock_of_the_system_is_the_lease() {
    if Command::new("strace").arg("--version").output().is_err() {
        println!("strace is not installed: a file system without links was not tried");
        return;
    }
    let undisturbed = TinyStudy::new();
    undisturbed.finish(&[]);
    let study = TinyStudy::new();
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", "inject=link,linkat:error=EPERM"]);
    command.arg(env!("CARGO_BIN_EXE_allconv")).args(["study", "run", "tiny.toml", "--progress", "none"]);
    let output = command.current_dir(study.path()).env_remove("ALLCONV_DATA").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    crate::tiny_study::assert_same_results(&undisturbed, &study);
}

#[test]
fn every_command_of_the_page_on_scale_works_in_order() {
    let cluster = Cluster::with(TinyStudy::with(&six_runs()));
    let folder = cluster.study.path();
    std::fs::copy(folder.join("tiny.toml"), folder.join("my-study.toml")).unwrap();
    std::fs::write(folder.join("my-template.sh"), "#SBATCH --array=1-@tasks@\n@work@\n").unwrap();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/scale.md");
    let page = std::fs::read_to_string(page).unwrap();
    let mut commands = 0;
    for line in blocks(&page, "console").iter().flat_map(|block| block.lines()) {
        let words = line.strip_prefix("$ allconv ").unwrap_or_else(|| panic!("not a command: {line}"));
        let is_submitted = line.ends_with("--array-limit 3");
        if is_submitted {
            // The local commands before have made all.
            std::fs::remove_dir_all(folder.join("runs")).unwrap();
        }
        let (code, _, told) = cluster.run(&words.split(' ').collect::<Vec<_>>());
        assert_eq!(code, 0, "{line}: {told}");
        if is_submitted {
            cluster.wait("my-study.toml");
        }
        commands += 1;
    }
    assert!(commands >= 9, "only {commands} commands were found");
    assert!(folder.join("runs/my-study/report/index.html").is_file());
}
