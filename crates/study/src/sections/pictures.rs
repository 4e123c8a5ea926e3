//! Outputs and explanations of the arms for a few test images side by side, with the metric under each.

use allconv_document::{Block, GalleryItem, Size, Text};
use allconv_record::PictureRole;

use crate::file::StudyFile;
use crate::metric::{MetricUnit, metric_label};
use crate::results::{ShownImage, ShownImages, ShownPicture, StudyResults};

/// The images that the runs kept, by test image; empty when no run kept any.
pub(crate) fn blocks(results: &StudyResults) -> Vec<Block> {
    let shown = &results.shown_images;
    if shown.images.is_empty() {
        return Vec::new();
    }
    let words = match explains(shown) {
        true => {
            "What the first finished run of every arm saw in a few test images: signals that its strongest class sends back, each scaled to its own \
             largest value. Where both halves of a strip look alike, the method shows the image rather than what was learned."
        }
        false => {
            "Outputs of the first finished run of every arm for the first test images. Where an image is a crop, the metric is that of the whole \
             image."
        }
    };
    let more = match shown.left_out.len() {
        0 => String::new(),
        count => format!(" The run directories hold {count} more (`artefacts/`)."),
    };
    let mut blocks = vec![Block::heading(2, "Pictures"), Block::paragraph(format!("{words}{more}"))];
    for image in &shown.images {
        let items = image.pictures.iter().map(|picture| item(results, image, picture)).collect();
        blocks.extend([Block::Heading(3, Text::plain(&image.name)), Block::Gallery(Size::Medium, items)]);
    }
    blocks
}

/// Returns whether the images are explanations rather than outputs.
fn explains(shown: &ShownImages) -> bool {
    let mut pictures = shown.images.iter().flat_map(|image| &image.pictures);
    pictures.any(|picture| picture.role == PictureRole::Explanation)
}

fn item(results: &StudyResults, image: &ShownImage, picture: &ShownPicture) -> GalleryItem {
    let (label, head) = match picture.arm {
        Some((arm, seed)) => {
            let name = &results.arms[arm].name;
            (name.as_str(), Text::series(arm, name) + Text::soft(&format!(", seed {seed}")))
        }
        None => (picture.role.name(), Text::strong(picture.role.name())),
    };
    let mut lines = vec![head];
    lines.extend(picture.caption.as_deref().map(Text::soft));
    lines.extend(ordered(&results.study, picture).into_iter().map(|(name, value)| {
        let unit = MetricUnit::of(name);
        Text::plain(&format!("{} {}\u{a0}{}", metric_label(name), unit.value(value), unit.symbol()))
    }));
    if picture.role == PictureRole::Target && picture.metrics.is_empty() {
        lines.push(Text::soft("what is right"));
    }
    GalleryItem { png: Some(picture.png.clone()), description: format!("{}, {label}", image.name), lines }
}

/// The primary metric first, at most three.
fn ordered<'a>(study: &StudyFile, picture: &'a ShownPicture) -> Vec<(&'a str, f64)> {
    let mut metrics: Vec<(&str, f64)> =
        picture.metrics.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    metrics.sort_by_key(|(name, _)| *name != study.primary.metric);
    metrics.truncate(3);
    metrics
}
