//! `allconv data augment`: an image of the first training images with augmentation.

use std::path::Path;

use allconv_data::{Augmentation, DataDirectory, DataError, Dataset, DatasetOptions, open};
use allconv_train::DataRequest;
use anyhow::Context;
use image::{Rgb, RgbImage};

use crate::exit::UsageError;
use crate::output;

/// The seed whose draws are shown.
const SEED: u64 = 0;
/// Pixels of the output for a pixel of an image.
const MAGNIFICATION: u32 = 3;
/// Pixels between two images.
const GAP: u32 = 4;
/// The grey level that stands for 0, the mean after preprocessing.
const MEAN: f32 = 128.0;

/// What is shown.
pub(super) struct Shown {
    /// The first training images, one a row.
    pub(super) images: u32,
    /// Epochs, one a column behind that of the stored image.
    pub(super) epochs: u32,
}

/// Writes the output image: a row for each image, first as it is stored, then in each epoch.
pub(super) fn augment(
    name: &str,
    settings: &str,
    shown: &Shown,
    directory: &DataDirectory,
    path: &Path,
) -> anyhow::Result<()> {
    let augmentation =
        augmentation(settings).map_err(|reason| UsageError(format!("--augment {settings}: {reason}")))?;
    let options = DatasetOptions { validation: 0, ..DatasetOptions::default() };
    let dataset = open(name, directory, &options)?;
    if shown.images as usize > dataset.train.len() {
        let message =
            format!("--images {} is more than the {} training images", shown.images, dataset.train.len());
        return Err(UsageError(message).into());
    }
    picture(&dataset, augmentation, shown)?
        .save(path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    output::print_line(format_args!("wrote {}", path.display()))?;
    Ok(())
}

/// Reads and checks the settings as in a study file.
fn augmentation(settings: &str) -> Result<Augmentation, String> {
    let section = format!("dataset = \"shown\"\naugment = {settings}");
    let request: DataRequest = toml::from_str(&section).map_err(|error| error.message().to_owned())?;
    request.check_task().map_err(|error| error.to_string())?;
    Ok(request.augment.unwrap_or_default())
}

fn picture(dataset: &Dataset, augmentation: Augmentation, shown: &Shown) -> Result<RgbImage, DataError> {
    let shape = dataset.shape();
    let [width, height] = [shape.width, shape.height].map(|size| size as u32 * MAGNIFICATION + GAP);
    let mut picture =
        RgbImage::from_pixel((shown.epochs + 1) * width - GAP, shown.images * height - GAP, Rgb([255; 3]));
    for sample in 0..shown.images {
        let stored: Vec<f32> =
            dataset.train.read(sample as usize)?.iter().map(|pixel| f32::from(*pixel) - MEAN).collect();
        let mut moved = stored.clone();
        for column in 0..=shown.epochs {
            if let Some(epoch) = column.checked_sub(1) {
                augmentation.draw(SEED, epoch, sample, shape).apply(shape, &stored, &mut moved);
            }
            for (index, pixel) in moved.chunks_exact(shape.channels).enumerate() {
                let level = |channel: usize| (pixel[channel.min(shape.channels - 1)] + MEAN) as u8;
                let colour = Rgb([0, 1, 2].map(level));
                let [x, y] = [(index % shape.width) as u32, (index / shape.width) as u32];
                for cell in 0..MAGNIFICATION * MAGNIFICATION {
                    let (right, down) = (cell % MAGNIFICATION, cell / MAGNIFICATION);
                    picture.put_pixel(
                        column * width + x * MAGNIFICATION + right,
                        sample * height + y * MAGNIFICATION + down,
                        colour,
                    );
                }
            }
        }
    }
    Ok(picture)
}
