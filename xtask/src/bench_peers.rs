//! `cargo xtask bench-peers`: throughput beside PyTorch on this machine, in one interleaved run, written to `docs/performance.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::shell;

/// The rows that a run measures.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    /// All-CNN-C alone, in several rounds.
    Main,
    /// Those, and every other network, small batches, large images and decoder layers, in one round each.
    All,
}

impl Rows {
    /// The rows called `name`.
    pub(crate) fn named(name: &str) -> anyhow::Result<Rows> {
        match name {
            "main" => Ok(Rows::Main),
            "all" => Ok(Rows::All),
            _ => bail!("there are the rows main and all, not {name}"),
        }
    }
}

/// One row of the table.
struct Case {
    pass: &'static str,
    model: &'static str,
    width: &'static str,
    batch: &'static str,
    /// Timed steps a round.
    steps: &'static str,
}

const fn case(
    pass: &'static str,
    model: &'static str,
    width: &'static str,
    batch: &'static str,
    steps: &'static str,
) -> Case {
    Case { pass, model, width, batch, steps }
}

/// The rows that the targets name one by one.
const MAIN: [Case; 4] = [
    case("train", "all_cnn_c", "1.0", "128", "7"),
    case("infer", "all_cnn_c", "1.0", "128", "9"),
    case("train", "all_cnn_c", "0.5", "128", "9"),
    case("train", "all_cnn_c", "0.25", "128", "15"),
];

/// Small batches and large images.
const OTHERS: [Case; 7] = [
    case("train", "all_cnn_c", "1.0", "32", "9"),
    case("train", "all_cnn_c", "0.25", "32", "25"),
    case("infer", "all_cnn_c", "0.25", "128", "25"),
    case("infer", "all_cnn_c", "1.0", "1", "50"),
    case("infer", "model_a", "1.0", "1", "50"),
    case("infer", "strided_cnn_b", "1.0", "1", "50"),
    case("train", "all_cnn_imagenet", "1.0", "8", "3"),
];

/// The other eleven networks for CIFAR.
const NETWORKS: [&str; 11] = [
    "model_a",
    "strided_cnn_a",
    "convpool_cnn_a",
    "all_cnn_a",
    "model_b",
    "strided_cnn_b",
    "convpool_cnn_b",
    "all_cnn_b",
    "model_c",
    "strided_cnn_c",
    "convpool_cnn_c",
];

/// One round of one side: images per second, and MiB that the steps took at their peak where that is known.
struct Round {
    rate: f64,
    memory: Option<u64>,
}

/// Runs both sides, remembers PyTorch's fastest mode, and writes the page anew after every row.
struct Comparison<'a> {
    workspace: &'a Path,
    program: String,
    python: &'a str,
    rounds: usize,
    /// PyTorch's fastest mode by network and pass.
    modes: BTreeMap<(&'static str, &'static str), String>,
    /// The commit, taken before the page is written for the first time.
    commit: String,
    versions: String,
    tables: String,
}

/// Measures the rows, the main ones `rounds` times, ours and PyTorch's in turn, and writes the table.
pub(crate) fn run(workspace: &Path, python: &str, rounds: usize, rows: Rows) -> anyhow::Result<()> {
    for package in
        [&["--package", "allconv"][..], &["--package", "allconv-kernels", "--example", "decoder_shapes"]]
    {
        shell::run(workspace, &[&["cargo", "build", "--release", "--locked"], package].concat(), &[])?;
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), Into::into);
    let path = |name: &str| -> anyhow::Result<String> {
        let path = target.join("release").join(name);
        Ok(path.to_str().context("the path of the target folder is not UTF-8")?.to_owned())
    };
    let commit = shell::output(workspace, &["git", "describe", "--always", "--dirty", "--abbrev=12"])?;
    let (modes, versions, tables) = (BTreeMap::new(), String::new(), String::new());
    let mut comparison =
        Comparison { workspace, program: path("allconv")?, python, rounds, modes, commit, versions, tables };
    comparison.section("All-CNN-C", rounds);
    for case in &MAIN {
        comparison.row(case, rounds)?;
    }
    comparison.scaling()?;
    if rows == Rows::All {
        comparison.section("Small batches, single images, ImageNet", 1);
        for case in &OTHERS {
            comparison.row(case, 1)?;
        }
        comparison.decoder_layers(&path("examples/decoder_shapes")?)?;
        comparison.section("The other networks for CIFAR", 1);
        for model in NETWORKS {
            comparison.row(&case("train", model, "1.0", "128", "3"), 1)?;
            comparison.row(&case("train", model, "0.25", "128", "9"), 1)?;
        }
    }
    Ok(())
}

impl Comparison<'_> {
    fn section(&mut self, title: &str, rounds: usize) {
        self.tables += &format!(
            "\n## {title}\n\nRounds: {rounds}.\n\n\
             | Pass | Model | Width | Batch | allconv | PyTorch | Mode | Ratio of medians | Memory of the steps (MiB) |\n\
             |---|---|--:|--:|--:|--:|---|--:|--:|\n"
        );
    }

    /// One row: the two sides in turn.
    fn row(&mut self, case: &Case, rounds: usize) -> anyhow::Result<()> {
        let mode = self.mode(case)?;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            ours.push(self.ours(case, "2")?);
            theirs.push(self.theirs(case, &mode, case.steps)?.1);
        }
        let [a, b] = [&ours, &theirs].map(|rounds| spread(rounds));
        let memory = |rounds: &[Round]| {
            rounds
                .iter()
                .find_map(|round| round.memory)
                .map_or("–".to_owned(), |mebibytes| mebibytes.to_string())
        };
        let Case { pass, model, width, batch, .. } = case;
        let [our_memory, their_memory] = [memory(&ours), memory(&theirs)];
        writeln!(
            self.tables,
            "| {pass} | {model} | {width} | {batch} | {} | {} | {mode} | {:.2} | {our_memory} / {their_memory} |",
            a.text,
            b.text,
            a.median / b.median
        )?;
        self.write()
    }

    /// PyTorch's fastest mode for the network and pass of a case: searched once, by its first row.
    fn mode(&mut self, case: &Case) -> anyhow::Result<String> {
        if let Some(mode) = self.modes.get(&(case.model, case.pass)) {
            return Ok(mode.clone());
        }
        let (mode, _) = self.theirs(case, "best", "3")?;
        self.modes.insert((case.model, case.pass), mode.clone());
        Ok(mode)
    }

    fn ours(&mut self, case: &Case, threads: &str) -> anyhow::Result<Round> {
        let Case { pass, model, width, batch, steps } = case;
        let words = [
            &self.program,
            "bench",
            pass,
            "--model",
            model,
            "--width",
            width,
            "--batch",
            batch,
            "--steps",
            steps,
            "--threads",
            threads,
            "--format",
            "json",
        ];
        let result: Value = serde_json::from_str(&shell::output(self.workspace, &words)?)?;
        self.versions = format!("instruction set {}", text(&result["instruction_set"]));
        Ok(Round { rate: rate(&result["images_per_second"])?, memory: result["step_memory_mib"].as_u64() })
    }

    fn theirs(&mut self, case: &Case, mode: &str, steps: &str) -> anyhow::Result<(String, Round)> {
        let Case { pass, model, width, batch, .. } = case;
        let words = [
            self.python,
            "peers/torch/throughput.py",
            "--pass",
            pass,
            "--model",
            model,
            "--width",
            width,
            "--batch",
            batch,
            "--steps",
            steps,
            "--mode",
            mode,
        ];
        let result: Value = serde_json::from_str(&shell::output(self.workspace, &words)?)?;
        let best = &result["best"];
        let round =
            Round { rate: rate(&best["images_per_second"])?, memory: best["step_memory_mib"].as_u64() };
        Ok((text(&best["mode"]).to_owned(), round))
    }

    /// Training of All-CNN-C on one and on two threads, in turn.
    fn scaling(&mut self) -> anyhow::Result<()> {
        let (mut one, mut two) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            one.push(self.ours(&MAIN[0], "1")?);
            two.push(self.ours(&MAIN[0], "2")?);
        }
        let [a, b] = [&one, &two].map(|rounds| spread(rounds));
        writeln!(
            self.tables,
            "\nTraining of all_cnn_c on one thread: {} images per second; on two {}: {:.2} times as many.",
            a.text,
            b.text,
            b.median / a.median
        )?;
        self.write()
    }

    /// The layers of a U-Net.
    fn decoder_layers(&mut self, example: &str) -> anyhow::Result<()> {
        let rounds = "7";
        let ours: Value = serde_json::from_str(&shell::output(self.workspace, &[example, rounds, "2"])?)?;
        let words = [self.python, "peers/torch/decoder_shapes.py", "--rounds", rounds, "--threads", "2"];
        let theirs: Value = serde_json::from_str(&shell::output(self.workspace, &words)?)?;
        self.tables += "\nLayers of a U-Net, forward and all gradients, medians in milliseconds:\n\n\
                        | Layer | allconv | PyTorch | Ratio |\n|---|--:|--:|--:|\n";
        let (Some(ours), Some(theirs)) = (ours.as_array(), theirs.as_array()) else {
            bail!("no lists of layers")
        };
        for (ours, theirs) in ours.iter().zip(theirs) {
            let milliseconds =
                |row: &Value| row["seconds"].as_f64().context("a layer without seconds").map(|s| s * 1e3);
            let (name, a, b) = (text(&ours["shape"]), milliseconds(ours)?, milliseconds(theirs)?);
            anyhow::ensure!(name == text(&theirs["shape"]), "{name} beside {}", theirs["shape"]);
            writeln!(self.tables, "| {name} | {a:.1} | {b:.1} | {:.2} |", b / a)?;
        }
        self.write()
    }

    /// Writes the page with the rows that there are.
    fn write(&self) -> anyhow::Result<()> {
        let compiler = shell::output(self.workspace, &["rustc", "--version"])?;
        let torch =
            shell::output(self.workspace, &[self.python, "-c", "import torch; print(torch.__version__)"])?;
        let page = format!(
            "# Throughput beside PyTorch\n\nWritten by `cargo xtask bench-peers`; do not edit. What the numbers rest on is told in [engine.md](engine.md).\n\n\
             Images per second on 2 threads, dropout included on both sides, loading and augmentation included on ours. Each number is the median of \
             the rounds with their smallest and largest, ours and PyTorch's in turn; each round's value is itself the median of its steps. \
             PyTorch runs in the fastest of eager, channels-last, compiled and both, chosen once for each network and pass. \
             The memory of the steps is the peak of the process less what was resident before the first step, ours / PyTorch's.\n{}\n\
             Commit {}, {}, PyTorch {}, {}, processor {}.\n",
            self.tables,
            self.commit.trim(),
            compiler.trim(),
            torch.trim(),
            self.versions,
            shell::processor_name(),
        );
        std::fs::write(self.workspace.join("docs/performance.md"), page)?;
        Ok(())
    }
}

/// The median of some rounds, and how it is written.
struct Spread {
    median: f64,
    text: String,
}

fn spread(rounds: &[Round]) -> Spread {
    let mut rates: Vec<f64> = rounds.iter().map(|round| round.rate).collect();
    rates.sort_by(f64::total_cmp);
    let median = (rates[(rates.len() - 1) / 2] + rates[rates.len() / 2]) / 2.0;
    let text = match rates[..] {
        [only] => format!("{only:.0}"),
        _ => format!("{median:.0} ({:.0}–{:.0})", rates[0], rates[rates.len() - 1]),
    };
    Spread { median, text }
}

fn rate(spread: &Value) -> anyhow::Result<f64> {
    spread["median"].as_f64().with_context(|| format!("no median in {spread}"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("unknown")
}
