//! The speed of data loading on one thread, as one line of JSON.
//!
//! Usage: `data_rates loader` (batches of 32×32 images, mirrored and shifted) or `data_rates jpeg ARCHIVE` (every JPEG of a folder or
//! archive, decoded and cropped to 224×224)

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use allconv_data::augment::ImageShape;
use allconv_data::import::decode::{Image, decode_rgb};
use allconv_data::import::entry::EntryLimits;
use allconv_data::import::source::walk;
use allconv_data::{
    Augmentation, DataDirectory, DatasetOptions, Loader, LoaderSettings, Order, Position, Preprocess,
    SyntheticSettings, open, prepare,
};

/// Passes over all images; each gives one rate.
const ROUNDS: usize = 7;
/// Rows and columns of a crop.
const CROP: usize = 224;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut rates = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["loader"] => loader()?,
        ["jpeg", archive] => jpeg(Path::new(archive))?,
        _ => return Err("usage: data_rates loader | data_rates jpeg ARCHIVE".into()),
    };
    rates.sort_by(f64::total_cmp);
    let (median, min, max) = (rates[ROUNDS / 2], rates[0], rates[ROUNDS - 1]);
    println!(r#"{{"images_per_second": {{"median": {median:.1}, "min": {min:.1}, "max": {max:.1}}}}}"#);
    Ok(())
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

/// JPEGs from memory to the pixels of a crop.
fn jpeg(archive: &Path) -> Result<Vec<f64>, Box<dyn Error>> {
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
    let rate = |_| -> Result<f64, Box<dyn Error>> {
        let start = Instant::now();
        for file in &files {
            black_box(crop(&decode_rgb(file)?)?);
        }
        Ok(files.len() as f64 / start.elapsed().as_secs_f64())
    };
    (0..ROUNDS).map(rate).collect()
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
