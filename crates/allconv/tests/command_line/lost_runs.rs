//! Failures of one run or of its files end no other run and are never reported as results.

use std::path::PathBuf;

use crate::tiny_study::{TinyStudy, output};

/// Two arms whose difference does not matter here.
const STUDY: &str = r#"
question = "Do the others go on?"
primary  = { metric = "error", split = "test", better = "lower" }
compare  = { baseline = "max_pool" }
seeds    = { from = 3, count = 1 }

[base.data]
dataset    = "synthetic"
synthetic  = { seed = 0, size = 16, train = 60, test = 20 }
validation = 20

[base.net]
architecture = { springenberg = { base = "c", width = 0.05 } }

[base.train]
preset = "fast"
batch  = 40
epochs = 2

[arms.max_pool.net.downsample]
max_pool = { kernel = 3, stride = 2 }
[arms.all_conv.net.downsample]
strided_conv = { kernel = 3, stride = 2 }
"#;

fn bytes(study: &TinyStudy, file: &str) -> Vec<u8> {
    std::fs::read(study.run_directory().unwrap().join(file)).unwrap()
}

#[test]
fn damaged_results_are_made_again_to_the_same_bits() {
    let study = TinyStudy::with(STUDY);
    study.finish(&[]);
    let files =
        ["metrics.jsonl", "outcomes.bin", "data.json", "spec.toml", "checkpoints/last/model.safetensors"];
    let wanted: Vec<Vec<u8>> = files.iter().map(|file| bytes(&study, file)).collect();
    let status = || bytes(&study, "run.json");
    let path = |file: &str| study.run_directory().unwrap().join(file);
    type Damage<'a> = &'a dyn Fn(&PathBuf);
    let damages: [Damage<'_>; 4] = [
        &|path| std::fs::write(path, &std::fs::read(path).unwrap()[..40]).unwrap(),
        &|path| std::fs::remove_file(path).unwrap(),
        &|path| std::fs::write(path, vec![0; std::fs::read(path).unwrap().len()]).unwrap(),
        &|path| {
            let mut bytes = std::fs::read(path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 4;
            std::fs::write(path, bytes).unwrap();
        },
    ];
    for file in ["metrics.jsonl", "outcomes.bin", "spec.toml", "run.json"] {
        for (number, damage) in damages.iter().enumerate() {
            damage(&path(file));
            study.finish(&[]);
            for (name, wanted) in files.iter().zip(&wanted) {
                assert!(bytes(&study, name) == *wanted, "{name} differs after damage {number} to {file}");
            }
            assert!(
                String::from_utf8(status()).unwrap().contains("\"finished\""),
                "damage {number} to {file}"
            );
        }
    }
}

#[test]
fn a_run_of_a_later_version_is_refused_and_stays_byte_for_byte() {
    let study = TinyStudy::with(STUDY);
    study.finish(&[]);
    let record = study.run_directory().unwrap().join("run.json");
    let later = r#"{"schema": 99, "status": "finished", "unheard_of": 1}"#;
    std::fs::write(&record, later).unwrap();
    std::fs::remove_file(study.run_directory().unwrap().join("lock")).unwrap();
    let before = listed(&study);
    let refused = study.command(&[]).output().unwrap();
    let told = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(told.contains("use a newer allconv"), "{told}");
    assert_eq!(listed(&study), before);
    assert_eq!(std::fs::read_to_string(&record).unwrap(), later);
}

/// Names, sizes and times of the files in the run's folder.
fn listed(study: &TinyStudy) -> Vec<(String, u64, std::time::SystemTime)> {
    let mut files: Vec<_> = std::fs::read_dir(study.run_directory().unwrap())
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let found = entry.metadata().unwrap();
            (entry.file_name().to_string_lossy().into_owned(), found.len(), found.modified().unwrap())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn an_unwritable_folder_fails_once_with_74_and_its_name() {
    let study = TinyStudy::with(STUDY);
    std::fs::write(study.path().join("file"), "in the way").unwrap();
    let refused = study.command(&["--out", "file"]).output().unwrap();
    let told = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(74), "{told}");
    assert_eq!(told.matches("cannot create file").count(), 1, "{told}");
}

#[test]
fn a_file_beyond_the_limit_of_the_process_is_an_error_of_writing() {
    let study = TinyStudy::with(STUDY);
    // In units of 1 KiB: enough for the small files, too little for the weights.
    let limited = "ulimit -f 8; exec \"$0\" study run tiny.toml --progress none";
    let mut command = std::process::Command::new("bash");
    command.args(["-c", limited, env!("CARGO_BIN_EXE_allconv")]);
    let ended = command.current_dir(study.path()).env_remove("ALLCONV_DATA").output().unwrap();
    let told = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(74), "{:?}: {told}", ended.status);
    assert!(told.contains("safetensors"), "{told}");
    study.finish(&[]);
}

#[test]
fn an_autoencoder_whose_pair_has_no_weights_is_evaluated_without_training() {
    let text = r#"
question = "What does the pair lose by itself?"
primary  = { metric = "psnr", split = "test", better = "higher" }
compare  = { baseline = "unshuffle" }
seeds    = { from = 0, count = 1 }

[base.data]
dataset    = "synthetic"
synthetic  = { seed = 0, size = 24, train = 20, test = 4 }
validation = 2
task       = { autoencoding = { patch = 16, patches = 1 } }

[base.net]
architecture = { autoencoder = { depth = 1, channels = 3, convolutions = 0 } }

[base.train]
preset = "dense"
epochs = 1

[arms.unshuffle.net]
downsample = { pixel_unshuffle = { factor = 2 } }
upsample   = { pixel_shuffle = { factor = 2 } }
[arms.max_pool.net]
downsample = { max_pool = { kernel = 2, stride = 2 } }
upsample   = { max_unpool = { kernel = 2, stride = 2 } }
"#;
    let study = TinyStudy::with(text);
    study.finish(&[]);
    let values = std::fs::read_to_string(study.path().join("runs/tiny/report/results.csv")).unwrap();
    assert!(values.contains("unshuffle") && values.contains("max_pool"), "{values}");
    assert!(!values.contains("failed"), "{values}");
}

#[test]
fn images_too_small_for_the_metric_are_refused_by_the_check() {
    for (task, size, net) in [
        // A window of SSIM has 11×11 pixels.
        (
            "{ denoising = { sigma = 25.0, patch = 8, patches = 1 } }",
            8,
            "{ u_net = { depth = 1, channels = 4 } }",
        ),
    ] {
        let text = format!(
            r#"
question = "Is it said beforehand?"
primary  = {{ metric = "psnr", split = "test", better = "higher" }}
compare  = {{ baseline = "max_pool" }}
seeds    = {{ from = 0, count = 1 }}
[base.data]
dataset    = "synthetic"
synthetic  = {{ seed = 0, size = {size}, train = 20, test = 4 }}
validation = 2
task       = {task}
[base.net]
architecture = {net}
[base.train]
preset = "dense"
epochs = 1
[arms.max_pool.net]
downsample = {{ max_pool = {{ kernel = 2, stride = 2 }} }}
upsample   = {{ transposed_conv = {{}} }}
"#
        );
        let study = TinyStudy::with(&text);
        for command in ["check", "run"] {
            let refused = output(study.path(), &["study", command, "tiny.toml"]);
            let told = String::from_utf8_lossy(&refused.stderr);
            assert_eq!(refused.status.code(), Some(65), "{command}: {told}");
            assert!(told.contains("11×11"), "{told}");
        }
    }
}
