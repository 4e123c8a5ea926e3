//! The figures of all parts, kept in `docs/reliability.json` and added up over sessions.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::campaign::Campaign;
use crate::shell;

/// Counts, largest values and failures of one or many trials.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Figures {
    /// Sums.
    #[serde(default)]
    pub(super) counts: BTreeMap<String, u64>,
    /// The largest value of each kind.
    #[serde(default)]
    pub(super) largest: BTreeMap<String, f64>,
    /// A line for each failure of the program.
    #[serde(default)]
    pub(super) failures: Vec<String>,
}

impl Figures {
    /// Adds to a count.
    pub(super) fn count(&mut self, what: &str, number: u64) {
        *self.counts.entry(what.to_owned()).or_default() += number;
    }

    /// Keeps the largest value.
    pub(super) fn keep_largest(&mut self, what: &str, value: f64) {
        let kept = self.largest.entry(what.to_owned()).or_insert(value);
        *kept = kept.max(value);
    }

    /// Notes a failure of the program.
    pub(super) fn fail(&mut self, what: String) {
        println!("FAILURE {what}");
        self.failures.push(what);
    }

    /// Returns a count, 0 where nothing was counted.
    pub(super) fn counted(&self, what: &str) -> u64 {
        self.counts.get(what).copied().unwrap_or(0)
    }

    fn add(&mut self, other: Figures) {
        for (what, number) in other.counts {
            *self.counts.entry(what).or_default() += number;
        }
        for (what, value) in other.largest {
            self.keep_largest(&what, value);
        }
        self.failures.extend(other.failures);
    }
}

/// The figures of one part at one commit on one machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    /// The commit of the program.
    pub(super) commit: String,
    /// Processor, cores, memory, system.
    pub(super) machine: String,
    /// Trials that ended; the next one has this number.
    pub(super) trials: u64,
    /// Time spent.
    pub(super) seconds: f64,
    /// What the trials found.
    pub(super) figures: Figures,
}

/// The figures of all parts.
pub(super) struct Ledger {
    path: PathBuf,
    /// For each part its records, oldest first.
    pub(super) parts: BTreeMap<String, Vec<Record>>,
}

impl Ledger {
    /// Reads the figures of earlier sessions.
    ///
    /// # Errors
    /// The file cannot be read or is malformed.
    pub(super) fn read(workspace: &Path) -> anyhow::Result<Ledger> {
        let path = workspace.join("docs/reliability.json");
        let parts = read(&path)?;
        Ok(Ledger { path, parts })
    }

    /// Continues the record of a part for the campaign's commit and this machine, or begins one.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn session(&mut self, part: &str, campaign: &Campaign) -> anyhow::Result<Session<'_>> {
        let machine = machine();
        let records = self.parts.entry(part.to_owned()).or_default();
        let place = records
            .iter()
            .position(|record| record.commit == campaign.commit && record.machine == machine)
            .unwrap_or(records.len());
        if place == records.len() {
            records.push(Record {
                commit: campaign.commit.clone(),
                machine,
                trials: 0,
                seconds: 0.0,
                figures: Figures::default(),
            });
        }
        // The newest record is the last.
        let record = records.remove(place);
        records.push(record);
        let seconds_before = records[records.len() - 1].seconds;
        Ok(Session { ledger: self, part: part.to_owned(), began: Instant::now(), seconds_before })
    }

    /// Writes the records of one part, and leaves those of others as they are: another process may run them.
    fn write(&self, part: &str) -> anyhow::Result<()> {
        let mut parts = read(&self.path)?;
        let records = self.parts.get(part).into_iter().flatten();
        let kept: Vec<Record> = records.filter(|record| record.trials > 0).cloned().collect();
        parts.insert(part.to_owned(), kept);
        let unfinished = self.path.with_extension(format!("{part}.tmp"));
        std::fs::write(&unfinished, serde_json::to_string_pretty(&parts)? + "\n")?;
        std::fs::rename(&unfinished, &self.path)
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}

/// Reads the records of all parts; none where there is no file yet.
fn read(path: &Path) -> anyhow::Result<BTreeMap<String, Vec<Record>>> {
    match std::fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text).with_context(|| format!("{} is malformed", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// One call of a part, which adds to its record.
pub(super) struct Session<'a> {
    ledger: &'a mut Ledger,
    part: String,
    began: Instant,
    seconds_before: f64,
}

impl Session<'_> {
    /// The figures so far, those of earlier sessions included.
    pub(super) fn record(&mut self) -> &mut Record {
        let records = self.ledger.parts.get_mut(&self.part);
        records.and_then(|records| records.last_mut()).expect("a session has a record")
    }

    /// Makes trials on `threads` threads, each with its number, until `enough` or the end of the campaign's time; the figures are written
    /// after each.
    ///
    /// # Errors
    /// A trial cannot be made.
    pub(super) fn trials(
        &mut self,
        campaign: &Campaign,
        threads: usize,
        enough: impl Fn(u64, &Figures) -> bool + Sync,
        trial: impl Fn(u64, &mut Figures) -> anyhow::Result<()> + Sync,
    ) -> anyhow::Result<()> {
        let next = AtomicU64::new(self.record().trials);
        let stopped = AtomicBool::new(false);
        let shared = Mutex::new(self);
        let work = || -> anyhow::Result<()> {
            while !stopped.load(Ordering::Relaxed) && !campaign.is_over() {
                let number = {
                    let mut session = shared.lock().expect("no trial panics");
                    if enough(next.load(Ordering::Relaxed), &session.record().figures) {
                        break;
                    }
                    next.fetch_add(1, Ordering::Relaxed)
                };
                let mut figures = Figures::default();
                let made = trial(number, &mut figures);
                if made.is_err() {
                    stopped.store(true, Ordering::Relaxed);
                }
                made.with_context(|| format!("trial {number}"))?;
                shared.lock().expect("no trial panics").add(figures)?;
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            threads.into_iter().try_for_each(|thread| thread.join().expect("no trial panics"))
        })
    }

    /// Adds the figures of one trial and writes the file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn add(&mut self, figures: Figures) -> anyhow::Result<()> {
        let seconds = self.seconds_before + self.began.elapsed().as_secs_f64();
        let record = self.record();
        record.figures.add(figures);
        record.trials += 1;
        record.seconds = seconds.round();
        self.ledger.write(&self.part)
    }

    /// Prints the figures, and returns the number of failures.
    pub(super) fn finish(mut self) -> usize {
        let part = self.part.clone();
        let record = self.record();
        println!("{part}: {} trials in {} s", record.trials, record.seconds);
        for (what, number) in &record.figures.counts {
            println!("  {number:>9} {what}");
        }
        for (what, value) in &record.figures.largest {
            println!("  {value:>9.2} {what}");
        }
        record.figures.failures.len()
    }
}

/// Describes this machine.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = memory.lines().next().and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    let gib = kib.unwrap_or(0) >> 20;
    let (processor, system) = (shell::processor_name(), std::env::consts::OS);
    format!("{processor}, {cores} cores, {gib} GiB of memory, {system}")
}
