//! `allconv data augment`: an image of the first training images with augmentation.

use std::path::Path;

use allconv_data::{
    Augmentation, Crops, DataDirectory, DataError, Dataset, DatasetOptions, Draw, Filter, ImageShape, Images,
    Loader, LoaderSettings, Order, Position, SampleSource, View, open,
};
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
    /// Height and width of the network's input, if the whole images are not.
    pub(super) view: Option<usize>,
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
    let view = shown.view.map(|size| View {
        size,
        resize: None,
        filter: Filter::default(),
        crops: Crops::default(),
    });
    let options = DatasetOptions { validation: 0, view, ..DatasetOptions::default() };
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

/// Images as 8-bit pixels around 0, in place of preprocessing.
struct Centred(Images);

/// Writes pixels around 0.
fn centre(pixels: &[u8], image: &mut [f32]) {
    for (value, pixel) in image.iter_mut().zip(pixels) {
        *value = f32::from(*pixel) - MEAN;
    }
}

impl SampleSource for Centred {
    fn sample_count(&self) -> usize {
        self.0.len()
    }

    fn image_shape(&self) -> ImageShape {
        self.0.shape()
    }

    fn label(&self, sample: usize) -> Result<u32, DataError> {
        self.0.label(sample).map(u32::from)
    }

    fn read_image(&self, sample: usize, image: &mut [f32]) -> Result<(), DataError> {
        centre(&self.0.read(sample)?, image);
        Ok(())
    }

    fn read_changed(
        &self,
        augmentation: &Augmentation,
        draw: Draw,
        image: &mut [f32],
    ) -> Result<(), DataError> {
        centre(augmentation.pixels(&self.0, draw)?.pixels(), image);
        Ok(())
    }
}

/// Draws the batches that training would get of these images alone.
fn picture(dataset: &Dataset, augmentation: Augmentation, shown: &Shown) -> Result<RgbImage, DataError> {
    let count = shown.images as usize;
    let images = dataset.train.select(&(0..count).collect::<Vec<_>>());
    let loader = |augmentation| {
        let settings = LoaderSettings {
            batch_size: count,
            seed: SEED,
            order: Order::Stored,
            augmentation,
            workers: 0,
            prefetch: 0,
        };
        Loader::new(Centred(images.clone()), settings)
    };
    let (plain, augmented) = (loader(Augmentation::default())?, loader(augmentation)?);
    let shape = dataset.shape();
    let [width, height] = [shape.width, shape.height].map(|size| size as u32 * MAGNIFICATION + GAP);
    let mut picture =
        RgbImage::from_pixel((shown.epochs + 1) * width - GAP, shown.images * height - GAP, Rgb([255; 3]));
    for column in 0..=shown.epochs {
        let batch = match column.checked_sub(1) {
            None => plain.batch(Position { epoch: 0, batch: 0 })?,
            Some(epoch) => augmented.batch(Position { epoch, batch: 0 })?,
        };
        for (row, image) in (0..).zip(batch.images.chunks_exact(shape.len())) {
            draw(&mut picture, [column * width, row * height], shape, image);
        }
    }
    Ok(picture)
}

/// Draws an image whose first pixel is at `(x, y)`.
fn draw(picture: &mut RgbImage, [left, top]: [u32; 2], shape: ImageShape, image: &[f32]) {
    for (index, pixel) in image.chunks_exact(shape.channels).enumerate() {
        let level = |channel: usize| (pixel[channel.min(shape.channels - 1)] + MEAN) as u8;
        let colour = Rgb([0, 1, 2].map(level));
        let [x, y] = [index % shape.width, index / shape.width].map(|place| place as u32 * MAGNIFICATION);
        for copy in 0..MAGNIFICATION * MAGNIFICATION {
            let (right, down) = (copy % MAGNIFICATION, copy / MAGNIFICATION);
            picture.put_pixel(left + x + right, top + y + down, colour);
        }
    }
}
