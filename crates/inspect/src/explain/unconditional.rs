//! Reconstructions of the channels of a low stage without an image: the deconvnet's rule, from the middle of the stage's map.
//!
//! The rule of the deconvnet does not depend on the forward values, and without switches neither does max pooling, so an image of
//! zeros suffices. Operators whose backward pass depends on the image (soft, mixed or adaptive pooling) get that image of zeros.
//!
//! Source: Springenberg et al., arXiv 1412.6806, section 4 (reconstructions without an image, from low layers).

use allconv_nets::{MaxPoolRule, ReluRule, SignalRules, images_to_tensor};

use super::patches::region;
use super::region::Region;
use super::signal::{Signals, sent_back};
use super::target::{Choice, Target};
use crate::tensors::tracking;
use crate::{InspectError, Subject};

/// Returns the signal of each of `channels` of `stage` (all of them when none is named), and where in the image it lies.
///
/// # Errors
/// [`InspectError::Request`] for a stage or channel that does not exist.
pub fn unconditional_signals(
    subject: &Subject,
    stage: usize,
    channels: &[usize],
) -> Result<(Signals, Region), InspectError> {
    Target::Unit { stage, channel: Choice::Strongest, position: Choice::Strongest }.check(subject)?;
    let [count, rows, columns] = subject.walk().stages[stage].output;
    let channels = if channels.is_empty() { (0..count).collect() } else { channels.to_vec() };
    let [image_channels, height, width] = subject.walk().input;
    let zeros = vec![0.0; image_channels * height * width];
    let blank = images_to_tensor(zeros, [1, height, width, image_channels], &tracking());
    let rules = SignalRules { relu: ReluRule::Deconvnet, max_pool: MaxPoolRule::Spread };
    let middle = [rows / 2, columns / 2];
    let mut all = Signals { shape: subject.walk().input, values: Vec::new(), places: Vec::new() };
    for channel in channels {
        let target = Target::Unit { stage, channel: Choice::Given(channel), position: Choice::Given(middle) };
        target.check(subject)?;
        let (values, places) =
            sent_back(subject.tracked(), blank.clone(), stage, |map| target.places(map), rules);
        all.values.extend(values);
        all.places.extend(places);
    }
    Ok((all, region(subject, stage, middle[0], middle[1])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::tests::subject;

    #[test]
    fn the_first_layer_s_reconstructions_are_its_filters() {
        let subject = subject("all_cnn_c");
        let (signals, region) = unconditional_signals(&subject, 1, &[]).unwrap();
        let weight = &subject.tracked().parameters()[0];
        assert_eq!((region, weight.shape[2]), (Region { top: 7, left: 7, size: 3 }, 3));
        for channel in 0..weight.shape[0] {
            for (index, filter) in weight.values[channel * 27..][..27].iter().enumerate() {
                let (colour, row, column) = (index / 9, index / 3 % 3, index % 3);
                let found = signals.of(channel)[(colour * 16 + region.top + row) * 16 + region.left + column];
                assert!((found - f64::from(*filter)).abs() < 1e-7, "{found} {filter}");
            }
        }
    }
}
