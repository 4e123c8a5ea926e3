//! Threads and loader workers do not show in the result.

use crate::tiny_study::{TinyStudy, assert_same_results};

#[test]
fn threads_and_loader_workers_do_not_change_a_bit() {
    let reference = TinyStudy::new();
    reference.finish(&["--threads", "1", "--workers", "0"]);
    for further in [
        ["--threads", "2", "--workers", "0"],
        ["--threads", "2", "--workers", "3"],
        ["--threads", "3", "--workers", "1"],
    ] {
        let other = TinyStudy::new();
        other.finish(&further);
        assert_same_results(&reference, &other);
        let threads = format!("\"threads\": {}", further[1]);
        let record = std::fs::read_to_string(other.run_directory().unwrap().join("run.json")).unwrap();
        assert!(record.contains(&threads), "the run was not made with {}", further[1]);
    }
}

#[test]
fn the_seed_changes_the_result() {
    let first = TinyStudy::new();
    first.finish(&[]);
    let text = crate::tiny_study::STUDY.replace("synthetic  = { seed = 0", "synthetic  = { seed = 1");
    let second = TinyStudy::with(&text);
    second.finish(&[]);
    assert_ne!(first.results()["metrics.jsonl"], second.results()["metrics.jsonl"]);
}
