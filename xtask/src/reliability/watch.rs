//! Memory, descriptors, threads and processor time of a running process, read from `/proc`.

use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::campaign::Ended;

/// What a process used at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sample {
    /// Resident memory in MiB.
    pub(super) resident: f64,
    /// The largest resident memory so far in MiB.
    pub(super) peak: f64,
    /// Open descriptors.
    pub(super) descriptors: u64,
    /// Threads.
    pub(super) threads: u64,
    /// Processor time of all threads in seconds.
    pub(super) processor: f64,
}

/// Ticks of processor time in a second, which Linux has fixed for what it reports.
const TICKS: f64 = 100.0;

/// Reads what a process uses every few milliseconds until it ends.
///
/// # Errors
/// It cannot be waited for.
pub(super) fn watch(child: Child, every: Duration) -> anyhow::Result<(Ended, Vec<Sample>)> {
    let process = child.id();
    let has_ended = AtomicBool::new(false);
    let read = || {
        let mut samples = Vec::new();
        while !has_ended.load(Ordering::Relaxed) {
            samples.extend(sample(process));
            std::thread::sleep(every);
        }
        samples
    };
    std::thread::scope(|scope| {
        let samples = scope.spawn(read);
        let ended = Ended::wait(child);
        has_ended.store(true, Ordering::Relaxed);
        Ok((ended?, samples.join().unwrap_or_default()))
    })
}

/// None where the process has ended.
fn sample(process: u32) -> Option<Sample> {
    let folder = std::path::PathBuf::from(format!("/proc/{process}"));
    let status = std::fs::read_to_string(folder.join("status")).ok()?;
    let number = |name: &str| -> Option<f64> {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    // Fields after the name in parentheses; user and system time are the 14th and 15th of all.
    let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |place: usize| -> Option<f64> { fields.get(place)?.parse().ok() };
    Some(Sample {
        resident: number("VmRSS:")? / 1024.0,
        peak: number("VmHWM:")? / 1024.0,
        descriptors: std::fs::read_dir(folder.join("fd")).ok()?.count() as u64,
        threads: number("Threads:")? as u64,
        processor: (ticks(11)? + ticks(12)?) / TICKS,
    })
}

/// Returns the median of a quantity over samples, 0 where there are none.
pub(super) fn median(samples: &[Sample], of: impl Fn(&Sample) -> f64) -> f64 {
    let mut values: Vec<f64> = samples.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}
