//! Images as people have them: of different sizes and kinds, divided in every usual way, kept as they are and seen through a view.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use allconv_data::{
    Background, Crops, DataDirectory, DatasetOptions, Filter, ImportOptions, Loader, LoaderSettings, Order,
    Position, Preprocess, TestShare, View, import, open, prepare, verify,
};
use image::{ExtendedColorType, ImageFormat};

const VIEW: View = View { size: 8, resize: None, filter: Filter::Bilinear, crops: Crops::Centre };

fn encoded(format: ImageFormat, colour: ExtendedColorType, [height, width]: [u32; 2], seed: u8) -> Vec<u8> {
    let length = (height * width) as usize * usize::from(colour.channel_count());
    let pixels: Vec<u8> = (0..length).map(|place| (place * 7 % 200) as u8 ^ seed).collect();
    let mut bytes = Cursor::new(Vec::new());
    image::write_buffer_with_format(&mut bytes, &pixels, width, height, colour, format).expect("an image");
    bytes.into_inner()
}

fn rgb(format: ImageFormat, size: [u32; 2], seed: u8) -> Vec<u8> {
    encoded(format, ExtendedColorType::Rgb8, size, seed)
}

/// Images of several kinds and sizes in two classes, at `PREFIX/CLASS/*`.
fn class_folders(prefix: &str, seed: u8) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for (class, shift) in [("cat", 0), ("dog", 64)] {
        let path = |name: &str| format!("{prefix}{class}/{name}");
        files.push((path("a.png"), rgb(ImageFormat::Png, [20, 31], seed + shift)));
        files.push((path("b.jpg"), rgb(ImageFormat::Jpeg, [17, 12], seed + shift)));
        files.push((path("c.webp"), rgb(ImageFormat::WebP, [9, 40], seed + shift)));
        files.push((path("d.bmp"), rgb(ImageFormat::Bmp, [16, 16], seed + shift)));
        files.push((path("e.png"), encoded(ImageFormat::Png, ExtendedColorType::L8, [11, 10], seed + shift)));
    }
    files
}

struct Place {
    folder: tempfile::TempDir,
    directory: DataDirectory,
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let directory = DataDirectory::new(folder.path().join("data"));
        Place { folder, directory }
    }

    fn source(&self, name: &str, files: &[(String, Vec<u8>)]) -> PathBuf {
        let root = self.folder.path().join(name);
        for (path, bytes) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, bytes).expect("a file");
        }
        root
    }
}

fn viewed() -> DatasetOptions {
    DatasetOptions { validation: 0, view: Some(VIEW), ..DatasetOptions::default() }
}

fn divided_source() -> Vec<(String, Vec<u8>)> {
    [class_folders("Train/", 3), class_folders("valid/", 5), class_folders("Testing/", 9)].concat()
}

#[test]
fn images_of_every_size_and_kind_are_kept_as_they_are_and_seen_through_a_view() {
    let place = Place::new();
    let source = place.source("pets", &divided_source());
    let report = import(&source, "pets", &place.directory, &ImportOptions::default()).expect("images");
    assert_eq!((report.counts, report.size, report.tests_on_validation), ([10, 10, 10], None, false));
    assert_eq!(verify("pets", &place.directory).expect("whole").content_hash, report.content_hash);
    let again = import(&source, "pets", &place.directory, &ImportOptions::default()).expect("the same");
    assert!(again.already_present && again.content_hash == report.content_hash);

    let error =
        open("pets", &place.directory, &DatasetOptions { view: None, ..viewed() }).expect_err("no view");
    assert!(error.to_string().contains("view = { size = 64 }"), "{error}");
    let dataset = open("pets", &place.directory, &viewed()).expect("a view");
    assert_eq!(
        (dataset.classes.as_slice(), dataset.height, dataset.width),
        (&["cat".to_string(), "dog".to_string()][..], 8, 8)
    );
    for sample in 0..10 {
        let whole = dataset.train.whole(sample).expect("an image");
        assert_eq!(*dataset.train.read(sample).expect("an image"), *VIEW.of(&whole).pixels());
        assert_eq!(usize::from(dataset.train.label(sample).expect("a class")), sample / 5);
    }
    // The third image of the first class is the WebP of 9×40 pixels, without loss.
    let shape = dataset.train.whole(2).expect("an image").shape();
    assert_eq!((shape.height, shape.width, shape.channels), (9, 40, 3));
}

#[test]
fn shards_are_tar_archives_that_hold_each_file_as_it_came_and_its_class() {
    let place = Place::new();
    let files = divided_source();
    let source = place.source("pets", &files);
    let report = import(&source, "pets", &place.directory, &ImportOptions::default()).expect("images");
    let mut found = Vec::new();
    let shard = fs::File::open(report.path.join("train-000000.tar")).expect("a shard");
    for entry in tar::Archive::new(shard).entries().expect("a tar") {
        let mut entry = entry.expect("an entry");
        let name = entry.path().expect("a name").to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut bytes).expect("content");
        found.push((name, bytes));
    }
    assert_eq!(found.len(), 20);
    for pair in found.chunks(2) {
        let (key, ending) = pair[0].0.split_once('.').expect("an ending");
        assert!(["png", "jpg", "webp", "bmp"].contains(&ending), "{}", pair[0].0);
        assert_eq!(pair[1].0, format!("{key}.cls"));
        let (path, _) = files.iter().find(|(_, bytes)| *bytes == pair[0].1).expect("a file as it came");
        assert_eq!(pair[1].1, if path.contains("cat") { b"0" } else { b"1" });
    }
}

#[test]
fn a_flipped_bit_a_cut_and_a_missing_file_of_a_sharded_set_are_refused_and_named() {
    let place = Place::new();
    let source = place.source("pets", &divided_source());
    let set = import(&source, "pets", &place.directory, &ImportOptions::default()).expect("images").path;
    let read = || -> Result<(), String> {
        let dataset = open("pets", &place.directory, &viewed()).map_err(|error| error.to_string())?;
        (0..10).try_for_each(|sample| dataset.train.read(sample).map(drop)).map_err(|error| error.to_string())
    };
    read().expect("whole");
    for name in ["train-000000.tar", "index.bin", "set.json"] {
        let path = set.join(name);
        let whole = fs::read(&path).expect("a file");
        // Bytes of an image, of a record, of a class name.
        let place = match name {
            "train-000000.tar" => 600,
            "index.bin" => 3,
            _ => String::from_utf8_lossy(&whole).find("cat").expect("a class"),
        };
        let mut flipped = whole.clone();
        flipped[place] ^= 1;
        for broken in [flipped, whole[..whole.len() - 1].to_vec()] {
            fs::write(&path, broken).expect("a broken file");
            let error = read().expect_err(name);
            assert!(error.contains(&set.display().to_string()), "{name}: {error}");
        }
        fs::remove_file(&path).expect("removed");
        assert!(read().expect_err(name).contains(name));
        fs::write(&path, whole).expect("restored");
    }
    read().expect("whole again");
}

#[test]
fn a_source_with_train_and_val_alone_is_tested_on_val() {
    let place = Place::new();
    let source = place.source("pets", &[class_folders("train/", 3), class_folders("val/", 5)].concat());
    let report = import(&source, "pets", &place.directory, &ImportOptions::default()).expect("images");
    assert_eq!((report.counts, report.tests_on_validation), ([10, 0, 10], true));
    let held_out = DatasetOptions { validation: 4, ..viewed() };
    let dataset = open("pets", &place.directory, &held_out).expect("held out of train");
    assert_eq!((dataset.train.len(), dataset.validation.map(|images| images.len())), (6, Some(4)));
}

#[test]
fn folders_of_classes_are_divided_by_content_within_each_class_and_by_a_seed() {
    let place = Place::new();
    let files = [class_folders("", 1), class_folders("x", 2)].concat();
    let files: Vec<_> =
        files.into_iter().map(|(path, bytes)| (path.replace("xcat/", "cat/x"), bytes)).collect();
    let files: Vec<_> =
        files.into_iter().map(|(path, bytes)| (path.replace("xdog/", "dog/x"), bytes)).collect();
    let renamed: Vec<_> =
        files.iter().rev().map(|(path, bytes)| (path.replace('/', "/z"), bytes.clone())).collect();
    let share =
        |seed| ImportOptions { test_share: Some(TestShare { share: 0.3, seed }), ..ImportOptions::default() };
    let tested = |name: &str, files: &[(String, Vec<u8>)], seed| {
        let source = place.source(name, files);
        let report = import(&source, name, &place.directory, &share(seed)).expect("images");
        assert_eq!(report.counts, [14, 0, 6]);
        let dataset = open(name, &place.directory, &viewed()).expect("a view");
        let mut images: Vec<Vec<u8>> =
            (0..6).map(|sample| dataset.test.read(sample).expect("an image").to_vec()).collect();
        images.sort();
        images
    };
    let first = tested("pets", &files, 0);
    assert_eq!(first, tested("renamed", &renamed, 0), "names have no influence");
    assert_ne!(first, tested("seeded", &files, 1));
}

#[test]
fn a_table_names_classes_and_splits_of_files_anywhere() {
    let place = Place::new();
    let mut files = Vec::new();
    let mut table = "path,class,split\n".to_string();
    for (path, bytes) in divided_source() {
        let (split, rest) = path.split_once('/').expect("a split");
        let (class, name) = rest.split_once('/').expect("a class");
        let file = format!("{split}/{class}-{name}");
        table += &format!("\"{file}\",{class},{split}\n");
        files.push((file, bytes));
    }
    let source = place.source("flat", &files);
    let path = place.folder.path().join("labels.csv");
    fs::write(&path, table).expect("a table");
    let options = ImportOptions { table: Some(path), ..ImportOptions::default() };
    let report = import(&source, "flat", &place.directory, &options).expect("images");
    assert_eq!((report.counts, report.classes), ([10, 10, 10], vec!["cat".to_string(), "dog".to_string()]));
    let unchanged =
        import(&place.source("pets", &divided_source()), "pets", &place.directory, &ImportOptions::default());
    let labels = |name: &str| {
        let dataset = open(name, &place.directory, &viewed()).expect("a view");
        let image = |sample| dataset.test.read(sample).expect("an image").to_vec();
        (0..10)
            .map(|sample| (dataset.test.label(sample).expect("a class"), image(sample)))
            .collect::<Vec<_>>()
    };
    unchanged.expect("images");
    assert_eq!(labels("flat"), labels("pets"));
}

#[test]
fn transparent_images_are_stored_over_the_background() {
    let place = Place::new();
    let mut files = divided_source();
    files.push((
        "Train/cat/f.png".to_string(),
        encoded(ImageFormat::Png, ExtendedColorType::Rgba8, [3, 5], 77),
    ));
    let source = place.source("pets", &files);
    let error =
        import(&source, "pets", &place.directory, &ImportOptions::default()).expect_err("transparent");
    assert!(
        error.to_string().contains("Train/cat/f.png") && error.to_string().contains("--background white"),
        "{error}"
    );
    let white = ImportOptions {
        background: Some(Background::parse("white").expect("a colour")),
        ..ImportOptions::default()
    };
    import(&source, "pets", &place.directory, &white).expect("a background");
    let dataset = open("pets", &place.directory, &viewed()).expect("a view");
    assert_eq!(dataset.train.len(), 11);
    assert_eq!(dataset.train.whole(5).expect("an image").shape().len(), 45);
}

#[test]
fn batches_of_viewed_images_do_not_depend_on_workers_and_resume_anywhere() {
    let place = Place::new();
    let source = place.source("pets", &divided_source());
    import(&source, "pets", &place.directory, &ImportOptions::default()).expect("images");
    let dataset = open("pets", &place.directory, &viewed()).expect("a view");
    let prepared = prepare(&dataset, &[Preprocess::Standardize], &place.directory).expect("prepared");
    let again = prepare(&dataset, &[Preprocess::Standardize], &place.directory).expect("from the cache");
    assert!(prepared.fitted == again.fitted);
    let pixels: f32 =
        (0..10).map(|sample| prepared.train.image(sample).expect("an image").iter().sum::<f32>()).sum();
    assert!(pixels.abs() < 0.05, "standardised pixels have mean 0: {pixels}");
    let batches = |workers, start| {
        let settings = LoaderSettings {
            batch_size: 3,
            seed: 7,
            order: Order::Shuffled,
            augmentation: allconv_data::Augmentation {
                horizontal_flip: true,
                translate: 1,
                ..Default::default()
            },
            workers,
            prefetch: 2,
        };
        let loader = Loader::new(prepared.train.clone(), settings).expect("a loader");
        loader.batches(start, 3).map(|batch| batch.expect("a batch")).collect::<Vec<_>>()
    };
    let all = batches(0, Position { epoch: 0, batch: 0 });
    assert_eq!(all.len(), 12);
    for workers in [1, 3] {
        assert!(all == batches(workers, Position { epoch: 0, batch: 0 }), "{workers} workers");
    }
    assert!(all[6..] == batches(2, Position { epoch: 1, batch: 2 }), "resumed within an epoch");
}

#[test]
fn the_real_images_of_different_sizes_are_imported_and_seen() {
    let Some(data) = std::env::var_os("ALLCONV_TEST_DATA") else {
        println!("not run: ALLCONV_TEST_DATA does not name the folder with imagenet-mixed-sizes.tar");
        return;
    };
    let place = Place::new();
    let mut table = "file,label,split\n".to_string();
    let archive = Path::new(&data).join("imagenet-mixed-sizes.tar");
    let mut number = 0;
    allconv_data::import::source::walk(&archive, &Default::default(), &mut |entry| {
        if entry.path.ends_with("JPEG") {
            let kind = ["even", "odd"][number / 2 % 2];
            table += &format!("{},{kind},{}\n", entry.path, ["train", "test"][number % 2]);
            number += 1;
        }
        Ok(())
    })
    .expect("the published archive");
    let path = place.folder.path().join("labels.csv");
    fs::write(&path, table).expect("a table");
    let options = ImportOptions { table: Some(path), ..ImportOptions::default() };
    let report = import(&archive, "imagenet93", &place.directory, &options).expect("the published archive");
    assert_eq!((report.counts.iter().sum::<usize>(), report.size), (93, None));
    let dataset = open("imagenet93", &place.directory, &viewed()).expect("a view");
    let dataset = Arc::new(dataset);
    assert!((0..dataset.train.len()).all(|sample| dataset.train.read(sample).is_ok()));
}

#[test]
fn ten_crops_are_the_images_of_ten_splits_and_change_nothing_else() {
    let place = Place::new();
    let source = place.source("pets", &divided_source());
    import(&source, "pets", &place.directory, &ImportOptions::default()).expect("images");
    let prepared = |crops| {
        let view = Some(View { crops, ..VIEW });
        let options = DatasetOptions { view, ..viewed() };
        let set = open("pets", &place.directory, &options).expect("a set");
        prepare(&set, &[Preprocess::Standardize], &place.directory).expect("prepared")
    };
    let (one, ten) = (prepared(Crops::Centre), prepared(Crops::Ten));
    assert!(one.fitted == ten.fitted && one.fitted_file == ten.fitted_file);
    assert_eq!((one.test.crops().len(), ten.test.crops().len()), (1, 10));
    for sample in 0..ten.test.len() {
        let image = |split: &allconv_data::PreparedSplit| split.image(sample).expect("an image").into_owned();
        let crops: Vec<Vec<f32>> = ten.test.crops().iter().map(image).collect();
        assert!(image(&ten.test) == image(&one.test) && crops[4] == image(&one.test));
        let mirrored = |values: &[f32]| -> Vec<f32> {
            values.chunks(8 * 3).flat_map(|row| row.chunks(3).rev().flatten().copied()).collect()
        };
        assert!((0..5).all(|number| crops[number + 5] == mirrored(&crops[number])));
    }
}
