//! Tables and exports.

use serde_json::Value;

use crate::tiny_study::{TinyStudy, output};

fn json(arguments: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let output = output(folder.path(), arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn models_show_the_counts_of_the_paper_s_networks() {
    for (name, parameters) in [
        ("all_cnn_c", 1_369_738),
        ("model_c", 954_730),
        ("large_all_cnn", 77_455_690),
        ("all_cnn_imagenet", 9_372_840),
    ] {
        let model = json(&["models", "show", name, "--format", "json"]);
        assert_eq!(model["parameters"], parameters, "{name}");
        assert!(model["macs"].as_u64().unwrap() > 0 && model["receptive_field"].as_u64().unwrap() > 0);
        assert_eq!(model["stages"].as_array().unwrap().last().unwrap()["height"], 1);
    }
    let list = json(&["models", "list", "--format", "json"]);
    assert_eq!(
        list["rows"].as_array().unwrap().len(),
        29,
        "the paper's fourteen, four for dense tasks, and eleven published classifiers"
    );
}

#[test]
fn a_bench_prints_images_per_second_and_gflops() {
    for pass in ["train", "infer"] {
        let arguments = ["bench", pass, "--width", "0.1", "--batch", "8", "--steps", "2", "--format", "json"];
        let bench = json(&arguments);
        assert!(bench["images_per_second"]["median"].as_f64().unwrap() > 0.0);
        assert!(bench["gflops"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn a_bench_of_convolutions_names_one_choice_a_pass_and_its_alternatives() {
    let arguments = ["bench", "conv", "--width", "0.1", "--batch", "2", "--steps", "1", "--format", "json"];
    let bench = json(&arguments);
    let rows = bench["rows"].as_array().unwrap();
    let passes: std::collections::BTreeSet<_> =
        rows.iter().map(|row| (row["layer"].as_str().unwrap(), row["pass"].as_str().unwrap())).collect();
    assert_eq!(passes.len(), 2 * 9, "{passes:?}");
    assert_eq!(rows.iter().filter(|row| row["chosen"] == true).count(), passes.len());
    assert!(rows.len() > passes.len(), "alternatives are listed");
    // The smallest layers may round to 0.0 GFLOP/s on a busy machine.
    for key in ["gflops", "percent_of_peak"] {
        assert!(rows.iter().any(|row| row[key].as_f64().unwrap() > 0.0), "{key}");
    }
}

#[test]
fn a_bench_of_operators_verifies_and_times_both_directions() {
    let few = ["--shape", "2,4,8,8", "--rounds", "1", "--format", "json"];
    let bench = json(&[&["bench", "operators", "max_pool", "carafe"][..], &few].concat());
    let rows = bench["rows"].as_array().unwrap();
    assert_eq!(rows.iter().map(|row| row["way"].as_str().unwrap()).collect::<Vec<_>>(), ["down", "up"]);
    for row in rows {
        assert!(row["forward_backward_ms"].as_f64().unwrap() > 0.0, "{row}");
        let error: f64 = row["error"].as_str().unwrap().parse().unwrap();
        assert!(error < 1e-5, "{row}");
    }
    let folder = tempfile::tempdir().unwrap();
    let nothing = output(folder.path(), &["bench", "operators", "dilation"]);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&nothing.stderr).contains("computes nothing by itself"));
}

#[test]
fn a_bench_of_the_slot_compares_training_steps() {
    let few = ["--width", "0.05", "--batch", "4", "--steps", "2", "--format", "json"];
    let bench = json(&[&["bench", "slot", "max_pool", "blur_pool"][..], &few].concat());
    let rows = bench["rows"].as_array().unwrap();
    assert_eq!((rows.len(), rows[0]["ratio"].as_f64()), (2, Some(1.0)));
    assert!(rows[1]["seconds_per_1000_steps"].as_f64().unwrap() > 0.0);
}

#[test]
#[cfg(target_os = "linux")]
fn training_steps_reuse_their_memory() {
    let arguments = [
        "bench", "train", "--width", "0.25", "--batch", "16", "--steps", "9", "--assert", "--format", "json",
    ];
    let bench = json(&arguments);
    assert!(bench["page_faults_per_step"].as_u64().unwrap() < 200, "{bench}");
    assert!(bench["peak_memory_mib"].as_u64().unwrap() > bench["step_memory_mib"].as_u64().unwrap());
}

#[test]
fn exported_weights_evaluate_to_what_the_run_recorded() {
    let study = TinyStudy::new();
    study.finish(&[]);
    let run = study.run_directory().unwrap();
    let run = run.to_str().unwrap();
    let metrics = std::fs::read_to_string(format!("{run}/metrics.jsonl")).unwrap();
    let recorded: Value = serde_json::from_str(metrics.lines().last().unwrap()).unwrap();
    assert_eq!((recorded["split"].as_str(), recorded["name"].as_str()), (Some("test"), Some("error")));
    assert!(output(study.path(), &["export", run, "--file", "weights.safetensors"]).status.success());
    for further in [&[][..], &["--weights", "weights.safetensors"]] {
        let arguments = [&["eval", run, "--split", "test", "--format", "json"], further].concat();
        let evaluation = output(study.path(), &arguments);
        let evaluation: Value = serde_json::from_slice(&evaluation.stdout).unwrap();
        let all = evaluation["rows"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(all["images"], 60);
        let difference = all["error"].as_f64().unwrap() - recorded["value"].as_f64().unwrap();
        assert!(difference.abs() < 1e-5, "{all} against {recorded}");
    }
}

#[test]
fn a_report_is_the_same_bytes_when_it_is_made_again() {
    let study = TinyStudy::new();
    study.finish(&[]);
    let folder = study.path().join("runs/tiny/report");
    let read = || {
        ["index.html", "results.json", "results.csv", "tables.tex"]
            .map(|name| std::fs::read(folder.join(name)).unwrap())
    };
    let before = read();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(output(study.path(), &["study", "report", "tiny.toml"]).status.success());
    assert_eq!(read(), before);
}
