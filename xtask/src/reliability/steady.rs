//! Memory, descriptors and threads over many epochs and many predictions.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};

use super::answers::runs;
use super::campaign::{Campaign, Ended};
use super::figures::{Figures, Session};
use super::images::bmp;
use super::watch::{Sample, median, watch};

/// What the page says of this part.
pub(super) const TEXT: &str = "A classifier, a U-Net and super-resolution are trained for 200 epochs each while resident memory, open descriptors and threads are read 50 times a second; the medians of the fourth \
and the last fifth of the time are compared. Then each network predicts 100 and 1,000 images, one process each, whose peaks are compared. A failure is growth by more than 1 MiB in training or by more than 16 KiB \
for each prediction, whose rows of the table are kept, or a median number of descriptors or threads that rises.";

/// Growth of the resident memory in training that counts as none, in MiB: what the allocator moves by itself.
const TRAINING_GROWTH: f64 = 1.0;

/// Growth of the peak for each further prediction, in MiB: its rows of the table are kept until all are printed.
const PREDICTION_GROWTH: f64 = 16.0 / 1024.0;

/// A study, the size of its images, and the option with which it predicts.
const TASKS: [(&str, u32); 3] = [("classifier", 16), ("u-net", 32), ("super-resolution", 24)];

/// A trial for each task.
pub(super) fn run(campaign: &Campaign, session: &mut Session<'_>) -> anyhow::Result<()> {
    ensure!(Path::new("/proc/self/status").exists(), "this part reads /proc, which Linux has");
    for (_, size) in TASKS {
        let folder = campaign.scratch.join(format!("images-{size}"));
        std::fs::create_dir_all(&folder)?;
        for number in 0..campaign.scaled(300, 1000) as u32 {
            let image = bmp(size, size, |column, row| {
                [column * 7 + number, row * 5 + number * 3, column * row].map(|value| value as u8)
            });
            std::fs::write(folder.join(format!("{number:04}.bmp")), image)?;
        }
    }
    let wanted = TASKS.len() as u64;
    session.trials(
        campaign,
        1,
        |number, _| number >= wanted,
        |number, figures| {
            let (study, size) = TASKS[number as usize];
            let out = campaign.scratch.join(study);
            train(campaign, study, &out, figures)?;
            predict(campaign, study, size, &out, figures)
        },
    )
}

fn train(campaign: &Campaign, study: &str, out: &Path, figures: &mut Figures) -> anyhow::Result<()> {
    let mut command = campaign.allconv(&campaign.scratch);
    let epochs = campaign.scaled(40, 200);
    command.args(["study", "run"]).arg(campaign.study(study)).arg("--out").arg(out);
    command.args(["--progress", "none", "--threads", "2", "--set", &format!("base.train.epochs={epochs}")]);
    let (ended, samples) = watch(command.spawn()?, Duration::from_millis(20))?;
    ensure!(ended.code == Some(0), "{study}: {}", ended.told());
    figures.count("epochs", epochs);
    let fifth = samples.len() / 5;
    ensure!(fifth > 10, "{study} ended after {} samples", samples.len());
    // Evaluation and the report come at the end and take memory of their own.
    let (early, late) = (&samples[fifth..2 * fifth], &samples[3 * fifth..4 * fifth]);
    let difference = |of: &dyn Fn(&Sample) -> f64| median(late, of) - median(early, of);
    let growth = difference(&|sample| sample.resident);
    figures.keep_largest(&format!("{study}: growth of resident memory over training (MiB)"), growth);
    figures.keep_largest(&format!("{study}: resident memory (MiB)"), median(late, |sample| sample.resident));
    figures.keep_largest(&format!("{study}: descriptors"), median(late, |sample| sample.descriptors as f64));
    figures.keep_largest(&format!("{study}: threads"), median(late, |sample| sample.threads as f64));
    if growth > TRAINING_GROWTH {
        figures.fail(format!("{study}: resident memory grows by {growth:.1} MiB over {epochs} epochs"));
    }
    for (what, grown) in [
        ("descriptors", difference(&|sample| sample.descriptors as f64)),
        ("threads", difference(&|sample| sample.threads as f64)),
    ] {
        if grown > 0.0 {
            figures.fail(format!("{study}: {grown} more {what} at the end"));
        }
    }
    Ok(())
}

fn predict(
    campaign: &Campaign,
    study: &str,
    size: u32,
    out: &Path,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let run = runs(out)?.into_iter().next().context("the study made a run")?;
    let mut peaks = Vec::new();
    for count in [100, campaign.scaled(300, 1000)] {
        let mut command = campaign.allconv(&campaign.scratch);
        command.arg("predict").arg(&run);
        let folder = campaign.scratch.join(format!("images-{size}"));
        command.args((0..count).map(|number| folder.join(format!("{number:04}.bmp"))));
        if study != "classifier" {
            command.arg("--out").arg(campaign.scratch.join(format!("{study}-{count}")));
        }
        let (ended, samples): (Ended, Vec<Sample>) = watch(command.spawn()?, Duration::from_millis(1))?;
        ensure!(ended.code == Some(0), "{study}: {}", ended.told());
        figures.count("predictions", count);
        peaks.push(samples.last().map_or(0.0, |sample| sample.peak));
    }
    let growth = peaks[1] - peaks[0];
    figures.keep_largest(&format!("{study}: growth of the peak from 100 to all predictions (MiB)"), growth);
    figures.keep_largest(&format!("{study}: peak of the predictions (MiB)"), peaks[1]);
    if growth > PREDICTION_GROWTH * (campaign.scaled(300, 1000) - 100) as f64 {
        figures.fail(format!("{study}: the peak grows by {growth:.1} MiB with the number of predictions"));
    }
    Ok(())
}
