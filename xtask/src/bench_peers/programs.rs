//! The programs that are timed: ours, and the scripts beside PyTorch and Pillow.

use std::path::Path;

use anyhow::{Context, bail};
use serde_json::Value;

use super::results::Row;
use super::sections::{Case, Other};
use crate::shell;

/// What holds PyTorch and its libraries to AVX2.
const PEER_AVX2: [(&str, &str); 2] = [("ATEN_CPU_CAPABILITY", "avx2"), ("ONEDNN_MAX_CPU_ISA", "AVX2")];

/// One round of one side: images per second, and MiB that the steps took at their peak where that is known.
pub(crate) struct Round {
    pub(crate) rate: f64,
    pub(crate) memory: Option<u64>,
}

/// Where the programs lie.
pub(crate) struct Programs<'a> {
    workspace: &'a Path,
    python: &'a str,
    allconv: String,
    decoder_shapes: String,
    data_rates: String,
}

impl<'a> Programs<'a> {
    /// Builds ours.
    pub(crate) fn build(workspace: &'a Path, python: &'a str) -> anyhow::Result<Programs<'a>> {
        // One command for all, so that one selection of features serves them.
        let words = [
            "cargo",
            "build",
            "--release",
            "--locked",
            "--package",
            "allconv",
            "--package",
            "allconv-kernels",
            "--package",
            "allconv-data",
            "--bins",
            "--example",
            "decoder_shapes",
            "--example",
            "data_rates",
        ];
        shell::run(workspace, &words, &[])?;
        let target = shell::target_folder(workspace).join("release");
        let path = |name: &str| -> anyhow::Result<String> {
            Ok(target.join(name).to_str().context("the path of the target folder is not UTF-8")?.to_owned())
        };
        Ok(Programs {
            workspace,
            python,
            allconv: path("allconv")?,
            decoder_shapes: path("examples/decoder_shapes")?,
            data_rates: path("examples/data_rates")?,
        })
    }

    /// Compiler, peers and processor.
    pub(crate) fn versions(&self) -> anyhow::Result<String> {
        let compiler = shell::output(self.workspace, &["rustc", "--version"])?;
        let line = "import torch, PIL; print(f'PyTorch {torch.__version__}, Pillow {PIL.__version__}')";
        let peers = shell::output(self.workspace, &[self.python, "-c", line])?;
        Ok(format!("{}, {}, processor {}", compiler.trim(), peers.trim(), shell::processor_name()))
    }

    /// One round of ours.
    pub(crate) fn ours(&self, case: &Case, threads: &str) -> anyhow::Result<Round> {
        let Case { pass, model, width, batch, steps, precision, .. } = case;
        let mut words =
            vec![&self.allconv, "bench", pass, "--model", model, "--width", width, "--batch", batch];
        words.extend(["--steps", steps, "--precision", precision, "--threads", threads, "--format", "json"]);
        if let Some(isa) = case.isa {
            words.extend(["--isa", isa]);
        }
        let result = self.json(&words, &[])?;
        Ok(Round { rate: rate(&result["images_per_second"])?, memory: result["step_memory_mib"].as_u64() })
    }

    /// PyTorch's fastest mode for a case: eager, channels-last, compiled or both.
    pub(crate) fn fastest_mode(&self, case: &Case) -> anyhow::Result<String> {
        let result = self.throughput(case, "best", "3")?;
        Ok(text(&result["mode"]).to_owned())
    }

    /// One round of PyTorch in a mode.
    pub(crate) fn theirs(&self, case: &Case, mode: &str) -> anyhow::Result<Round> {
        let best = self.throughput(case, mode, case.steps)?;
        Ok(Round { rate: rate(&best["images_per_second"])?, memory: best["step_memory_mib"].as_u64() })
    }

    fn throughput(&self, case: &Case, mode: &str, steps: &str) -> anyhow::Result<Value> {
        let Case { pass, model, width, batch, .. } = case;
        let mut words = vec![self.python, "peers/torch/throughput.py", "--pass", pass, "--model", model];
        words.extend(["--width", width, "--batch", batch, "--steps", steps, "--mode", mode]);
        words.extend(["--precision", case.peer_precision(), "--threads", "2"]);
        let environment = match case.isa {
            None => &[][..],
            Some("avx2") => &PEER_AVX2[..],
            Some(other) => bail!("PyTorch cannot be held to {other}"),
        };
        Ok(self.json(&words, environment)?["best"].take())
    }

    fn json(&self, words: &[&str], environment: &[(&str, &str)]) -> anyhow::Result<Value> {
        Ok(serde_json::from_str(&shell::output_with(self.workspace, words, environment)?)?)
    }
}

impl Other {
    /// The rows of the comparison.
    pub(crate) fn measure(&self, programs: &Programs<'_>, rounds: usize) -> anyhow::Result<Vec<Row>> {
        match self {
            Other::Threads => threads(programs, rounds),
            Other::DecoderLayers => decoder_layers(programs, rounds),
            Other::Data => data(programs),
        }
    }
}

/// Training of All-CNN-C, on two threads and on one in turn.
fn threads(programs: &Programs<'_>, rounds: usize) -> anyhow::Result<Vec<Row>> {
    let case = &super::sections::SECTIONS[0].cases[0];
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(programs.ours(case, "2")?.rate);
        theirs.push(programs.ours(case, "1")?.rate);
    }
    Ok(vec![Row {
        what: case.title(),
        unit: "images/s".to_owned(),
        ours,
        theirs,
        peer: "ours on one thread".to_owned(),
        memory: [None; 2],
        floor: 1.9,
        goal: 2.0,
    }])
}

/// The layers of a U-Net: forward and all gradients, ours and PyTorch's in turn.
fn decoder_layers(programs: &Programs<'_>, rounds: usize) -> anyhow::Result<Vec<Row>> {
    let passes = "7";
    let words = [programs.python, "peers/torch/decoder_shapes.py", "--rounds", passes, "--threads", "2"];
    let rate =
        |row: &Value| row["seconds"].as_f64().context("a layer without seconds").map(|seconds| 1.0 / seconds);
    let mut rows: Vec<Row> = Vec::new();
    for _ in 0..rounds {
        let ours = programs.json(&[&programs.decoder_shapes, passes, "2"], &[])?;
        let theirs = programs.json(&words, &[])?;
        let (Some(ours), Some(theirs)) = (ours.as_array(), theirs.as_array()) else {
            bail!("no lists of layers")
        };
        for (place, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
            let name = text(&ours["shape"]);
            anyhow::ensure!(name == text(&theirs["shape"]), "{name} beside {}", theirs["shape"]);
            if rows.len() == place {
                rows.push(Row {
                    what: format!("train one layer, {name}"),
                    unit: "passes/s".to_owned(),
                    ours: Vec::new(),
                    theirs: Vec::new(),
                    peer: "the better of two memory formats".to_owned(),
                    memory: [None; 2],
                    floor: 1.2,
                    goal: 1.8,
                });
            }
            rows[place].ours.push(rate(ours)?);
            rows[place].theirs.push(rate(theirs)?);
        }
    }
    Ok(rows)
}

/// What the loader supplies beside what training uses, and JPEG decoding with a crop beside Pillow's, on one core each.
fn data(programs: &Programs<'_>) -> anyhow::Result<Vec<Row>> {
    let training = programs.ours(&super::sections::SECTIONS[0].cases[0], "2")?.rate;
    let loader = programs.json(&[&programs.data_rates, "loader"], &[])?;
    let mut rows = vec![Row {
        what: "batches of CIFAR size, mirrored and shifted, by one thread".to_owned(),
        unit: "images/s".to_owned(),
        ours: vec![rate(&loader["images_per_second"])?],
        theirs: vec![training],
        peer: "what a training step of All-CNN-C uses".to_owned(),
        memory: [None; 2],
        floor: 1.0,
        goal: 10.0,
    }];
    let Some(folder) = std::env::var_os("ALLCONV_TEST_DATA") else {
        println!("left out: ALLCONV_TEST_DATA does not name the folder with bsds500-train.tar");
        return Ok(rows);
    };
    let archive = Path::new(&folder).join("bsds500-train.tar");
    let archive = archive.to_str().context("the path of the photographs is not UTF-8")?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let result = programs.json(&[&programs.data_rates, "jpeg", archive], &[])?;
        ours.push(rate(&result["images_per_second"])?);
        let result = programs.json(&[programs.python, "peers/torch/jpeg_rates.py", archive], &[])?;
        theirs.push(rate(&result["images_per_second"])?);
    }
    rows.push(Row {
        what: "decode JPEG photographs of 481×321 and crop 224×224, one thread".to_owned(),
        unit: "images/s".to_owned(),
        ours,
        theirs,
        peer: "Pillow".to_owned(),
        memory: [None; 2],
        floor: 1.0,
        goal: 1.0,
    });
    Ok(rows)
}

fn rate(spread: &Value) -> anyhow::Result<f64> {
    spread["median"].as_f64().with_context(|| format!("no median in {spread}"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("unknown")
}
