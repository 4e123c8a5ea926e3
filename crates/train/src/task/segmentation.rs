//! Segmentation: a class for every pixel.
//!
//! Of every picture: pixel error, mean intersection over union of the classes in its truth, boundary F1. Of the split: intersection over
//! union and Dice of each class that its truth holds over all pixels together, and their means. Which of these values exist does not depend
//! on the prediction. Pixels that the label map ignores count nowhere.

use allconv_data::{
    DataError, Depth, IGNORED, ImageShape, Photograph, Picture, PictureDataset, PictureExample, Samples,
    Targets,
};
use allconv_record::PictureRole;

use super::dense_kind::{DenseKind, ExampleResult, Shown, WholeInput, centred_pixels, middle};
use super::interface::Prediction;
use crate::TrainError;
use crate::metrics::{Confusion, boundary_f1};
use crate::tiles::DenseMap;

/// Height and width of the crops that are kept as pictures.
const CROP: usize = 256;

/// Colours of class maps; grey levels for two classes, beyond these they repeat darker. Source: Okabe and Ito, 2008, after black.
const COLOURS: [[u8; 3]; 8] = [
    [0, 0, 0],
    [230, 159, 0],
    [86, 180, 233],
    [0, 158, 115],
    [240, 228, 66],
    [0, 114, 178],
    [213, 94, 0],
    [204, 121, 167],
];

/// Segmentation into these classes.
pub(super) struct Segmentation {
    pub(super) classes: Vec<String>,
}

impl Segmentation {
    fn mask<'a>(&self, example: &'a PictureExample) -> &'a [u8] {
        match &example.mask {
            Some(mask) => mask,
            None => panic!("picture {} has no label map; the task has checked that", example.name),
        }
    }
}

impl DenseKind for Segmentation {
    fn check(&self, data: &PictureDataset) -> Result<(), DataError> {
        let mut all = data.train.iter().chain(data.validation.iter()).chain(data.tested());
        let bare = all.find(|example| example.mask.is_none());
        match bare {
            None => Ok(()),
            Some(example) => Err(DataError::BadFile {
                file: format!("{}, picture {}", data.name, example.name),
                expected: "a label map".to_owned(),
                found: "none".to_owned(),
                fix: "import the set with --layout segmentation, or choose another task".to_owned(),
            }),
        }
    }

    fn outputs(&self, _channels: usize) -> usize {
        self.classes.len()
    }

    fn input_size(&self, example: &PictureExample) -> [usize; 2] {
        let ImageShape { height, width, .. } = example.picture.shape();
        [height, width]
    }

    fn input(&self, example: &PictureExample, _index: usize) -> WholeInput {
        WholeInput { values: centred_pixels(&example.picture), shape: example.picture.shape() }
    }

    fn target(&self, example: &PictureExample) -> Targets {
        Targets::Classes(self.mask(example).to_vec())
    }

    fn metrics(&self, _channels: usize) -> Vec<&'static str> {
        vec!["pixel_error", "image_iou", "boundary_f1"]
    }

    fn score(
        &self,
        example: &PictureExample,
        _index: usize,
        map: &DenseMap,
    ) -> Result<ExampleResult, TrainError> {
        let (truth, predicted) = (self.mask(example), predicted(map));
        let classes = self.classes.len();
        let mut confusion = Confusion::new(classes);
        confusion.count(truth, &predicted);
        let size = [map.shape.height, map.shape.width];
        let values = vec![
            confusion.pixel_error(),
            confusion.mean(Confusion::intersection_over_union),
            boundary_f1(truth, &predicted, size, classes),
        ];
        Ok(ExampleResult { values, confusion: Some(confusion) })
    }

    fn total_names(&self) -> Vec<String> {
        let of_class = |name: &String| [format!("iou_{name}"), format!("dice_{name}")];
        let means = ["mean_iou", "mean_dice"].map(str::to_owned);
        means.into_iter().chain(self.classes.iter().flat_map(of_class)).collect()
    }

    fn totals(&self, confusion: Option<&Confusion>) -> Vec<(String, f64)> {
        let Some(confusion) = confusion else { return Vec::new() };
        let means = [confusion.mean(Confusion::intersection_over_union), confusion.mean(Confusion::dice)];
        let of_class = |class| [confusion.intersection_over_union(class), confusion.dice(class)];
        let values = means.map(Some).into_iter().chain((0..self.classes.len()).flat_map(of_class));
        self.total_names().into_iter().zip(values).filter_map(|(name, value)| Some((name, value?))).collect()
    }

    fn show(&self, example: &PictureExample, _index: usize, map: &DenseMap) -> Vec<Shown> {
        let shown =
            |role, picture: &Picture, metrics| Shown { role, picture: middle(picture, CROP), metrics };
        let classes = self.classes.len();
        let under: &[(&str, &str)] =
            &[("pixel_error", "pixel_error"), ("image_iou", "image_iou"), ("boundary_f1", "boundary_f1")];
        vec![
            shown(PictureRole::Input, &example.picture, &[]),
            shown(PictureRole::Output, &painted(&predicted(map), map.shape, classes), under),
            shown(PictureRole::Target, &painted(self.mask(example), map.shape, classes), &[]),
        ]
    }

    fn decode(&self, file: &str, bytes: &[u8]) -> Result<Photograph, DataError> {
        Ok(Photograph::of_picture(Picture::decode(file, bytes)?))
    }

    fn samples(&self, map: &DenseMap, _depth: Depth) -> Samples {
        Samples::Eight(predicted(map))
    }

    fn present(&self, _picture: Photograph, shape: ImageShape, samples: Samples) -> Prediction {
        let Samples::Eight(classes) = samples else { unreachable!("classes are numbers of 8 bits") };
        let fraction = |class: usize| {
            let pixels = classes.iter().filter(|found| usize::from(**found) == class).count();
            pixels as f64 / classes.len() as f64
        };
        let fractions =
            self.classes.iter().enumerate().map(|(class, name)| (name.clone(), fraction(class))).collect();
        Prediction::Regions { picture: painted(&classes, shape, self.classes.len()), fractions }
    }
}

/// Returns the class with the largest value at each pixel; the first on ties.
fn predicted(map: &DenseMap) -> Vec<u8> {
    map.values
        .chunks_exact(map.shape.channels)
        .map(|pixel| {
            let mut best = 0;
            for (class, value) in pixel.iter().enumerate() {
                if *value > pixel[best] {
                    best = class;
                }
            }
            best as u8
        })
        .collect()
}

/// Returns a picture of class numbers: black and white for two classes, with grey for ignored pixels; colours for more, with white for these.
fn painted(classes: &[u8], shape: ImageShape, count: usize) -> Picture {
    if count <= 2 {
        let grey = |class: &u8| match *class {
            0 => 0,
            IGNORED => 128,
            _ => 255,
        };
        let pixels = classes.iter().map(grey).collect();
        return Picture::new(ImageShape { channels: 1, ..shape }, pixels);
    }
    let colour = |class: &u8| {
        let class = usize::from(*class);
        if class >= count {
            return [255; 3];
        }
        let darker = 1 + class / COLOURS.len();
        COLOURS[class % COLOURS.len()].map(|value| value / darker as u8)
    };
    Picture::new(ImageShape { channels: 3, ..shape }, classes.iter().flat_map(colour).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_absent_from_the_split_has_no_value_whatever_is_predicted() {
        let task = Segmentation { classes: ["back", "cell"].map(str::to_owned).to_vec() };
        for predicted in [[0, 0, 0], [0, 1, 1]] {
            let mut confusion = Confusion::new(2);
            confusion.count(&[0, 0, 0], &predicted);
            let names: Vec<String> =
                task.totals(Some(&confusion)).into_iter().map(|(name, _)| name).collect();
            assert_eq!(names, ["mean_iou", "mean_dice", "iou_back", "dice_back"]);
        }
        let mut confusion = Confusion::new(2);
        confusion.count(&[0, 1], &[0, 0]);
        let all: Vec<String> = task.totals(Some(&confusion)).into_iter().map(|(name, _)| name).collect();
        assert_eq!(all, task.total_names());
    }

    #[test]
    fn the_first_of_equal_classes_is_predicted() {
        let shape = ImageShape { height: 1, width: 2, channels: 3 };
        let map = DenseMap { shape, values: vec![1.0, 1.0, 0.0, -2.0, -1.0, -1.0] };
        assert_eq!(predicted(&map), [0, 1]);
    }

    #[test]
    fn two_classes_are_painted_in_black_and_white_and_more_in_colours() {
        let shape = ImageShape { height: 1, width: 2, channels: 2 };
        assert_eq!(painted(&[0, 1], shape, 2).pixels(), [0, 255]);
        assert_eq!(painted(&[0, 9], shape, 10).pixels(), [0, 0, 0, 115, 79, 0]);
        assert_eq!(painted(&[0, IGNORED], shape, 2).pixels(), [0, 128]);
        assert_eq!(painted(&[0, IGNORED], shape, 10).pixels(), [0, 0, 0, 255, 255, 255]);
    }
}
