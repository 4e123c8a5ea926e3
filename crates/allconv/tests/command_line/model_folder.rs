//! Model folders: a network leaves its run and its data, and gives the same answers from the folder alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::tiny_study::{refused, succeed};
use crate::tutorial::{blocks, draw_images, expand};

fn fixtures(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(folder)
}

/// The files of a folder by name.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap()))
        .collect()
}

/// Draws the pictures that the fixtures were trained on, from the archive beside them.
fn unpack(folder: &Path, name: &str) {
    let archive = fixtures("runs/data").join(format!("{name}.tar.gz"));
    let unpacked = std::process::Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(folder).status();
    assert!(unpacked.unwrap().success(), "tar");
}

#[test]
fn a_folder_is_the_same_bytes_each_time_and_answers_like_its_run() {
    for (study, data, picture) in [
        ("classifier", "classes", "test/across/03.png"),
        ("u-net", "discs", "test/images/1.png"),
        ("super-resolution", "waves", "test/1.png"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        std::fs::create_dir(folder.join("pictures")).unwrap();
        unpack(&folder.join("pictures"), data);
        let picture = find(&folder.join("pictures"), picture);
        let run = fixtures("runs/format-3").join(format!("{study}-finished"));
        let run = run.to_str().unwrap();
        let export = ["export", run, "--to", "folder", "--data-dir", "nowhere", "--out"];
        for out in ["first", "second"] {
            succeed(folder, &[&export[..], &[out]].concat());
        }
        assert_eq!(files(&folder.join("first")), files(&folder.join("second")), "{study}");
        // An export of an export is the same folder but for the intervals, which need the other runs.
        succeed(folder, &["export", "first", "--to", "folder", "--out", "third"]);
        assert_eq!(files(&folder.join("first")), files(&folder.join("third")), "{study}");
        let predict = |network: &str, out: &str| {
            let arguments =
                ["predict", network, &picture, "--format", "json", "--data-dir", "nowhere", "--out", out];
            (succeed(folder, &arguments).replace(out, ""), files_or_none(&folder.join(out)))
        };
        assert_eq!(predict(run, "from-run"), predict("first", "from-folder"), "{study}");
        let card = std::fs::read_to_string(folder.join("first/README.md")).unwrap();
        for part in
            ["model-index", "## Results", "## How to use it", "## Limits", "## Licence", "## Citation"]
        {
            assert!(card.contains(part), "{study}: {part} is not in {card}");
        }
    }
}

fn files_or_none(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    if folder.exists() { files(folder) } else { BTreeMap::new() }
}

/// The only file below `folder` whose path ends so.
fn find(folder: &Path, end: &str) -> String {
    let mut open = vec![folder.to_path_buf()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.ends_with(end) {
            return path.to_str().unwrap().to_owned();
        }
    }
    panic!("{end} is not below {}", folder.display());
}

#[test]
fn every_question_is_answered_from_the_folder_and_pictures_alone() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    unpack(folder, "classes");
    let across = find(folder, "test/across/03.png");
    let test = Path::new(&across).parent().unwrap().parent().unwrap().to_str().unwrap().to_owned();
    let model = fixtures("models/format-1/classifier");
    let model = model.to_str().unwrap();
    let here = ["--data-dir", "nowhere"];
    let predicted = succeed(folder, &[&["predict", model, &test, "--format", "csv"], &here[..]].concat());
    assert!(predicted.contains("across") && predicted.lines().count() > 16, "{predicted}");
    let evaluated =
        succeed(folder, &[&["eval", model, "--images", &test, "--format", "csv"], &here[..]].concat());
    assert_eq!(evaluated.lines().next(), Some("class,images,wrong,error"));
    assert!(evaluated.contains("across,8,") && evaluated.contains("all,16,"), "{evaluated}");
    let explained =
        succeed(folder, &[&["explain", model, "--images", &test, "--out", "explained"], &here[..]].concat());
    assert!(explained.contains("explain.html"), "{explained}");
    let measured =
        succeed(folder, &[&["measure", model, "--images", &test, "--format", "csv"], &here[..]].concat());
    assert!(measured.contains("circular_shift_agreement"), "{measured}");
    // Without labels there is no error, and a data set that is not here is named.
    std::fs::create_dir(folder.join("mixed")).unwrap();
    std::fs::copy(&across, folder.join("mixed/1.png")).unwrap();
    let told = refused(folder, &["eval", model, "--images", "mixed"], 2);
    assert!(told.contains("name of its class (across, down)"), "{told}");
    let told = refused(folder, &["eval", model, "--data-dir", "nowhere"], 65);
    assert!(told.contains("classes"), "{told}");
    let told = refused(folder, &["predict", model, &across, "--checkpoint", "best"], 2);
    assert!(told.contains("holds the weights `last` alone"), "{told}");
    let told = refused(folder, &["export", model, "--to", "folder"], 2);
    assert!(told.contains("--out"), "{told}");
}

#[test]
fn every_command_of_the_page_works_in_order() {
    let folder = tempfile::tempdir().unwrap();
    draw_images(folder.path());
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/take-it-with-you.md");
    let mut commands = 0;
    for line in
        blocks(&std::fs::read_to_string(page).unwrap(), "console").iter().flat_map(|block| block.lines())
    {
        let words = line.strip_prefix("$ allconv ").unwrap_or_else(|| panic!("not a command: {line}"));
        let words: Vec<String> = words.split(' ').map(|word| expand(folder.path(), word)).collect();
        succeed(folder.path(), &words.iter().map(String::as_str).collect::<Vec<_>>());
        commands += 1;
        if line.contains("export") {
            // From here on the run and the data set are gone.
            std::fs::remove_dir_all(folder.path().join("runs")).unwrap_or_default();
            std::fs::remove_dir_all(folder.path().join("data")).unwrap_or_default();
        }
    }
    assert!(commands >= 8, "only {commands} commands were found");
}

/// Largest difference of a number from what was told then. Later kernels may add in another order.
const TOLERANCE: f64 = 1e-3;

#[test]
fn folders_of_every_format_give_the_answers_that_they_gave_then() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for data in ["classes", "discs", "waves"] {
        unpack(folder, data);
    }
    let mut models = 0;
    for format in std::fs::read_dir(fixtures("models")).unwrap() {
        let format = format.unwrap().path();
        let Ok(answers) = std::fs::read_to_string(format.join("answers.json")) else { continue };
        std::fs::copy(format.join("small.png"), folder.join("small.png")).unwrap();
        let answers: BTreeMap<String, Value> = serde_json::from_str(&answers).unwrap();
        for (name, answer) in answers {
            let picture = find(folder, answer["picture"].as_str().unwrap());
            let model = format.join(&name);
            let ask = ["predict", model.to_str().unwrap(), &picture, "--format", "json", "--out", "out"];
            let found: Value = serde_json::from_str(&succeed(folder, &ask)).unwrap();
            let (found, wanted) = (found["rows"].as_array().unwrap(), answer["rows"].as_array().unwrap());
            assert_eq!(found.len(), wanted.len(), "{name}");
            for (row, wanted) in found.iter().zip(wanted) {
                assert_eq!(row["result"], wanted["result"], "{name}: {row}");
                match (row["value"].as_f64(), wanted["value"].as_f64()) {
                    (Some(a), Some(b)) => assert!((a - b).abs() <= TOLERANCE, "{name}: {a} instead of {b}"),
                    _ => assert_eq!(row["value"], wanted["value"], "{name}"),
                }
            }
            let answered = format.join(format!("{name}.answer.png"));
            if answered.exists() {
                let made = Path::new(&picture).with_extension("png");
                assert_near(&folder.join("out").join(made.file_name().unwrap()), &answered);
            }
            models += 1;
        }
    }
    assert!(models >= 4, "only {models} models");
}

/// Asserts that two pictures differ by a level at most.
fn assert_near(found: &Path, wanted: &Path) {
    let [found, wanted] = [found, wanted].map(|path| image::open(path).unwrap().to_rgb8());
    assert_eq!(found.dimensions(), wanted.dimensions());
    for (found, wanted) in found.as_raw().iter().zip(wanted.as_raw()) {
        assert!(found.abs_diff(*wanted) <= 1, "a level of {found} instead of {wanted}");
    }
}
