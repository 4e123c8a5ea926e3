//! Runs that begin from trained weights.

use std::fs;
use std::path::{Path, PathBuf};

use allconv_train::{NamedTensors, read_safetensors};

use crate::tiny_study::{STUDY, TinyStudy, output};

/// [`STUDY`] with another recipe, shorter.
fn tuned(train: &str) -> String {
    STUDY
        .replace("epochs = 12", "epochs = 1")
        .replace("preset = \"fast\"", &format!("preset = \"fast\"\n{train}"))
}

fn weights(run: &Path) -> NamedTensors {
    read_safetensors(&run.join("checkpoints/last/model.safetensors")).unwrap()
}

/// The runs of the study `name` in a folder.
fn runs_of(folder: &Path, name: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("runs").join(name)).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.join("spec.toml").is_file()).collect()
}

#[test]
fn a_run_from_trained_weights_keeps_what_is_frozen_and_knows_its_weights() {
    let first = TinyStudy::with(&STUDY.replace("epochs = 12", "epochs = 1"));
    first.finish(&[]);
    let folder = first.path();
    let trained = first.run_directory().unwrap();
    let start = format!(
        "start = {{ weights = \"runs/tiny/{}\", freeze = [\"features.1\", \"features.3\"] }}",
        trained.file_name().unwrap().to_string_lossy()
    );
    fs::write(folder.join("tuned.toml"), tuned(&start)).unwrap();
    let checked = output(folder, &["study", "check", "tuned.toml"]);
    let told = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(checked.status.success() && told.contains("frozen: features.1, features.3"), "{told}");
    let made = output(folder, &["study", "run", "tuned.toml", "--progress", "none"]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));

    let run = runs_of(folder, "tuned").remove(0);
    let (before, after) = (weights(&trained), weights(&run));
    for (path, tensor) in &after {
        let frozen = path.starts_with("features.1.") || path.starts_with("features.3.");
        assert_eq!(*tensor == before[path], frozen, "{path}");
    }
    let specification = fs::read_to_string(run.join("spec.toml")).unwrap();
    let manifest = fs::read_to_string(trained.join("checkpoints/last/MANIFEST.sha256")).unwrap();
    let hash =
        manifest.lines().find(|line| line.ends_with("model.safetensors")).unwrap().split(' ').next().unwrap();
    assert!(specification.contains(hash) && !specification.contains("runs/tiny"), "{specification}");

    // The same weights elsewhere are the same run, which is finished.
    fs::copy(trained.join("checkpoints/last/model.safetensors"), folder.join("copy.safetensors")).unwrap();
    let moved = "start = { weights = \"copy.safetensors\", freeze = [\"features.1\", \"features.3\"] }";
    fs::write(folder.join("tuned.toml"), tuned(moved)).unwrap();
    let again = output(folder, &["study", "run", "tuned.toml", "--progress", "none"]);
    assert!(again.status.success());
    assert_eq!(
        fs::read_dir(folder.join("runs/tuned"))
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().path().join("spec.toml").is_file())
            .count(),
        1
    );
}

#[test]
fn train_names_what_is_not_loaded_and_refuses_what_does_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    let train = |more: &[&str]| {
        let arguments = [
            "train",
            "--dataset",
            "synthetic",
            "--train-images",
            "64",
            "--validation",
            "0",
            "--width",
            "0.1",
        ];
        let rest = ["--epochs", "1", "--preset", "fast", "--batch-size", "32", "--progress", "none"];
        let made = output(folder.path(), &[&arguments[..], &rest, more].concat());
        (made.status.code().unwrap(), String::from_utf8_lossy(&made.stderr).into_owned())
    };
    let (code, told) = train(&["--model", "model_c"]);
    assert_eq!(code, 0, "{told}");
    let run = runs_of(folder.path(), "train").remove(0);
    let run = run.to_str().unwrap();
    for (arguments, code, said) in [
        (&["--model", "model_c", "--start", run, "--freeze", "features.1"][..], 0, "; frozen: features.1"),
        // The strided convolutions stand at other places of the list.
        (&["--model", "all_cnn_c", "--start", run], 2, "only the last layer, `features.19`, may differ"),
        (&["--model", "resnet20", "--start", run], 2, "they are those of another architecture"),
        (
            &["--model", "model_c", "--start", run, "--freeze", "layer1"],
            2,
            "begins with `layer1.`; there are features.1,",
        ),
        (&["--model", "model_c", "--start", "absent.safetensors"], 65, "absent.safetensors"),
    ] {
        let (found, told) = train(arguments);
        assert!(found == code && told.contains(said), "{arguments:?}: {found}, {told}");
    }
}
