//! A small study with runs, a paper about it, and a trainer that needs no tensors, for this crate's own tests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use allconv_record::{
    Cost, Environment, FORMAT_VERSION, MetricPoint, RunDirectory, RunRecord, RunSpecification, SplitName,
    Status, Timings,
};
use allconv_study::{PlannedRun, StudyFile, plan};

use crate::config::{CONFIG_FILE, PaperConfig};
use crate::library::Library;
use crate::retrain::Retrain;

const STUDY: &str = r#"question = "Does a strided convolution replace max pooling?"
caveat = "Made up: 18 runs of a test."
primary = { metric = "error", split = "test", better = "lower" }
compare = { baseline = "max_pool", alpha = 0.05, equivalence_margin = 0.01 }
seeds = { from = 0, count = 6 }
[claims.costs]
text = "The added convolution costs."
contrasts = [{ of = "all_conv", against = "max_pool", shows = "higher" }]
[base.data]
dataset = "synthetic"
[base.net]
width = 0.25
[base.train]
epochs = 2
[arms.max_pool.net.downsample]
max_pool = { kernel = 3 }
[arms.strided_1x1.net.downsample]
folded_stride = { kernel = 3 }
[arms.all_conv.net.downsample]
strided_conv = { kernel = 3 }
"#;

const CONFIG: &str = r#"title = "A small paper"
authors = ["Somebody"]
draft = false
results = ["results.tex"]
[studies.small]
file = "small.toml"
runs = ["runs/small"]
"#;

const ITEMS: [&str; 13] = [
    "claims",
    "limitations",
    "theory",
    "access",
    "ethics",
    "impact",
    "safeguards",
    "licences",
    "assets",
    "crowdsourcing",
    "irb",
    "llm",
    "settings",
];

const MAIN: &str = "\\documentclass{article}\n\\usepackage[T1]{fontenc}\\usepackage{booktabs,tikz}\n\\input{generated/values}\n\\begin{document}\n\
                    \\input{results}\n\\checklist\n\\end{document}\n";

const RESULTS: &str = r"\studystate{small} \studycaveat{small} \studyquestion{small} \regclaims{small} \claimtable{small}
The arm differs by \val{small/all_conv.difference} (\val{small/all_conv.interval}, \const{95\,\%}), \val{small/all_conv.p},
\val{small/all_conv.verdict}; \val{small/claims/costs.verdict}.
\restable{small}\resfigure{small}
";

/// A paper in a temporary folder.
pub(crate) struct SmallPaper {
    folder: tempfile::TempDir,
}

/// The paper: three arms, six seeds; `strided_1x1` is like the baseline, `all_conv` three points worse.
pub(crate) fn small_paper() -> SmallPaper {
    let paper = SmallPaper { folder: tempfile::tempdir().unwrap() };
    let items: String = ITEMS
        .iter()
        .map(|item| format!("{item} = {{ answer = \"yes\", because = \"It is so.\" }}\n"))
        .collect();
    paper.write(CONFIG_FILE, &format!("{CONFIG}[checklist]\n{items}"));
    paper.write("small.toml", STUDY);
    paper.write("main.tex", MAIN);
    paper.write("results.tex", RESULTS);
    for planned in plan(&paper.study()) {
        let run = write_run(&paper.folder().join("runs/small"), &planned, value(&planned));
        run.write_weights_hash(&weights_hash(&planned)).unwrap();
    }
    paper
}

impl SmallPaper {
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn study_file(&self) -> PathBuf {
        self.folder().join("small.toml")
    }

    pub(crate) fn study(&self) -> StudyFile {
        StudyFile::read(&self.study_file()).unwrap()
    }

    pub(crate) fn config(&self) -> PaperConfig {
        PaperConfig::read(self.folder()).unwrap()
    }

    pub(crate) fn library(&self) -> Library {
        Library::read(&self.config(), self.folder()).unwrap()
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        std::fs::write(self.folder().join(name), content).unwrap();
    }

    fn edit(&self, name: &str, (from, to): (&str, &str)) {
        let text = std::fs::read_to_string(self.folder().join(name)).unwrap();
        assert!(text.contains(from), "{name} holds no {from}");
        self.write(name, &text.replace(from, to));
    }

    pub(crate) fn edit_config(&self, from: &str, to: &str) {
        self.edit(CONFIG_FILE, (from, to));
    }

    /// Replaces the checklist at the end of the configuration.
    pub(crate) fn append_config(&self, checklist: &str) {
        self.write(CONFIG_FILE, &format!("{CONFIG}{checklist}"));
    }

    pub(crate) fn edit_study(&self, from: &str, to: &str) {
        self.edit("small.toml", (from, to));
    }

    pub(crate) fn run(&self, arm: &str, seed: u64) -> RunDirectory {
        let planned = plan(&self.study()).into_iter().find(|run| run.arm == arm && run.seed == seed).unwrap();
        RunDirectory::for_run(&self.folder().join("runs/small"), arm, &specification(&planned))
    }

    pub(crate) fn short_hash(&self, arm: &str, seed: u64) -> String {
        self.run(arm, seed).read_specification().unwrap().short_hash()
    }

    pub(crate) fn remove_run(&self, arm: &str, seed: u64) {
        std::fs::remove_dir_all(self.run(arm, seed).path()).unwrap();
    }
}

/// The error of a run: 20 % for the baseline, spread by the seed.
fn value(planned: &PlannedRun) -> f64 {
    // Every arm has the values 0 to 5 in an order of its own.
    let [factor, offset] = [[1, 0], [5, 0], [5, 3]][planned.arm_index];
    let noise = 0.0004 * ((planned.seed * factor + offset) % 6) as f64 - 0.001;
    0.2 + noise + if planned.arm == "all_conv" { 0.03 } else { 0.0 }
}

fn weights_hash(planned: &PlannedRun) -> String {
    blake3::hash(planned.request_hash.as_bytes()).to_hex().to_string()
}

fn specification(planned: &PlannedRun) -> RunSpecification {
    RunSpecification {
        seed: planned.seed,
        precision: "f32".into(),
        device_kind: "cpu".into(),
        dataset_hash: "d5".into(),
        numerics: BTreeMap::from([("loop".into(), 1)]),
        data: planned.request.data.clone(),
        net: planned.request.net.clone(),
        train: planned.request.train.clone(),
    }
}

/// Writes a finished run with a test error and a loss.
fn write_run(folder: &Path, planned: &PlannedRun, error: f64) -> RunDirectory {
    let specification = specification(planned);
    let run = RunDirectory::for_run(folder, &planned.arm, &specification);
    std::fs::create_dir_all(run.path()).unwrap();
    run.write_specification(&specification).unwrap();
    let mut journal = run.open_journal(0).unwrap();
    for (name, value) in [("loss", 1.5), ("error", error)] {
        let split = SplitName::Test;
        journal.append(&MetricPoint { step: 20, epoch: 2.0, split, name: name.into(), value }).unwrap();
    }
    run.write_record(&record(planned, &specification)).unwrap();
    run
}

fn record(planned: &PlannedRun, specification: &RunSpecification) -> RunRecord {
    RunRecord {
        schema: FORMAT_VERSION,
        status: Status::Finished,
        reason: None,
        study: "small".into(),
        arm: planned.arm.clone(),
        seed: planned.seed,
        specification_hash: specification.hash(),
        request_hash: planned.request_hash.clone(),
        study_file_sha256: None,
        command: vec!["allconv".into()],
        environment: Environment {
            cpu: "test processor".into(),
            instruction_set: "avx2".into(),
            device: "cpu".into(),
            threads: 2,
            ..Environment::default()
        },
        cost: Cost { parameters: 1000, macs: 50_000, activation_bytes: 4096, receptive_field: 9 },
        created_unix_seconds: 1_700_000_000,
        changed_unix_seconds: 1_700_000_100,
        step: 20,
        total_steps: 20,
        timings: Timings { training_seconds: 12.5, evaluation_seconds: 1.0, images_per_second: 160.0 },
        parent: None,
        measured: None,
        resumptions: Vec::new(),
        results: BTreeMap::new(),
    }
}

/// A trainer that writes the runs of the small study again, or others.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FakeTrainer {
    pub(crate) other_outcomes: bool,
    pub(crate) other_weights: bool,
    pub(crate) other_numerics: bool,
}

impl Retrain for FakeTrainer {
    fn specification(&self, _: &StudyFile, planned: &PlannedRun) -> Result<RunSpecification, String> {
        let mut specification = specification(planned);
        if self.other_numerics {
            specification.numerics.insert("loop".into(), 2);
        }
        Ok(specification)
    }

    fn train(&self, _: &StudyFile, planned: &PlannedRun, folder: &Path) -> Result<RunDirectory, String> {
        let error = value(planned) + if self.other_outcomes { 1e-9 } else { 0.0 };
        let run = write_run(folder, planned, error);
        let hash = if self.other_weights { "0".repeat(64) } else { weights_hash(planned) };
        run.write_weights_hash(&hash).unwrap();
        Ok(run)
    }
}
