//! Runs on encoded images of different sizes, augmented: the same bits whatever the threads and workers, killed or not; the 93 photographs and
//! the small ImageNet of the test data from import to prediction.

use std::path::{Path, PathBuf};

use allconv_data::{DataDirectory, DatasetOptions, Filter, SyntheticSettings, Window, open, resize};

use crate::resume::{CHECKPOINTS, kill, newest_checkpoint, wait_until};
use crate::tiny_study::{STUDY, TinyStudy, assert_same_results, output};
use crate::tutorial::{blocks, expand};

/// Kills that must land on a live process.
const KILLS: usize = 6;

/// The data of [`STUDY`] replaced by photographs of different sizes with every kind of augmentation.
const DATA: &str = r#"
[base.data]
dataset    = "photos"
view       = { size = 16, resize = 18 }
validation = 10

[base.data.augment]
horizontal_flip     = true
translate           = 1
random_resized_crop = { area = [0.4, 1.0] }
padded_crop         = { pixels = 1 }
canvas              = { cover = [0.9, 1.1] }
affine              = { rotate = 10 }
rand_augment        = {}
colour_jitter       = { brightness = 0.2, hue = 0.05 }
grey                = { probability = 0.1 }
mixup               = {}
cutmix              = {}
"#;

/// A study of photographs that have been imported beside it.
fn study() -> TinyStudy {
    let (before, rest) = STUDY.split_once("[base.data]").unwrap();
    let after = rest.split_once("[base.net]").unwrap().1;
    let study = TinyStudy::with(&format!("{before}{DATA}\n[base.net]{after}"));
    draw_photos(&study.path().join("photos"));
    let imported = output(study.path(), &["data", "import", "photos", "--name", "photos"]);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    assert!(
        study.path().join("data/imported/photos.shards").is_dir(),
        "images of different sizes are kept encoded"
    );
    study
}

/// Images of different sizes in folders of splits and classes.
fn draw_photos(folder: &Path) {
    let synthetic = SyntheticSettings { seed: 6, size: 32, train: 170, test: 40 };
    let options = DatasetOptions { validation: 0, train_images: None, synthetic, view: None };
    let dataset = open("synthetic", &DataDirectory::new(folder), &options).unwrap();
    for (split, images) in [("train", &dataset.train), ("test", &dataset.test)] {
        for sample in 0..images.len() {
            let class = &dataset.classes[usize::from(images.label(sample).unwrap())];
            let whole = images.whole(sample).unwrap();
            let size = [20 + sample % 13, 22 + sample % 17];
            let resized = resize::resize(&whole, Window::whole(whole.shape()), size, Filter::Bicubic);
            std::fs::create_dir_all(folder.join(split).join(class)).unwrap();
            let file = folder.join(split).join(class).join(format!("{sample:04}.png"));
            std::fs::write(file, resized.png().unwrap()).unwrap();
        }
    }
}

#[test]
fn threads_workers_and_kills_do_not_change_a_bit_of_an_augmented_run_on_encoded_images() {
    let reference = study();
    reference.finish(&["--threads", "1", "--workers", "0"]);
    for further in [["--threads", "2", "--workers", "3"], ["--threads", "3", "--workers", "1"]] {
        let other = study();
        other.finish(&further);
        assert_same_results(&reference, &other);
    }
    let killed = study();
    let mut landed = 0;
    for _ in 0..10 * KILLS {
        if landed == KILLS {
            break;
        }
        let before = killed.run_directory().and_then(|run| newest_checkpoint(&run)).map(|(step, _)| step);
        let mut child = killed.start(&CHECKPOINTS);
        let newer = || {
            let step = killed.run_directory().and_then(|run| newest_checkpoint(&run)).map(|(step, _)| step);
            step > before
        };
        wait_until(&mut child, newer);
        landed += usize::from(kill(child));
    }
    assert!(landed >= 3, "only {landed} kills found a live process");
    killed.finish(&[]);
    assert_same_results(&reference, &killed);
}

/// The folder of the real data, or none with a line that says so.
fn real_data(file: &str) -> Option<PathBuf> {
    match std::env::var_os("ALLCONV_TEST_DATA") {
        Some(folder) => Some(Path::new(&folder).join(file)),
        None => {
            println!("not run: ALLCONV_TEST_DATA does not name the folder with {file}");
            None
        }
    }
}

/// Runs the program, which must succeed, and returns what it wrote to standard output.
fn good(folder: &Path, arguments: &[&str]) -> String {
    let output = output(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Splits a command at its spaces, but for those between single quotes, as a shell does.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut is_quoted) = (Vec::new(), String::new(), false);
    for letter in line.chars() {
        match letter {
            '\'' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(std::mem::take(&mut word)),
            letter => word.push(letter),
        }
    }
    words.push(word);
    words
}

#[test]
fn every_command_of_the_page_on_images_works_in_order_on_the_real_images() {
    let Some(data) = real_data("") else { return };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/images.md");
    let page = std::fs::read_to_string(page).unwrap();
    for archive in ["imagenette-sample.tar", "imagenet-mixed-sizes.tar", "tinyimagenet32.tar.xz"] {
        std::os::unix::fs::symlink(data.join(archive), folder.join(archive)).unwrap();
    }
    let photographs = std::fs::File::open(data.join("imagenet-mixed-sizes.tar")).unwrap();
    tar::Archive::new(photographs).unpack(folder.join("photographs")).unwrap();
    let tables = blocks(&page, "csv");
    assert_eq!(tables.len(), 1);
    std::fs::write(folder.join("birds.csv"), &tables[0]).unwrap();
    let mut predictions = Vec::new();
    for line in blocks(&page, "console").iter().flat_map(|block| block.lines()) {
        let command = line.strip_prefix("$ allconv ").unwrap_or_else(|| panic!("not a command: {line}"));
        let path = |word: String| if word.starts_with("runs/") { expand(folder, &word) } else { word };
        let words: Vec<String> = words(command).into_iter().map(path).collect();
        let said = good(folder, &words.iter().map(String::as_str).collect::<Vec<_>>());
        if words[0] == "predict" {
            predictions.push(said);
        }
    }
    assert!(folder.join("data/imported/birds.shards").is_dir());
    assert!(folder.join("data/imported/cats.pack").is_file());
    let study = std::fs::read_to_string(folder.join("birds.toml")).unwrap();
    assert!(study.contains("view       = { size = 64 }"), "{study}");
    let [two, all] = predictions.as_slice() else { panic!("{predictions:?}") };
    assert!(two.contains("n02085620_Chihuahua") && two.contains("n01514668_cock"), "{two}");
    let photographs = std::fs::read_dir(folder.join("photographs")).unwrap();
    let names: Vec<_> = photographs.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 93);
    assert!(names.iter().all(|name| all.contains(name.to_str().unwrap())), "{all}");
}
