//! Writes run directories with invented numbers into a folder and the report of the study they belong to.
//!
//! Shows how a program other than allconv's own can use this crate: write `run.json`, `spec.toml` and `metrics.jsonl`, then collect and
//! render. Usage: `cargo run -p allconv-study --example report_from_records -- FOLDER`.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use allconv_record::{
    Cost, Environment, FORMAT_VERSION, Measured, MetricPoint, Outcome, Outcomes, RunDirectory, RunRecord,
    RunSpecification, SplitName, Status, Timings,
};
use allconv_study::report::{report_files, write_report};
use allconv_study::results::StudyResults;
use allconv_study::{PlannedRun, StudyFile, plan, publish};

const STUDY: &str = r#"question = "Does a strided convolution replace max pooling without loss of accuracy?"
caveat = "All numbers of this example are invented; it shows what a report looks like and nothing else."
primary = { metric = "error", split = "test", better = "lower" }
compare = { baseline = "max_pool", test = "paired-t", alpha = 0.05, correction = "holm", equivalence_margin = 0.005 }
seeds = { from = 0, count = 9 }

[base.data]
dataset = "invented"
[base.net]
architecture = { springenberg = { base = "c", width = 0.25 } }
[base.train]
preset = "fast"
epochs = 12

[arms.max_pool.net.downsample]
max_pool = { kernel = 3, stride = 2 }
[arms.strided.net.downsample]
folded_stride = {}
[arms.conv_pool.net.downsample]
conv_pool = { kernel = 3, stride = 2 }
[arms.all_conv.net.downsample]
strided_conv = { kernel = 3, stride = 2 }
[arms.blur_pool.net.downsample]
blur_pool = { taps = 3 }
"#;

/// What is invented of an arm: its error, parameters, operations.
const ARMS: [(f64, u64, u64); 5] = [
    (0.187, 954_730, 178_000_000),
    (0.205, 954_730, 49_000_000),
    (0.184, 1_286_890, 251_000_000),
    (0.1872, 1_369_738, 281_000_000),
    (0.181, 954_730, 182_000_000),
];
const EPOCHS: u64 = 12;
const STEPS_PER_EPOCH: u64 = 350;
const EXAMPLES: u32 = 2000;

/// Uniform in −1 to 1 from any number of keys.
fn noise(keys: &[u64]) -> f64 {
    let mut word = 0x9E37_79B9_7F4A_7C15_u64;
    for key in keys {
        word = (word ^ key).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word ^= word >> 29;
        word = word.wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^= word >> 32;
    }
    (word >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).map(PathBuf::from).ok_or("usage: report_from_records FOLDER")?;
    let study = StudyFile::parse("invented.toml", STUDY.to_string())?;
    let runs = folder.join("runs");
    for planned in plan(&study) {
        write_run(&runs, &planned)?;
    }
    let results = StudyResults::collect(&study, std::slice::from_ref(&runs))?;
    let report = folder.join("report");
    write_report(&report_files(&study, &results, &()), &report)?;
    publish(&study, &results, &folder.join("published"))?;
    println!("{}", report.join("index.html").display());
    Ok(())
}

fn write_run(runs: &Path, planned: &PlannedRun) -> Result<(), Box<dyn Error>> {
    let (arm, seed) = (planned.arm_index as u64, planned.seed);
    let (error, parameters, macs) = ARMS[planned.arm_index];
    let status = match (planned.arm.as_str(), seed) {
        ("strided", 4) => Status::Diverged,
        ("conv_pool", 7) => Status::Stuck,
        _ => Status::Finished,
    };
    let specification = RunSpecification {
        seed,
        precision: "f32".into(),
        device_kind: "cpu".into(),
        dataset_hash: "5f1d2c8a".repeat(8),
        numerics: BTreeMap::from([("loop".into(), 1), ("synthetic".into(), 1)]),
        data: planned.request.data.clone(),
        net: planned.request.net.clone(),
        train: planned.request.train.clone(),
    };
    let directory = RunDirectory::for_run(runs, &planned.arm, &specification);
    std::fs::create_dir_all(directory.path())?;
    directory.write_specification(&specification)?;
    let final_error = error + 0.006 * noise(&[1, seed]) + 0.004 * noise(&[2, arm, seed]);
    let epochs = if status == Status::Finished { EPOCHS } else { 4 };
    let mut journal = directory.open_journal(0)?;
    for epoch in 1..=epochs {
        let progress = epoch as f64 / EPOCHS as f64;
        let wobble = 0.012 * (1.0 - progress) * noise(&[3, arm, seed, epoch]);
        let stuck = status == Status::Stuck;
        let valid = if stuck { 0.9 } else { final_error + 0.6 * (-3.5 * progress).exp() + wobble };
        let loss = if stuck { 10_f64.ln() } else { 0.35 + 2.0 * (-3.0 * progress).exp() + 2.0 * wobble };
        for (split, name, value) in [
            (SplitName::Train, "loss", loss),
            (SplitName::Valid, "error", valid),
            (SplitName::Valid, "loss", 1.1 * loss),
        ] {
            let step = epoch * STEPS_PER_EPOCH;
            journal.append(&MetricPoint { step, epoch: epoch as f64, split, name: name.into(), value })?;
        }
    }
    if status == Status::Finished {
        let outcomes = outcomes(final_error, arm, seed);
        let wrong = outcomes.0.iter().filter(|outcome| outcome.label != outcome.predicted).count();
        let value = wrong as f64 / f64::from(EXAMPLES);
        let step = EPOCHS * STEPS_PER_EPOCH;
        journal.append(&MetricPoint {
            step,
            epoch: EPOCHS as f64,
            split: SplitName::Test,
            name: "error".into(),
            value,
        })?;
        directory.write_outcomes(&outcomes)?;
    }
    directory.write_record(&record(
        planned,
        &specification,
        status,
        Cost { parameters, macs, activation_bytes: 2_100_000 + 90_000 * arm, receptive_field: 61 },
    ))?;
    Ok(())
}

/// Hard examples are hard for every arm, so errors of two arms overlap as they do in life.
fn outcomes(error: f64, arm: u64, seed: u64) -> Outcomes {
    let of_example = |sample: u32| {
        let difficulty = 0.5 + 0.5 * noise(&[4, u64::from(sample)]);
        let luck = 0.06 * noise(&[5, arm, seed, u64::from(sample)]);
        let label = (sample % 10) as u16;
        let is_right = difficulty + luck > error;
        Outcome { sample, label, predicted: if is_right { label } else { (label + 1) % 10 }, loss: 1.0 }
    };
    Outcomes((0..EXAMPLES).map(of_example).collect())
}

fn record(planned: &PlannedRun, specification: &RunSpecification, status: Status, cost: Cost) -> RunRecord {
    let reason = match status {
        Status::Diverged => Some("the gradient of features.4.weight is not finite at step 1437".to_string()),
        Status::Stuck => {
            Some("the training loss stayed at 2.3026, that of guessing 10 classes, for 4 epochs".to_string())
        }
        _ => None,
    };
    let total_steps = EPOCHS * STEPS_PER_EPOCH;
    let seconds = 40.0 + cost.macs as f64 / 2e6 + 3.0 * noise(&[6, planned.arm_index as u64, planned.seed]);
    RunRecord {
        schema: FORMAT_VERSION,
        status,
        reason,
        study: "invented".into(),
        arm: planned.arm.clone(),
        seed: planned.seed,
        specification_hash: specification.hash(),
        request_hash: planned.request_hash.clone(),
        command: ["allconv", "study", "run", "studies/invented.toml", "--jobs", "2"]
            .map(String::from)
            .to_vec(),
        environment: Environment {
            allconv: "0.1.0".into(),
            commit: "0000000".into(),
            compiler: "rustc 1.95.0".into(),
            platform: "linux x86_64".into(),
            cpu: "invented".into(),
            instruction_set: "avx2".into(),
            device: "cpu".into(),
            threads: 2,
        },
        cost: cost.clone(),
        created_unix_seconds: 1_700_000_000 + planned.seed,
        changed_unix_seconds: 1_700_000_500 + planned.seed,
        step: if status == Status::Finished { total_steps } else { 4 * STEPS_PER_EPOCH },
        total_steps,
        timings: Timings {
            training_seconds: seconds,
            evaluation_seconds: 4.0,
            images_per_second: (total_steps * 128) as f64 / seconds,
        },
        measured: Some(Measured {
            peak_memory_bytes: Some(200_000_000 + cost.activation_bytes * 64),
            latency_1_seconds: Some(0.002 + cost.macs as f64 / 4e10),
            latency_128_seconds: Some(cost.macs as f64 / 1e9),
        }),
        resumptions: Vec::new(),
    }
}
