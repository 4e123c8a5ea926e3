//! Killed and interrupted runs continue to the bits of an uninterrupted one.

use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::tiny_study::{TinyStudy, assert_same_results};

/// Checkpoints come this often, so that kills find every phase of a run.
pub(crate) const CHECKPOINTS: [&str; 2] = ["--checkpoint-seconds", "0.05"];

/// Longest wait for anything in these tests.
const PATIENCE: Duration = Duration::from_secs(60);

/// Kills that must land on a live process; more in a release campaign.
fn kills_wanted() -> usize {
    if std::env::var_os("ALLCONV_CAMPAIGN").is_some() { 60 } else { 10 }
}

/// Numbers between 0 and 1, the same in every run of the test.
fn fraction(index: usize) -> f64 {
    (index as f64 * 0.618_033_988_75 + 0.37).fract()
}

pub(crate) fn wait_until(child: &mut Child, mut happened: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    while began.elapsed() < PATIENCE && child.try_wait().unwrap().is_none() {
        if happened() {
            return true;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    false
}

/// Kills the process; true if it was alive until then.
pub(crate) fn kill(mut child: Child) -> bool {
    let alive = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    alive
}

fn holds_unfinished_checkpoint(run: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(run.join("checkpoints")) else { return false };
    entries.filter_map(Result::ok).any(|entry| entry.file_name().to_string_lossy().starts_with("tmp-"))
}

/// The step of the newest checkpoint, and whether it lies inside an epoch (10 steps each).
pub(crate) fn newest_checkpoint(run: &Path) -> Option<(u64, bool)> {
    let target = std::fs::read_link(run.join("checkpoints/last")).ok()?;
    let step: u64 = target.to_str()?.strip_prefix("step-")?.parse().ok()?;
    Some((step, !step.is_multiple_of(10)))
}

#[test]
fn a_run_killed_again_and_again_ends_with_the_bits_of_an_uninterrupted_one() {
    let undisturbed = TinyStudy::new();
    undisturbed.finish(&[]);
    let killed = TinyStudy::new();
    let (mut landed, mut mid_epoch, mut inside_checkpoint) = (0, 0, 0);
    for attempt in 0..40 * kills_wanted() {
        let enough = landed >= kills_wanted() && mid_epoch >= 3 && inside_checkpoint >= 1;
        if enough {
            break;
        }
        let mut child = killed.start(&CHECKPOINTS);
        let before = killed.run_directory().and_then(|run| newest_checkpoint(&run)).map(|(step, _)| step);
        match attempt % 3 {
            // Anywhere, from the first instruction on.
            0 => std::thread::sleep(Duration::from_secs_f64(0.3 * fraction(attempt))),
            // While a checkpoint is being written.
            1 => {
                wait_until(&mut child, || {
                    killed.run_directory().is_some_and(|run| holds_unfinished_checkpoint(&run))
                });
            }
            // Shortly after a new checkpoint, so that the run makes progress.
            _ => {
                let moved = || {
                    let newest = killed.run_directory().and_then(|run| newest_checkpoint(&run));
                    newest.is_some_and(|(step, inside_epoch)| inside_epoch && Some(step) != before)
                };
                wait_until(&mut child, moved);
                std::thread::sleep(Duration::from_secs_f64(0.01 * fraction(attempt)));
            }
        }
        if kill(child) {
            landed += 1;
            if let Some(run) = killed.run_directory() {
                mid_epoch +=
                    usize::from(newest_checkpoint(&run).is_some_and(|(_, inside_epoch)| inside_epoch));
                inside_checkpoint += usize::from(holds_unfinished_checkpoint(&run));
            }
        }
    }
    println!(
        "{landed} kills landed, {mid_epoch} inside an epoch after a checkpoint, {inside_checkpoint} inside a checkpoint"
    );
    assert!(landed >= kills_wanted(), "only {landed} kills found a live process");
    assert!(mid_epoch >= 3, "only {mid_epoch} kills came inside an epoch after the first checkpoint");
    assert!(inside_checkpoint >= 1, "no kill came while a checkpoint was being written");
    killed.finish(&CHECKPOINTS);
    assert_same_results(&undisturbed, &killed);
    let left_over = holds_unfinished_checkpoint(&killed.run_directory().unwrap());
    assert!(!left_over, "an unfinished checkpoint was left behind");
}

#[test]
fn a_terminated_run_exits_75_and_the_same_command_continues_it_to_the_same_bits() {
    let undisturbed = TinyStudy::new();
    undisturbed.finish(&[]);
    for signal in [Signal::TERM, Signal::INT, Signal::USR1, Signal::USR2, Signal::HUP] {
        let interrupted = TinyStudy::new();
        let mut child = interrupted.start(&CHECKPOINTS);
        let going = wait_until(&mut child, || {
            interrupted.run_directory().and_then(|run| newest_checkpoint(&run)).is_some()
        });
        assert!(going, "the run ended before it could be interrupted");
        let began = Instant::now();
        kill_process(Pid::from_child(&child), signal).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(75), "{signal:?}");
        assert!(began.elapsed() < Duration::from_secs(10), "{signal:?} took {:?}", began.elapsed());
        let run = interrupted.run_directory().unwrap();
        let record = std::fs::read_to_string(run.join("run.json")).unwrap();
        assert!(record.contains("\"interrupted\""), "{record}");
        interrupted.finish(&[]);
        assert_same_results(&undisturbed, &interrupted);
    }
}

#[test]
fn a_finished_study_is_not_made_again() {
    let study = TinyStudy::new();
    study.finish(&[]);
    let record = study.run_directory().unwrap().join("run.json");
    let before = std::fs::read(&record).unwrap();
    study.finish(&[]);
    assert_eq!(std::fs::read(&record).unwrap(), before);
}

#[test]
fn a_hangup_that_is_ignored_stays_ignored() {
    let study = TinyStudy::new();
    let mut command = std::process::Command::new("nohup");
    command.arg(env!("CARGO_BIN_EXE_allconv")).args(["study", "run", "tiny.toml", "--progress", "none"]);
    command.args(CHECKPOINTS).current_dir(study.path()).env_remove("ALLCONV_DATA");
    command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
    let mut child = command.stderr(std::process::Stdio::null()).spawn().unwrap();
    let started = || study.run_directory().and_then(|run| newest_checkpoint(&run)).is_some();
    assert!(wait_until(&mut child, started), "the run ended before it could be hung up on");
    kill_process(Pid::from_child(&child), Signal::HUP).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
