//! A study becomes a paper that builds, verifies, and finds what was changed.

use std::process::Output;

use crate::tiny_study::{STUDY, TinyStudy, output};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn assert_code(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{}{}", text(&output.stdout), text(&output.stderr));
}

#[test]
fn a_study_of_ones_own_becomes_a_paper_whose_runs_are_made_again_to_the_same_bits() {
    let study = TinyStudy::with(&STUDY.replace("epochs = 12", "epochs = 2"));
    study.finish(&["--threads", "1"]);
    let allconv = |arguments: &[&str]| output(study.path(), arguments);
    assert_code(&allconv(&["paper", "init", "tiny.toml"]), 0);
    assert_code(&allconv(&["paper", "init", "tiny.toml"]), 2);
    assert_code(&allconv(&["paper", "build"]), 0);
    assert_code(&allconv(&["paper", "verify"]), 0);

    // On another number of threads.
    let again = allconv(&[
        "paper",
        "verify",
        "--sample",
        "3",
        "--threads",
        "2",
        "--progress",
        "none",
        "--format",
        "json",
    ]);
    assert_code(&again, 0);
    let table: serde_json::Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(table["rows"][0]["outcome"], "same outcomes, same weights");
    assert_eq!(table["rows"][0]["threads"], 2);

    let run = study.run_directory().unwrap();
    let weights = run.join("checkpoints/last/model.safetensors");
    let mut bytes = std::fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&weights, bytes).unwrap();
    let changed = allconv(&["paper", "verify"]);
    assert_code(&changed, 3);
    assert!(
        text(&changed.stdout).starts_with("weights tiny/all_conv/all_conv-s3-"),
        "{}",
        text(&changed.stdout)
    );
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
