//! The official files of ImageNet, in small: archives in their layout, made by the test, with a development kit that SciPy wrote
//! (`fixtures/imagenet.py`).

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

use allconv_data::import::entry::EntryLimits;
use allconv_data::import::source;
use allconv_data::{
    Crops, DataDirectory, DataError, DatasetOptions, Filter, ImageNetFiles, ImportOptions, ImportReport,
    View, import_imagenet, open,
};
use image::{ExtendedColorType, ImageFormat};

const META: &[u8] = include_bytes!("fixtures/imagenet_meta.mat");

/// Three of the 93 classes of the fixture, with their numbers in the labels.
const CLASSES: [(&str, u32); 3] = [("n01514668", 93), ("n01560419", 92), ("n13052670", 1)];

fn tar(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, bytes.as_slice()).expect("an entry");
    }
    builder.into_inner().expect("a tar")
}

fn jpeg(width: u32, value: u8) -> Vec<u8> {
    let pixels = vec![value; 3 * 20 * width as usize];
    let mut bytes = Cursor::new(Vec::new());
    image::write_buffer_with_format(
        &mut bytes,
        &pixels,
        width,
        20,
        ExtendedColorType::Rgb8,
        ImageFormat::Jpeg,
    )
    .expect("a JPEG");
    bytes.into_inner()
}

/// The development kit with these labels.
fn devkit(labels: &[u32]) -> Vec<u8> {
    let text: String = labels.iter().map(|label| format!("{label}\n")).collect();
    let file = |name: &str, bytes: &[u8]| (format!("ILSVRC2012_devkit_t12/{name}"), bytes.to_vec());
    let archive = tar(&[
        file("readme.txt", b"not read"),
        file("data/meta.mat", META),
        file("data/ILSVRC2012_validation_ground_truth.txt", text.as_bytes()),
    ]);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&archive).expect("a stream");
    gzip.finish().expect("a stream")
}

/// Writes the three files, and returns their places.
fn write(folder: &Path, train: &[u8], validation: &[u8], devkit: &[u8]) -> ImageNetFiles {
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, bytes).expect("a file");
        path
    };
    ImageNetFiles {
        train: file("ILSVRC2012_img_train.tar", train),
        validation: file("ILSVRC2012_img_val.tar", validation),
        devkit: file("ILSVRC2012_devkit_t12.tar.gz", devkit),
    }
}

fn class_archive((wnid, number): (&str, u32)) -> (String, Vec<u8>) {
    let image = |index: u32| (format!("{wnid}_{index}.JPEG"), jpeg(20 + index, (number * 2 + index) as u8));
    (format!("{wnid}.tar"), tar(&[image(0), image(1), image(2)]))
}

fn validation(count: u32) -> Vec<u8> {
    let image = |number: u32| (format!("ILSVRC2012_val_{number:08}.JPEG"), jpeg(30, 200 + number as u8));
    tar(&(1..=count).map(image).collect::<Vec<_>>())
}

fn import(files: &ImageNetFiles, folder: &Path) -> Result<ImportReport, DataError> {
    import_imagenet(files, "imagenet", &DataDirectory::new(folder.join("data")), &ImportOptions::default())
}

#[test]
fn classes_are_numbered_by_wordnet_id_and_validation_labels_come_from_the_development_kit() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // The archives of classes lie in another order than that of their ids.
    let train = tar(&[2, 0, 1].map(|class| class_archive(CLASSES[class])));
    let files = write(folder.path(), &train, &validation(4), &devkit(&[1, 93, 92, 93]));
    let report = import(&files, folder.path()).expect("the official layout");
    assert_eq!((report.counts, report.size, report.tests_on_validation), ([9, 0, 4], None, true));
    assert_eq!(report.classes, ["n01514668 cock", "n01560419 bulbul", "n13052670 hen-of-the-woods"]);
    let view = Some(View { size: 16, resize: None, filter: Filter::default(), crops: Crops::Centre });
    let options = DatasetOptions { validation: 0, view, ..DatasetOptions::default() };
    let dataset = open("imagenet", &DataDirectory::new(folder.path().join("data")), &options).expect("a set");
    let labels = |count: usize| {
        (0..count).map(|sample| dataset.test.label(sample).expect("a label")).collect::<Vec<_>>()
    };
    assert_eq!(labels(4), [0, 0, 1, 2]);
    // The first of them is the second validation image.
    let pixel = dataset.test.read(0).expect("an image")[0];
    assert!(pixel.abs_diff(202) <= 2, "{pixel}");
    assert!(import(&files, folder.path()).expect("the same").already_present);
}

#[test]
fn files_that_are_not_the_official_ones_are_refused_by_name() {
    let train = tar(&CLASSES.map(class_archive));
    let labels = devkit(&[1, 93, 92]);
    let unknown = tar(&[("n99999999.tar".to_string(), tar(&[]))]);
    let unnamed = tar(&[("1.JPEG".to_string(), jpeg(20, 9))]);
    for (train, validation, kit, told) in [
        (&unknown, &validation(3), &labels, "img_train.tar!n99999999.tar: expected an archive nXXXXXXXX.tar"),
        (&train, &validation(2), &labels, "img_val.tar: expected 3 images"),
        (&train, &validation(4), &labels, "found number 4 of 3 labels"),
        (&train, &unnamed, &labels, "img_val.tar!1.JPEG"),
        (&train, &validation(1), &devkit(&[1002]), "found \"1002\" in line 1"),
        (&train, &validation(1), &train, "data/meta.mat: expected a file of the development kit, found none"),
    ] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let files = write(folder.path(), train, validation, kit);
        let error = import(&files, folder.path()).expect_err(told).to_string();
        assert!(error.contains(told), "wanted \"{told}\": {error}");
        assert!(!folder.path().join("data/imported").exists(), "{told}: nothing may be written");
    }
}

#[test]
fn real_images_in_the_official_layout_are_imported() {
    let Some(data) = std::env::var_os("ALLCONV_TEST_DATA") else {
        println!("not run: ALLCONV_TEST_DATA does not name the folder with imagenet-mixed-sizes.tar");
        return;
    };
    let (mut classes, mut validation) = (Vec::new(), Vec::new());
    let archive = Path::new(&data).join("imagenet-mixed-sizes.tar");
    source::walk(&archive, &EntryLimits::default(), &mut |entry| {
        let wnid = entry.path.split('_').next().expect("a class").to_string();
        let number = validation.len() + 1;
        validation.push((format!("ILSVRC2012_val_{number:08}.JPEG"), entry.bytes.clone()));
        classes.push((format!("{wnid}.tar"), tar(&[(format!("{wnid}_{number}.JPEG"), entry.bytes)])));
        Ok(())
    })
    .expect("the published archive");
    // The fixture numbers the classes against their order.
    let labels: Vec<u32> = (1..=93).rev().collect();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = write(folder.path(), &tar(&classes), &tar(&validation), &devkit(&labels));
    let report = import(&files, folder.path()).expect("the official layout");
    assert_eq!((report.counts, report.classes.len()), ([93, 0, 93], 93));
    let [shared] = report.shared.as_slice() else { panic!("{:?}", report.shared) };
    assert_eq!((shared.count, shared.labelled_otherwise), (93, 0), "every image has the label of its class");
}
