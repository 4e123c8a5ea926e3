//! Strips of explanations of an image by several methods, for the trained and for the untrained network.
//!
//! Signals of the class with the largest logit. Where the two halves of a strip look alike, the method shows the image rather than the
//! trained parameters: a visual form of the check of Adebayo et al., arXiv 1810.03292.

use allconv_nets::{MaxPoolRule, SignalRules};
use image::RgbImage;

use super::{
    Choice, ContactSheet, Region, Target, input_picture, signal_explanations, signal_picture, signals,
};
use crate::{InspectError, Pictures, Subject};

/// Height and width of a picture in a strip, in pixels.
const PICTURE_SIZE: u32 = 64;

/// An image and its strip.
#[derive(Clone, Debug)]
pub struct Strip {
    /// The image.
    pub input: RgbImage,
    /// One picture for each method, then the same for the initial weights.
    pub signals: RgbImage,
}

/// Returns a strip for each picture, by the methods called `names`.
///
/// # Errors
/// [`InspectError::Request`] for an unknown method, or a network that names no class.
pub fn strips(subject: &Subject, pictures: &Pictures, names: &[String]) -> Result<Vec<Strip>, InspectError> {
    let rule = |name: &String| {
        let known = signal_explanations().find(|(known, _)| known == name);
        known.map(|(_, rule)| rule).ok_or_else(|| {
            let known: Vec<&str> = signal_explanations().map(|(name, _)| name).collect();
            InspectError::Request(format!("no method is called `{name}`; there are {}", known.join(", ")))
        })
    };
    let rules = names.iter().map(rule).collect::<Result<Vec<_>, _>>()?;
    let untrained = subject.with_network(subject.untrained(subject.seed()));
    let shape = pictures.shape();
    let region = Region::middle(shape);
    let mut rows: Vec<Vec<RgbImage>> = vec![Vec::new(); pictures.len()];
    for subject in [subject, &untrained] {
        for relu in &rules {
            let rules = SignalRules { relu: *relu, max_pool: MaxPoolRule::Switches };
            let found = signals(subject, pictures, Target::Class(Choice::Strongest), rules)?;
            for (picture, row) in rows.iter_mut().enumerate() {
                row.push(signal_picture(found.of(picture), found.shape, region));
            }
        }
    }
    let sheet = |row: Vec<RgbImage>| {
        let mut sheet = ContactSheet::new(PICTURE_SIZE);
        sheet.push(row);
        sheet.render()
    };
    let strip = |(picture, row)| Strip {
        input: sheet(vec![input_picture(pictures.pixels(picture), shape, region)]),
        signals: sheet(row),
    };
    Ok(rows.into_iter().enumerate().map(strip).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pictures::tests::drawn;
    use crate::subject::tests::subject;

    #[test]
    fn a_strip_has_a_picture_for_each_method_twice_and_before_training_the_halves_are_equal() {
        let (subject, pictures) = (subject("model_c"), drawn(3));
        let names = ["gradient".to_owned(), "guided".to_owned()];
        let strips = strips(&subject, &pictures, &names).unwrap();
        assert_eq!(strips.len(), 3);
        for strip in strips {
            let (width, height) = strip.signals.dimensions();
            assert_eq!((width, height, strip.input.dimensions()), (4 * 66 + 2, 68, (68, 68)));
            let panel = |column: u32| {
                image::imageops::crop_imm(&strip.signals, 2 + column * 66, 2, 64, 64).to_image()
            };
            assert_eq!((panel(0), panel(1)), (panel(2), panel(3)));
            assert_ne!(panel(0), panel(1));
        }
    }

    #[test]
    fn an_unknown_method_is_refused_with_all_names() {
        let error = strips(&subject("model_c"), &drawn(1), &["gided".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("gided") && error.contains("guided"), "{error}");
    }
}
