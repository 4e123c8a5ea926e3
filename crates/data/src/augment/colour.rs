//! Changes of colour of whole pictures, equal to those of Pillow's `ImageEnhance` and `ImageOps` within one grey level; hue as in torchvision.

use crate::picture::Picture;

/// Returns the grey level of a pixel: ITU-R 601 in whole numbers, as in Pillow.
pub(super) fn luma(pixel: &[u8]) -> u8 {
    match pixel {
        [red, green, blue] => {
            let sum = u32::from(*red) * 19_595 + u32::from(*green) * 38_470 + u32::from(*blue) * 7_471;
            ((sum + 0x8000) >> 16) as u8
        }
        _ => pixel[0],
    }
}

/// Interpolates from `from` to `to`, clipped to 8 bits; extrapolates for a factor above 1.
fn blend(from: u8, to: u8, factor: f32) -> u8 {
    (f32::from(from) + factor * (f32::from(to) - f32::from(from))) as u8
}

fn changed(picture: &Picture, change: impl Fn(&[u8], &mut [u8])) -> Picture {
    let channels = picture.shape().channels;
    let mut pixels = vec![0; picture.pixels().len()];
    for (target, source) in pixels.chunks_exact_mut(channels).zip(picture.pixels().chunks_exact(channels)) {
        change(source, target);
    }
    Picture::new(picture.shape(), pixels)
}

/// Applies a table to each value, the same for all channels.
pub(super) fn mapped(picture: &Picture, table: impl Fn(u8) -> u8) -> Picture {
    let table: Vec<u8> = (0..=255).map(table).collect();
    Picture::new(picture.shape(), picture.pixels().iter().map(|value| table[usize::from(*value)]).collect())
}

/// Multiplies every value by `factor`.
pub(super) fn brightness(picture: &Picture, factor: f32) -> Picture {
    mapped(picture, |value| blend(0, value, factor))
}

/// Multiplies the distance of every value from the mean grey level by `factor`.
pub(super) fn contrast(picture: &Picture, factor: f32) -> Picture {
    let channels = picture.shape().channels;
    let sum: u64 = picture.pixels().chunks_exact(channels).map(|pixel| u64::from(luma(pixel))).sum();
    let count = (picture.pixels().len() / channels) as f64;
    let mean = (sum as f64 / count + 0.5) as u8;
    mapped(picture, |value| blend(mean, value, factor))
}

/// Multiplies the distance of every value from the grey level of its pixel by `factor`; grey at 0.
pub(super) fn saturation(picture: &Picture, factor: f32) -> Picture {
    changed(picture, |source, target| {
        let grey = luma(source);
        target.iter_mut().zip(source).for_each(|(target, value)| *target = blend(grey, *value, factor));
    })
}

/// Rotates the hue of every pixel by `turn` of a circle.
pub(super) fn hue(picture: &Picture, turn: f32) -> Picture {
    changed(picture, |source, target| match source {
        [red, green, blue] => target.copy_from_slice(&turned([*red, *green, *blue], turn)),
        grey => target.copy_from_slice(grey),
    })
}

fn turned(pixel: [u8; 3], turn: f32) -> [u8; 3] {
    let [red, green, blue] = pixel.map(|value| f32::from(value) / 255.0);
    let (largest, smallest) = (red.max(green).max(blue), red.min(green).min(blue));
    let range = largest - smallest;
    if range == 0.0 {
        return pixel;
    }
    let sixths = if largest == red {
        (green - blue) / range
    } else if largest == green {
        2.0 + (blue - red) / range
    } else {
        4.0 + (red - green) / range
    };
    let sixths = (sixths + 6.0 * turn).rem_euclid(6.0);
    [5.0, 3.0, 1.0].map(|offset| {
        let place = (offset + sixths).rem_euclid(6.0);
        let value = largest - range * place.min(4.0 - place).clamp(0.0, 1.0);
        (value * 255.0 + 0.5) as u8
    })
}

/// Multiplies the distance of every pixel from the mean of its 3×3 neighbours (weights 1, 5 in the middle, of 13) by `factor`; the border stays.
pub(super) fn sharpness(picture: &Picture, factor: f32) -> Picture {
    let shape = picture.shape();
    let mut pixels = picture.pixels().to_vec();
    let line = shape.width * shape.channels;
    if shape.width < 3 {
        return picture.clone();
    }
    for row in 1..shape.height.saturating_sub(1) {
        let first = row * line + shape.channels;
        for (place, target) in (first..).zip(&mut pixels[first..(row + 1) * line - shape.channels]) {
            let value = |place: usize| f32::from(picture.pixels()[place]);
            let across =
                |place: usize| value(place - shape.channels) + value(place) + value(place + shape.channels);
            let sum = across(place - line) + across(place) + across(place + line) + 4.0 * value(place);
            let smooth = (sum / 13.0 + 0.5) as u8;
            *target = blend(smooth, picture.pixels()[place], factor);
        }
    }
    Picture::new(shape, pixels)
}

/// Keeps the highest `bits` bits of every value.
pub(super) fn posterize(picture: &Picture, bits: u32) -> Picture {
    mapped(picture, |value| value & !((1u16 << (8 - bits.min(8))) - 1) as u8)
}

/// Inverts values from `threshold` on: v becomes 255 − v.
pub(super) fn solarize(picture: &Picture, threshold: u16) -> Picture {
    mapped(picture, |value| if u16::from(value) < threshold { value } else { 255 - value })
}

/// Counts the pixels with each value of a channel.
fn histogram(picture: &Picture, channel: usize) -> [u32; 256] {
    let mut counts = [0; 256];
    let values = picture.pixels().iter().skip(channel).step_by(picture.shape().channels);
    values.for_each(|value| counts[usize::from(*value)] += 1);
    counts
}

/// Applies a table of its own to each channel.
fn mapped_by_channel(picture: &Picture, table: impl Fn([u32; 256]) -> [u8; 256]) -> Picture {
    let channels = picture.shape().channels;
    let tables: Vec<[u8; 256]> = (0..channels).map(|channel| table(histogram(picture, channel))).collect();
    changed(picture, |source, target| {
        for ((target, value), table) in target.iter_mut().zip(source).zip(&tables) {
            *target = table[usize::from(*value)];
        }
    })
}

/// Stretches each channel to the range 0 to 255.
pub(super) fn autocontrast(picture: &Picture) -> Picture {
    mapped_by_channel(picture, |counts| {
        let low = counts.iter().position(|count| *count > 0).unwrap_or(0);
        let high = counts.iter().rposition(|count| *count > 0).unwrap_or(255);
        std::array::from_fn(|value| match high <= low {
            true => value as u8,
            false => {
                let scale = 255.0 / (high - low) as f64;
                (value as f64 * scale - low as f64 * scale).clamp(0.0, 255.0) as u8
            }
        })
    })
}

/// Equalises the histogram of each channel.
pub(super) fn equalize(picture: &Picture) -> Picture {
    mapped_by_channel(picture, |counts| {
        let used: Vec<u32> = counts.iter().copied().filter(|count| *count > 0).collect();
        let step = match used.split_last() {
            Some((_, others)) if !others.is_empty() => others.iter().sum::<u32>() / 255,
            _ => 0,
        };
        let mut sum = step / 2;
        std::array::from_fn(|value| {
            if step == 0 {
                return value as u8;
            }
            let level = (sum / step).min(255) as u8;
            sum += counts[value];
            level
        })
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::image_shape::ImageShape;

    #[derive(Deserialize)]
    struct Case {
        name: String,
        factor: f32,
        values: Vec<u8>,
    }

    fn drawn() -> Picture {
        let shape = ImageShape { height: 9, width: 13, channels: 3 };
        let value = |index: u64| ((7919 * index * index + 104_729 * index + 13) % 65_521 % 256) as u8;
        Picture::new(shape, (0..shape.len() as u64).map(value).collect())
    }

    #[test]
    fn changes_of_colour_are_those_of_pillow() {
        let cases: Vec<Case> =
            serde_json::from_str(include_str!("../../tests/fixtures/colour.json")).expect("cases");
        assert!(cases.len() >= 14);
        for Case { name, factor, values } in cases {
            let found = match name.as_str() {
                "brightness" => brightness(&drawn(), factor),
                "contrast" => contrast(&drawn(), factor),
                "color" => saturation(&drawn(), factor),
                "sharpness" => sharpness(&drawn(), factor),
                "posterize" => posterize(&drawn(), factor as u32),
                "solarize" => solarize(&drawn(), factor as u16),
                "autocontrast" => autocontrast(&mapped(&drawn(), |value| value / 2 + 30)),
                "equalize" => equalize(&drawn()),
                other => panic!("no change {other}"),
            };
            let furthest = found.pixels().iter().zip(&values).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(furthest <= Some(1), "{name} {factor}: {furthest:?} grey levels");
        }
    }

    #[test]
    fn thirds_of_a_circle_exchange_channels_and_grey_has_no_hue() {
        let shape = ImageShape { height: 1, width: 2, channels: 3 };
        let picture = Picture::new(shape, vec![200, 30, 100, 77, 77, 77]);
        assert_eq!(hue(&picture, 1.0 / 3.0).pixels(), [100, 200, 30, 77, 77, 77]);
        assert_eq!(hue(&picture, -1.0 / 3.0).pixels(), [30, 100, 200, 77, 77, 77]);
        assert_eq!(hue(&picture, 0.0).pixels(), picture.pixels());
    }
}
