//! The part of its data that a run keeps for its network; images are used only if they are those of the run.

use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};

use crate::tiny_study::{allconv, output, refused, succeed};

/// Draws a set of two classes, bars across and bars down, whose levels are shifted by `shift`.
fn draw(folder: &Path, names: [&str; 2], shift: u8) {
    for (class, name) in names.into_iter().enumerate() {
        for (split, count) in [("train", 8), ("test", 3)] {
            std::fs::create_dir_all(folder.join(split).join(name)).unwrap();
            for index in 0..count {
                let level = |x: u32, y: u32| {
                    let bar = if class == 0 { y } else { x };
                    20 + shift + (100 * (bar / 3 % 2)) as u8 + (index * 7) as u8 + (x * y % 5) as u8
                };
                let test = if split == "test" { 3 } else { 0 };
                let picture = RgbImage::from_fn(16, 16, |x, y| Rgb([level(x, y), 60 + test, level(y, x)]));
                picture.save(folder.join(split).join(name).join(format!("{index:03}.png"))).unwrap();
            }
        }
    }
}

fn import(folder: &Path, source: &str) {
    let pack = folder.join("data/imported/mine.pack");
    if pack.exists() {
        std::fs::remove_file(pack).unwrap();
    }
    succeed(folder, &["data", "import", source, "--name", "mine", "--data-dir", "data"]);
}

/// A folder with a data set `mine` and a run that was trained on it.
fn trained() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    draw(&folder.path().join("pictures"), ["across", "down"], 0);
    import(folder.path(), "pictures");
    succeed(
        folder.path(),
        &[
            "train",
            "--model",
            "all_cnn_c",
            "--width",
            "0.05",
            "--dataset",
            "mine",
            "--preset",
            "fast",
            "--epochs",
            "2",
            "--validation",
            "2",
            "--data-dir",
            "data",
            "--threads",
            "1",
            "--progress",
            "none",
        ],
    );
    let run = std::fs::read_dir(folder.path().join("runs/train")).unwrap().next().unwrap().unwrap().path();
    (folder, run)
}

#[test]
fn predictions_come_from_the_run_and_pixels_of_other_data_are_refused() {
    let (folder, run) = trained();
    let (folder, run) = (folder.path(), run.to_str().unwrap());
    let picture = "pictures/test/down/000.png";
    let predict = ["predict", run, picture, "--format", "csv", "--data-dir"];
    let predicted = |data: &str| succeed(folder, &[&predict[..], &[data]].concat());
    let wanted = predicted("data");
    assert!(wanted.contains("across") && wanted.contains("down"), "{wanted}");
    // A machine without the data set.
    assert_eq!(predicted("nowhere"), wanted);
    let export = ["export", run, "--file", "w.safetensors", "--data-dir", "nowhere"];
    succeed(folder, &export);
    let explain = ["explain", run, "--images", picture, "--out", "explained", "--data-dir", "nowhere"];
    succeed(folder, &explain);
    // Classes of other names, and other pixels, under the same name.
    for (names, shift) in [(["apple", "mango"], 0), (["across", "down"], 60)] {
        std::fs::remove_dir_all(folder.join("others")).unwrap_or_default();
        draw(&folder.join("others"), names, shift);
        import(folder, "others");
        assert_eq!(predicted("data"), wanted);
        for asked in [
            &["eval", run, "--split", "valid", "--data-dir", "data"][..],
            &["measure", run, "--data-dir", "data"],
            &["explain", run, "--out", "again", "--data-dir", "data"],
        ] {
            let told = refused(folder, asked, 65);
            assert!(told.contains("data set mine") && told.contains("other data"), "{told}");
        }
    }
    import(folder, "pictures");
    succeed(folder, &["eval", run, "--split", "valid", "--data-dir", "data"]);
}

#[test]
fn a_run_that_kept_nothing_needs_its_own_data_and_accepts_no_others() {
    let (folder, run) = trained();
    std::fs::remove_file(run.join("data.json")).unwrap();
    std::fs::remove_file(run.join("preprocess.f32")).unwrap();
    let (folder, run) = (folder.path(), run.to_str().unwrap());
    let predict = ["predict", run, "pictures/test/down/000.png", "--format", "csv", "--data-dir", "data"];
    assert!(succeed(folder, &predict).contains("down"));
    draw(&folder.join("others"), ["apple", "mango"], 0);
    import(folder, "others");
    assert!(refused(folder, &predict, 65).contains("other data"));
}

#[test]
fn images_of_one_name_a_folder_and_a_broken_image_among_others_are_handled() {
    let (folder, run) = trained();
    let (folder, run) = (folder.path(), run.to_str().unwrap());
    let across = "pictures/test/across/000.png";
    let down = "pictures/test/down/000.png";
    let told = succeed(folder, &["predict", run, across, down, "--format", "csv"]);
    assert!(told.contains(across) && told.contains(down), "{told}");
    let told = succeed(folder, &["predict", run, "pictures/test", "--format", "csv"]);
    assert_eq!(told.lines().filter(|line| line.contains(".png")).count(), 2 * 6, "{told}");
    std::fs::write(folder.join("bad.png"), "nonsense").unwrap();
    let broken = output(folder, &["predict", run, across, "bad.png", down, "--format", "csv"]);
    assert_eq!(broken.status.code(), Some(65));
    let (answers, told) = (String::from_utf8_lossy(&broken.stdout), String::from_utf8_lossy(&broken.stderr));
    assert!(answers.contains(across) && answers.contains(down), "{answers}");
    assert!(told.contains("bad.png"), "{told}");
    std::fs::create_dir(folder.join("empty")).unwrap();
    assert!(refused(folder, &["predict", run, "empty"], 2).contains("no images"));
}

#[test]
fn weights_that_are_not_finite_are_refused() {
    let (folder, run) = trained();
    let (folder, run) = (folder.path(), run.to_str().unwrap());
    succeed(folder, &["export", run, "--file", "w.safetensors"]);
    let mut bytes = std::fs::read(folder.join("w.safetensors")).unwrap();
    let end = bytes.len();
    bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(folder.join("nan.safetensors"), bytes).unwrap();
    let weights = ["--weights", "nan.safetensors", "--data-dir", "data"];
    for asked in [&["predict", run, "pictures/test"][..], &["eval", run]] {
        let told = refused(folder, &[asked, &weights].concat(), 65);
        assert!(told.contains("NaN") && told.contains("nan.safetensors"), "{told}");
    }
}

#[test]
fn a_closed_standard_output_is_not_an_error_and_a_full_one_is() {
    let folder = tempfile::tempdir().unwrap();
    for asked in [
        &["models", "list"][..],
        &["operators", "list"],
        &["operators", "show", "max_pool"],
        &["completions", "bash"],
        &["man"],
        &["man", "study", "run"],
        &["doctor"],
    ] {
        let mut child = allconv(folder.path())
            .args(asked)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success() && !told.contains("panicked"), "{asked:?}: {told}");
        if Path::new("/dev/full").exists() {
            let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
            let ended = allconv(folder.path()).args(asked).stdout(full).output().unwrap();
            let told = String::from_utf8_lossy(&ended.stderr);
            assert_eq!(ended.status.code(), Some(74), "{asked:?}: {told}");
        }
    }
}
