//! Memory and time for sets of more and more images in tar shards, as a table in Markdown.
//!
//! Usage: `shard_scale FOLDER COUNT…`, e.g. `shard_scale /tmp/scale 100000 1000000`. Writes COUNT drawn photographs of about 48×48 pixels into
//! shards below FOLDER, imports them, and reads batches of training images of 32×32 pixels, cropped at random, by two workers: as many for each COUNT.
//! Import and reading are processes of their own, whose largest resident memory is given. About 3 KB of disk are needed for an image; they are
//! removed again.

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufWriter, Cursor, Write};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use allconv_data::augment::RandomResizedCrop;
use allconv_data::{
    Augmentation, Crops, DataDirectory, DatasetOptions, Filter, Loader, LoaderSettings, Order, Position,
    Preprocess, ShardOptions, View, find_shards, import_shards, open, prepare,
};

/// Images of a shard.
const SHARD: usize = 20_000;
/// Test images of every set.
const TEST: usize = 1_000;
/// Batches that are read, and their images.
const BATCHES: usize = 400;
const BATCH: usize = 128;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["import", folder] => import(Path::new(folder)),
        ["read", folder] => read(Path::new(folder)),
        [folder, ref counts @ ..] if !counts.is_empty() => {
            println!(
                "| images | import: MiB | µs an image | reading: MiB | µs an image |\n|--:|--:|--:|--:|--:|"
            );
            for count in counts {
                let place = Path::new(folder).join(count);
                write(&place.join("shards"), count.parse()?)?;
                let [import, read] = ["import", "read"].map(|step| measured(step, &place));
                println!("| {count} | {} | {} |", import?, read?);
                fs::remove_dir_all(&place)?;
            }
            Ok(())
        }
        _ => Err("usage: shard_scale FOLDER COUNT…".into()),
    }
}

/// Runs a step in a process of its own, which prints memory and time.
fn measured(step: &str, folder: &Path) -> Result<String, Box<dyn Error>> {
    let output = Command::new(std::env::current_exe()?).arg(step).arg(folder).output()?;
    if !output.status.success() {
        return Err(format!("{step}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_string())
}

/// Writes `count` training images and the test images.
fn write(folder: &Path, count: usize) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    let drawn: Vec<Vec<u8>> = (0..64).map(draw).collect::<Result<_, _>>()?;
    for (split, count, first) in [("train", count, 0), ("test", TEST, count)] {
        for start in (0..count).step_by(SHARD) {
            let path = folder.join(format!("{split}-{:06}.tar", start / SHARD));
            let mut shard = tar::Builder::new(BufWriter::with_capacity(1 << 20, File::create(path)?));
            for number in first + start..first + (start + SHARD).min(count) {
                let image = commented(&drawn[number % drawn.len()], number as u64);
                append(&mut shard, &format!("{number:09}.jpg"), &image)?;
                append(&mut shard, &format!("{number:09}.cls"), (number % 10).to_string().as_bytes())?;
            }
            shard.into_inner()?.flush()?;
        }
    }
    Ok(())
}

fn append(shard: &mut tar::Builder<impl Write>, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    shard.append_data(&mut header, name, bytes)
}

/// A JPEG of a gradient with stripes.
fn draw(number: u32) -> Result<Vec<u8>, image::ImageError> {
    let (width, height) = (40 + number % 17, 40 + number % 13);
    let picture = image::RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([(x * 5) as u8, (y * 5) as u8, ((x / 3 + y / 4 + number) % 8 * 30) as u8])
    });
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Jpeg)?;
    Ok(bytes.into_inner())
}

/// The JPEG with a number as its comment, so that no two are equal.
fn commented(jpeg: &[u8], number: u64) -> Vec<u8> {
    [&jpeg[..2], &[0xff, 0xfe, 0, 10], &number.to_be_bytes(), &jpeg[2..]].concat()
}

fn import(folder: &Path) -> Result<(), Box<dyn Error>> {
    let directory = DataDirectory::new(folder.join("data"));
    let shards = find_shards(&folder.join("shards"))?.ok_or("no shards")?;
    let start = Instant::now();
    let report = import_shards(&shards, "drawn", &directory, &ShardOptions::default())?;
    let images: usize = report.counts.iter().sum();
    tell(start.elapsed().as_secs_f64(), images)
}

fn read(folder: &Path) -> Result<(), Box<dyn Error>> {
    let directory = DataDirectory::new(folder.join("data"));
    let view = Some(View { size: 32, resize: None, filter: Filter::Bilinear, crops: Crops::Centre });
    let dataset = open("drawn", &directory, &DatasetOptions { view, ..DatasetOptions::default() })?;
    dataset.shared_between_splits()?;
    let prepared = prepare(&dataset, &[Preprocess::Standardize], &directory)?;
    let augmentation = Augmentation {
        horizontal_flip: true,
        random_resized_crop: Some(RandomResizedCrop { area: [0.08, 1.0], aspect: [0.75, 4.0 / 3.0] }),
        ..Augmentation::default()
    };
    let order = Order::Shuffled;
    let settings =
        LoaderSettings { batch_size: BATCH, seed: 1, order, augmentation, workers: 2, prefetch: 4 };
    let loader = Loader::new(prepared.train, settings)?;
    let start = Instant::now();
    for batch in loader.batches(Position { epoch: 0, batch: 0 }, u32::MAX).take(BATCHES) {
        batch?;
    }
    tell(start.elapsed().as_secs_f64(), BATCHES * BATCH)
}

/// Prints the largest resident memory of this process in MiB, and the time of an image in microseconds.
fn tell(seconds: f64, images: usize) -> Result<(), Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let kibibytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    println!("{:.1} | {:.0}", kibibytes / 1024.0, seconds * 1e6 / images as f64);
    Ok(())
}
