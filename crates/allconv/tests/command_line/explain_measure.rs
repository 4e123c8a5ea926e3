//! `explain` and `measure`: every command of their pages, refusals, and measures as metrics of a run.

use std::path::Path;

use allconv_data::{DataDirectory, DatasetOptions, SyntheticSettings, open};

use crate::tiny_study::{TinyStudy, output};
use crate::tutorial::{blocks, expand};

/// A study whose run is measured, small enough for tests.
const MEASURED: &str = r#"
question = "Are measures metrics like any other?"
primary  = { metric = "circular_shift_agreement", split = "test", better = "higher" }
compare  = { baseline = "aps" }
seeds    = { from = 0, count = 1 }

[base.data]
dataset    = "synthetic"
synthetic  = { seed = 0, size = 16, train = 260, test = 60 }
validation = 60

[base.net]
architecture = { springenberg = { base = "c", width = 0.1 } }

[base.train]
preset  = "fast"
batch   = 32
epochs  = 2
measure = ["circular_shift_agreement", "training_loss_at_100", "effective_radius_90"]
explain = ["gradient", "guided"]

[arms.aps.net.downsample]
adaptive_polyphase = {}
"#;

/// A study of a dense task.
const MAPPED: &str = r#"
question = "Are measures of maps metrics like any other?"
primary  = { metric = "map_shift_agreement", split = "test", better = "higher" }
compare  = { baseline = "max_pool" }
seeds    = { from = 0, count = 1 }

[base.data]
dataset    = "synthetic"
synthetic  = { seed = 0, size = 32, train = 60, test = 20 }
validation = 10
task       = { segmentation = { patch = 24, patches = 1 } }

[base.net]
architecture = { u_net = { depth = 1, channels = 4 } }

[base.train]
preset  = "dense"
batch   = 16
epochs  = 1
measure = ["map_shift_agreement", "checkerboard_energy", "equivariance_error"]

[arms.max_pool.net]
downsample = { max_pool = { kernel = 2, stride = 2 } }
upsample   = { transposed_conv = {} }
"#;

#[test]
fn networks_of_dense_tasks_have_measures_of_their_own_and_refuse_those_of_classifiers() {
    let study = TinyStudy::with(MAPPED);
    let ran = output(study.path(), &["study", "run", "tiny.toml", "--progress", "none", "--threads", "1"]);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let run = expand(study.path(), "runs/tiny/max_pool-s0-*");
    let metrics = std::fs::read_to_string(study.path().join(&run).join("metrics.jsonl")).unwrap();
    for name in ["map_shift_agreement", "checkerboard_energy", "equivariance_error"] {
        assert!(metrics.contains(&format!("\"{name}\"")), "{name}: {metrics}");
    }
    let refused = |words: &[&str], reason: &str| {
        let refused = output(study.path(), words);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && said.contains(reason), "{words:?}: {said}");
    };
    refused(&["measure", &run, "--only", "circular_shift"], "networks that name a class");
    refused(&["explain", &run, "--count", "2"], "explain a unit of one of its stages");
    refused(&["explain", &run, "--units", "3"], "--layer");
    refused(&["explain", &run, "--layer", "1", "--count", "2", "--steps", "9"], "--method integrated");
}

#[test]
fn measures_that_a_study_names_are_metrics_of_its_runs() {
    let study = TinyStudy::with(MEASURED);
    let ran = output(study.path(), &["study", "run", "tiny.toml", "--progress", "none", "--threads", "1"]);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let run = expand(study.path(), "runs/tiny/aps-s0-*");
    let metrics = std::fs::read_to_string(study.path().join(&run).join("metrics.jsonl")).unwrap();
    let value = |name: &str| {
        let line = metrics
            .lines()
            .find(|line| line.contains(&format!("\"{name}\"")))
            .unwrap_or_else(|| panic!("{name}: {metrics}"));
        assert!(line.contains("\"split\":\"test\""), "{line}");
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        value["value"].as_f64().unwrap()
    };
    assert!((0.0..=1.0).contains(&value("circular_shift_agreement")));
    assert!(value("training_loss_at_100") > 0.0 && value("effective_radius_90") > 0.0);
    // Its explanations of four test images are kept, and shown by the report.
    let kept = study.path().join(&run).join("artefacts");
    let index = std::fs::read_to_string(kept.join("index.json")).unwrap();
    assert_eq!(index.matches("\"explanation\"").count(), 4, "{index}");
    let strip = image::open(kept.join("test-0-explanation.png")).unwrap();
    assert_eq!((strip.width(), strip.height()), (4 * 66 + 2, 68));
    let report = std::fs::read_to_string(study.path().join("runs/tiny/report/index.html")).unwrap();
    assert!(report.contains("gradient, guided; the same before training"));
    // The measure taken by hand is the one in the record.
    let asked = ["measure", &run, "--only", "circular_shift", "--format", "json"];
    let taken = output(study.path(), &asked);
    assert!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr));
    let taken: serde_json::Value = serde_json::from_slice(&taken.stdout).unwrap();
    let by_hand = taken["rows"][0]["value"].as_f64().unwrap();
    assert!((by_hand - value("circular_shift_agreement")).abs() < 1e-6, "{by_hand}");
    // Every network is its own baseline.
    let asked =
        ["measure", &run, "--only", "corruption", "--baseline", &run, "--count", "10", "--format", "csv"];
    let taken = String::from_utf8(output(study.path(), &asked).stdout).unwrap();
    assert!(
        taken.lines().any(|line| line.starts_with("mean_corruption_error,") && line.contains(",1.0,")),
        "{taken}"
    );
    // An interruption between the last step and the end leaves no trace: the run is taken up and measured again.
    let path = study.path().join(&run);
    let finished = std::fs::read(path.join("metrics.jsonl")).unwrap();
    let record = std::fs::read_to_string(path.join("run.json")).unwrap();
    std::fs::write(path.join("run.json"), record.replace("\"finished\"", "\"running\"")).unwrap();
    let again = output(study.path(), &["study", "run", "tiny.toml", "--progress", "none", "--threads", "2"]);
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    assert_eq!(std::fs::read(path.join("metrics.jsonl")).unwrap(), finished);
}

#[test]
fn an_unknown_metric_is_refused_before_anything_runs() {
    let study = TinyStudy::with(&MEASURED.replace("training_loss_at_100", "training_loss_at_10"));
    let refused = output(study.path(), &["study", "check", "tiny.toml"]);
    assert_eq!(refused.status.code(), Some(2));
    let message = String::from_utf8_lossy(&refused.stderr);
    assert!(message.contains("training_loss_at_10") && message.contains("training_loss_at_100"), "{message}");
}

#[test]
fn an_unknown_method_is_refused_and_so_is_one_for_dense_tasks() {
    for (text, words) in [
        (MEASURED.replace("\"guided\"", "\"gided\""), ["gided", "guided"]),
        (MAPPED.replace("epochs  = 1", "epochs  = 1\nexplain = [\"guided\"]"), ["explain", "segmentation"]),
    ] {
        let study = TinyStudy::with(&text);
        let refused = output(study.path(), &["study", "check", "tiny.toml"]);
        let message = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{message}");
        assert!(words.iter().all(|word| message.contains(word)), "{message}");
    }
}

#[test]
fn arguments_that_do_not_fit_are_refused_with_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |arguments: &[&str], words: &[&str]| {
        let output = output(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        for word in words {
            assert!(message.contains(word), "{arguments:?}: {message}");
        }
    };
    let image = folder.path().join("image.png");
    image::RgbImage::from_pixel(32, 32, image::Rgb([90, 120, 30])).save(&image).unwrap();
    let net = ["--model", "all_cnn_c", "--width", "0.1", "--images", "image.png"];
    let ask = |command: &'static str, more: &[&'static str]| [&[command], &net[..], more].concat();
    refused(&["explain"], &["--model"]);
    refused(&ask("explain", &["--checkpoint", "best"]), &["belongs to a run"]);
    refused(&ask("explain", &["--layer", "99"]), &["99", "the last one is"]);
    refused(&ask("explain", &["--layer", "3", "--channel", "50"]), &["50", "it has"]);
    refused(&ask("explain", &["--layer", "3", "--position", "3"]), &["ROW,COLUMN"]);
    refused(&ask("explain", &["--class", "1", "--layer", "3"]), &["exclude"]);
    refused(&ask("explain", &["--max-pooling", "spread"]), &["no max pooling"]);
    refused(&ask("measure", &["--only", "shift"]), &["shift", "circular_shift"]);
    refused(&ask("measure", &["--only", "sharpness"]), &["known classes"]);
    refused(&ask("measure", &["--only", "circular_shift", "--largest-shift", "90"]), &["90"]);
}

/// Runs the commands of a page on a small data set in the place of CIFAR-10, and on drawn images called `images/*`.
fn run_page(page: &str) {
    let folder = tempfile::tempdir().unwrap();
    draw_dataset(&folder.path().join("drawn"));
    draw_images(&folder.path().join("images"));
    write_quickstart(&folder.path().join("studies"));
    let imported = output(folder.path(), &["data", "import", "drawn", "--name", "cifar10_jpeg"]);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(page)).unwrap();
    let mut commands = 0;
    for block in blocks(&text, "console") {
        for line in block.lines() {
            let words = line.strip_prefix("$ allconv ").unwrap_or_else(|| panic!("not a command: {line}"));
            let words: Vec<String> =
                words.split_whitespace().flat_map(|word| expanded(folder.path(), tiny(word))).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let output = output(folder.path(), &words);
            assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
            assert!(!output.stdout.is_empty(), "{line} printed nothing");
            commands += 1;
        }
    }
    assert!(commands >= 4, "{commands} commands on {page}");
}

/// The study of the first steps with one seed, few images and one pass.
fn write_quickstart(folder: &Path) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../studies/quickstart.toml");
    let mut study = std::fs::read_to_string(path).unwrap();
    for (real, small) in [
        ("count = 3", "count = 1"),
        ("train = 4000, test = 1000", "train = 90, test = 40"),
        ("validation = 400", "validation = 20"),
        ("epochs = 6", "epochs = 1"),
    ] {
        assert!(study.contains(real), "{real} is not in the study");
        study = study.replace(real, small);
    }
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("quickstart.toml"), study).unwrap();
}

/// A drawn data set of 32×32 pixels in ten classes, as folders.
fn draw_dataset(folder: &Path) {
    let synthetic = SyntheticSettings { seed: 5, size: 32, train: 120, test: 40 };
    let options = DatasetOptions { validation: 0, train_images: None, synthetic, view: None };
    let dataset = open("synthetic", &DataDirectory::new(folder.join("unused")), &options).unwrap();
    for (name, split) in [("train", &dataset.train), ("test", &dataset.test)] {
        for sample in 0..split.len() {
            let class = folder.join(name).join(&dataset.classes[usize::from(split.label(sample).unwrap())]);
            std::fs::create_dir_all(&class).unwrap();
            std::fs::write(class.join(format!("{sample}.png")), split.png(sample).unwrap()).unwrap();
        }
    }
}

/// Three images of the size that the ImageNet network takes.
fn draw_images(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    for sample in 0..3_u32 {
        let colour =
            |x: u32, y: u32| image::Rgb([(x ^ y) as u8, (x * (sample + 1)) as u8, (x / 9 * 37 + y) as u8]);
        image::RgbImage::from_fn(224, 224, colour).save(folder.join(format!("{sample}.png"))).unwrap();
    }
}

/// Expands an argument as a shell does: to the images, or to the one run that it matches.
fn expanded(folder: &Path, argument: &str) -> Vec<String> {
    match argument {
        "images/*" => (0..3).map(|sample| format!("images/{sample}.png")).collect(),
        _ => vec![expand(folder, argument)],
    }
}

/// Reduces an argument of a command: less training, narrower networks, fewer images.
fn tiny(argument: &str) -> &str {
    match argument {
        "60000" => "96",
        "5000" => "20",
        "0.5" => "0.1",
        "24" | "64" | "500" => "2",
        "200" => "20",
        "1.0" => "0.06",
        other => other,
    }
}

#[test]
fn every_command_of_the_page_on_explaining_works_in_order() {
    run_page("explain.md");
}

#[test]
fn every_command_of_the_page_on_measuring_works_in_order() {
    run_page("measure.md");
}
