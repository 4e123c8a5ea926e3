//! What a new user meets: results on the terminal, lists, settings beside a file, presets, messages.

use std::process::Output;

use serde_json::Value;

use crate::tiny_study::{STUDY, TinyStudy, allconv, output};

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs `study SUBCOMMAND tiny.toml` with further arguments; it must succeed.
fn study(study: &TinyStudy, subcommand: &str, further: &[&str]) -> Output {
    let output = output(study.path(), &[&["study", subcommand, "tiny.toml"], further].concat());
    assert!(output.status.success(), "{}", said(&output));
    output
}

#[test]
fn a_study_ends_with_its_results_and_each_run_with_its_own() {
    let tiny = TinyStudy::new();
    let short = ["--progress", "none", "--set", "base.train.epochs=1", "--set", "seeds.count=2"];
    let first = study(&tiny, "run", &short);
    let (table, lines) = (printed(&first), said(&first));
    assert!(lines.contains("2 runs: 0 done, 2 to go"), "{lines}");
    for seed in [3, 4] {
        assert!(lines.contains(&format!("all_conv seed {seed}: finished, test error ")), "{lines}");
    }
    assert!(lines.contains("(2 of 2 runs)"), "{lines}");
    assert!(table.contains("Test error (%)") && table.contains("baseline"), "{table}");
    assert!(table.trim_end().ends_with("index.html"), "{table}");
    let again = study(&tiny, "run", &[&short[..], &["--format", "json"]].concat());
    let json: Value = serde_json::from_str(&printed(&again)).unwrap();
    assert_eq!(
        (json["schema"].as_str(), json["rows"][0]["n"].as_u64()),
        (Some("allconv.study_arms/1"), Some(2))
    );
    let results = std::fs::read_to_string(tiny.path().join("runs/tiny/report/results.json")).unwrap();
    let results: Value = serde_json::from_str(&results).unwrap();
    assert_eq!(json["rows"][0]["value"][0], results["arms"][0]["mean"]);
}

#[test]
fn operators_are_listed_at_eighty_columns_and_chosen_by_kind_and_word() {
    let list = |further: &[&str]| {
        let mut command = allconv(std::path::Path::new("."));
        let output = command.args(["operators", "list"]).args(further).env("COLUMNS", "80").output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        printed(&output)
    };
    let all = list(&[]);
    assert!(all.lines().all(|line| line.chars().count() <= 80), "{all}");
    assert!(all.contains("max_pool") && all.contains("transposed_conv"), "{all}");
    assert_eq!(all.lines().filter(|line| line.starts_with('─')).count(), 1, "{all}");
    let learned = list(&["--kind", "pooling", "--learned", "--format", "json"]);
    let json: Value = serde_json::from_str(&learned).unwrap();
    let names: Vec<&str> =
        json["rows"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"learned_p_norm_pool") && names.contains(&"gated_pool"), "{names:?}");
    assert!(!names.contains(&"max_pool") && !names.contains(&"strided_conv"), "{names:?}");
    let found = list(&["wavelet"]);
    assert!(found.contains("haar_wavelet") && !found.contains("max_pool"), "{found}");
    let none = output(std::path::Path::new("."), &["operators", "list", "no such word"]);
    assert_eq!(none.status.code(), Some(2));
}

#[test]
fn a_preset_shows_the_settings_that_make_the_same_run_without_it() {
    let tiny = TinyStudy::new();
    let mut table: toml::Table = STUDY.parse().unwrap();
    table["base"]["train"]["epochs"] = 1.into();
    let write = |table: &toml::Table| {
        std::fs::write(tiny.path().join("tiny.toml"), toml::to_string(table).unwrap()).unwrap();
    };
    write(&table);
    study(&tiny, "run", &["--progress", "none"]);
    let shown = output(tiny.path(), &["presets", "show", "fast"]);
    let shown: toml::Table = printed(&shown).parse().unwrap();
    assert!(table["base"]["train"].as_table_mut().unwrap().remove("preset").is_some());
    for section in ["train", "net"] {
        for (key, value) in shown["base"][section].as_table().unwrap() {
            let settings = table["base"][section].as_table_mut().unwrap();
            settings.entry(key).or_insert(value.clone());
        }
    }
    write(&table);
    let again = study(&tiny, "run", &["--progress", "none"]);
    assert!(said(&again).contains("1 run: 1 done, 0 to go"), "{}", said(&again));
    let wrong = output(tiny.path(), &["presets", "show", "quick"]);
    assert!(wrong.status.code() == Some(2) && said(&wrong).contains("fast"), "{}", said(&wrong));
    assert!(printed(&output(tiny.path(), &["presets", "list"])).contains("springenberg2015"));
}

#[test]
fn a_run_is_made_again_from_its_specification_and_changed_by_one_setting() {
    let tiny = TinyStudy::new();
    study(&tiny, "run", &["--progress", "none", "--set", "base.train.epochs=1"]);
    let run = tiny.run_directory().unwrap();
    let train = |further: &[&str]| {
        let arguments = [&["train", "--from", run.to_str().unwrap(), "--progress", "none"], further].concat();
        let output = output(tiny.path(), &arguments);
        assert!(output.status.success(), "{}", said(&output));
        printed(&output)
    };
    let name = run.file_name().unwrap().to_str().unwrap();
    let same = train(&[]);
    assert!(same.contains(&format!("runs/train/{name}")), "{name} is not in {same}");
    let weights = "checkpoints/last/model.safetensors";
    let again = tiny.path().join("runs/train").join(name).join(weights);
    assert_eq!(std::fs::read(run.join(weights)).unwrap(), std::fs::read(again).unwrap());
    let other = train(&["--set", "train.batch=16", "--set", "train.optimizer=adam"]);
    assert!(!other.contains(name) && other.contains("all_conv-s3-"), "{other}");
    let shorter = train(&["--set", "train.presentations=40"]);
    assert!(!shorter.contains(name) && shorter.contains("all_conv-s3-"), "{shorter}");
    for (setting, told) in [("train.lr=0.1", "`learning_rate`"), ("lr=0.1", "`data.`, `net.` or `train.`")] {
        let wrong = output(tiny.path(), &["train", "--from", run.to_str().unwrap(), "--set", setting]);
        assert_eq!(wrong.status.code(), Some(2), "{}", said(&wrong));
        assert!(said(&wrong).contains(told), "{}", said(&wrong));
    }
}

#[test]
fn mistakes_are_told_in_the_words_of_the_study_file() {
    for (setting, told) in [
        ("base.train.lr=0.1", "did you mean `learning_rate`"),
        ("base.train.batch_size=8", "did you mean `batch`"),
        ("base.train.epochs=\"four\"", "\"four\" is text; expected a number"),
        ("base.data.validation=359", "lower validation to"),
        ("arms.all_conv.net.downsample=max_pol", "did you mean `max_pool`"),
        ("base.data.dataset.name=3", "`base.data.dataset` is no table"),
    ] {
        let tiny = TinyStudy::new();
        let refused = output(tiny.path(), &["study", "check", "tiny.toml", "--set", setting]);
        assert_eq!(refused.status.code(), Some(2), "{setting}: {}", said(&refused));
        assert!(said(&refused).contains(told), "{setting}: {}", said(&refused));
        for word in ["variant", "f64", "u32", "usize", "struct"] {
            assert!(!said(&refused).contains(word), "{setting}: {}", said(&refused));
        }
    }
    let tiny = TinyStudy::new();
    study(&tiny, "check", &["--set", "base.train.optimizer=adam", "--set", "base.train.learning_rate=0.001"]);
    let large = study(&tiny, "check", &["--set", "base.train.batch=4000"]);
    assert!(
        said(&large).contains("warning: train.batch = 4000, but there are about 300"),
        "{}",
        said(&large)
    );
    let folder = tempfile::tempdir().unwrap();
    let train = ["train", "--model", "all_cnn_c", "--dataset", "synthetic", "--width", "0.1"];
    for (further, told) in [
        (["--epochs", "-1"], "above 0"),
        (["--batch-size", "-1"], "-1"),
        (["--down", "max_pol"], "did you mean `max_pool`"),
        (["--down", "{ max_pool ="], "write a name such as `max_pool`"),
    ] {
        let refused = output(folder.path(), &[&train[..], &further].concat());
        assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
        assert!(said(&refused).contains(told), "{}", said(&refused));
    }
}

#[test]
fn runs_are_listed_shown_cleaned_and_removed() {
    let tiny = TinyStudy::new();
    study(&tiny, "run", &["--progress", "none", "--checkpoint-seconds", "0", "--set", "base.train.epochs=2"]);
    let run = tiny.run_directory().unwrap();
    let runs = |arguments: &[&str]| {
        let output = output(tiny.path(), &[&["runs"], arguments].concat());
        assert!(output.status.success(), "{}", said(&output));
        printed(&output)
    };
    let json = |arguments: &[&str]| -> Value {
        let text = runs(&[arguments, &["--format", "json"]].concat());
        serde_json::from_str(&text).unwrap()
    };
    let listed = json(&["list"]);
    assert_eq!(listed["rows"][0]["status"], "finished");
    assert!(listed["rows"][0]["run"].as_str().unwrap().starts_with("runs/tiny/all_conv-s3-"), "{listed}");
    let shown = runs(&["show", run.to_str().unwrap()]);
    assert!(shown.contains("Validation") && shown.contains("[net.architecture"), "{shown}");
    let checkpoints = || {
        let entries = std::fs::read_dir(run.join("checkpoints")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("step-")).count()
    };
    // A checkpoint that an earlier longer run went on from, as an old program may have left it.
    let last = std::fs::read_link(run.join("checkpoints/last")).unwrap();
    let copy = run.join("checkpoints/step-00000001");
    std::fs::create_dir_all(&copy).unwrap();
    for entry in std::fs::read_dir(run.join("checkpoints").join(last)).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, copy.join(path.file_name().unwrap())).unwrap();
    }
    let before = checkpoints();
    let named = runs(&["clean", "--dry-run"]);
    assert!(named.contains("step-00000001") && checkpoints() == before, "{named}");
    assert!(json(&["du"])["rows"][0]["runs"] == 1);
    runs(&["clean"]);
    assert!(checkpoints() < before && checkpoints() <= 2, "{}", checkpoints());
    assert_eq!(runs(&["clean"]), "");
    let evaluated = output(tiny.path(), &["eval", run.to_str().unwrap(), "--split", "test"]);
    assert!(evaluated.status.success(), "{}", said(&evaluated));
    let wrong = output(tiny.path(), &["runs", "rm", "runs/tiny"]);
    assert_eq!(wrong.status.code(), Some(2), "{}", said(&wrong));
    runs(&["rm", run.to_str().unwrap()]);
    assert!(!run.exists());
}

#[test]
fn a_new_study_file_passes_the_check_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    for task in ["classification", "segmentation", "super-resolution"] {
        let file = format!("{task}.toml");
        let new = ["study", "new", &file, "--dataset", "synthetic", "--task", task];
        let made = output(folder.path(), &new);
        assert!(made.status.success(), "{}", said(&made));
        let drawn = "base.data.synthetic={ size = 96, train = 2000, test = 60 }";
        let checked = output(folder.path(), &["study", "check", &file, "--set", drawn]);
        assert!(checked.status.success(), "{task}: {}", said(&checked));
        assert!(said(&checked).contains("15 runs"), "{}", said(&checked));
        let again = output(folder.path(), &new);
        assert!(said(&again).contains("an existing file is not replaced"), "{}", said(&again));
    }
    let absent = output(folder.path(), &["study", "new", "x.toml", "--dataset", "synthetik"]);
    assert!(
        said(&absent).contains("synthetic") && !folder.path().join("x.toml").exists(),
        "{}",
        said(&absent)
    );
}
