//! An invented study of super-resolution: scores of every test image, pictures, bicubic interpolation as the anchor.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use allconv_random::elementary::{exp, sin};
use allconv_record::{
    ArtefactPicture, Artefacts, Cost, ExampleScores, MetricPoint, PictureRole, Scores, SplitName, Status,
};
use allconv_study::{PlannedRun, StudyFile};
use resvg::tiny_skia::{Color, Paint, Pixmap, Rect, Transform};

use crate::invented::{self, noise};

const STUDY: &str = r#"question = "Which downsampling goes into a U-Net that doubles the resolution?"
caveat = "All numbers and pictures of this example are invented; it shows what a report looks like and nothing else."
primary = { metric = "psnr_y", split = "test", better = "higher" }
compare = { baseline = "max_pool", test = "paired-t", alpha = 0.05, correction = "holm", equivalence_margin = 0.1 }
seeds = { from = 0, count = 5 }
secondary = ["ssim_y"]

[base.data]
dataset = "invented"
[base.net]
architecture = { u_net = { depth = 3 } }
[base.train]
preset = "fast"
epochs = 10

[arms.max_pool.net.downsample]
max_pool = { kernel = 2, stride = 2 }
[arms.average_pool.net.downsample]
average_pool = { kernel = 2, stride = 2 }
[arms.strided_conv.net.downsample]
strided_conv = { kernel = 3, stride = 2 }
[arms.pixel_unshuffle.net.downsample]
pixel_unshuffle = { factor = 2 }
"#;

/// What is invented of an arm: gain over bicubic interpolation in dB, operations.
const ARMS: [(f64, u64); 4] =
    [(1.9, 120_000_000), (2.1, 119_000_000), (2.3, 140_000_000), (2.6, 165_000_000)];

const STEPS: u64 = 1000;

const IMAGES: [&str; 10] =
    ["baby", "bird", "butterfly", "head", "woman", "comic", "flowers", "lenna", "zebra", "barbara"];

/// Side of a picture in pixels.
const SIDE: u32 = 64;

/// The study.
pub(crate) fn study() -> Result<StudyFile, Box<dyn Error>> {
    Ok(StudyFile::parse("upscale.toml", STUDY.to_string())?)
}

/// Writes the directory of one of its runs.
pub(crate) fn write_run(runs: &Path, planned: &PlannedRun) -> Result<(), Box<dyn Error>> {
    let (arm, seed) = (planned.arm_index as u64, planned.seed);
    let (gain, macs) = ARMS[planned.arm_index];
    let specification = invented::specification(planned);
    let directory = invented::directory(runs, planned, &specification)?;
    let metrics = ["psnr_y", "ssim_y", "bicubic_psnr_y"].map(String::from).to_vec();
    let of_image = |index: usize| {
        let image = index as u64;
        let bicubic = 31.0 + 3.0 * noise(&[1, image]);
        let psnr = bicubic
            + gain
            + 0.15 * noise(&[2, seed])
            + 0.8 * noise(&[3, image, arm])
            + 0.05 * noise(&[4, arm, seed, image]);
        vec![psnr, 1.0 - 1.8 / psnr, bicubic]
    };
    let examples: Vec<ExampleScores> = IMAGES
        .iter()
        .enumerate()
        .map(|(index, name)| ExampleScores { name: name.to_string(), values: of_image(index) })
        .collect();
    let mut journal = directory.open_journal(0)?;
    for epoch in 1..=10_u64 {
        let loss = 0.03 + 0.1 * exp(-0.4 * epoch as f64) + 0.002 * noise(&[5, arm, seed, epoch]);
        for (split, name, value) in
            [(SplitName::Train, "loss", loss), (SplitName::Valid, "psnr_y", 34.0 - 60.0 * loss + gain)]
        {
            let step = epoch * STEPS / 10;
            journal.append(&MetricPoint { step, epoch: epoch as f64, split, name: name.into(), value })?;
        }
    }
    for (column, name) in metrics.iter().enumerate() {
        let mean = examples.iter().map(|example| example.values[column]).sum::<f64>() / examples.len() as f64;
        journal.append(&MetricPoint {
            step: STEPS,
            epoch: 10.0,
            split: SplitName::Test,
            name: name.clone(),
            value: mean,
        })?;
    }
    if seed == 0 {
        write_pictures(&directory.artefacts(), arm, &examples[..3])?;
    }
    directory.write_scores(&Scores::new(metrics, examples))?;
    let cost = Cost {
        parameters: 480_000 + 9000 * arm,
        macs,
        activation_bytes: 4_000_000 + macs / 100,
        receptive_field: 92,
    };
    directory.write_record(&invented::record(planned, &specification, (Status::Finished, STEPS), cost))?;
    Ok(())
}

fn write_pictures(folder: &Path, arm: u64, examples: &[ExampleScores]) -> Result<(), Box<dyn Error>> {
    let mut pictures = Vec::new();
    for (index, example) in examples.iter().enumerate() {
        for (role, blur) in [
            (PictureRole::Target, 0.0),
            (PictureRole::Bicubic, 3.0),
            (PictureRole::Output, 2.0 - 0.4 * arm as f32),
        ] {
            let metrics = match role {
                PictureRole::Bicubic => BTreeMap::from([("psnr_y".to_string(), example.values[2])]),
                PictureRole::Output => BTreeMap::from([
                    ("psnr_y".to_string(), example.values[0]),
                    ("ssim_y".to_string(), example.values[1]),
                ]),
                _ => BTreeMap::new(),
            };
            let file = format!("{}-{}.png", example.name, role.name());
            let picture =
                ArtefactPicture { file, example: example.name.clone(), role, caption: None, metrics };
            pictures.push((picture, drawn(index as f32, blur)?));
        }
    }
    Ok(Artefacts::write(folder, &pictures)?)
}

/// Stripes with soft edges of the given width in pixels.
fn drawn(index: f32, blur: f32) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut pixels = Pixmap::new(SIDE, SIDE).ok_or("no pixels")?;
    let mut paint = Paint::default();
    for x in 0..SIDE {
        let place = (x as f32 + 0.5) / 8.0 + 0.3 * index;
        let wave = sin(f64::from(std::f32::consts::TAU * place / 2.0)) as f32;
        let shade = (0.5 + 0.5 * wave * (4.0 / (1.0 + blur))).clamp(0.05, 0.95);
        paint.set_color(Color::from_rgba(shade, 0.8 * shade, 1.0 - 0.7 * shade, 1.0).ok_or("no colour")?);
        let column = Rect::from_xywh(x as f32, 0.0, 1.0, SIDE as f32).ok_or("no column")?;
        pixels.fill_rect(column, &paint, Transform::from_rotate_at(30.0 * index, 32.0, 32.0), None);
    }
    Ok(pixels.encode_png()?)
}
