//! A run that is stopped at any system call of writing a checkpoint ends with the results of an uninterrupted one.
//!
//! `strace` kills the process, or has the call fail with EIO or ENOSPC, at one call after the other; then the same command runs again.
//! The outputs of `eval` and `export` are compared, not the files in the run's folder.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::tiny_study::{TinyStudy, output};

/// Two epochs of one step each through a very narrow network: two checkpoints, of which the second is the last and the best or not.
const STUDY: &str = r#"
question = "Does a run survive?"
primary  = { metric = "error", split = "test", better = "lower" }
compare  = { baseline = "all_conv" }
seeds    = { from = 3, count = 1 }

[base.data]
dataset    = "synthetic"
synthetic  = { seed = 0, size = 16, train = 60, test = 20 }
validation = 20

[base.net]
architecture = { springenberg = { base = "c", width = 0.05 } }

[base.train]
preset = "fast"
batch  = 40
epochs = 2

[arms.all_conv.net.downsample]
strided_conv = { kernel = 3, stride = 2 }
"#;

/// Calls by which files are made, changed, renamed, removed or made durable.
const CALLS: &str = "openat,write,fsync,fchmod,ftruncate,rename,renameat,renameat2,link,linkat,symlink,symlinkat,mkdir,mkdirat,unlink,unlinkat,rmdir";

/// One thread, so that the calls of a run come in one order.
const ALONE: [&str; 4] = ["--threads", "1", "--workers", "0"];

/// The fault that is injected into a call.
const INJECTIONS: [&str; 3] = ["signal=SIGKILL", "error=EIO", "error=ENOSPC"];

/// Runs the study under strace.
fn traced(study: &TinyStudy, further: &[&str]) -> Output {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o"]).arg(study.path().join("trace")).args(["-e", &format!("trace={CALLS}")]);
    command.args(further).arg(env!("CARGO_BIN_EXE_allconv"));
    command.args(["study", "run", "tiny.toml", "--progress", "none"]).args(ALONE);
    command.current_dir(study.path()).env_remove("ALLCONV_DATA").output().unwrap()
}

/// A call of the trace: its name, and how many of that name its thread had made, itself included.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Call {
    name: String,
    number: usize,
}

/// The calls from the first that names the last checkpoint to the one that replaces `run.json` after it.
fn calls_of_the_last_checkpoint(trace: &str) -> Vec<Call> {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut calls: Vec<(Call, &str)> = Vec::new();
    for line in trace.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let Some((name, _)) = call.trim_start().split_once('(') else { continue };
        let number = counts.entry((thread, name)).or_default();
        *number += 1;
        calls.push((Call { name: name.to_owned(), number: *number }, call));
    }
    let made =
        |(_, call): &(Call, &str)| call.contains("checkpoints/tmp-") && call.trim().starts_with("mkdir");
    let first = calls.iter().rposition(made).expect("the trace shows a checkpoint");
    let ended = |(_, call): &(Call, &str)| call.contains("run.json") && call.contains("rename");
    let last = first + calls[first..].iter().position(ended).expect("the record follows the checkpoint");
    calls[first..=last].iter().map(|(call, _)| call.clone()).collect()
}

/// Returns the program's outputs for the study's run.
fn answers(study: &TinyStudy) -> Vec<Vec<u8>> {
    let run = study.run_directory().expect("the run exists");
    let run = run.to_str().unwrap();
    let asked = |arguments: &[&str]| {
        let answer = output(study.path(), arguments);
        assert!(answer.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&answer.stderr));
        answer.stdout
    };
    let exported = |checkpoint: &str| {
        asked(&["export", run, "--checkpoint", checkpoint, "--file", "weights.safetensors"]);
        std::fs::read(study.path().join("weights.safetensors")).unwrap()
    };
    vec![
        asked(&["eval", run, "--split", "test", "--format", "csv"]),
        asked(&["eval", run, "--split", "valid", "--checkpoint", "best", "--format", "csv"]),
        exported("last"),
        exported("best"),
        std::fs::read(Path::new(run).join("metrics.jsonl")).unwrap(),
        std::fs::read(Path::new(run).join("outcomes.bin")).unwrap(),
    ]
}

#[test]
fn a_stop_at_any_system_call_of_writing_a_checkpoint_loses_nothing() {
    if Command::new("strace").arg("--version").output().is_err() {
        println!("strace is not installed: the failpoints of the checkpoint path were not tried");
        return;
    }
    let undisturbed = TinyStudy::with(STUDY);
    assert!(traced(&undisturbed, &[]).status.success());
    let trace = std::fs::read_to_string(undisturbed.path().join("trace")).unwrap();
    let calls = calls_of_the_last_checkpoint(&trace);
    for needed in ["fsync", "write", "openat"] {
        assert!(calls.iter().any(|call| call.name == needed), "no {needed} among {calls:?}");
    }
    let wanted = answers(&undisturbed);
    let points: Vec<(&Call, &str)> =
        calls.iter().flat_map(|call| INJECTIONS.map(|injection| (call, injection))).collect();
    let (next, landed, faults) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some((Call { name, number }, injection)) = points.get(next.fetch_add(1, Ordering::Relaxed))
        {
            let study = TinyStudy::with(STUDY);
            let stopped = traced(&study, &["-e", &format!("inject={name}:{injection}:when={number}")]);
            landed.fetch_add(usize::from(!stopped.status.success()), Ordering::Relaxed);
            let point = format!("{injection} at {name} {number}");
            let told = String::from_utf8_lossy(&stopped.stderr).into_owned();
            if told.contains("panicked") {
                faults.lock().unwrap().push(format!("{point}: {told}"));
            }
            study.finish(&ALONE);
            if answers(&study) != wanted {
                faults.lock().unwrap().push(format!("{point}: other answers"));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(work);
        }
    });
    println!("{} points, {} of them ended the process", points.len(), landed.load(Ordering::Relaxed));
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{faults:#?}");
    // A third of the points are kills, which none survives.
    assert!(landed.load(Ordering::Relaxed) >= points.len() / 3, "the injections did not land");
}

#[test]
fn every_new_folder_of_a_run_is_made_durable_in_the_one_that_holds_it() {
    if Command::new("strace").arg("--version").output().is_err() {
        println!("strace is not installed: the order of writing folders was not looked at");
        return;
    }
    let study = TinyStudy::with(STUDY);
    assert!(traced(&study, &["-y"]).status.success());
    let trace = std::fs::read_to_string(study.path().join("trace")).unwrap();
    let lines: Vec<&str> = trace.lines().collect();
    for (made, held_by) in [("\"runs/tiny\"", "/runs>"), ("\"runs/tiny/all_conv-s3-", "/runs/tiny>")] {
        let place = lines.iter().position(|line| line.contains(" mkdir(") && line.contains(made));
        let after = &lines[place.unwrap_or_else(|| panic!("no mkdir of {made}"))..];
        let synced = after.iter().any(|line| line.contains("fsync(") && line.contains(held_by));
        assert!(synced, "the folder that holds {made} was not synchronised");
    }
}
