//! Several processes on one store, killed at random, on one machine or on as many as there are processes: every run is made exactly once.
//!
//! The test starts its own binary again as workers; a worker runs a study whose runs take milliseconds and writes what it does to a
//! log. Under `ALLCONV_CAMPAIGN=release` there are 200 runs and more kills.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Child, Command, Stdio};

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use allconv_record::{Leases, RunDirectory, Status};

use super::*;
use crate::matrix::plan;
use crate::testing::{FakeResolve, record, small_study_text, write_run};

/// The environment variable that makes a process of the test binary a worker, with the path of the store.
const WORKER: &str = "ALLCONV_SHARED_STORE";

/// Runs of the study; three arms.
const SEEDS: &str = "ALLCONV_SHARED_STORE_SEEDS";

/// Set for workers each of which counts as one of a machine of its own, so that dead ones are noticed by their heartbeats alone.
const APART: &str = "ALLCONV_SHARED_STORE_APART";

/// The heartbeat of such workers: long beside the pauses of a busy machine.
const HEARTBEAT: Duration = Duration::from_secs(1);

const PROCESSES: usize = 8;

/// Makes a run in a few milliseconds, as the contract of [`Execute`] asks: lock, look, make.
struct Tiny<'a> {
    log: &'a Path,
    leases: Leases,
}

impl Tiny<'_> {
    /// One line by one write to a file opened for appending: lines of several processes do not mix.
    fn say(&self, word: &str, directory: &RunDirectory) {
        let mut log = std::fs::OpenOptions::new().append(true).create(true).open(self.log).unwrap();
        let name = directory.path().file_name().unwrap().to_string_lossy().into_owned();
        log.write_all(format!("{word} {name} {}\n", std::process::id()).as_bytes()).unwrap();
    }
}

impl Execute for Tiny<'_> {
    fn execute(&self, run: RunToMake<'_>) -> Result<Status, ExecuteError> {
        let RunToMake { planned, resolved, directory, .. } = run;
        let lease = directory.lease(&self.leases)?;
        if let Some(record) = directory.ended()? {
            return Ok(record.status);
        }
        self.say("began", directory);
        directory.write_record(&record(planned, resolved, Status::Running))?;
        // Long enough for the kills to find the runs under way on a fast machine.
        std::thread::sleep(Duration::from_millis(40));
        directory.confirm(&lease).inspect_err(|_| self.say("lost", directory))?;
        let folder = directory.path().parent().expect("a run lies in a folder");
        write_run(folder, planned, Status::Finished, Some(0.3));
        self.say("ended", directory);
        Ok(Status::Finished)
    }
}

fn study(seeds: u32) -> StudyFile {
    StudyFile::parse("small.toml", small_study_text(seeds)).unwrap()
}

fn work(folder: &Path, seeds: u32) {
    let never = AtomicBool::new(false);
    let options = RunOptions {
        study_folder: &folder.join("runs"),
        other_folders: &[],
        jobs: 1,
        interrupted: &never,
        busy_pause: Duration::from_millis(10),
        share: Share::Whole,
    };
    let leases = match std::env::var_os(APART) {
        Some(_) => Leases::on_machine(&format!("machine-{}", std::process::id()), HEARTBEAT),
        None => Leases::default(),
    };
    let execute = Tiny { log: &folder.join("log"), leases };
    let summary = run_study(&study(seeds), &FakeResolve, &execute, options, &|_| ()).unwrap();
    assert!(summary.is_complete(), "{summary:?}");
}

fn start(folder: &Path, seeds: u32, machines: Machines) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["run::shared_store::eight_processes_and_random_kills_make_every_run_exactly_once", "--exact"]);
    command.env(WORKER, folder).env(SEEDS, seeds.to_string()).stdout(Stdio::null());
    if machines == Machines::Apart {
        command.env(APART, "1");
    }
    command.spawn().unwrap()
}

/// Where the processes run, as far as they know.
#[derive(Clone, Copy, PartialEq)]
enum Machines {
    One,
    Apart,
}

#[test]
fn eight_processes_and_random_kills_make_every_run_exactly_once() {
    if let Some(folder) = std::env::var_os(WORKER) {
        return work(Path::new(&folder), std::env::var(SEEDS).unwrap().parse().unwrap());
    }
    kill_at_random(Machines::One);
}

#[test]
fn processes_of_machines_that_see_no_locks_of_each_other_make_every_run_exactly_once_too() {
    kill_at_random(Machines::Apart);
}

fn kill_at_random(machines: Machines) {
    let is_campaign = std::env::var("ALLCONV_CAMPAIGN").is_ok_and(|campaign| campaign == "release");
    let (seeds, kills) = if is_campaign { (67, 60) } else { (20, 12) };
    let folder = tempfile::tempdir().unwrap();
    let mut children: Vec<Child> = (0..PROCESSES).map(|_| start(folder.path(), seeds, machines)).collect();
    let mut random = allconv_random::SplitMix::new(20_141_221);
    let mut killed = BTreeSet::new();
    for _ in 0..kills {
        std::thread::sleep(Duration::from_millis(2 + random.below(25) as u64));
        let victim = random.below(PROCESSES);
        // A worker that has ended by itself does not count as a kill.
        if children[victim].try_wait().unwrap().is_none() {
            children[victim].kill().unwrap();
            children[victim].wait().unwrap();
            killed.insert(children[victim].id());
        }
        children[victim] = start(folder.path(), seeds, machines);
    }
    for child in &mut children {
        assert!(child.wait().unwrap().success(), "a worker that was not killed failed");
    }
    assert!(killed.len() >= 3, "only {} kills met a living worker: the test shows nothing", killed.len());
    check(&study(seeds), folder.path(), &killed);
}

fn check(study: &StudyFile, folder: &Path, killed: &BTreeSet<u32>) {
    let planned = plan(study);
    let index = crate::index::index(&planned, &[folder.join("runs")]).unwrap();
    assert!(index.is_complete(), "{:?}", index.counts());
    let log = std::fs::read_to_string(folder.join("log")).unwrap();
    let mut began: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    let mut ended: BTreeSet<&str> = BTreeSet::new();
    let mut excused = killed.clone();
    for line in log.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let (word, run, process) = (words[0], words[1], words[2].parse().unwrap());
        if word == "lost" {
            // It stood still for longer than its heartbeat allows, which a busy machine may bring about, and wrote nothing.
            excused.insert(process);
        } else if word == "began" {
            assert!(!ended.contains(run), "{run} was made again after its end");
            began.entry(run).or_default().push(process);
        } else {
            assert!(ended.insert(run), "{run} ended twice");
        }
    }
    assert_eq!(began.len(), planned.len(), "every run was begun");
    for (run, processes) in began {
        let (_, earlier) = processes.split_last().unwrap();
        for process in earlier {
            assert!(
                excused.contains(process),
                "{run} was taken over from process {process}, which was neither killed nor stopped"
            );
        }
    }
}
