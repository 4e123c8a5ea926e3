//! Denoising and autoencoding: the target is the picture itself, the input is the noisy or the unchanged picture.
//!
//! Evaluated on whole pictures after rounding to 8 bits: PSNR and SSIM on luma, PSNR over all channels. The noise of a test picture is
//! keyed by its place in the split alone, so that all networks are evaluated on the same noisy pictures.

use allconv_data::pairs::add_noise;
use allconv_data::{DataError, ImageShape, Picture, PictureDataset, PictureExample, Targets};
use allconv_random::{Purpose, Stream};
use allconv_record::PictureRole;

use super::dense_kind::{DenseKind, ExampleResult, Shown, WholeInput, centred_pixels, map_picture, middle};
use super::super_resolution::{check_evaluated, picture_metrics};
use crate::TrainError;
use crate::tiles::DenseMap;

/// Height and width of the crops that are kept as pictures.
const CROP: usize = 96;

/// Restoration from noise of this deviation in grey levels; 0 for autoencoding.
pub(super) struct Restoration {
    pub(super) sigma: f64,
}

impl Restoration {
    fn noisy(&self, example: &PictureExample, index: usize) -> DenseMap {
        let mut values = centred_pixels(&example.picture);
        let stream = Stream::of_evaluated(Purpose::Noise, index as u32);
        add_noise(&mut values, self.sigma, stream);
        DenseMap { shape: example.picture.shape(), values }
    }
}

impl DenseKind for Restoration {
    fn check(&self, data: &PictureDataset) -> Result<(), DataError> {
        check_evaluated(data, 0, 1)
    }

    fn outputs(&self, channels: usize) -> usize {
        channels
    }

    fn input_size(&self, example: &PictureExample) -> [usize; 2] {
        let ImageShape { height, width, .. } = example.picture.shape();
        [height, width]
    }

    fn input(&self, example: &PictureExample, index: usize) -> WholeInput {
        let DenseMap { shape, values } = self.noisy(example, index);
        WholeInput { values, shape }
    }

    fn target(&self, example: &PictureExample) -> Targets {
        Targets::Pictures { values: centred_pixels(&example.picture), shape: example.picture.shape() }
    }

    fn metrics(&self, _channels: usize) -> Vec<&'static str> {
        let mut names = vec!["psnr", "psnr_y", "ssim_y"];
        if self.sigma > 0.0 {
            names.push("noisy_psnr");
        }
        names
    }

    fn score(
        &self,
        example: &PictureExample,
        index: usize,
        map: &DenseMap,
    ) -> Result<ExampleResult, TrainError> {
        let of = |found: &Picture| picture_metrics(&example.picture, found, 0, &example.name);
        let found = of(&map_picture(map))?;
        let mut values = vec![found.psnr_all, found.psnr_y, found.ssim_y];
        if self.sigma > 0.0 {
            values.push(of(&map_picture(&self.noisy(example, index)))?.psnr_all);
        }
        Ok(ExampleResult { values, confusion: None })
    }

    fn show(&self, example: &PictureExample, index: usize, map: &DenseMap) -> Vec<Shown> {
        let shown =
            |role, picture: &Picture, metrics| Shown { role, picture: middle(picture, CROP), metrics };
        vec![
            shown(PictureRole::Input, &map_picture(&self.noisy(example, index)), &[("psnr", "noisy_psnr")]),
            shown(PictureRole::Output, &map_picture(map), &[("psnr", "psnr"), ("ssim_y", "ssim_y")]),
            shown(PictureRole::Target, &example.picture, &[]),
        ]
    }
}
