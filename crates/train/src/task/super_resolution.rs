//! Super-resolution: a picture from its antialiased bicubic reduction.
//!
//! Evaluated on whole pictures, cut to a multiple of the scale, after rounding to 8 bits: PSNR and SSIM on luma (BT.601) and on all
//! channels, without `scale` pixels at each border, as the literature does. The bicubic enlargement is evaluated too.

use allconv_data::{DataError, ImageShape, Picture, PictureDataset, PictureExample, Targets, bicubic};
use allconv_record::PictureRole;

use super::dense_kind::{DenseKind, ExampleResult, Shown, WholeInput, centred_pixels, map_picture, middle};
use crate::TrainError;
use crate::metrics::{Plane, SSIM_WINDOW, luma, psnr, ssim};
use crate::tiles::DenseMap;

/// Height and width of the crops that are kept as pictures, in pixels of the large picture.
const CROP: usize = 96;

/// Super-resolution by this factor.
pub(super) struct SuperResolution {
    pub(super) scale: usize,
}

impl SuperResolution {
    fn truth(&self, example: &PictureExample) -> Picture {
        example.picture.cropped_to_multiple(self.scale)
    }

    fn reduced(&self, example: &PictureExample) -> Picture {
        bicubic::shrink(&self.truth(example), self.scale)
    }
}

impl DenseKind for SuperResolution {
    fn check(&self, data: &PictureDataset) -> Result<(), DataError> {
        check_evaluated(data, self.scale, self.scale)
    }

    fn outputs(&self, channels: usize) -> usize {
        channels
    }

    fn input_size(&self, example: &PictureExample) -> [usize; 2] {
        let ImageShape { height, width, .. } = example.picture.shape();
        [height / self.scale, width / self.scale]
    }

    fn input(&self, example: &PictureExample, _index: usize) -> WholeInput {
        let reduced = self.reduced(example);
        WholeInput { values: centred_pixels(&reduced), shape: reduced.shape() }
    }

    fn target(&self, example: &PictureExample) -> Targets {
        let truth = self.truth(example);
        Targets::Pictures { values: centred_pixels(&truth), shape: truth.shape() }
    }

    fn metrics(&self, channels: usize) -> Vec<&'static str> {
        match channels {
            1 => vec!["psnr_y", "ssim_y", "bicubic_psnr_y", "bicubic_ssim_y"],
            _ => vec!["psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb", "bicubic_psnr_y", "bicubic_ssim_y"],
        }
    }

    fn score(
        &self,
        example: &PictureExample,
        _index: usize,
        map: &DenseMap,
    ) -> Result<ExampleResult, TrainError> {
        let truth = self.truth(example);
        let output = map_picture(map);
        let baseline = bicubic::enlarge(&bicubic::shrink(&truth, self.scale), self.scale);
        let of = |found: &Picture| picture_metrics(&truth, found, self.scale, &example.name);
        let (found, baseline) = (of(&output)?, of(&baseline)?);
        let mut values = vec![found.psnr_y, found.ssim_y];
        if truth.shape().channels > 1 {
            values.extend([found.psnr_all, found.ssim_all]);
        }
        values.extend([baseline.psnr_y, baseline.ssim_y]);
        Ok(ExampleResult { values, confusion: None })
    }

    fn show(&self, example: &PictureExample, _index: usize, map: &DenseMap) -> Vec<Shown> {
        let truth = self.truth(example);
        let baseline = bicubic::enlarge(&self.reduced(example), self.scale);
        let shown =
            |role, picture: &Picture, metrics| Shown { role, picture: middle(picture, CROP), metrics };
        vec![
            shown(
                PictureRole::Bicubic,
                &baseline,
                &[("psnr_y", "bicubic_psnr_y"), ("ssim_y", "bicubic_ssim_y")],
            ),
            shown(PictureRole::Output, &map_picture(map), &[("psnr_y", "psnr_y"), ("ssim_y", "ssim_y")]),
            shown(PictureRole::Target, &truth, &[]),
        ]
    }
}

/// Refuses evaluated pictures that are smaller than a window of SSIM between borders of `border` pixels, after they were cut to
/// a multiple of `multiple`.
///
/// # Errors
/// [`DataError`] naming the picture and the least size.
pub(super) fn check_evaluated(
    data: &PictureDataset,
    border: usize,
    multiple: usize,
) -> Result<(), DataError> {
    let least = (SSIM_WINDOW + 2 * border).next_multiple_of(multiple);
    for example in data.validation.iter().chain(data.tested()) {
        let ImageShape { height, width, .. } = example.picture.shape();
        if height < least || width < least {
            return Err(DataError::BadFile {
                file: format!("{}, picture {}", data.name, example.name),
                expected: format!("at least {least}×{least} pixels, so that SSIM can be measured"),
                found: format!("{width}×{height} (width × height)"),
                fix: "test without this picture".to_owned(),
            });
        }
    }
    Ok(())
}

/// PSNR in dB and SSIM of one picture against another.
pub(super) struct PictureMetrics {
    /// On luma.
    pub(super) psnr_y: f64,
    /// On luma.
    pub(super) ssim_y: f64,
    /// Over all channels together.
    pub(super) psnr_all: f64,
    /// Mean over the channels.
    pub(super) ssim_all: f64,
}

/// Computes the metrics of a picture without `border` pixels at each edge.
///
/// # Errors
/// [`TrainError::Data`] when no window of SSIM fits.
pub(super) fn picture_metrics(
    truth: &Picture,
    found: &Picture,
    border: usize,
    name: &str,
) -> Result<PictureMetrics, TrainError> {
    let ImageShape { height, width, channels } = truth.shape();
    let too_small = || {
        TrainError::Data(DataError::BadFile {
            file: format!("picture {name}"),
            expected: format!("at least {0}×{0} pixels for SSIM", SSIM_WINDOW + 2 * border),
            found: format!("{width}×{height} (width × height)"),
            fix: "test without this picture".to_owned(),
        })
    };
    let plane = |picture: &Picture, channel: usize| {
        let values = picture.pixels().iter().skip(channel).step_by(channels).map(|value| f64::from(*value));
        Plane::new(height, width, values.collect()).without_border(border)
    };
    let of = |plane: &dyn Fn(&Picture) -> Option<Plane>| -> Option<(Plane, Plane, f64)> {
        let (truth, found) = (plane(truth)?, plane(found)?);
        let similarity = ssim(&truth, &found)?;
        Some((truth, found, similarity))
    };
    let (truth_y, found_y, ssim_y) =
        of(&|picture| luma(picture).without_border(border)).ok_or_else(too_small)?;
    let mut all = (Vec::new(), Vec::new(), 0.0);
    for channel in 0..channels {
        let (truth, found, similarity) = of(&|picture| plane(picture, channel)).ok_or_else(too_small)?;
        all.0.extend(truth.values);
        all.1.extend(found.values);
        all.2 += similarity / channels as f64;
    }
    Ok(PictureMetrics {
        psnr_y: psnr(&truth_y.values, &found_y.values),
        ssim_y,
        psnr_all: psnr(&all.0, &all.1),
        ssim_all: all.2,
    })
}
