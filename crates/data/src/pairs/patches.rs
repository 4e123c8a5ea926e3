//! Patches cut out of pictures: place, orientation and noise keyed by (seed, epoch, sample).

use std::sync::Arc;

use allconv_random::{Purpose, Stream};
use rayon::prelude::*;

use super::orientation::{Symmetry, oriented, positions};
use super::pixels::{add_noise, centred};
use super::{PairBatch, Targets};
use crate::bicubic;
use crate::error::DataError;
use crate::image_shape::ImageShape;
use crate::loader::MakeBatch;
use crate::picture::Picture;
use crate::pictures::PictureExample;

/// The computation of a pair's input and target from a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pairing {
    /// The picture shrunk by the antialiased bicubic, and the picture.
    Shrunk {
        /// Height and width of the picture relative to those of the input.
        factor: usize,
    },
    /// The picture under Gaussian noise, and the picture.
    Noisy {
        /// Standard deviation in grey levels of 255; 0 adds nothing.
        sigma: f64,
    },
    /// The picture and its label map.
    Labelled,
}

/// The settings of patches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PatchSettings {
    /// Height and width of the input patch.
    pub size: usize,
    /// Patches that each picture gives an epoch.
    pub per_picture: usize,
    /// Orientations.
    pub symmetry: Symmetry,
    /// Input and target.
    pub pairing: Pairing,
}

/// Cuts batches of pairs out of pictures.
#[derive(Clone, Debug)]
pub struct Patches {
    pictures: Arc<Vec<PictureExample>>,
    /// The inputs of the pictures where they have another size.
    shrunk: Vec<Picture>,
    settings: PatchSettings,
    channels: usize,
}

impl Patches {
    /// Prepares the pictures for cutting.
    ///
    /// # Errors
    /// [`DataError`] naming the first picture that is smaller than a patch, or lacks the label map that the pairing needs.
    pub fn new(
        set: &str,
        pictures: Arc<Vec<PictureExample>>,
        settings: PatchSettings,
    ) -> Result<Patches, DataError> {
        Patches::check(set, &pictures, settings)?;
        let channels = pictures.first().map_or(0, |example| example.picture.shape().channels);
        let shrunk = match settings.pairing {
            Pairing::Shrunk { factor } => {
                let input = |example: &PictureExample| {
                    bicubic::shrink(&example.picture.cropped_to_multiple(factor), factor)
                };
                pictures.par_iter().map(input).collect()
            }
            Pairing::Noisy { .. } | Pairing::Labelled => Vec::new(),
        };
        Ok(Patches { pictures, shrunk, settings, channels })
    }

    /// Checks that the pictures fulfil the requirements of [`Patches::new`].
    ///
    /// # Errors
    /// As there.
    pub fn check(set: &str, pictures: &[PictureExample], settings: PatchSettings) -> Result<(), DataError> {
        let factor = settings.pairing.factor();
        for example in pictures {
            let ImageShape { height, width, .. } = example.picture.shape();
            let needed = settings.size * factor;
            if height < needed || width < needed {
                return Err(DataError::bad_file(
                    format!("{set}, picture {}", example.name),
                    format!("at least {needed}×{needed} pixels, a patch of {} times {factor}", settings.size),
                    format!("{width}×{height} (width × height)"),
                    "train on smaller patches, or without this picture",
                ));
            }
            if settings.pairing == Pairing::Labelled && example.mask.is_none() {
                return Err(without_label_map(set, example));
            }
        }
        Ok(())
    }
}

impl Pairing {
    /// Returns height and width of the target relative to those of the input.
    pub fn factor(self) -> usize {
        match self {
            Pairing::Shrunk { factor } => factor,
            Pairing::Noisy { .. } | Pairing::Labelled => 1,
        }
    }
}

/// Returns the error for a picture of a segmentation set without label map.
pub(crate) fn without_label_map(set: &str, example: &PictureExample) -> DataError {
    DataError::bad_file(
        format!("{set}, picture {}", example.name),
        "a label map",
        "none",
        "import the set with --layout segmentation, or choose another task",
    )
}

impl MakeBatch for Patches {
    type Batch = PairBatch;

    fn sample_count(&self) -> usize {
        self.pictures.len() * self.settings.per_picture
    }

    fn make(&self, seed: u64, epoch: u32, samples: &[u32]) -> Result<PairBatch, DataError> {
        let PatchSettings { size, symmetry, pairing, .. } = self.settings;
        let factor = pairing.factor();
        let square = |size| ImageShape { height: size, width: size, channels: self.channels };
        let (input, target) = (square(size), square(size * factor));
        let mut inputs = Vec::with_capacity(samples.len() * input.len());
        let mut pictures = Vec::new();
        let mut classes = Vec::new();
        for &sample in samples {
            let index = sample as usize % self.pictures.len();
            let example = &self.pictures[index];
            let source = self.shrunk.get(index).unwrap_or(&example.picture);
            let mut stream = Stream::of_sample(seed, Purpose::Crop, epoch, sample);
            let top = stream.below((source.shape().height - size + 1) as u32) as usize;
            let left = stream.below((source.shape().width - size + 1) as u32) as usize;
            let orientation = stream.below(symmetry.count());
            let start = inputs.len();
            for pixel in oriented(source, top, left, size, orientation) {
                inputs.extend(pixel.iter().map(|value| centred(*value)));
            }
            match pairing {
                Pairing::Shrunk { .. } => {
                    let (top, left) = (top * factor, left * factor);
                    for pixel in oriented(&example.picture, top, left, size * factor, orientation) {
                        pictures.extend(pixel.iter().map(|value| centred(*value)));
                    }
                }
                Pairing::Noisy { sigma } => {
                    pictures.extend_from_slice(&inputs[start..]);
                    add_noise(
                        &mut inputs[start..],
                        sigma,
                        Stream::of_sample(seed, Purpose::Noise, epoch, sample),
                    );
                }
                Pairing::Labelled => {
                    let mask =
                        example.mask.as_ref().ok_or_else(|| without_label_map("a data set", example))?;
                    let width = example.picture.shape().width;
                    classes.extend(
                        positions(top, left, size, orientation)
                            .map(|(row, column)| mask[row * width + column]),
                    );
                }
            }
        }
        let targets = match pairing {
            Pairing::Labelled => Targets::Classes(classes),
            _ => Targets::Pictures { values: pictures, shape: target },
        };
        Ok(PairBatch { inputs, input, targets, samples: samples.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loader::{Loader, LoaderSettings, Position};
    use crate::order::Order;
    use crate::pairs::pixel_value;
    use crate::{Augmentation, SyntheticSettings, pictures::PictureSource};

    fn drawn() -> Arc<Vec<PictureExample>> {
        let settings = SyntheticSettings { seed: 0, size: 24, train: 6, test: 1 };
        Arc::new(PictureSource::drawn(&settings).expect("valid settings").train)
    }

    fn settings(pairing: Pairing) -> PatchSettings {
        PatchSettings { size: 8, per_picture: 5, symmetry: Symmetry::Square, pairing }
    }

    fn loader(pairing: Pairing, workers: usize) -> Loader<PairBatch> {
        let loader = LoaderSettings {
            batch_size: 7,
            seed: 3,
            order: Order::Shuffled,
            augmentation: Augmentation::default(),
            workers,
            prefetch: 2,
        };
        Loader::over(Patches::new("drawn", drawn(), settings(pairing)).expect("large enough"), loader)
            .expect("valid settings")
    }

    const PAIRINGS: [Pairing; 3] =
        [Pairing::Shrunk { factor: 2 }, Pairing::Noisy { sigma: 25.0 }, Pairing::Labelled];

    #[test]
    fn the_number_of_workers_is_invisible_and_any_position_continues_the_sequence() {
        for pairing in PAIRINGS {
            let batches = |workers, start| -> Vec<PairBatch> {
                loader(pairing, workers).batches(start, 2).map(|batch| batch.expect("healthy")).collect()
            };
            let reference = batches(0, Position { epoch: 0, batch: 0 });
            assert_eq!(reference.len(), 10, "30 patches an epoch, 7 a batch");
            assert_ne!(reference[0], reference[5], "another epoch, other patches");
            assert!(batches(3, Position { epoch: 0, batch: 0 }) == reference, "{pairing:?}");
            assert!(batches(2, Position { epoch: 1, batch: 2 }) == reference[7..], "{pairing:?}");
        }
    }

    #[test]
    fn a_turned_patch_is_the_shrunk_patch_turned() {
        // Shrinking commutes with turning, so that input and target must show the same orientation of the same place.
        let pictures = drawn();
        let patches =
            Patches::new("drawn", pictures, settings(Pairing::Shrunk { factor: 2 })).expect("large");
        let samples: Vec<u32> = (0..30).collect();
        let batch = patches.make(3, 0, &samples).expect("healthy");
        let Targets::Pictures { values, shape } = &batch.targets else { panic!("pictures") };
        assert_eq!((shape.height, batch.input.height), (16, 8));
        for pair in 0..samples.len() {
            let large = Picture::new(
                *shape,
                values[pair * shape.len()..][..shape.len()].iter().map(|v| pixel_value(*v)).collect(),
            );
            let small = bicubic::shrink(&large, 2);
            let input = &batch.inputs[pair * batch.input.len()..][..batch.input.len()];
            // Away from the border, where the cut patch lacks its neighbours. Rounding and limiting after rows or columns first differ
            // by a grey level or two at edges; another place or orientation differs by tens.
            let places = (3..5).flat_map(|row| (9..15).map(move |column| row * 24 + column));
            let difference =
                |place: usize| f64::from(pixel_value(input[place]).abs_diff(small.pixels()[place]));
            let mean = places.map(difference).sum::<f64>() / 12.0;
            assert!(mean < 1.0, "pair {pair} differs by {mean} grey levels");
        }
    }

    #[test]
    fn a_label_moves_with_its_pixel() {
        let shape = ImageShape { height: 9, width: 9, channels: 1 };
        let pixels: Vec<u8> = (0..81).collect();
        let example = PictureExample {
            name: "counted".into(),
            picture: Picture::new(shape, pixels.clone()),
            mask: Some(Arc::new(pixels)),
        };
        let patches =
            Patches::new("counted", Arc::new(vec![example]), settings(Pairing::Labelled)).expect("large");
        let batch = patches.make(1, 0, &[0, 1, 2, 3, 4]).expect("healthy");
        let Targets::Classes(classes) = &batch.targets else { panic!("classes") };
        let shown: Vec<u8> = batch.inputs.iter().map(|value| pixel_value(*value)).collect();
        assert_eq!(shown, *classes);
    }

    #[test]
    fn noise_has_the_requested_deviation_and_does_not_change_the_target() {
        let patches =
            Patches::new("drawn", drawn(), settings(Pairing::Noisy { sigma: 25.0 })).expect("large");
        let samples: Vec<u32> = (0..30).collect();
        let batch = patches.make(3, 0, &samples).expect("healthy");
        let Targets::Pictures { values, .. } = &batch.targets else { panic!("pictures") };
        let noise: Vec<f64> =
            batch.inputs.iter().zip(values).map(|(a, b)| 255.0 * f64::from(a - b)).collect();
        let deviation = (noise.iter().map(|value| value * value).sum::<f64>() / noise.len() as f64).sqrt();
        // Five standard errors, sigma/sqrt(2n).
        let bound = 5.0 * 25.0 / (2.0 * noise.len() as f64).sqrt();
        assert!((deviation - 25.0).abs() < bound, "{deviation} over {} values", noise.len());
        let clean = Patches::new("drawn", drawn(), settings(Pairing::Noisy { sigma: 0.0 })).expect("large");
        let clean = clean.make(3, 0, &samples).expect("healthy");
        assert_eq!(clean.targets, Targets::Pictures { values: clean.inputs.clone(), shape: clean.input });
    }

    #[test]
    fn pictures_that_are_too_small_or_have_no_label_map_are_named() {
        let large = PatchSettings { size: 16, ..settings(Pairing::Shrunk { factor: 2 }) };
        let error = Patches::new("drawn", drawn(), large).expect_err("too small").to_string();
        assert!(error.contains("drawn, picture train_00000: expected at least 32×32"), "{error}");
        let mut pictures = drawn().to_vec();
        pictures[2].mask = None;
        let error =
            Patches::new("drawn", Arc::new(pictures), settings(Pairing::Labelled)).expect_err("no map");
        assert!(error.to_string().contains("picture train_00002: expected a label map"), "{error}");
    }
}
