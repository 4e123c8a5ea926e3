//! Kills at random instants: the run ends with the results of an undisturbed one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};

use super::answers::{Answers, differences, folders, left_over, of_runs};
use super::campaign::{Campaign, Ended, fraction};
use super::figures::{Figures, Session};
use super::images::draw_classes;

/// What the page says of this part.
pub(super) const TEXT: &str = "SIGKILL at instants spread over whole runs, while a checkpoint is being written, and shortly after one; then the same command again, killed up to five \
times. Five studies in turn: a classifier with measures and explanations, a U-Net with batch normalisation, super-resolution, a classifier on encoded images of \
different sizes, and runs of three lengths that share their first steps. A failure is any difference of weights, optimiser, metrics, outcomes, scores or images of explanations from an \
undisturbed run, another answer of `eval` or `export`, a panic, or a file left behind.";

const STUDIES: [&str; 5] = ["classifier", "u-net", "super-resolution", "shards", "lengths"];

/// Kills of one round, after which the run is finished and compared.
const KILLS: u64 = 5;

/// Seconds between checkpoints: all steps, some, few.
const CHECKPOINT_SECONDS: [&str; 3] = ["0", "0.02", "0.2"];

/// The results of undisturbed runs, and the bytes of their journals, by which the progress of others is known.
struct References {
    data: PathBuf,
    answers: BTreeMap<&'static str, (Answers, u64)>,
}

/// Kills until the scale's number of kills has been reached.
pub(super) fn run(campaign: &Campaign, session: &mut Session<'_>) -> anyhow::Result<()> {
    let references = references(campaign)?;
    let wanted = campaign.scaled(25, 500);
    session.trials(
        campaign,
        2,
        |_, figures| figures.counted("kills of a live process") >= wanted,
        |number, figures| round(campaign, &references, number, figures),
    )
}

fn references(campaign: &Campaign) -> anyhow::Result<References> {
    let (images, data) = (campaign.scratch.join("images"), campaign.scratch.join("data"));
    draw_classes(&images)?;
    let import = ["data", "import", "images", "--name", "squares", "--data-dir", "data"];
    campaign.succeed(&campaign.scratch, &import)?;
    ensure!(data.join("imported/squares.shards").is_dir(), "images of different sizes are kept encoded");
    let mut answers = BTreeMap::new();
    for study in STUDIES {
        let out = campaign.scratch.join(format!("{study}-reference"));
        let ended = Ended::of(&mut command(campaign, study, &out, &data, "60"))?;
        ensure!(ended.code == Some(0), "{study}: {}", ended.told());
        answers.insert(study, (of_runs(campaign, &out, &data)?, journal_bytes(&out)));
    }
    Ok(References { data, answers })
}

/// `allconv study run` of one of the studies.
fn command(campaign: &Campaign, study: &str, out: &Path, data: &Path, seconds: &str) -> Command {
    let mut command = campaign.allconv(&campaign.scratch);
    command.args(["study", "run"]).arg(campaign.study(study)).arg("--out").arg(out);
    command.arg("--data-dir").arg(data).args(["--progress", "none", "--threads", "1"]);
    command.args(["--checkpoint-seconds", seconds]);
    command
}

/// Kills one study several times, finishes it and compares it.
fn round(
    campaign: &Campaign,
    references: &References,
    number: u64,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let study = STUDIES[(number % STUDIES.len() as u64) as usize];
    let (wanted, journal) = &references.answers[study];
    let out = campaign.scratch.join(format!("round-{number}"));
    for kill in 0..KILLS {
        let index = number * KILLS + kill;
        let seconds = CHECKPOINT_SECONDS[(index / 3 % 3) as usize];
        let mut command = command(campaign, study, &out, &references.data, seconds);
        let landed = kill_one(&mut command, &out, index, *journal, figures)
            .with_context(|| format!("round {number} of {study}"))?;
        if !landed {
            break;
        }
    }
    let ended = Ended::of(&mut command(campaign, study, &out, &references.data, "0.2"))?;
    figures.count(&format!("rounds of {study}"), 1);
    if ended.code != Some(0) || ended.crashed() {
        figures.fail(format!("round {number} of {study}: {}", ended.told()));
        return Ok(());
    }
    let differing = differences(wanted, &of_runs(campaign, &out, &references.data)?);
    if !differing.is_empty() {
        figures.fail(format!("round {number} of {study}: {differing:?} differ"));
    }
    let left = left_over(&out)?;
    if !left.is_empty() {
        figures.fail(format!("round {number} of {study}: left behind: {left:?}"));
    }
    std::fs::remove_dir_all(&out)?;
    Ok(())
}

/// Starts the program and kills it at a share of the way to `journal` bytes; returns whether it was alive until then.
fn kill_one(
    command: &mut Command,
    out: &Path,
    index: u64,
    journal: u64,
    figures: &mut Figures,
) -> anyhow::Result<bool> {
    let mut child = command.spawn()?;
    // After the last nine tenths there may be no further checkpoint to wait for.
    let at = (fraction(index) * 0.9 * journal as f64) as u64;
    let wait_until = |child: &mut std::process::Child, happened: &dyn Fn() -> bool| -> anyhow::Result<()> {
        while !happened() && child.try_wait()?.is_none() {
            std::thread::sleep(Duration::from_micros(200));
        }
        Ok(())
    };
    wait_until(&mut child, &|| journal_bytes(out) >= at)?;
    match index % 3 {
        // Anywhere.
        0 => std::thread::sleep(Duration::from_secs_f64(0.02 * fraction(7 * index))),
        // While a checkpoint is being written.
        1 => wait_until(&mut child, &|| unfinished_checkpoint(out))?,
        // Shortly after one has been named.
        _ => {
            wait_until(&mut child, &|| unfinished_checkpoint(out))?;
            wait_until(&mut child, &|| !unfinished_checkpoint(out))?;
        }
    }
    let landed = child.try_wait()?.is_none();
    child.kill()?;
    let ended = Ended::wait(child)?;
    if ended.crashed() {
        figures.fail(format!("kill {index}: {}", ended.told()));
    }
    if landed {
        figures.count("kills of a live process", 1);
        if unfinished_checkpoint(out) {
            figures.count("of them inside a checkpoint", 1);
        }
    }
    Ok(landed)
}

/// Bytes of the journals of all runs below a folder.
fn journal_bytes(out: &Path) -> u64 {
    let runs =
        folders(out).unwrap_or_default().into_iter().flat_map(|study| folders(&study).unwrap_or_default());
    runs.filter_map(|run| Some(run.join("metrics.jsonl").metadata().ok()?.len())).sum()
}

fn unfinished_checkpoint(out: &Path) -> bool {
    let runs =
        folders(out).unwrap_or_default().into_iter().flat_map(|study| folders(&study).unwrap_or_default());
    let mut checkpoints = runs.flat_map(|run| folders(&run.join("checkpoints")).unwrap_or_default());
    checkpoints
        .any(|folder| folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with("tmp-")))
}
