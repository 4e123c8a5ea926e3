//! Commands that write files, each with its input prepared and its result compared with that of an undisturbed one.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context, ensure};

use super::answers::{Answers, differences, left_over, of_runs, runs, tree};
use super::campaign::{Campaign, Ended};
use super::images::draw_classes;

/// What is written. Everything else lies in [`Inputs`] and is only read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scenario {
    /// A study of one run of three epochs, with its report.
    Train,
    /// The import of images of one size, which are packed.
    ImportPack,
    /// The import of images of different sizes, which are kept in shards.
    ImportShards,
    /// The export of a model folder.
    ExportFolder,
    /// The export of an ONNX model.
    ExportOnnx,
    /// The export of a PyTorch module.
    ExportPyTorch,
    /// The publication of a study.
    Publish,
    /// The folder of a paper.
    PaperInit,
    /// The generated files and the lock of a paper; no LaTeX is started.
    PaperBuild,
}

impl Scenario {
    /// All of them.
    pub(super) const ALL: [Scenario; 9] = [
        Scenario::Train,
        Scenario::ImportPack,
        Scenario::ImportShards,
        Scenario::ExportFolder,
        Scenario::ExportOnnx,
        Scenario::ExportPyTorch,
        Scenario::Publish,
        Scenario::PaperInit,
        Scenario::PaperBuild,
    ];

    /// The name in figures.
    pub(super) fn name(self) -> &'static str {
        match self {
            Scenario::Train => "training",
            Scenario::ImportPack => "import into a pack",
            Scenario::ImportShards => "import into shards",
            Scenario::ExportFolder => "export of a model folder",
            Scenario::ExportOnnx => "export to ONNX",
            Scenario::ExportPyTorch => "export to PyTorch",
            Scenario::Publish => "publication",
            Scenario::PaperInit => "paper init",
            Scenario::PaperBuild => "paper build",
        }
    }
}

/// Data and a finished run, made once and only read.
pub(super) struct Inputs {
    folder: PathBuf,
    run: PathBuf,
}

impl Inputs {
    /// Makes them in the campaign's scratch folder.
    ///
    /// # Errors
    /// A file cannot be written; a command fails.
    pub(super) fn make(campaign: &Campaign) -> anyhow::Result<Inputs> {
        let folder = campaign.scratch.join("inputs");
        draw_classes(&folder.join("images"))?;
        let archive = campaign.workspace.join("crates/allconv/tests/fixtures/runs/data/classes.tar.gz");
        std::fs::copy(&archive, folder.join("classes.tar.gz"))?;
        std::fs::copy(campaign.study("steps"), folder.join("steps.toml"))?;
        let study = ["study", "run", "steps.toml", "--out", "runs", "--progress", "none", "--threads", "1"];
        campaign.succeed(&folder, &study)?;
        campaign.succeed(&folder, &["paper", "init", "steps.toml", "--to", "paper", "--out", "runs"])?;
        // A folder in which no program lies.
        std::fs::create_dir(folder.join("nothing"))?;
        let run = runs(&folder.join("runs"))?.into_iter().next().context("the study made a run")?;
        Ok(Inputs { folder, run })
    }

    /// Puts what a scenario changes into the folder that it writes to.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(super) fn lay_out(&self, scenario: Scenario, out: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(out)?;
        if scenario == Scenario::PaperBuild {
            let manifest = std::fs::read_to_string(self.folder.join("paper/paper.toml"))?;
            for (name, bytes) in tree(&self.folder.join("paper"))? {
                let path = out.join("paper").join(&name);
                std::fs::create_dir_all(path.parent().context("a file lies in a folder")?)?;
                std::fs::write(&path, bytes)?;
            }
            // Paths of studies and runs are relative to the paper, or absolute.
            let base = format!("\"{}/", self.folder.display());
            std::fs::write(out.join("paper/paper.toml"), manifest.replace("\"../", &base))?;
        }
        Ok(())
    }

    /// Adds the scenario's arguments to the program, which writes to `out`.
    pub(super) fn complete(&self, scenario: Scenario, out: &Path, command: &mut Command) {
        let place = |name: &str| out.join(name).to_string_lossy().into_owned();
        let out = out.to_string_lossy();
        let run = self.run.to_string_lossy();
        let (net, paper, published) = (place("net"), place("paper"), place("published"));
        let arguments: Vec<&str> = match scenario {
            Scenario::Train => vec![
                "study",
                "run",
                "steps.toml",
                "--out",
                &out,
                "--progress",
                "none",
                "--threads",
                "1",
                "--workers",
                "0",
            ],
            Scenario::ImportPack => {
                vec!["data", "import", "classes.tar.gz", "--name", "classes", "--data-dir", &out]
            }
            Scenario::ImportShards => {
                vec!["data", "import", "images", "--name", "images", "--data-dir", &out]
            }
            Scenario::ExportFolder => vec!["export", &run, "--to", "folder", "--file", &net],
            Scenario::ExportOnnx => vec!["export", &run, "--to", "onnx", "--file", &net],
            Scenario::ExportPyTorch => vec!["export", &run, "--to", "pytorch", "--file", &net],
            Scenario::Publish => {
                vec!["study", "publish", "steps.toml", "--runs", "runs/steps", "--to", &published]
            }
            Scenario::PaperInit => {
                vec!["paper", "init", "steps.toml", "--to", &paper, "--out", "runs"]
            }
            Scenario::PaperBuild => vec!["paper", "build", &paper],
        };
        if scenario == Scenario::PaperBuild {
            command.env("PATH", self.folder.join("nothing"));
        }
        command.args(arguments).current_dir(&self.folder);
    }

    /// Runs the scenario undisturbed or again.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn call(&self, campaign: &Campaign, scenario: Scenario, out: &Path) -> anyhow::Result<Ended> {
        let mut command = campaign.allconv(&self.folder);
        self.complete(scenario, out, &mut command);
        Ended::of(&mut command)
    }

    /// Runs the scenario again two days after a fault, and returns what is wrong with its end or its result.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn repeat(
        &self,
        campaign: &Campaign,
        scenario: Scenario,
        out: &Path,
        wanted: &Answers,
    ) -> anyhow::Result<Option<String>> {
        let two_days_ago = SystemTime::now() - Duration::from_secs(2 * 24 * 60 * 60);
        for path in left_over(out)?.iter().filter(|path| !path.is_symlink()) {
            std::fs::File::open(path)?.set_modified(two_days_ago)?;
        }
        let again = self.call(campaign, scenario, out)?;
        // `paper init` refuses a folder that holds a paper already, which is compared.
        let is_there = scenario == Scenario::PaperInit && again.code == Some(2);
        if again.crashed() || !(again.code == Some(0) || is_there) {
            return Ok(Some(format!("again: {}", again.told())));
        }
        let left = left_over(out)?;
        if !left.is_empty() {
            return Ok(Some(format!("left behind: {left:?}")));
        }
        Ok(self.compare(campaign, scenario, out, wanted))
    }

    /// Returns how a result differs from that of an undisturbed command.
    pub(super) fn compare(
        &self,
        campaign: &Campaign,
        scenario: Scenario,
        out: &Path,
        wanted: &Answers,
    ) -> Option<String> {
        match self.answers(campaign, scenario, out) {
            Ok(found) => {
                let differing = differences(wanted, &found);
                (!differing.is_empty()).then(|| format!("{differing:?} differ"))
            }
            Err(error) => Some(format!("{error:#}")),
        }
    }

    /// Returns the result of a scenario that has ended well.
    fn answers(&self, campaign: &Campaign, scenario: Scenario, out: &Path) -> anyhow::Result<Answers> {
        if scenario == Scenario::Train {
            return of_runs(campaign, out, &self.folder);
        }
        tree(out)
    }

    /// Runs a scenario without any fault and returns its result.
    ///
    /// # Errors
    /// It fails.
    pub(super) fn reference(&self, campaign: &Campaign, scenario: Scenario) -> anyhow::Result<Answers> {
        let out = campaign.scratch.join(format!("reference-{scenario:?}"));
        self.lay_out(scenario, &out)?;
        let ended = self.call(campaign, scenario, &out)?;
        ensure!(ended.code == Some(0), "{}: {}", scenario.name(), ended.told());
        self.answers(campaign, scenario, &out)
    }
}
