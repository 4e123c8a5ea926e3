//! Valid files of every kind that is read: fixtures of the tests, and images and archives made here.

use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

/// Bytes of a file of the repository.
fn file(path: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn files(paths: &[&str]) -> Vec<Vec<u8>> {
    paths.iter().map(|path| file(path)).collect()
}

/// A folder of the finished classifier of the newest format.
const RUN: &str = "crates/allconv/tests/fixtures/runs/format-3-numbers-2/classifier-finished";

fn of_run(name: &str) -> Vec<Vec<u8>> {
    vec![file(&format!("{RUN}/{name}"))]
}

/// Study files with every kind of section.
pub(crate) fn studies() -> Vec<Vec<u8>> {
    files(&[
        "studies/quickstart.toml",
        "studies/paper-table3-small.toml",
        "docs/results/three-hypotheses/three-hypotheses.toml",
        "docs/results/isbi-unet/isbi-unet.toml",
    ])
}

/// Specifications of runs.
pub(crate) fn specifications() -> Vec<Vec<u8>> {
    of_run("spec.toml")
}

/// Records of runs.
pub(crate) fn records() -> Vec<Vec<u8>> {
    of_run("run.json")
}

/// Journals of metrics.
pub(crate) fn journals() -> Vec<Vec<u8>> {
    of_run("metrics.jsonl")
}

/// Outcomes of test examples.
pub(crate) fn outcomes() -> Vec<Vec<u8>> {
    of_run("outcomes.bin")
}

/// Scores of a dense task.
pub(crate) fn scores() -> Vec<Vec<u8>> {
    files(&["crates/allconv/tests/fixtures/runs/format-3-numbers-2/u-net-finished/scores.json"])
}

/// Weights as this program writes them.
pub(crate) fn safetensors() -> Vec<Vec<u8>> {
    files(&[
        "crates/inspect/tests/fixtures/weights/half.safetensors",
        "crates/allconv/tests/fixtures/models/format-1/whitened/preprocess.safetensors",
    ])
}

/// Weights of other programs: safetensors and what `torch.save` wrote.
pub(crate) fn foreign_weights() -> Vec<Vec<u8>> {
    files(&[
        "crates/inspect/tests/fixtures/weights/half.safetensors",
        "crates/inspect/tests/fixtures/weights/state.pth",
        "crates/inspect/tests/fixtures/weights/nested.pth",
    ])
}

/// Settings of model folders.
pub(crate) fn model_configs() -> Vec<Vec<u8>> {
    ["classifier", "u-net", "super-resolution", "whitened"]
        .iter()
        .map(|name| file(&format!("crates/allconv/tests/fixtures/models/format-1/{name}/config.json")))
        .collect()
}

/// A coloured image of a width and height.
fn drawn(width: u32, height: u32) -> DynamicImage {
    let pixel = |x: u32, y: u32| Rgb([(x * 17) as u8, (y * 29) as u8, (x * y) as u8]);
    DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, pixel))
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Images in all formats that are read, of several pixel types.
pub(crate) fn images() -> Vec<Vec<u8>> {
    let image = drawn(19, 13);
    let mut images: Vec<Vec<u8>> = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Bmp]
        .map(|format| encoded(&image, format))
        .to_vec();
    for image in [
        DynamicImage::ImageLuma8(image.to_luma8()),
        DynamicImage::ImageRgba8(image.to_rgba8()),
        DynamicImage::ImageLuma16(image.to_luma16()),
    ] {
        images.push(encoded(&image, ImageFormat::Png));
    }
    images.push(encoded(&DynamicImage::ImageLuma8(image.to_luma8()), ImageFormat::Jpeg));
    images
}

/// A tar archive with these files.
fn archive(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, &bytes[..]).unwrap();
    }
    builder.into_inner().unwrap()
}

/// Archives of images with classes.
pub(crate) fn archives() -> Vec<Vec<u8>> {
    let png = |size: u32| encoded(&drawn(size, size), ImageFormat::Png);
    let classes = archive(&[
        ("train/cat/1.png", png(4)),
        ("train/dog/1.png", png(4)),
        ("test/cat/2.png", png(4)),
        ("test/dog/2.png", png(4)),
    ]);
    let long = "x".repeat(150);
    let of_sizes = archive(&[
        (&format!("train/cat/{long}.png"), png(5)),
        ("train/dog/1.png", png(4)),
        ("test/cat/2.png", png(6)),
        ("test/dog/2.png", png(4)),
    ]);
    vec![classes, of_sizes, file("crates/data/tests/fixtures/pets.zip")]
}

/// Archives of images with label maps.
pub(crate) fn label_archives() -> Vec<Vec<u8>> {
    let image = || encoded(&drawn(6, 5), ImageFormat::Png);
    let labels = |number: u32| {
        let map = image::GrayImage::from_fn(6, 5, |x, y| image::Luma([((x + y + number) % 2 * 255) as u8]));
        encoded(&DynamicImage::ImageLuma8(map), ImageFormat::Png)
    };
    vec![archive(&[
        ("train/image/1.png", image()),
        ("train/label/1.png", labels(0)),
        ("test/image/2.png", image()),
        ("test/label/2.png", labels(1)),
    ])]
}

/// Classes of label maps as the command line takes them.
pub(crate) fn label_lists() -> Vec<Vec<u8>> {
    vec![b"membrane=0,tissue=255".to_vec(), b"a=1".to_vec()]
}
