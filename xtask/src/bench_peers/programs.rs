//! The programs that are timed: allconv, and the scripts that run the peers.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::Value;

use super::peers::Peer;
use super::results::{Row, Side};
use super::sections::{Case, Other};
use super::targets::{Criterion, Target};
use crate::shell;

/// The environment that limits PyTorch and its libraries to AVX2.
const PEER_AVX2: [(&str, &str); 2] = [("ATEN_CPU_CAPABILITY", "avx2"), ("ONEDNN_MAX_CPU_ISA", "AVX2")];

/// One round of one side: images per second, and MiB that the steps took at their peak where that is known.
#[derive(Clone)]
pub(crate) struct Round {
    pub(crate) rate: f64,
    pub(crate) memory: Option<u64>,
    /// A note where its arithmetic is not the one that was asked for.
    pub(crate) note: Option<String>,
}

/// The paths of the programs.
pub(crate) struct Programs<'a> {
    workspace: &'a Path,
    python: &'a str,
    allconv: String,
    decoder_shapes: String,
    data_rates: String,
    exchange_weights: String,
    /// The folder of the answers that the peers must reproduce.
    answers: PathBuf,
}

impl<'a> Programs<'a> {
    /// Builds allconv.
    pub(crate) fn build(workspace: &'a Path, python: &'a str) -> anyhow::Result<Programs<'a>> {
        // One command for all, so that one selection of features serves them.
        let argv = [
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
            "--package",
            "allconv-nets",
            "--bins",
            "--example",
            "decoder_shapes",
            "--example",
            "data_rates",
            "--example",
            "exchange_weights",
        ];
        shell::run(workspace, &argv, &[])?;
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
            exchange_weights: path("examples/exchange_weights")?,
            answers: shell::target_folder(workspace).join("bench-peers"),
        })
    }

    /// Compiler, peers, Pillow and processor.
    pub(crate) fn versions(&self, peers: &BTreeSet<Peer>) -> anyhow::Result<String> {
        let mut argv = vec![shell::output(self.workspace, &["rustc", "--version"])?.trim().to_owned()];
        let peers = peers.iter().map(|peer| (peer.name(), peer.module()));
        for (name, module) in peers.chain([("Pillow", "PIL")]) {
            let line = format!("import {module}; print({module}.__version__)");
            let version = shell::output(self.workspace, &[self.python, "-c", &line])?;
            // OpenVINO's goes on with the commit it was built from.
            let version = version.trim().split('-').next().unwrap_or_default();
            argv.push(format!("{name} {version}"));
        }
        argv.push(format!("processor {}", shell::processor_name()));
        Ok(argv.join(", "))
    }

    /// Writes our weights, images and answers for a case of inference to the folder that its peers read, and the network as ONNX.
    pub(crate) fn prepare(&self, case: &Case) -> anyhow::Result<()> {
        let folder = self.folder(case)?;
        let Case { model, width, precision, .. } = case;
        let write = [&self.exchange_weights, "write", model, width, &folder, precision];
        shell::run(self.workspace, &write, &[])?;
        let mut argv = vec![self.python, "peers/torch/onnx_export.py", "--folder", &folder];
        argv.extend(["--model", model, "--width", width, "--precision", case.peer_precision()]);
        shell::run(self.workspace, &argv, &[])
    }

    fn folder(&self, case: &Case) -> anyhow::Result<String> {
        let Case { model, width, precision, .. } = case;
        let folder = self.answers.join(format!("{model}-{width}-{precision}"));
        Ok(folder.to_str().context("the path of the target folder is not UTF-8")?.to_owned())
    }

    /// Times one round of allconv.
    pub(crate) fn ours(&self, case: &Case, threads: &str) -> anyhow::Result<Round> {
        let Case { pass, model, width, batch, steps, precision, .. } = case;
        let mut argv =
            vec![&self.allconv, "bench", pass, "--model", model, "--width", width, "--batch", batch];
        argv.extend(["--steps", steps, "--precision", precision, "--threads", threads, "--format", "json"]);
        if let Some(isa) = case.isa {
            argv.extend(["--isa", isa]);
        }
        let result = self.json(&argv, &[])?;
        let emulated = case.peer_precision() == "bf16" && !shell::processor_has("avx512_bf16");
        let note = emulated.then(|| "no bfloat16 instructions, products are made of those of f32".to_owned());
        Ok(Round { note, ..round(&result)? })
    }

    /// The fastest mode of a peer for a case.
    pub(crate) fn fastest_mode(&self, case: &Case, peer: Peer) -> anyhow::Result<String> {
        let result = self.throughput(case, peer, "best", "3")?;
        Ok(text(&result["mode"]).to_owned())
    }

    /// Times one round of a peer in a mode, in inference after checking that its answers are ours.
    pub(crate) fn theirs(&self, case: &Case, peer: Peer, mode: &str) -> anyhow::Result<Round> {
        round(&self.throughput(case, peer, mode, case.steps)?)
    }

    fn throughput(&self, case: &Case, peer: Peer, mode: &str, steps: &str) -> anyhow::Result<Value> {
        let Case { pass, model, width, batch, .. } = case;
        let folder = self.folder(case)?;
        let mut argv = vec![self.python];
        match peer {
            Peer::PyTorch => {
                argv.extend([
                    "peers/torch/throughput.py",
                    "--pass",
                    pass,
                    "--model",
                    model,
                    "--width",
                    width,
                ]);
                if *pass == "infer" {
                    argv.extend(["--answers", &folder]);
                }
            }
            Peer::OnnxRuntime | Peer::OpenVino => {
                anyhow::ensure!(*pass == "infer", "{} does not train", peer.name());
                argv.extend(["peers/torch/runtimes.py", "--peer", peer.module(), "--folder", &folder]);
            }
        }
        argv.extend(["--batch", batch, "--steps", steps, "--mode", mode]);
        argv.extend(["--precision", case.peer_precision(), "--threads", "2"]);
        let environment = match case.isa {
            None => &[][..],
            Some("avx2") => &PEER_AVX2[..],
            Some(other) => bail!("{} cannot be held to {other}", peer.name()),
        };
        Ok(self.json(&argv, environment)?["best"].take())
    }

    fn json(&self, argv: &[&str], environment: &[(&str, &str)]) -> anyhow::Result<Value> {
        Ok(serde_json::from_str(&shell::output_with(self.workspace, argv, environment)?)?)
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
    let target = Target::depth_first(1.85, Some(1.9), 1.95);
    Ok(vec![plain_row(case.title(), "images/s", ours, ("ours on one thread", "", theirs), target)])
}

/// The layers of a U-Net: forward and all gradients, ours and PyTorch's in turn.
fn decoder_layers(programs: &Programs<'_>, rounds: usize) -> anyhow::Result<Vec<Row>> {
    let passes = "7";
    let argv = [programs.python, "peers/torch/decoder_shapes.py", "--rounds", passes, "--threads", "2"];
    let rate =
        |row: &Value| row["seconds"].as_f64().context("a layer without seconds").map(|seconds| 1.0 / seconds);
    let mut rows: Vec<Row> = Vec::new();
    for _ in 0..rounds {
        let ours = programs.json(&[&programs.decoder_shapes, passes, "2"], &[])?;
        let theirs = programs.json(&argv, &[])?;
        let (Some(ours), Some(theirs)) = (ours.as_array(), theirs.as_array()) else {
            bail!("no lists of layers")
        };
        for (place, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
            let name = text(&ours["shape"]);
            anyhow::ensure!(name == text(&theirs["shape"]), "{name} beside {}", theirs["shape"]);
            if rows.len() == place {
                let peer = ("PyTorch", "the better of two memory formats", Vec::new());
                let what = format!("train one layer, {name}");
                rows.push(plain_row(what, "passes/s", Vec::new(), peer, Target::new(1.2, 1.8)));
            }
            rows[place].ours.rates.push(rate(ours)?);
            rows[place].peers[0].rates.push(rate(theirs)?);
        }
    }
    Ok(rows)
}

/// The rate of the loader and that of training; JPEG decoding, and what makes the input of a network of it, beside Pillow, on one core each.
fn data(programs: &Programs<'_>) -> anyhow::Result<Vec<Row>> {
    let training = programs.ours(&super::sections::SECTIONS[0].cases[0], "2")?.rate;
    let loader = programs.json(&[&programs.data_rates, "loader"], &[])?;
    let what = "batches of CIFAR size, mirrored and shifted, by one thread".to_owned();
    let ours = vec![rate(&loader["images_per_second"])?];
    let peer = ("what a training step of All-CNN-C uses", "", vec![training]);
    let mut rows = vec![plain_row(what, "images/s", ours, peer, Target::new(1.0, 10.0))];
    let Some(folder) = std::env::var_os("ALLCONV_TEST_DATA") else {
        println!("left out: ALLCONV_TEST_DATA does not name the folder with bsds500-train.tar");
        return Ok(rows);
    };
    for (mode, archive, what, goal) in IMAGE_MODES {
        let archive = Path::new(&folder).join(archive);
        let archive = archive.to_str().context("the path of the photographs is not UTF-8")?;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            let our = programs.json(&[&programs.data_rates, mode, archive], &[])?;
            let their = programs.json(&[programs.python, "peers/torch/jpeg_rates.py", mode, archive], &[])?;
            let means = [&our, &their].map(|result| result["mean"].as_f64().unwrap_or(f64::NAN));
            // Decoders differ by a grey level here and there, and by far less in the mean.
            anyhow::ensure!((means[0] - means[1]).abs() < 0.25, "{mode}: means of the pixels are {means:?}");
            ours.push(rate(&our["images_per_second"])?);
            theirs.push(rate(&their["images_per_second"])?);
        }
        rows.push(plain_row(
            what.to_owned(),
            "images/s",
            ours,
            ("Pillow", "", theirs),
            Target::new(1.0, goal),
        ));
    }
    Ok(rows)
}

/// What is done with photographs: a mode of both programs, the archive, the title of the row, the goal.
const IMAGE_MODES: [(&str, &str, &str, f64); 3] = [
    ("jpeg", "bsds500-train.tar", "decode JPEG photographs of 481×321 and crop 224×224, one thread", 1.0),
    (
        "train",
        "imagenet-mixed-sizes.tar",
        "decode photographs of ImageNet and resize a part to 224×224 (random resized crop), one thread",
        1.5,
    ),
    (
        "evaluate",
        "imagenet-mixed-sizes.tar",
        "decode photographs of ImageNet, resize to 256, crop 224×224, one thread",
        1.5,
    ),
];

/// Builds a row with one peer: its name, its mode and its rates.
fn plain_row(what: String, unit: &str, ours: Vec<f64>, peer: (&str, &str, Vec<f64>), target: Target) -> Row {
    let side = |name: &str, mode: &str, rates| {
        let (name, mode) = (name.to_owned(), mode.to_owned());
        Side { name, mode, rates, ..Side::default() }
    };
    let (ours, peers) = (side("allconv", "", ours), vec![side(peer.0, peer.1, peer.2)]);
    Row { what, unit: unit.to_owned(), ours, peers, criterion: Criterion::Ratio, target }
}

/// Reads the output of a program that times steps.
fn round(result: &Value) -> anyhow::Result<Round> {
    Ok(Round {
        rate: rate(&result["images_per_second"])?,
        memory: result["step_memory_mib"].as_u64(),
        note: result["note"].as_str().map(str::to_owned),
    })
}

fn rate(spread: &Value) -> anyhow::Result<f64> {
    spread["median"].as_f64().with_context(|| format!("no median in {spread}"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("unknown")
}
