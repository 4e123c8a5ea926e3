//! Random resized crop: a part of random size and aspect ratio, resized to the network's input.

use allconv_random::Stream;
use allconv_random::elementary::{exp, ln};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::change::{check_range, uniform};
use crate::error::OutOfRange;
use crate::image_shape::ImageShape;
use crate::resize::Window;

/// Number of drawn parts that may not fit, before the largest one at the centre is taken.
const TRIES: usize = 10;

/// Crops a random part of the whole image, in place of its view, and resizes it to the network's input.
///
/// The area of the part is uniform between the limits of `area`, in parts of the image's; the logarithm of its width by height is uniform
/// between those of `aspect`; its position is uniform. After ten parts that do not fit into the image, the largest at the centre within
/// `aspect` is taken. After torchvision's `RandomResizedCrop` (Szegedy et al., arXiv 1409.4842).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandomResizedCrop {
    /// Least and largest area, in parts of the image's.
    #[serde(default = "area")]
    pub area: [f64; 2],
    /// Least and largest width by height.
    #[serde(default = "aspect")]
    pub aspect: [f64; 2],
}

fn area() -> [f64; 2] {
    [0.08, 1.0]
}

fn aspect() -> [f64; 2] {
    [0.75, 4.0 / 3.0]
}

impl RandomResizedCrop {
    /// Refuses settings out of range.
    pub(super) fn check(&self) -> Result<(), OutOfRange> {
        check_range("augment.random_resized_crop.area", self.area[0], [1e-4, self.area[1]])?;
        check_range("augment.random_resized_crop.area", self.area[1], [self.area[0], 1.0])?;
        check_range("augment.random_resized_crop.aspect", self.aspect[0], [0.01, self.aspect[1]])?;
        check_range("augment.random_resized_crop.aspect", self.aspect[1], [self.aspect[0], 100.0])
    }

    /// Draws a part of an image.
    pub(super) fn draw(&self, whole: ImageShape, stream: &mut Stream) -> Window {
        let (height, width) = (whole.height as f64, whole.width as f64);
        let logarithms = self.aspect.map(ln);
        for _ in 0..TRIES {
            let area = height * width * uniform(stream, self.area);
            let aspect = exp(uniform(stream, logarithms));
            let part = [(area / aspect).sqrt().round() as usize, (area * aspect).sqrt().round() as usize];
            if (1..=whole.height).contains(&part[0]) && (1..=whole.width).contains(&part[1]) {
                let top = stream.below((whole.height - part[0]) as u32 + 1) as usize;
                let left = stream.below((whole.width - part[1]) as u32 + 1) as usize;
                return Window { top, left, height: part[0], width: part[1] };
            }
        }
        let [least, most] = self.aspect;
        let part = match width / height {
            aspect if aspect < least => [((width / least).round() as usize).min(whole.height), whole.width],
            aspect if aspect > most => [whole.height, ((height * most).round() as usize).min(whole.width)],
            _ => [whole.height, whole.width],
        };
        let part = part.map(|length| length.max(1));
        Window {
            top: (whole.height - part[0]) / 2,
            left: (whole.width - part[1]) / 2,
            height: part[0],
            width: part[1],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use allconv_random::Purpose;

    #[test]
    fn areas_are_uniform_and_aspects_symmetric_in_their_logarithm() {
        let crop = RandomResizedCrop { area: [0.08, 1.0], aspect: [0.75, 4.0 / 3.0] };
        let whole = ImageShape { height: 2000, width: 2000, channels: 3 };
        let (mut areas, mut wide, count) = ([0u32; 4], 0u32, 8000);
        for sample in 0..count {
            let part = crop.draw(whole, &mut Stream::of_sample(3, Purpose::Augmentation, 0, sample));
            assert!(part.top + part.height <= 2000 && part.left + part.width <= 2000);
            let share = (part.height * part.width) as f64 / 4e6;
            let aspect = part.width as f64 / part.height as f64;
            assert!((0.0799..1.0001).contains(&share) && (0.749..1.335).contains(&aspect), "{part:?}");
            // Below 3/4 of the area every drawn part fits, so that the shares there are uniform.
            if share < 0.72 {
                areas[((share - 0.08) / 0.16) as usize] += 1;
            }
            wide += u32::from(aspect > 1.0);
        }
        let mean = areas.iter().sum::<u32>() / 4;
        // Five standard deviations of about 1,400 in each of four parts, and of 8,000 halves.
        assert!(areas.iter().all(|area| area.abs_diff(mean) < 190), "{areas:?}");
        assert!(wide.abs_diff(count / 2) < 230, "{wide}");
    }

    #[test]
    fn an_image_too_narrow_for_any_part_gives_its_centre() {
        let crop = RandomResizedCrop { area: [0.9, 1.0], aspect: [0.9, 1.1] };
        let whole = ImageShape { height: 10, width: 100, channels: 3 };
        let part = crop.draw(whole, &mut Stream::of_sample(3, Purpose::Augmentation, 0, 0));
        assert_eq!(part, Window { top: 0, left: 44, height: 10, width: 11 });
    }
}
