//! Reports are the same bytes when they are written again, and show images and names of the data set.

use std::collections::BTreeMap;
use std::path::Path;

use crate::tiny_study::{STUDY, TinyStudy, allconv};

/// Returns a study of two arms with little training, so that they disagree on some test images.
fn two_arms() -> String {
    let text = STUDY.replace("epochs = 12", "epochs = 1").replace("count = 1", "count = 2");
    format!("{text}\n[arms.max_pool.net.downsample]\nmax_pool = {{ kernel = 3, stride = 2 }}\n")
}

/// Every file below `folder` with its content.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    files
}

#[test]
fn a_deleted_report_is_written_again_byte_for_byte_with_the_images_of_the_data_set() {
    let study = TinyStudy::with(&two_arms());
    assert!(study.command(&[]).output().unwrap().status.success());
    let report = study.path().join("runs/tiny/report");
    let first = contents(&report);
    std::fs::remove_dir_all(&report).unwrap();
    let again =
        allconv(study.path()).args(["study", "report", "tiny.toml", "--tensorboard"]).output().unwrap();
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    let mut second = contents(&report);
    let events: Vec<String> =
        second.keys().filter(|name| name.starts_with("tensorboard/")).cloned().collect();
    assert_eq!(events.len(), 4, "one event file a run");
    second.retain(|name, _| !events.contains(name));
    assert!(first.keys().eq(second.keys()), "{:?}", second.keys());
    for (name, content) in &first {
        assert!(content == &second[name], "{name} differs");
    }
    let page = String::from_utf8_lossy(&first["index.html"]);
    assert!(page.contains("data:image/png;base64,"), "the arms disagree on some picture, which is shown");
}

#[test]
fn a_study_is_planned_compared_with_another_and_published_for_the_guide() {
    let study = TinyStudy::with(&two_arms());
    assert!(study.command(&[]).output().unwrap().status.success());
    let run = |arguments: &[&str]| {
        let output = allconv(study.path()).args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, plan) = run(&["study", "plan", "tiny.toml", "--difference", "0.05", "--format", "json"]);
    assert_eq!(code, Some(0));
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    assert_eq!(plan["rows"][0]["arm"], "max_pool");
    assert_eq!(plan["rows"][0]["n"], 2);
    assert_eq!(run(&["study", "plan", "tiny.toml"]).0, Some(2), "neither a difference nor a margin");
    let (code, times) =
        run(&["study", "bench", "tiny.toml", "--rounds", "3", "--images", "4", "--format", "json"]);
    assert_eq!(code, Some(0));
    let times: serde_json::Value = serde_json::from_str(&times).unwrap();
    assert_eq!(times["rows"].as_array().unwrap().len(), 2, "{times}");
    assert!(study.path().join("runs/tiny/bench.json").is_file());
    std::fs::copy(study.path().join("tiny.toml"), study.path().join("other.toml")).unwrap();
    let (code, table) = run(&["study", "compare", "tiny.toml", "other.toml", "--format", "csv"]);
    assert_eq!(code, Some(0));
    assert_eq!(table.lines().count(), 3, "{table}");
    assert_eq!(run(&["study", "publish", "tiny.toml", "--to", "published/tiny"]).0, Some(0));
    assert!(study.path().join("published/tiny/bench.json").is_file());
    let (code, guide) = run(&["study", "guide", "--results", "published"]);
    assert_eq!(code, Some(0));
    assert!(guide.contains("[tiny](results/tiny/README.md)") && guide.contains("strided_conv"), "{guide}");
    assert_eq!(run(&["study", "guide", "--results", "absent"]).0, Some(74));
}

#[test]
fn a_study_under_way_is_published_in_part_only_when_asked() {
    let study = TinyStudy::with(&two_arms());
    assert!(study.command(&[]).output().unwrap().status.success());
    let some_run = std::fs::read_dir(study.path().join("runs/tiny")).unwrap().find_map(|entry| {
        let path = entry.unwrap().path();
        path.join("run.json").is_file().then_some(path)
    });
    std::fs::remove_dir_all(some_run.unwrap()).unwrap();
    let publish = |more: &[&str]| {
        let words = [&["study", "publish", "tiny.toml", "--to", "published/tiny"], more].concat();
        allconv(study.path()).args(words).output().unwrap()
    };
    let refused = publish(&[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--partial"));
    assert!(!study.path().join("published").exists());
    assert_eq!(publish(&["--partial"]).status.code(), Some(0));
    let readme = std::fs::read_to_string(study.path().join("published/tiny/README.md")).unwrap();
    assert!(readme.contains("4 runs: 3 done, 1 left"), "{readme}");
}
