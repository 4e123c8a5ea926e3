//! The speed of data loading on one thread, as one line of JSON.
//!
//! Usage: `data_rates loader` (batches of 32×32 images, mirrored and shifted), or with every JPEG of a folder or archive, decoded: `data_rates jpeg
//! ARCHIVE` (cropped to 224×224), `data_rates train ARCHIVE` (a part of the image resized to 224×224), `data_rates evaluate ARCHIVE` (the shorter
//! edge resized to 256, then the centre cropped). The line also holds the mean of the pixels.

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use allconv_data::ImageShape;
use allconv_data::import::decode::{Image, decode_rgb};
use allconv_data::import::entry::EntryLimits;
use allconv_data::import::source::walk;
use allconv_data::{
    Augmentation, Crops, DataDirectory, DatasetOptions, Filter, Loader, LoaderSettings, Order, Picture,
    Position, Preprocess, SyntheticSettings, View, Window, open, prepare, resize,
};

/// Passes over all images; each gives one rate.
const ROUNDS: usize = 7;
/// Rows and columns of a crop.
const CROP: usize = 224;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (mut rates, mean) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["loader"] => (loader()?, 0.0),
        ["jpeg", archive] => jpegs(Path::new(archive), |image, _| crop(&image))?,
        ["train", archive] => jpegs(Path::new(archive), |image, number| Ok(random_part(image, number)))?,
        ["evaluate", archive] => jpegs(Path::new(archive), |image, _| {
            let view = View { size: CROP, resize: None, filter: Filter::Bilinear, crops: Crops::Centre };
            Ok(view.of(&Picture::new(image.shape, image.pixels)).into_pixels())
        })?,
        _ => return Err("usage: data_rates loader | data_rates jpeg|train|evaluate ARCHIVE".into()),
    };
    rates.sort_by(f64::total_cmp);
    let (median, min, max) = (rates[ROUNDS / 2], rates[0], rates[ROUNDS - 1]);
    println!(
        r#"{{"images_per_second": {{"median": {median:.1}, "min": {min:.1}, "max": {max:.1}}}, "mean": {mean:.3}}}"#
    );
    Ok(())
}

/// Shares of the area of an image, taken in turn; `peers/torch/jpeg_rates.py` takes the same parts.
const SHARES: [f64; 4] = [0.15, 0.4, 0.65, 0.9];

/// Resizes a centred part of the image, as random resized crops do.
fn random_part(image: Image, number: usize) -> Vec<u8> {
    let ImageShape { height, width, .. } = image.shape;
    let share = SHARES[number % SHARES.len()].sqrt();
    let part = [height, width].map(|length| (length as f64 * share) as usize);
    let window =
        Window { top: (height - part[0]) / 2, left: (width - part[1]) / 2, height: part[0], width: part[1] };
    let whole = Picture::new(image.shape, image.pixels);
    resize::resize(&whole, window, [CROP, CROP], Filter::Bilinear).into_pixels()
}

/// Returns batches of an epoch, prepared on this thread.
fn loader() -> Result<Vec<f64>, Box<dyn Error>> {
    let directory = DataDirectory::new(std::env::temp_dir());
    let synthetic = SyntheticSettings { seed: 0, size: 32, train: 4096, test: 10 };
    let options = DatasetOptions { validation: 0, train_images: None, synthetic, view: None };
    let data = prepare(&open("synthetic", &directory, &options)?, &[Preprocess::Standardize], &directory)?;
    let settings = LoaderSettings {
        batch_size: 128,
        seed: 0,
        order: Order::Shuffled,
        augmentation: Augmentation { horizontal_flip: true, translate: 5, ..Augmentation::default() },
        workers: 0,
        prefetch: 0,
    };
    let loader = Loader::new(data.train, settings)?;
    let rate = |epoch: usize| -> Result<f64, Box<dyn Error>> {
        let start = Instant::now();
        for batch in 0..loader.batches_per_epoch() {
            black_box(loader.batch(Position { epoch: epoch as u32, batch })?);
        }
        Ok(loader.sample_count() as f64 / start.elapsed().as_secs_f64())
    };
    (0..ROUNDS).map(rate).collect()
}

/// JPEGs from memory to the pixels that `finish` makes of each: the rate of each round, and the mean of the pixels.
fn jpegs(
    archive: &Path,
    finish: impl Fn(Image, usize) -> Result<Vec<u8>, String>,
) -> Result<(Vec<f64>, f64), Box<dyn Error>> {
    let mut files = Vec::new();
    walk(archive, &EntryLimits::default(), &mut |entry| {
        if entry.path.to_lowercase().ends_with(".jpg") || entry.path.ends_with(".JPEG") {
            files.push(entry.bytes);
        }
        Ok(())
    })?;
    if files.is_empty() {
        return Err(format!("no JPEG in {}", archive.display()).into());
    }
    let mut mean = 0.0;
    for (number, file) in files.iter().enumerate() {
        let pixels = finish(decode_rgb(file)?, number)?;
        let sum: u64 = pixels.iter().map(|value| u64::from(*value)).sum();
        mean += sum as f64 / pixels.len() as f64 / files.len() as f64;
    }
    let rate = |_| -> Result<f64, Box<dyn Error>> {
        let start = Instant::now();
        for (number, file) in files.iter().enumerate() {
            black_box(finish(decode_rgb(file)?, number)?);
        }
        Ok(files.len() as f64 / start.elapsed().as_secs_f64())
    };
    Ok(((0..ROUNDS).map(rate).collect::<Result<_, _>>()?, mean))
}

/// Returns the square in the middle.
fn crop(image: &Image) -> Result<Vec<u8>, String> {
    let ImageShape { height, width, channels } = image.shape;
    if height < CROP || width < CROP {
        return Err(format!("an image of {width}×{height} has no crop of {CROP}×{CROP}"));
    }
    let (top, left) = ((height - CROP) / 2, (width - CROP) / 2);
    let mut pixels = Vec::with_capacity(CROP * CROP * channels);
    for row in image.pixels.chunks_exact(width * channels).skip(top).take(CROP) {
        pixels.extend_from_slice(&row[left * channels..][..CROP * channels]);
    }
    Ok(pixels)
}
