//! Damaged files: every reader of files takes mutated ones without a panic, in little memory and time.
//!
//! The corpus and a fixed number of mutations are tried with every run of the tests. `cargo xtask reliability inputs` tries millions: it sets
//! `ALLCONV_INPUTS_TARGET`, `ALLCONV_INPUTS_FROM` and `ALLCONV_INPUTS_COUNT`, and reads the line that begins with `figures`.
#![forbid(unsafe_code)]

/// Mutations of valid files.
mod mutation;

/// Valid files to begin from.
mod seeds;

/// The readers of files.
mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mutation::mutated;
use targets::{TARGETS, Target};

/// Mutations of each target in an ordinary run of the tests.
const MUTATIONS: u64 = 400;

/// Longest time for one input.
const LONGEST: Duration = Duration::from_secs(1);

/// Largest resident memory of this process, in MiB.
const MOST_MEMORY: f64 = 512.0;

/// The committed inputs of a target: faults found so far, and what is hard to find by chance.
fn corpus(target: &Target) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target.name);
    let Ok(entries) = std::fs::read_dir(&folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), std::fs::read(&path).unwrap())).collect()
}

/// Reads one input; returns what is wrong with how it was read.
fn fault(target: &Target, scratch: &Path, bytes: &[u8]) -> Option<String> {
    let began = Instant::now();
    let read = catch_unwind(AssertUnwindSafe(|| (target.read)(scratch, bytes)));
    if let Err(panic) = read {
        let told = panic.downcast_ref::<String>().cloned();
        let told = told.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        return Some(format!("panicked: {}", told.unwrap_or_default()));
    }
    if began.elapsed() > LONGEST {
        // Other processes may have taken the time: once more by the clock of the processor.
        let before = processor_seconds();
        (target.read)(scratch, bytes);
        let seconds = processor_seconds() - before;
        if seconds > LONGEST.as_secs_f64() {
            return Some(format!("took {seconds} s of processor time"));
        }
    }
    None
}

fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    // User and system time in ticks, of which Linux reports 100 a second.
    fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// The largest resident memory of this process so far, in MiB; 0 where the system does not tell.
fn peak_memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}

#[test]
fn the_corpus_is_read_or_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let mut faults = Vec::new();
    for target in TARGETS {
        let seeds = (target.seeds)();
        assert!(!seeds.is_empty(), "{} has no valid file", target.name);
        for bytes in &seeds {
            faults
                .extend(fault(target, scratch.path(), bytes).map(|told| format!("{}: {told}", target.name)));
        }
        for (path, bytes) in corpus(target) {
            let told = fault(target, scratch.path(), &bytes);
            faults.extend(told.map(|told| format!("{}: {told}", path.display())));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(peak_memory() < MOST_MEMORY, "{} MiB", peak_memory());
}

#[test]
fn mutated_files_are_read_or_refused() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let only = std::env::var("ALLCONV_INPUTS_TARGET").ok();
    let from = number("ALLCONV_INPUTS_FROM").unwrap_or(0);
    let count = number("ALLCONV_INPUTS_COUNT").unwrap_or(MUTATIONS);
    let scratch = tempfile::tempdir().unwrap();
    let (mut faults, mut executions, mut longest) = (Vec::new(), 0, Duration::ZERO);
    for target in TARGETS.iter().filter(|target| only.as_deref().is_none_or(|name| name == target.name)) {
        let mut bases = (target.seeds)();
        bases.extend(corpus(target).into_iter().map(|(_, bytes)| bytes));
        for number in from..from + count / target.cost {
            let bytes = mutated(&bases, number);
            let began = Instant::now();
            let told = fault(target, scratch.path(), &bytes);
            longest = longest.max(began.elapsed());
            executions += 1;
            if let Some(told) = told {
                let kept = std::env::temp_dir().join(format!("{}-{number}", target.name));
                std::fs::write(&kept, &bytes).unwrap();
                faults.push(format!("{} {number}: {told}; the input is {}", target.name, kept.display()));
            }
        }
    }
    let memory = peak_memory();
    println!("figures {executions} executions, {} ms at most, {memory:.0} MiB at most", longest.as_millis());
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(memory < MOST_MEMORY, "{memory} MiB");
}
