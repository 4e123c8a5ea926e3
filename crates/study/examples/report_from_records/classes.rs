//! An invented study of classifiers: errors, outcomes of every test example, shift agreement, claims.

use std::error::Error;
use std::path::Path;

use allconv_random::elementary::{exp, ln};
use allconv_record::{Cost, MetricPoint, Outcome, Outcomes, SplitName, Status};
use allconv_study::{PlannedRun, StudyFile};

use crate::invented::{self, noise};

const STUDY: &str = r#"question = "Does a strided convolution replace max pooling without loss of accuracy?"
caveat = "All numbers of this example are invented; it shows what a report looks like and nothing else."
primary = { metric = "error", split = "test", better = "lower" }
compare = { baseline = "max_pool", test = "paired-t", alpha = 0.05, correction = "holm", equivalence_margin = 0.005 }
seeds = { from = 0, count = 9 }
secondary = ["circular_shift_agreement"]

[claims.replaces]
text = "An added convolution with stride replaces max pooling without loss."
contrasts = [{ of = "all_conv", against = "max_pool", shows = "not_higher" }]
[claims.pooling_adds_nothing]
text = "Pooling behind an added convolution adds nothing, and makes the network no more invariant."
contrasts = [
    { of = "all_conv", against = "conv_pool", shows = "equivalent" },
    { of = "conv_pool", against = "all_conv", metric = "circular_shift_agreement", shows = "not_higher", margin = 0.01 },
]
[claims.stride_is_free]
text = "Striding the convolution before costs nothing."
contrasts = [{ of = "strided", against = "max_pool", shows = "equivalent" }]

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

/// The study.
pub(crate) fn study() -> Result<StudyFile, Box<dyn Error>> {
    Ok(StudyFile::parse("classes.toml", STUDY.to_string())?)
}

/// Writes the directory of one of its runs.
pub(crate) fn write_run(runs: &Path, planned: &PlannedRun) -> Result<(), Box<dyn Error>> {
    let (arm, seed) = (planned.arm_index as u64, planned.seed);
    let (error, parameters, macs) = ARMS[planned.arm_index];
    let status = match (planned.arm.as_str(), seed) {
        ("strided", 4) => Status::Diverged,
        ("conv_pool", 7) => Status::Stuck,
        _ => Status::Finished,
    };
    let specification = invented::specification(planned);
    let directory = invented::directory(runs, planned, &specification)?;
    let final_error = error + 0.006 * noise(&[1, seed]) + 0.004 * noise(&[2, arm, seed]);
    let epochs = if status == Status::Finished { EPOCHS } else { 4 };
    let mut journal = directory.open_journal(0)?;
    for epoch in 1..=epochs {
        let progress = epoch as f64 / EPOCHS as f64;
        let wobble = 0.012 * (1.0 - progress) * noise(&[3, arm, seed, epoch]);
        let stuck = status == Status::Stuck;
        let valid = if stuck { 0.9 } else { final_error + 0.6 * exp(-3.5 * progress) + wobble };
        let loss = if stuck { ln(10.0) } else { 0.35 + 2.0 * exp(-3.0 * progress) + 2.0 * wobble };
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
        for (name, value) in [
            ("circular_shift_agreement", 0.80 + 0.25 * (0.2 - error) + 0.01 * noise(&[7, arm, seed])),
            ("loss", 3.1 * final_error + 0.01 * noise(&[8, arm, seed])),
            ("something_unheard_of", 12.5 + noise(&[9, arm, seed])),
        ] {
            let epoch = EPOCHS as f64;
            journal.append(&MetricPoint { step, epoch, split: SplitName::Test, name: name.into(), value })?;
        }
    }
    let cost = Cost { parameters, macs, activation_bytes: 2_100_000 + 90_000 * arm, receptive_field: 61 };
    directory.write_record(&invented::record(
        planned,
        &specification,
        (status, EPOCHS * STEPS_PER_EPOCH),
        cost,
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
