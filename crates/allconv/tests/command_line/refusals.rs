//! Mistakes are refused with the right exit code before any training.

use std::path::Path;
use std::process::Output;

use crate::tiny_study::{STUDY, TinyStudy, output};

/// Runs the study with `from` replaced by `to`; it must be refused without a run directory.
fn refused(from: &str, to: &str) -> (i32, String) {
    assert!(STUDY.contains(from), "`{from}` is not in the study");
    let study = TinyStudy::with(&STUDY.replace(from, to));
    let output = study.command(&[]).output().unwrap();
    assert!(study.run_directory().is_none(), "a run was begun");
    (code(&output), message(&output))
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn message(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_misspelt_name_is_located_and_the_right_one_suggested() {
    for (from, to, place, suggestion) in [
        ("strided_conv = {", "strided_cnv = {", "tiny.toml:23:1", "strided_conv"),
        ("batch  = 32", "bacth  = 32", "tiny.toml:19:1", "batch"),
        ("question = ", "qestion = ", "tiny.toml:2:1", "question"),
        ("dataset    = \"synthetic\"", "dataset    = \"synthetik\"", "tiny.toml:8:", "synthetic"),
    ] {
        let (code, message) = refused(from, to);
        assert_eq!(code, 2, "{message}");
        assert!(message.contains(place) && message.contains(suggestion), "{place} {suggestion}: {message}");
    }
}

#[test]
fn a_value_out_of_range_names_field_value_and_limit() {
    let (code, message) = refused("width = 0.3", "width = -0.3");
    assert_eq!(code, 2, "{message}");
    assert!(message.contains("-0.3") && message.contains("width"), "{message}");
    let (code, message) = refused("validation = 60", "validation = 600");
    assert_eq!(code, 2, "{message}");
    assert!(message.contains("600") && message.contains("validation"), "{message}");
}

#[test]
fn augmentation_is_drawn_and_wrong_settings_are_refused_as_in_a_study_file() {
    let folder = tempfile::tempdir().unwrap();
    let augment = |settings: &str, more: &[&str]| {
        let arguments = [&["data", "augment", "synthetic", "seen.png", "--augment", settings], more].concat();
        output(folder.path(), &arguments)
    };
    for (settings, told) in [
        ("{ horizontal_flip = true, alternating_flip = true }", "augment.alternating_flip"),
        ("{ translate = 4294967295 }", "at most 4096 pixels"),
        ("{ cutot = 3 }", "`cutout`"),
        ("{ cutout = ", "unclosed"),
    ] {
        let refused = augment(settings, &[]);
        assert_eq!(code(&refused), 2, "{}", message(&refused));
        assert!(message(&refused).contains(told), "{told}: {}", message(&refused));
    }
    assert_eq!(code(&augment("{}", &["--epochs", "4294967295"])), 2);
    let drawn = augment("{ cutout = 8 }", &["--images", "2", "--epochs", "3"]);
    assert_eq!(code(&drawn), 0, "{}", message(&drawn));
    // Images of 32 pixels, three times as large, four pixels apart.
    let size = image::image_dimensions(folder.path().join("seen.png")).unwrap();
    assert_eq!(size, (4 * 100 - 4, 2 * 100 - 4));
}

#[test]
fn numbers_that_no_machine_can_serve_are_refused() {
    for number in ["1000000000000", "9223372036854775807"] {
        let (code, message) = refused("validation = 60", &format!("validation = {number}"));
        assert_eq!(code, 2, "{message}");
        assert!(message.contains(&format!("validation = {number} is not possible")), "{message}");
    }
    let study = TinyStudy::new();
    for option in ["--workers", "-j", "--threads", "--jobs"] {
        for number in ["1025", "1000000", "18446744073709551615"] {
            let output = study.command(&[option, number]).output().unwrap();
            let message = message(&output);
            assert_eq!(code(&output), 2, "{option} {number}: {message}");
            assert!(message.contains("1024"), "{option} {number}: {message}");
        }
    }
}

#[test]
fn an_image_too_small_for_the_net_is_refused_with_the_stage() {
    let (code, message) = refused("size = 16", "size = 8");
    assert_eq!(code, 2, "{message}");
    assert!(message.contains("stage"), "{message}");
}

#[test]
fn damaged_data_end_with_65_and_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let batches = folder.path().join("data/cifar-10-batches-bin");
    std::fs::create_dir_all(&batches).unwrap();
    for name in ["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"]
    {
        std::fs::write(batches.join(format!("{name}.bin")), vec![0; 3073 * 10]).unwrap();
    }
    let arguments = ["train", "--model", "all_cnn_c", "--dataset", "cifar10", "--progress", "none"];
    let output = output(folder.path(), &arguments);
    assert_eq!(code(&output), 65, "{}", message(&output));
    assert!(message(&output).contains(".bin"), "{}", message(&output));
    assert!(!folder.path().join("runs").exists(), "a run was begun");
}

#[test]
fn the_message_about_absent_data_names_how_to_get_them() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["train", "--model", "all_cnn_c", "--dataset", "cifar10", "--progress", "none"];
    let output = output(folder.path(), &arguments);
    assert_eq!(code(&output), 65, "{}", message(&output));
    assert!(message(&output).contains("allconv data fetch cifar10"), "{}", message(&output));
}

#[test]
fn broken_image_folders_are_not_imported() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let write = |path: &str, bytes: &[u8]| {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    write("undecodable/train/cat/1.png", b"this is no image");
    write("undecodable/test/cat/1.png", b"this is no image");
    std::fs::create_dir_all(root.join("empty/train")).unwrap();
    for (source, part) in [("undecodable", "1.png"), ("empty", "empty"), ("absent", "absent")] {
        let output = output(root, &["data", "import", source, "--name", "mine"]);
        assert!([65, 74].contains(&code(&output)), "{source}: {}", message(&output));
        assert!(message(&output).contains(part), "{source}: {}", message(&output));
        assert!(!has_packs(root), "{source} left a data set behind");
    }
}

fn has_packs(root: &Path) -> bool {
    let listing = output(root, &["data", "list", "--format", "json"]);
    String::from_utf8_lossy(&listing.stdout).contains("\"mine\"")
}

#[test]
fn unknown_names_on_the_command_line_get_exit_2_and_the_nearest_one() {
    let folder = tempfile::tempdir().unwrap();
    let output_of = |arguments: &[&str]| output(folder.path(), arguments);
    let model = output_of(&["models", "show", "all_cnn_d"]);
    assert_eq!(code(&model), 2);
    assert!(message(&model).contains("all_cnn_"), "{}", message(&model));
    let device = output_of(&["train", "--model", "all_cnn_c", "--dataset", "synthetic", "--device", "cuda"]);
    assert_eq!(code(&device), 2);
    assert!(message(&device).contains("--features cuda"), "{}", message(&device));
}

#[test]
fn a_metric_that_no_run_records_is_refused_before_any_training() {
    let measured = "epochs = 12\nmeasure = [\"map_shift_agreement\"]";
    let secondary = "secondary = [\"iou_cell\"]\n\n[base.data]";
    for (from, to, words) in [
        ("metric = \"error\"", "metric = \"eror\"", ["tiny.toml:3:", "did you mean `error`"]),
        ("epochs = 12", measured, ["`map_shift_agreement` cannot be measured", "classification"]),
        ("\n[base.data]", secondary, ["`iou_cell`", "they record `loss`, `error`"]),
    ] {
        let (code, message) = refused(from, to);
        assert_eq!(code, 2, "{message}");
        assert!(words.iter().all(|word| message.contains(word)), "{message}");
    }
}

#[test]
fn a_study_file_that_is_no_text_is_a_mistake_of_its_writer() {
    let study = TinyStudy::new();
    std::fs::write(study.path().join("tiny.toml"), [STUDY.as_bytes(), b"# \xff\n"].concat()).unwrap();
    let said = output(study.path(), &["study", "check", "tiny.toml"]);
    assert_eq!(code(&said), 2);
    assert!(message(&said).contains("not UTF-8"), "{}", message(&said));
}

#[test]
fn two_studies_of_one_name_do_not_share_a_report() {
    let (first, second) = (TinyStudy::new(), TinyStudy::with(&STUDY.replace("count = 1", "count = 2")));
    let report = |study: &TinyStudy| {
        let runs = first.path().join("runs");
        output(study.path(), &["study", "report", "tiny.toml", "--out", runs.to_str().unwrap()])
    };
    assert_eq!(code(&report(&first)), 0);
    let page = || std::fs::read(first.path().join("runs/tiny/report/index.html")).unwrap();
    let before = page();
    let said = report(&second);
    assert_eq!(code(&said), 2);
    assert!(message(&said).contains("--out"), "{}", message(&said));
    assert_eq!(page(), before);
    // The study itself may say something else later.
    std::fs::write(first.path().join("tiny.toml"), STUDY.replace("count = 1", "count = 3")).unwrap();
    assert_eq!(code(&report(&first)), 0);
}
