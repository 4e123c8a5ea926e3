//! A small study, a resolver and run directories for this crate's own tests.

use std::collections::BTreeMap;
use std::path::Path;

use allconv_record::{
    ArtefactPicture, Artefacts, Cost, Environment, ExampleScores, FORMAT_VERSION, MetricPoint, PictureRole,
    Request, Resolve, ResolveError, Resolved, RunDirectory, RunRecord, RunSpecification, Scores, SplitName,
    StageShape, Status, Timings,
};

use crate::file::StudyFile;
use crate::matrix::PlannedRun;

/// The text of a study with three arms, of which `max_pool` is the baseline.
pub(crate) fn small_study_text(seeds: u32) -> String {
    format!(
        r#"question = "Does a strided convolution replace max pooling?"
primary = {{ metric = "error", split = "test", better = "lower" }}
compare = {{ baseline = "max_pool", alpha = 0.05 }}
seeds = {{ from = 0, count = {seeds} }}

[base.data]
dataset = "synthetic"
[base.net]
width = 0.25
[base.train]
epochs = 2

[arms.max_pool.net.downsample]
max_pool = {{ kernel = 3 }}
[arms.strided.net.downsample]
folded_stride = {{ kernel = 3 }}
[arms.all_conv.net.downsample]
strided_conv = {{ kernel = 3 }}
"#
    )
}

/// The same arms crossed with two bases: six arms, each compared with `max_pool` of its own base.
pub(crate) fn factorial_study_text(seeds: u32) -> String {
    let text =
        small_study_text(seeds).replace("baseline = \"max_pool\"", "baseline = { rule = \"max_pool\" }");
    let text = text.replace("[arms.", "[factors.rule.");
    format!("{text}[factors.base]\na.net.base = \"a\"\nc.net.base = \"c\"\n")
}

/// The same arms, each trained for 2, 4 and 8 epochs: nine arms, each compared with `max_pool` of its own length.
pub(crate) fn lengths_study_text(seeds: u32) -> String {
    let text = factorial_study_text(seeds).replace("epochs = 2\n", "batch = 2\n");
    let lengths =
        "[factors.length]\nshort.train.epochs = 2\nmiddle.train.epochs = 4\nlong.train.epochs = 8\n";
    format!("{}{lengths}", &text[..text.find("[factors.base]").unwrap()])
}

/// Writes the runs of that study: `strided` loses 3 points at 2 epochs and 2 less with every doubling, `all_conv` 1 point and `growth` more.
pub(crate) fn write_lengths(folder: &Path, study: &StudyFile, growth: f64) {
    for planned in crate::matrix::plan(study) {
        let [rule, length] = study.arms[planned.arm_index].levels[..] else { panic!("two factors") };
        let loss = [0.0, 0.03 - 0.02 * length as f64, 0.01 + growth * length as f64][rule];
        let noise = 0.0004 * ((planned.seed * 7 + planned.arm_index as u64 * 3) % 5) as f64;
        write_run(folder, &planned, Status::Finished, Some(0.3 - 0.05 * length as f64 + loss + noise));
    }
}

/// The small study, parsed.
pub(crate) fn small_study(seeds: u32) -> StudyFile {
    StudyFile::parse("small.toml", small_study_text(seeds)).unwrap()
}

/// A resolver of three operators.
pub(crate) struct FakeResolve;

impl Resolve for FakeResolve {
    fn resolve(&self, request: &Request) -> Result<Resolved, ResolveError> {
        let slot = request.net["downsample"].as_table().unwrap();
        let name = slot.keys().next().unwrap();
        let known = ["max_pool", "folded_stride", "strided_conv"];
        let Some(position) = known.iter().position(|operator| operator == name) else {
            return Err(ResolveError {
                path: vec!["net".into(), "downsample".into(), name.clone()],
                message: format!("unknown operator `{name}`"),
                suggestion: crate::file::nearest_name(name, known),
                bad_data: false,
            });
        };
        let mut train = request.train.clone();
        let epochs = train.remove("epochs").unwrap_or(toml::Value::Integer(2));
        let shown =
            1000.0 * epochs.as_float().or(epochs.as_integer().map(|epochs| epochs as f64)).unwrap_or(2.0);
        let presentations = shown as u64;
        train.insert("length".into(), toml::toml! { epochs = epochs }.into());
        let cost = Cost {
            parameters: 1000 * (position as u64 + 1),
            macs: 50_000,
            activation_bytes: 4096,
            receptive_field: 9,
        };
        Ok(Resolved {
            specification: RunSpecification {
                seed: request.seed,
                precision: "f32".into(),
                device_kind: "cpu".into(),
                dataset_hash: "d5".into(),
                numerics: BTreeMap::from([("loop".into(), 1)]),
                data: request.data.clone(),
                net: request.net.clone(),
                train,
            },
            shapes: vec![StageShape {
                stage: "conv".into(),
                shape: [8, 16, 16],
                parameters: 1000,
                macs: 50_000,
            }],
            cost,
            presentations,
            // Only this schedule has a beginning that does not depend on the length.
            shared_presentations: if request.train.contains_key("schedule") { presentations / 2 } else { 0 },
            steps: presentations / 100,
            memory_bytes: 1 << 20,
            metrics: recorded(request),
        })
    }
}

/// What a run records: a measure on the test split, and nothing on the validation split where nothing is held out.
fn recorded(request: &Request) -> Vec<(SplitName, String)> {
    let has_validation = request.data.get("validation").and_then(toml::Value::as_integer) != Some(0);
    let of = |split: SplitName, names: &[&str]| names.iter().map(|name| (split, name.to_string())).collect();
    let mut metrics: Vec<_> = of(SplitName::Train, &["loss", "error"]);
    metrics.extend(if has_validation { of(SplitName::Valid, &["loss", "error"]) } else { Vec::new() });
    metrics.extend(of(SplitName::Test, &["loss", "error", "shift_agreement"]));
    metrics
}

/// Writes the directory of a finished run whose last validation error is `error`.
pub(crate) fn write_run_with_validation(folder: &Path, planned: &PlannedRun, error: f64) -> RunDirectory {
    write_measured_run(folder, planned, Status::Finished, (error, Some(0.5)))
}

/// Writes the scores of `images` test images, `img_0` and so on.
pub(crate) fn write_scores(
    directory: &RunDirectory,
    metric: &str,
    images: usize,
    value: impl Fn(usize) -> f64,
) {
    let of_image = |image: usize| ExampleScores { name: format!("img_{image}"), values: vec![value(image)] };
    let scores = Scores::new(vec![metric.into()], (0..images).map(of_image).collect());
    directory.write_scores(&scores).unwrap();
}

/// Writes target, bicubic and output of each named image, as files of `size` bytes that begin like PNG files.
pub(crate) fn write_pictures(directory: &RunDirectory, names: &[&str], size: impl Fn(&str) -> usize) {
    let mut pictures = Vec::new();
    for name in names {
        for role in [PictureRole::Target, PictureRole::Bicubic, PictureRole::Output] {
            let metrics = match role {
                PictureRole::Target => BTreeMap::new(),
                _ => BTreeMap::from([("error".to_string(), 0.25)]),
            };
            let file = format!("{name}-{}.png", role.name());
            let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
            png.resize(size(role.name()), 0);
            pictures.push((
                ArtefactPicture { file, example: name.to_string(), role, caption: None, metrics },
                png,
            ));
        }
    }
    Artefacts::write(&directory.artefacts(), &pictures).unwrap();
}

/// Appends the value of a metric of the test split.
pub(crate) fn append_metric(directory: &RunDirectory, name: &str, value: f64) {
    append(directory, (SplitName::Test, name), value);
}

fn append(directory: &RunDirectory, (split, name): (SplitName, &str), value: f64) {
    let length = std::fs::metadata(directory.journal_path()).unwrap().len();
    let mut journal = directory.open_journal(length).unwrap();
    journal.append(&MetricPoint { step: 20, epoch: 2.0, split, name: name.into(), value }).unwrap();
}

/// Writes the directory of a planned run below `folder`; `error` is its final test error, if it has one.
pub(crate) fn write_run(
    folder: &Path,
    planned: &PlannedRun,
    status: Status,
    error: Option<f64>,
) -> RunDirectory {
    write_measured_run(folder, planned, status, (0.7, error))
}

/// The same with the last validation error and the test error.
fn write_measured_run(
    folder: &Path,
    planned: &PlannedRun,
    status: Status,
    (valid, test): (f64, Option<f64>),
) -> RunDirectory {
    let resolved = FakeResolve.resolve(&planned.request).unwrap();
    let directory = RunDirectory::for_run(folder, &planned.arm, &resolved.specification);
    std::fs::create_dir_all(directory.path()).unwrap();
    directory.write_specification(&resolved.specification).unwrap();
    let mut journal = directory.open_journal(0).unwrap();
    for step in [10, 20] {
        for (split, name, value) in [
            (SplitName::Train, "loss", 2.3 / step as f64),
            (SplitName::Valid, "error", if step == 20 { valid } else { 0.8 }),
        ] {
            let epoch = step as f64 / 10.0;
            journal.append(&MetricPoint { step, epoch, split, name: name.into(), value }).unwrap();
        }
    }
    if let Some(value) = test {
        let point = MetricPoint { step: 20, epoch: 2.0, split: SplitName::Test, name: "error".into(), value };
        journal.append(&point).unwrap();
    }
    // At the end, as a run does it: what has ended holds all of its results.
    directory.write_record(&record(planned, &resolved, status)).unwrap();
    directory
}

/// The record of a planned run.
pub(crate) fn record(planned: &PlannedRun, resolved: &Resolved, status: Status) -> RunRecord {
    RunRecord {
        schema: FORMAT_VERSION,
        status,
        reason: (!matches!(status, Status::Finished)).then(|| format!("was {status} on purpose")),
        study: "small".into(),
        arm: planned.arm.clone(),
        seed: planned.seed,
        specification_hash: resolved.specification.hash(),
        request_hash: planned.request_hash.clone(),
        study_file_sha256: None,
        command: vec!["allconv".into(), "study".into(), "run".into(), "small.toml".into()],
        environment: Environment {
            allconv: "0.1.0".into(),
            commit: "abc".into(),
            instruction_set: "avx2".into(),
            device: "cpu".into(),
            threads: 2,
            ..Environment::default()
        },
        cost: resolved.cost.clone(),
        created_unix_seconds: 1_700_000_000 + planned.seed,
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

/// Appends a metric of the training split, measured after the last step.
pub(crate) fn append_training_metric(directory: &RunDirectory, name: &str, value: f64) {
    append(directory, (SplitName::Train, name), value);
}
