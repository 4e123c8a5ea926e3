//! Images for a network: their 8-bit pixels, and the prepared inputs.

use std::path::PathBuf;
use std::sync::Arc;

use allconv_data::augment::ImageShape;
use allconv_data::pairs::{centred, pixel_value};
use allconv_data::{Dataset, FittedPreprocess, Picture, PreparedDataset, Preprocess, View};
use allconv_nets::images_to_tensor;
use allconv_record::SplitName;
use allconv_train::ExampleInput;
use burn::tensor::{Device, Tensor};

use crate::InspectError;

/// Images with their labels, if they have any.
#[derive(Clone, Debug)]
pub struct Pictures {
    shape: ImageShape,
    names: Vec<String>,
    pixels: Vec<u8>,
    inputs: Vec<f32>,
    labels: Option<Vec<u32>>,
    /// The preprocessing; without it `value/255 − 1/2`, as in tasks over maps.
    fitted: Option<Arc<FittedPreprocess>>,
}

impl Pictures {
    /// Returns `count` images of a split (all of them if it has fewer), at even distances, so that a split sorted by class gives all
    /// classes.
    ///
    /// # Errors
    /// [`InspectError::NoSplit`].
    pub fn of_split(
        dataset: &Dataset,
        prepared: &PreparedDataset,
        split: SplitName,
        count: usize,
    ) -> Result<Pictures, InspectError> {
        let none = || InspectError::NoSplit { dataset: dataset.name.clone(), split: split.name() };
        let (raw, ready) = match split {
            SplitName::Train => (&dataset.train, &prepared.train),
            SplitName::Test => (&dataset.test, &prepared.test),
            SplitName::Valid => (
                dataset.validation.as_ref().ok_or_else(none)?,
                prepared.validation.as_ref().ok_or_else(none)?,
            ),
        };
        let count = count.min(raw.len());
        let chosen: Vec<usize> = (0..count).map(|index| index * raw.len() / count).collect();
        let (mut pixels, mut inputs, mut labels) = (Vec::new(), Vec::new(), Vec::new());
        for sample in &chosen {
            pixels.extend_from_slice(&raw.read(*sample)?);
            inputs.extend_from_slice(&ready.image(*sample)?);
            labels.push(u32::from(raw.label(*sample)?));
        }
        Ok(Pictures {
            shape: prepared.shape,
            names: chosen.iter().map(|sample| format!("{} {sample}", split.name())).collect(),
            pixels,
            inputs,
            labels: Some(labels),
            fitted: Some(Arc::clone(&prepared.fitted)),
        })
    }

    /// Returns the middle `size`×`size` pixels of examples of a task over maps.
    ///
    /// # Errors
    /// [`InspectError::Image`] for an example that is smaller.
    pub fn of_examples(examples: Vec<ExampleInput>, size: usize) -> Result<Pictures, InspectError> {
        let channels = examples.first().map_or(1, |example| example.shape.channels);
        let shape = ImageShape { height: size, width: size, channels };
        let mut names = Vec::with_capacity(examples.len());
        let mut inputs = Vec::with_capacity(examples.len() * shape.len());
        for ExampleInput { name, values, shape: ImageShape { height, width, .. } } in examples {
            if height < size || width < size {
                return Err(InspectError::Image {
                    image: name,
                    reason: format!(
                        "it has {height}×{width} pixels, fewer than the training patches of {size}×{size}"
                    ),
                });
            }
            for row in 0..size {
                let first = ((height - size) / 2 + row) * width + (width - size) / 2;
                inputs.extend_from_slice(&values[first * channels..][..size * channels]);
            }
            names.push(name);
        }
        let pixels = inputs.iter().map(|value| pixel_value(*value)).collect();
        Ok(Pictures { shape, names, pixels, inputs, labels: None, fitted: None })
    }

    /// Reads image files, through `view` if there is one. `fitted` prepares them as training prepared its images; without it each channel is
    /// standardised over these files alone.
    ///
    /// # Errors
    /// [`InspectError::Image`] for a file that is not an image, or, without a view, has another size than `input` (channels, rows, columns).
    pub fn of_files(
        files: &[PathBuf],
        input: [usize; 3],
        fitted: Option<Arc<FittedPreprocess>>,
        view: Option<View>,
    ) -> Result<Pictures, InspectError> {
        let [channels, height, width] = input;
        let shape = ImageShape { height, width, channels };
        let mut pixels = Vec::with_capacity(files.len() * shape.len());
        let mut names = Vec::with_capacity(files.len());
        for file in files {
            let image = file.display().to_string();
            let wrong = |reason: String| InspectError::Image { image: image.clone(), reason };
            let bytes = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
            let decoded = Picture::decode(&image, &bytes).map_err(|error| wrong(error.to_string()))?;
            let decoded = view.map_or_else(|| decoded.clone(), |view| view.of(&decoded));
            let found = decoded.shape();
            if (found.height, found.width) != (height, width) {
                return Err(wrong(format!(
                    "it has {}×{} pixels, the network takes {height}×{width}; cut or scale it first",
                    found.height, found.width
                )));
            }
            if channels % found.channels != 0 {
                let reason = "it is a colour picture, the network takes grey ones; convert it first";
                return Err(wrong(reason.to_owned()));
            }
            let repeats = channels / found.channels;
            pixels.extend(decoded.pixels().iter().flat_map(|value| std::iter::repeat_n(*value, repeats)));
            names.push(file.file_name().map_or(image.clone(), |name| name.to_string_lossy().into_owned()));
        }
        if files.is_empty() {
            return Err(InspectError::Request("no image was given".to_owned()));
        }
        let mut inputs: Vec<f32> = pixels.iter().map(|value| f32::from(*value)).collect();
        let fitted = match fitted {
            Some(fitted) => {
                fitted.apply(&mut inputs);
                fitted
            }
            None => Arc::new(FittedPreprocess::fit(&[Preprocess::Standardize], &mut inputs, shape)?),
        };
        Ok(Pictures { shape, names, pixels, inputs, labels: None, fitted: Some(fitted) })
    }

    /// Returns the same images with these classes, or with none.
    pub(crate) fn labelled(self, labels: Option<Vec<u32>>) -> Pictures {
        Pictures { labels, ..self }
    }

    /// Returns the number of images.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Returns the rows, columns and channels.
    pub fn shape(&self) -> ImageShape {
        self.shape
    }

    /// Returns the name of an image.
    pub fn name(&self, image: usize) -> &str {
        &self.names[image]
    }

    /// Returns the 8-bit pixels of an image, `[height, width, channels]`.
    pub fn pixels(&self, image: usize) -> &[u8] {
        &self.pixels[image * self.shape.len()..][..self.shape.len()]
    }

    /// Returns the network's input for an image, `[height, width, channels]`.
    pub fn input(&self, image: usize) -> &[f32] {
        &self.inputs[image * self.shape.len()..][..self.shape.len()]
    }

    /// Returns the class of each image, if known.
    pub fn labels(&self) -> Option<&[u32]> {
        self.labels.as_deref()
    }

    /// Returns the class of each image.
    ///
    /// # Errors
    /// [`InspectError::Request`] for images without labels.
    pub fn known_labels(&self) -> Result<&[u32], InspectError> {
        self.labels().ok_or_else(|| {
            InspectError::Request(
                "this measure needs images with known classes: use a split of a data set".into(),
            )
        })
    }

    /// Returns `count` images at even distances (all of them if there are fewer).
    #[must_use]
    pub fn spread(&self, count: usize) -> Pictures {
        let count = count.min(self.len());
        let chosen: Vec<usize> = (0..count).map(|index| index * self.len() / count).collect();
        Pictures {
            shape: self.shape,
            names: chosen.iter().map(|image| self.names[*image].clone()).collect(),
            pixels: chosen.iter().flat_map(|image| self.pixels(*image).iter().copied()).collect(),
            inputs: chosen.iter().flat_map(|image| self.input(*image).iter().copied()).collect(),
            labels: self.labels.as_ref().map(|labels| chosen.iter().map(|image| labels[*image]).collect()),
            fitted: self.fitted.clone(),
        }
    }

    /// Returns one image.
    #[must_use]
    pub fn only(&self, image: usize) -> Pictures {
        Pictures {
            shape: self.shape,
            names: vec![self.names[image].clone()],
            pixels: self.pixels(image).to_vec(),
            inputs: self.input(image).to_vec(),
            labels: self.labels.as_ref().map(|labels| vec![labels[image]]),
            fitted: self.fitted.clone(),
        }
    }

    /// Returns the images from `start` to before `end` as the network's input `[n, channels, height, width]`.
    pub fn tensor(&self, start: usize, end: usize, device: &Device) -> Tensor<4> {
        let ImageShape { height, width, channels } = self.shape;
        let values = self.inputs[start * self.shape.len()..end * self.shape.len()].to_vec();
        images_to_tensor(values, [end - start, height, width, channels], device)
    }

    /// Returns the same images with their 8-bit pixels changed, given the image's number and `[height, width, channels]`; then prepared
    /// as these were.
    #[must_use]
    pub fn with_changed_pixels(&self, change: impl Fn(usize, &[u8]) -> Vec<u8>) -> Pictures {
        let pixels: Vec<u8> = (0..self.len()).flat_map(|image| change(image, self.pixels(image))).collect();
        let inputs = match &self.fitted {
            Some(fitted) => {
                let mut inputs: Vec<f32> = pixels.iter().map(|value| f32::from(*value)).collect();
                fitted.apply(&mut inputs);
                inputs
            }
            None => pixels.iter().map(|value| centred(*value)).collect(),
        };
        Pictures { pixels, inputs, ..self.clone() }
    }

    /// Returns the same images with the network's input changed, given `[height, width, channels]`; the pixels stay.
    #[must_use]
    pub fn with_changed_inputs(&self, change: impl Fn(&[f32]) -> Vec<f32>) -> Pictures {
        let inputs = (0..self.len()).flat_map(|image| change(self.input(image))).collect();
        Pictures { inputs, ..self.clone() }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use allconv_data::{DataDirectory, DatasetOptions, SyntheticSettings, open, prepare};

    impl Pictures {
        /// Returns images of given inputs, `[n, channels, rows, columns]`, without pixels to show: grey takes their
        /// place.
        ///
        /// # Panics
        /// If the values are not a whole number of images.
        pub(crate) fn of_inputs(values: Vec<f32>, [channels, height, width]: [usize; 3]) -> Pictures {
            let shape = ImageShape { height, width, channels };
            assert_eq!(values.len() % shape.len(), 0, "values for whole images of {shape:?}");
            let count = values.len() / shape.len();
            let positions = height * width;
            let inputs = (0..values.len()).map(|index| {
                let (image, rest) = (index / shape.len(), index % shape.len());
                values[image * shape.len() + rest % channels * positions + rest / channels]
            });
            Pictures {
                shape,
                names: (0..count).map(|image| format!("input {image}")).collect(),
                pixels: vec![128; values.len()],
                inputs: inputs.collect(),
                labels: None,
                fitted: None,
            }
        }
    }

    /// Returns drawn images of 16×16 pixels, standardised.
    pub(crate) fn drawn(count: usize) -> Pictures {
        let synthetic = SyntheticSettings { seed: 1, size: 16, train: 60, test: 60 };
        let options = DatasetOptions { validation: 0, train_images: None, synthetic, view: None };
        let directory = DataDirectory::new(std::env::temp_dir());
        let dataset = open("synthetic", &directory, &options).unwrap();
        let prepared = prepare(&dataset, &[Preprocess::Standardize], &directory).unwrap();
        Pictures::of_split(&dataset, &prepared, SplitName::Test, count).unwrap()
    }

    #[test]
    fn a_split_gives_images_of_all_its_parts() {
        let pictures = drawn(20);
        assert_eq!((pictures.len(), pictures.name(1)), (20, "test 3"));
        let same = pictures.with_changed_pixels(|_, pixels| pixels.to_vec());
        for (same, input) in same.input(7).iter().zip(pictures.input(7)) {
            assert!((same - input).abs() < 1e-5);
        }
    }

    #[test]
    fn a_file_of_another_size_is_refused_with_both_sizes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("small.png");
        image::RgbImage::new(5, 4).save(&file).unwrap();
        let error = Pictures::of_files(&[file], [3, 8, 8], None, None).unwrap_err().to_string();
        assert!(error.contains("4×5") && error.contains("8×8"), "{error}");
    }
}
