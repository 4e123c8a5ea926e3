//! Runs every command of `docs/tutorial.md`, in order, on a folder of drawn images.

use std::path::Path;

use allconv_data::{DataDirectory, Dataset, DatasetOptions, Filter, SyntheticSettings, Window, open, resize};

use crate::tiny_study::output;

/// Classes of the synthetic data set that stand in for the tutorial's.
const CLASSES: [(&str, &str); 3] =
    [("circle", "plain_disk"), ("square", "plain_square"), ("triangle", "plain_triangle")];

fn page() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tutorial.md")).unwrap()
}

/// The content of the fenced blocks in `language`, in order.
pub(crate) fn blocks(page: &str, language: &str) -> Vec<String> {
    page.split(&format!("```{language}\n"))
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

/// Draws the pictures that the pages call `shapes/`.
pub(crate) fn draw_images(folder: &Path) {
    let synthetic = SyntheticSettings { seed: 5, size: 16, train: 600, test: 200 };
    let options = DatasetOptions { validation: 0, train_images: None, synthetic, view: None };
    let dataset: Dataset = open("synthetic", &DataDirectory::new(folder.join("unused")), &options).unwrap();
    for (split_name, split) in [("train", &dataset.train), ("test", &dataset.test)] {
        for (name, class) in CLASSES {
            let class = dataset
                .classes
                .iter()
                .position(|known| known == class)
                .expect("a class of the synthetic set");
            let folder = folder.join("shapes").join(split_name).join(name);
            std::fs::create_dir_all(&folder).unwrap();
            for sample in
                (0..split.len()).filter(|&sample| usize::from(split.label(sample).unwrap()) == class)
            {
                std::fs::write(folder.join(format!("{sample:04}.png")), split.png(sample).unwrap()).unwrap();
            }
        }
    }
}

/// Pictures of different sizes in folders of classes, without splits.
fn draw_photos(folder: &Path) {
    let synthetic = SyntheticSettings { seed: 6, size: 40, train: 300, test: 10 };
    let options = DatasetOptions { validation: 0, train_images: None, synthetic, view: None };
    let dataset = open("synthetic", &DataDirectory::new(folder.join("unused")), &options).unwrap();
    for (name, class) in CLASSES {
        let class =
            dataset.classes.iter().position(|known| known == class).expect("a class of the synthetic set");
        let folder = folder.join("photos").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let of_class = |sample: &usize| usize::from(dataset.train.label(*sample).unwrap()) == class;
        for (number, sample) in (0..dataset.train.len()).filter(of_class).take(15).enumerate() {
            let whole = dataset.train.whole(sample).unwrap();
            let size = [35 + 3 * number, 60 - 2 * number];
            let resized = resize::resize(&whole, Window::whole(whole.shape()), size, Filter::Bicubic);
            std::fs::write(folder.join(format!("{number:04}.png")), resized.png().unwrap()).unwrap();
        }
    }
}

/// Replaces an argument that ends in `*` by the one path it matches, as a shell would.
pub(crate) fn expand(folder: &Path, argument: &str) -> String {
    let Some(prefix) = argument.strip_suffix('*') else { return argument.to_owned() };
    let parent = Path::new(prefix).parent().unwrap();
    let mut names: Vec<String> = std::fs::read_dir(folder.join(parent))
        .unwrap()
        .map(|entry| parent.join(entry.unwrap().file_name()).to_str().unwrap().to_owned())
        .filter(|path| path.starts_with(prefix))
        .collect();
    assert_eq!(names.len(), 1, "{argument} matches {names:?}");
    names.remove(0)
}

#[test]
fn every_command_of_the_tutorial_works_in_order() {
    let folder = tempfile::tempdir().unwrap();
    draw_images(folder.path());
    draw_photos(folder.path());
    let page = page();
    let studies = blocks(&page, "toml");
    assert_eq!(studies.len(), 1);
    std::fs::write(folder.path().join("my-study.toml"), &studies[0]).unwrap();
    let mut commands = 0;
    for block in blocks(&page, "console") {
        for line in block.lines() {
            let words: Vec<String> = line
                .strip_prefix("$ allconv ")
                .unwrap_or_else(|| panic!("not a command: {line}"))
                .split(' ')
                .map(|word| expand(folder.path(), word))
                .collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let output = output(folder.path(), &words);
            assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
            commands += 1;
        }
    }
    assert!(commands >= 8, "only {commands} commands were found");
    for made in
        ["runs/my-study/report/index.html", "runs/my-study/report/results.csv", "max_pool.safetensors"]
    {
        assert!(folder.path().join(made).is_file(), "{made} is missing");
    }
}
