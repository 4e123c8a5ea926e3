//! Run directories and imported sets of every earlier format are read, and give the same results as when they were written; later ones are refused.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::tiny_study::{allconv, refused, succeed};

/// The runs of all formats, and the files that made them.
fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/runs")
}

/// Largest difference of a metric from the recorded one. Later kernels may add in another order.
const TOLERANCE: f64 = 1e-3;

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if from.is_symlink() {
            std::os::unix::fs::symlink(std::fs::read_link(&from).unwrap(), &to).unwrap();
        } else if from.is_dir() {
            copy(&from, &to);
        } else {
            std::fs::copy(&from, &to).unwrap();
        }
    }
}

/// Imports the images of the fixtures into `data` below `folder`.
fn import(folder: &Path) {
    for (name, layout) in [("classes", "classes"), ("discs", "segmentation"), ("waves", "photographs")] {
        let archive = fixtures().join("data").join(format!("{name}.tar.gz"));
        let archive = archive.to_str().unwrap();
        succeed(
            folder,
            &["data", "import", archive, "--name", name, "--layout", layout, "--data-dir", "data"],
        );
    }
}

/// Returns the folder, the name and the recorded results of every run of every format.
fn runs() -> Vec<(PathBuf, String, Value)> {
    let mut runs = Vec::new();
    for entry in std::fs::read_dir(fixtures()).unwrap() {
        let format = entry.unwrap().path();
        let Ok(text) = std::fs::read_to_string(format.join("answers.json")) else { continue };
        let answers: Value = serde_json::from_str(&text).unwrap();
        for (name, answer) in answers.as_object().unwrap() {
            runs.push((format.clone(), name.clone(), answer.clone()));
        }
    }
    assert!(runs.len() >= 6, "only {} runs lie in {}", runs.len(), fixtures().display());
    runs
}

/// Asserts that two tables hold the same text and nearly the same numbers.
fn assert_close(found: &str, wanted: &str, what: &str) {
    assert_eq!(found.lines().count(), wanted.lines().count(), "{what}: {found}");
    for (found, wanted) in found.split([',', '\n']).zip(wanted.split([',', '\n'])) {
        match (found.parse::<f64>(), wanted.parse::<f64>()) {
            (Ok(a), Ok(b)) => assert!((a - b).abs() <= TOLERANCE, "{what}: {a} instead of {b}"),
            _ => assert_eq!(found, wanted, "{what}"),
        }
    }
}

#[test]
fn runs_of_every_format_give_the_recorded_results() {
    let folder = tempfile::tempdir().unwrap();
    import(folder.path());
    for (format, name, answer) in runs() {
        let what = format!("{} of {}", name, format.display());
        let run = folder.path().join(format.file_name().unwrap()).join(&name);
        copy(&format.join(&name), &run);
        let run = run.to_str().unwrap();
        let eval = ["eval", run, "--split", "test", "--format", "csv", "--data-dir", "data"];
        assert_close(&succeed(folder.path(), &eval), answer["eval"].as_str().unwrap(), &what);
        succeed(folder.path(), &["export", run, "--file", "w.safetensors", "--data-dir", "data"]);
        let weights = format.join(&name).join("checkpoints").join(answer["weights"].as_str().unwrap());
        let exported = std::fs::read(folder.path().join("w.safetensors")).unwrap();
        assert!(exported == std::fs::read(weights.join("model.safetensors")).unwrap(), "{what}");
    }
}

#[test]
fn interrupted_runs_of_every_format_are_continued_to_the_bits_of_the_finished_ones() {
    let folder = tempfile::tempdir().unwrap();
    import(folder.path());
    let interrupted = runs().into_iter().filter(|(_, name, _)| name.ends_with("-interrupted"));
    let mut continued = 0;
    for (format, name, answer) in interrupted {
        let study = name.strip_suffix("-interrupted").unwrap();
        let out = folder.path().join(format.file_name().unwrap());
        let run = out.join(study).join(answer["folder"].as_str().unwrap());
        copy(&format.join(&name), &run);
        let file = format.join(format!("{study}.toml"));
        let mut command = allconv(folder.path());
        command.arg("study").arg("run").arg(&file).arg("--out").arg(&out);
        let ran = command.args(["--data-dir", "data", "--progress", "none"]).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let record = std::fs::read_to_string(run.join("run.json")).unwrap();
        if !record.contains("\"finished\"") {
            println!("{name} of {}: values have changed since, so that it is another run", format.display());
            continue;
        }
        let finished = format.join(format!("{study}-finished"));
        let weights =
            |folder: &Path| std::fs::read(folder.join("checkpoints/last/model.safetensors")).unwrap();
        assert!(weights(&run) == weights(&finished), "weights of {name} of {}", format.display());
        // Metrics that later versions add are in lines of their own.
        let recorded = |folder: &Path| {
            let journal = std::fs::read_to_string(folder.join("metrics.jsonl")).unwrap();
            journal.lines().filter(|line| !line.contains("\"clean_")).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(recorded(&run), recorded(&finished), "metrics of {name} of {}", format.display());
        continued += 1;
    }
    assert!(
        continued >= 3,
        "of the present numbers only {continued} runs are kept: make fixtures with this program"
    );
}

/// A data folder with the imported sets of one format, which nothing but these tests reads.
fn imported(format: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(format, &folder.path().join("data/imported"));
    folder
}

/// The folders of all formats of imported sets.
fn imported_formats() -> Vec<PathBuf> {
    let folder = fixtures().parent().unwrap().join("imported");
    let formats: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!formats.is_empty());
    formats
}

#[test]
fn imported_sets_of_every_format_hold_what_they_held() {
    for format in imported_formats() {
        let contents = std::fs::read_to_string(format.join("contents.json")).unwrap();
        let contents: Value = serde_json::from_str(&contents).unwrap();
        let folder = imported(&format);
        for (name, content) in contents.as_object().unwrap() {
            let verified = succeed(folder.path(), &["data", "verify", name]);
            let content = content.as_str().unwrap();
            assert!(verified.contains(content), "{name} of {}: {verified}", format.display());
        }
    }
}

#[test]
fn imported_sets_of_a_later_format_are_refused_as_such_and_left_alone() {
    let newest = imported_formats().into_iter().max().unwrap();
    let folder = imported(&newest);
    for (name, file, present, later) in [
        ("classes", "classes.pack", "allconv pack 01\n", "allconv pack 02\n"),
        ("discs", "discs.pictures", "allconv pics 01\n", "allconv pics 13\n"),
        ("squares", "squares.shards/set.json", "allconv shards 1", "allconv shards 12"),
    ] {
        let path = folder.path().join("data/imported").join(file);
        let bytes = std::fs::read(&path).unwrap();
        let place = bytes.windows(present.len()).position(|part| part == present.as_bytes()).unwrap();
        // A later version may say more in its header.
        let further = if file.ends_with("json") { "\", \"unheard_of\": \"x" } else { "" };
        let rest = &bytes[place + present.len()..];
        let changed = [&bytes[..place], later.as_bytes(), further.as_bytes(), rest].concat();
        std::fs::write(&path, &changed).unwrap();
        let told = refused(folder.path(), &["data", "verify", name], 65);
        assert!(told.contains(later.trim_end()) && told.contains("use a newer allconv"), "{told}");
        assert!(std::fs::read(&path).unwrap() == changed, "{file}");
    }
}
