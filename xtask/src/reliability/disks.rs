//! Disks that are full: too few bytes or too few files.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use super::answers::{Answers, tree};
use super::campaign::{Campaign, fraction};
use super::figures::{Figures, Session};
use super::scenarios::{Inputs, Scenario};

/// What the page says of this part.
pub(super) const TEXT: &str = "The same commands write to a file system of a few KiB, or of a few files, mounted for each trial; then it is enlarged and the command runs again. A command that cannot write \
must end with 74, and must come to the results of an undisturbed one once there is room. A failure is another exit code, an exit code of 0 before the results are whole, another result, or a panic.";

/// The limit of a file system.
#[derive(Clone, Copy, Debug)]
enum Limit {
    KiB(u64),
    Files(u64),
}

/// A scenario with its result and what that takes.
struct Need {
    scenario: Scenario,
    answers: Answers,
    kib: u64,
    files: u64,
}

/// Tries limits between nothing and more than enough, each scenario in turn.
pub(super) fn run(campaign: &Campaign, session: &mut Session<'_>) -> anyhow::Result<()> {
    let inputs = Inputs::make(campaign)?;
    let mut needs = Vec::new();
    for scenario in Scenario::ALL {
        let answers = inputs.reference(campaign, scenario)?;
        let written = tree(&campaign.scratch.join(format!("reference-{scenario:?}")))?;
        // Blocks of 4 KiB.
        let kib = written.values().map(|bytes| bytes.len().div_ceil(4096) as u64 * 4).sum();
        needs.push(Need { scenario, answers, kib, files: written.len() as u64 });
    }
    let wanted = campaign.scaled(54, 900);
    session.trials(
        campaign,
        2,
        |number, _| number >= wanted,
        |number, figures| {
            let need = &needs[(number % needs.len() as u64) as usize];
            let round = number / needs.len() as u64;
            // Somewhat more than the result takes is room for what is written before the old is removed.
            let share = 1.3 * fraction(round / 2);
            let limit = if round.is_multiple_of(2) {
                Limit::KiB(4 + 4 * (share * need.kib as f64 / 4.0) as u64)
            } else {
                // One for the root, and more for folders.
                Limit::Files(2 + (share * (need.files + 4) as f64) as u64)
            };
            try_limit(campaign, &inputs, need, limit, number, figures)
        },
    )
}

fn try_limit(
    campaign: &Campaign,
    inputs: &Inputs,
    need: &Need,
    limit: Limit,
    number: u64,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let scenario = need.scenario;
    let out = campaign.scratch.join(format!("disk-{number}"));
    let (options, kind) = match limit {
        // What a paper consists of before it is built is on the disk beforehand.
        Limit::KiB(kib) if scenario == Scenario::PaperBuild => (format!("size={}k", kib + 128), "bytes"),
        Limit::KiB(kib) => (format!("size={kib}k"), "bytes"),
        Limit::Files(files) if scenario == Scenario::PaperBuild => {
            (format!("size=64m,nr_inodes={}", files + 16), "files")
        }
        Limit::Files(files) => (format!("size=64m,nr_inodes={files}"), "files"),
    };
    let disk = Mounted::new(&out, &options)?;
    inputs.lay_out(scenario, &out)?;
    let full = inputs.call(campaign, scenario, &out)?;
    figures.count(&format!("{kind}, {}", scenario.name()), 1);
    let code = full.code.map_or("by a signal".to_owned(), |code| format!("with {code}"));
    figures.count(&format!("ended {code}"), 1);
    let place = format!("{options}, {}", scenario.name());
    if full.crashed() || !matches!(full.code, Some(0 | 74)) {
        figures.fail(format!("{place}: {}", full.told()));
    }
    if full.code == Some(74) && full.err.contains("free") {
        figures.count("messages with the free bytes", 1);
    }
    if full.code == Some(0)
        && let Some(wrong) = inputs.compare(campaign, scenario, &out, &need.answers)
    {
        figures.fail(format!("{place}: ended with 0, and {wrong}"));
    }
    disk.enlarge()?;
    if let Some(wrong) = inputs.repeat(campaign, scenario, &out, &need.answers)? {
        figures.fail(format!("{place}: {}; with room {wrong}", full.told()));
    }
    disk.remove()
}

/// A small file system in memory.
struct Mounted {
    at: PathBuf,
}

impl Mounted {
    fn new(at: &Path, options: &str) -> anyhow::Result<Mounted> {
        std::fs::create_dir_all(at)?;
        mount(&["-t", "tmpfs", "-o", options, "tmpfs"], at)
            .context("this part mounts small file systems, for which it must run as root on Linux")?;
        Ok(Mounted { at: at.to_owned() })
    }

    fn enlarge(&self) -> anyhow::Result<()> {
        mount(&["-o", "remount,size=256m,nr_inodes=100000"], &self.at)
    }

    fn remove(self) -> anyhow::Result<()> {
        let at = self.at.clone();
        drop(self);
        std::fs::remove_dir(&at).with_context(|| format!("cannot remove {}", at.display()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Of the error only a mount is left, which `remove` finds.
        let _ = Command::new("umount").arg(&self.at).status();
    }
}

fn mount(arguments: &[&str], at: &Path) -> anyhow::Result<()> {
    let status = Command::new("mount").args(arguments).arg(at).status().context("cannot start mount")?;
    ensure!(status.success(), "mount {} {} ended with {status}", arguments.join(" "), at.display());
    Ok(())
}
