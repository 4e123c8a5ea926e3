//! A study becomes a paper that builds, verifies, and finds what was changed.

use std::path::Path;
use std::process::Output;

use crate::tiny_study::{STUDY, TinyStudy, output};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn assert_code(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{}{}", text(&output.stdout), text(&output.stderr));
}

#[test]
fn the_quickstart_becomes_a_paper_whose_runs_are_made_again_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let allconv = |arguments: &[&str]| output(folder.path(), arguments);
    std::fs::create_dir(folder.path().join("studies")).unwrap();
    std::fs::write(folder.path().join("studies/quickstart.toml"), short_quickstart()).unwrap();
    let study = "studies/quickstart.toml";
    assert_code(&allconv(&["study", "run", study, "--progress", "none", "--threads", "1"]), 0);
    assert_code(&allconv(&["paper", "init", study]), 0);
    assert_code(&allconv(&["paper", "build", "paper"]), 0);
    let values = std::fs::read_to_string(folder.path().join("paper/generated/values.tex")).unwrap();
    assert!(!values.contains("\\pending{}}") && values.contains("quickstart/"), "{values}");
    assert_code(&allconv(&["paper", "verify", "paper"]), 0);

    // On another number of threads.
    let threads = ["--threads", "2", "--progress", "none", "--format", "json"];
    let again = allconv(&[&["paper", "verify", "paper", "--sample", "3"][..], &threads].concat());
    assert_code(&again, 0);
    let table: serde_json::Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(table["rows"].as_array().unwrap().len(), 3);
    assert_eq!(table["rows"][0]["outcome"], "same outcomes, same weights");
    assert_eq!(table["rows"][0]["threads"], 2);
}

/// The quickstart with fewer images and one epoch.
fn short_quickstart() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../studies/quickstart.toml");
    let mut text = std::fs::read_to_string(path).unwrap();
    for (from, to) in [
        ("train = 4000, test = 1000", "train = 600, test = 120"),
        ("validation = 400", "validation = 60"),
        ("epochs = 6", "epochs = 1"),
    ] {
        assert!(text.contains(from), "the quickstart has no {from}");
        text = text.replace(from, to);
    }
    text
}

#[test]
fn a_changed_weight_is_found_by_its_hash_and_by_training_again() {
    let study = TinyStudy::with(&STUDY.replace("epochs = 12", "epochs = 2"));
    study.finish(&[]);
    let allconv = |arguments: &[&str]| output(study.path(), arguments);
    assert_code(&allconv(&["paper", "init", "tiny.toml"]), 0);
    assert_code(&allconv(&["paper", "init", "tiny.toml"]), 2);
    assert_code(&allconv(&["paper", "build"]), 0);
    assert_code(&allconv(&["paper", "verify"]), 0);

    let run = study.run_directory().unwrap();
    let weights = run.join("checkpoints/last/model.safetensors");
    let mut bytes = std::fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&weights, bytes).unwrap();
    let changed = allconv(&["paper", "verify"]);
    assert_code(&changed, 3);
    let printed = text(&changed.stdout);
    assert!(printed.starts_with("weights tiny/all_conv/all_conv-s3-"), "{printed}");
    let changed = allconv(&["paper", "verify", "--all", "--progress", "none"]);
    assert_code(&changed, 3);
    assert!(text(&changed.stdout).contains("the final weights have other bits"), "{}", text(&changed.stdout));
}

#[test]
fn a_number_typed_by_hand_is_refused_with_its_place() {
    let study = TinyStudy::new();
    assert_code(&output(study.path(), &["paper", "init", "tiny.toml"]), 0);
    std::fs::write(study.path().join("paper/sections/abstract.tex"), "It errs\nby 12.3\\,\\%.\n").unwrap();
    let refused = output(study.path(), &["paper", "build"]);
    assert_code(&refused, 2);
    assert!(
        text(&refused.stderr).contains("sections/abstract.tex:2:4: the number 12.3"),
        "{}",
        text(&refused.stderr)
    );
}
