//! Files of every format: earlier ones are read, later ones are refused and left as they are.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::answers::{differences, folders, runs, tree};
use super::campaign::Campaign;
use super::figures::{Figures, Session};
use super::images::draw_classes;

/// What the page says of this part.
pub(super) const TEXT: &str = "The committed runs and model folders of every format are evaluated, exported and predicted with, and compared with what the program of their time returned. Then each kind of file gets \
a later version, and the commands that read or write it run. A failure is another value (by more than 0.001), other exported bytes, a later file that is accepted, changed or called \
damaged, or a panic.";

/// Largest difference of a metric from the recorded one. Later kernels may add in another order.
const TOLERANCE: f64 = 1e-3;

/// A file with a version in it, and the commands that must refuse it.
struct Later {
    /// What it is.
    kind: &'static str,
    /// Path in the folder of the trial.
    file: PathBuf,
    /// Present version and a later one; of equal length in binary files.
    version: [&'static str; 2],
    commands: Vec<Vec<String>>,
}

/// A trial for each committed folder and each kind of file.
pub(super) fn run(campaign: &Campaign, session: &mut Session<'_>) -> anyhow::Result<()> {
    let fixtures = campaign.workspace.join("crates/allconv/tests/fixtures");
    let data = campaign.scratch.join("data");
    for (name, layout) in [("classes", "classes"), ("discs", "segmentation"), ("waves", "photographs")] {
        let archive = text(&fixtures.join(format!("runs/data/{name}.tar.gz")));
        let import = ["data", "import", &archive, "--name", name, "--layout", layout, "--data-dir", "data"];
        campaign.succeed(&campaign.scratch, &import)?;
    }
    let mut earlier = Vec::new();
    for format in folders(&fixtures.join("runs"))?.into_iter().chain(folders(&fixtures.join("models"))?) {
        let Ok(answers) = std::fs::read_to_string(format.join("answers.json")) else { continue };
        let answers: Value = serde_json::from_str(&answers)?;
        for (name, answer) in answers.as_object().context("answers.json is an object")? {
            earlier.push((format.clone(), name.clone(), answer.clone()));
        }
    }
    earlier.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    let later = later(campaign)?;
    let wanted = (earlier.len() + later.len()) as u64;
    session.trials(
        campaign,
        1,
        |number, _| number >= wanted,
        |number, figures| match earlier.get(number as usize) {
            Some((format, name, answer)) => read_earlier(campaign, &data, format, name, answer, figures),
            None => refuse_later(campaign, &later[number as usize - earlier.len()], figures),
        },
    )
}

fn read_earlier(
    campaign: &Campaign,
    data: &Path,
    format: &Path,
    name: &str,
    answer: &Value,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let what = format!("{}/{name}", format.file_name().unwrap_or_default().to_string_lossy());
    let folder = campaign.scratch.join("earlier").join(&what);
    copy(&format.join(name), &folder)?;
    let (folder, data) = (text(&folder), text(data));
    figures.count("folders of earlier formats", 1);
    if let Some(wanted) = answer["eval"].as_str() {
        let eval = ["eval", &folder, "--split", "test", "--format", "csv", "--data-dir", &data];
        let ended = campaign.call(&campaign.scratch, &eval)?;
        if ended.code != Some(0) || !is_close(&ended.out, wanted) {
            figures.fail(format!(
                "{what}: {}; eval returns {} in place of {wanted}",
                ended.told(),
                ended.out
            ));
        }
    }
    let export = ["export", &folder, "--file", "weights", "--data-dir", &data];
    let ended = campaign.call(&campaign.scratch, &export)?;
    // Runs name the checkpoint that was exported; a model folder holds one file.
    let kept = match answer["weights"].as_str() {
        Some(step) => format.join(name).join("checkpoints").join(step),
        None => format.join(name),
    };
    let wanted = std::fs::read(kept.join("model.safetensors"))?;
    if ended.code != Some(0) || std::fs::read(campaign.scratch.join("weights"))? != wanted {
        figures.fail(format!("{what}: {}; the exported weights differ", ended.told()));
    }
    Ok(())
}

/// Whether two tables hold the same text and nearly the same numbers.
fn is_close(found: &str, wanted: &str) -> bool {
    let parts = |text: &str| text.split([',', '\n']).map(str::to_owned).collect::<Vec<_>>();
    let (found, wanted) = (parts(found), parts(wanted));
    found.len() == wanted.len()
        && found.iter().zip(&wanted).all(|(found, wanted)| {
            match (found.parse::<f64>(), wanted.parse::<f64>()) {
                (Ok(found), Ok(wanted)) => (found - wanted).abs() <= TOLERANCE,
                _ => found == wanted,
            }
        })
}

/// Makes files of all present formats in a folder, and returns the path of a run in it.
fn make_present(campaign: &Campaign, folder: &Path) -> anyhow::Result<String> {
    draw_classes(&folder.join("images"))?;
    std::fs::copy(campaign.study("steps"), folder.join("steps.toml"))?;
    let call = |line: &str| campaign.succeed(folder, &line.split(' ').collect::<Vec<_>>()).map(drop);
    call("study run steps.toml --progress none --threads 1")?;
    call("paper init steps.toml")?;
    call("paper build")?;
    call("data import images --name squares")?;
    for (name, layout) in [("classes", "classes"), ("discs", "segmentation")] {
        let archive = format!("crates/allconv/tests/fixtures/runs/data/{name}.tar.gz");
        let archive = text(&campaign.workspace.join(archive));
        campaign.succeed(folder, &["data", "import", &archive, "--name", name, "--layout", layout])?;
    }
    let run = runs(&folder.join("runs"))?.into_iter().next().context("the study made a run")?;
    let run = text(run.strip_prefix(folder)?);
    call(&format!("export {run} --to folder --file net"))?;
    Ok(run)
}

/// Makes files of the present formats, and lists them.
fn later(campaign: &Campaign) -> anyhow::Result<Vec<Later>> {
    let folder = campaign.scratch.join("later");
    let run = make_present(campaign, &folder)?;
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let of = |kind, file: &str, version, commands: &[&str]| Later {
        kind,
        file: folder.join(file),
        version,
        commands: commands.iter().map(|line| words(line)).collect(),
    };
    Ok(vec![
        of(
            "record of a run",
            &format!("{run}/run.json"),
            ["\"schema\": 4", "\"schema\": 99"],
            &[
                "study run steps.toml --progress none",
                &format!("eval {run}"),
                &format!("export {run} --file e"),
            ],
        ),
        of(
            "settings of a model folder",
            "net/config.json",
            ["allconv.model/1", "allconv.model/9"],
            &["eval net --split test", "predict net images/test/rows/060.bmp"],
        ),
        of(
            "packed images",
            "data/imported/classes.pack",
            ["allconv pack 01", "allconv pack 99"],
            &["data verify classes", "train --model all_cnn_c --dataset classes --width 0.05 --epochs 1"],
        ),
        of(
            "packed images with label maps",
            "data/imported/discs.pictures",
            ["allconv pics 01", "allconv pics 99"],
            &["data verify discs"],
        ),
        of(
            "set of shards",
            "data/imported/squares.shards/set.json",
            ["allconv shards 1", "allconv shards 9"],
            &["data verify squares", "data import images --name squares"],
        ),
        of(
            "lock of a paper",
            "paper/paper.lock",
            ["allconv.paper.lock/1", "allconv.paper.lock/9"],
            &["paper verify"],
        ),
    ])
}

fn refuse_later(campaign: &Campaign, later: &Later, figures: &mut Figures) -> anyhow::Result<()> {
    let Later { kind, file, version: [present, raised], commands } = later;
    let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
    let place = bytes.windows(present.len()).position(|part| part == present.as_bytes());
    let place = place.with_context(|| format!("{} does not hold {present}", file.display()))?;
    let changed = [&bytes[..place], raised.as_bytes(), &bytes[place + present.len()..]].concat();
    std::fs::write(file, &changed)?;
    let folder = campaign.scratch.join("later");
    let kept = file.parent().context("a file lies in a folder")?;
    let before = tree(kept)?;
    figures.count("kinds of files of a later format", 1);
    for command in commands {
        let line: Vec<&str> = command.iter().map(String::as_str).collect();
        let ended = campaign.call(&folder, &line)?;
        let shown = line.join(" ");
        figures.count("commands on files of a later format", 1);
        if ended.crashed() || ended.code == Some(0) {
            figures.fail(format!("{kind} of a later format: `{shown}`: {}", ended.told()));
        }
        let version = raised.trim_start_matches("\"schema\": ");
        if !ended.err.contains(version) || ended.err.contains("delete") {
            figures.fail(format!("{kind} of a later format: `{shown}` does not say so: {}", ended.told()));
        }
        let changed = differences(&before, &tree(kept)?);
        if changed.iter().any(|name| !name.ends_with("lock")) {
            figures.fail(format!("{kind} of a later format: `{shown}` changed {changed:?}"));
        }
    }
    ensure!(std::fs::read(file)? == changed || !figures.failures.is_empty(), "a change is a failure");
    std::fs::write(file, &bytes)?;
    Ok(())
}

/// Copies a folder, links as links.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let from = entry?.path();
        let to = to.join(from.file_name().unwrap_or_default());
        if from.is_symlink() {
            std::os::unix::fs::symlink(std::fs::read_link(&from)?, &to)?;
        } else if from.is_dir() {
            copy(&from, &to)?;
        } else {
            std::fs::copy(&from, &to)?;
        }
    }
    Ok(())
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
