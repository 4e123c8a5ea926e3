//! What the arms answered, or saw: crops, masks and explanations of a few test images side by side, the metric under each.

use maud::{Markup, html};

use super::base64::base64;
use super::figure::arm_classes;
use crate::file::StudyFile;
use crate::metric::{MetricUnit, metric_label};
use crate::results::{ShownImage, ShownImages, ShownPicture, StudyResults};
use allconv_record::PictureRole;

/// The section; empty when no run kept pictures.
pub(crate) fn section(study: &StudyFile, results: &StudyResults) -> Markup {
    let shown = &results.shown_images;
    html! {
        @if !shown.images.is_empty() {
            section {
                h2 { "Pictures" }
                p {
                    @if explains(shown) {
                        "What the first finished run of every arm saw in a few test images: signals that its strongest class sends back, each scaled to its own largest value. Where both halves of a strip look alike, the method shows the image rather than what was learned."
                    } @else {
                        "What the first finished run of every arm answered on the first test images. Where a picture is a crop, the metric is that of the whole image."
                    }
                    @if !shown.left_out.is_empty() {
                        " The run directories hold " (shown.left_out.len()) " more (" code { "artefacts/" } ")."
                    }
                }
                @for image in &shown.images { (row(study, results, image)) }
            }
        }
    }
}

/// Whether the pictures are explanations rather than answers.
fn explains(shown: &ShownImages) -> bool {
    let mut pictures = shown.images.iter().flat_map(|image| &image.pictures);
    pictures.any(|picture| picture.role == PictureRole::Explanation)
}

fn row(study: &StudyFile, results: &StudyResults, image: &ShownImage) -> Markup {
    html! {
        h3 { (image.name) }
        ul.pictures {
            @for picture in &image.pictures {
                li { (card(study, results, image, picture)) }
            }
        }
    }
}

fn card(study: &StudyFile, results: &StudyResults, image: &ShownImage, picture: &ShownPicture) -> Markup {
    let label = match picture.arm {
        Some((arm, _)) => results.arms[arm].name.clone(),
        None => picture.role.name().to_string(),
    };
    html! {
        figure {
            img alt={ (image.name) ", " (label) } src={ "data:image/png;base64," (base64(&picture.png)) };
            figcaption {
                @if let Some((arm, seed)) = picture.arm {
                    span class=(arm_classes(arm)) { span.swatch {} }
                    strong { (label) } span.soft { ", seed " (seed) }
                } @else {
                    strong { (label) }
                }
                @if let Some(caption) = &picture.caption { br; span.soft { (caption) } }
                @for (name, value) in ordered(study, picture) {
                    br;
                    (metric_label(name)) " " (MetricUnit::of(name).value(value)) "\u{a0}" (MetricUnit::of(name).symbol())
                }
                @if picture.role == PictureRole::Target && picture.metrics.is_empty() { br; span.soft { "what is right" } }
            }
        }
    }
}

/// The primary metric first, at most three.
fn ordered<'a>(study: &StudyFile, picture: &'a ShownPicture) -> Vec<(&'a str, f64)> {
    let mut metrics: Vec<(&str, f64)> =
        picture.metrics.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    metrics.sort_by_key(|(name, _)| *name != study.primary.metric);
    metrics.truncate(3);
    metrics
}
