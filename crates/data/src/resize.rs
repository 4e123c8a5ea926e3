//! Antialiased resizing by a named filter, equal to Pillow's `Image.resize` in every value.
//!
//! Output position `i` of an axis that becomes `n` long from `m` lies at `c = (i + 1/2)·m/n` of the input. Its value is the weighted mean of the
//! positions around it; the filter is widened by `m/n` when shrinking, and its weights are divided by their sum. Rows are resized first and
//! rounded to 8 bits, then columns. Weights are whole multiples of 2⁻²², as in Pillow, so that no machine rounds otherwise.
//!
//! Source: Pillow, `src/libImaging/Resample.c`; the tests compare with values that Pillow wrote.

use allconv_random::elementary::{cos, sin};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::image_shape::ImageShape;
use crate::picture::Picture;

/// Binary digits behind the point of a weight.
const PRECISION: u32 = 22;

/// A filter by its name in Pillow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// The mean of the positions below an output position.
    Box,
    /// A triangle of one position to either side: linear interpolation when enlarging.
    #[default]
    Bilinear,
    /// A Hamming window of one position to either side.
    Hamming,
    /// Keys's cubic with a = −1/2.
    Bicubic,
    /// A windowed sinc of three positions to either side.
    Lanczos,
}

impl Filter {
    /// Every filter.
    pub const ALL: [Filter; 5] =
        [Filter::Box, Filter::Bilinear, Filter::Hamming, Filter::Bicubic, Filter::Lanczos];

    /// Positions to either side that have a weight when nothing is shrunk.
    fn support(self) -> f64 {
        match self {
            Filter::Box => 0.5,
            Filter::Bilinear | Filter::Hamming => 1.0,
            Filter::Bicubic => 2.0,
            Filter::Lanczos => 3.0,
        }
    }

    fn weight(self, x: f64) -> f64 {
        let sinc =
            |x: f64| if x == 0.0 { 1.0 } else { sin(x * std::f64::consts::PI) / (x * std::f64::consts::PI) };
        let distance = x.abs();
        match self {
            Filter::Box => f64::from(u8::from(x > -0.5 && x <= 0.5)),
            Filter::Bilinear => (1.0 - distance).max(0.0),
            Filter::Hamming if distance == 0.0 => 1.0,
            Filter::Hamming if distance >= 1.0 => 0.0,
            Filter::Hamming => {
                let angle = distance * std::f64::consts::PI;
                sin(angle) / angle * (0.54 + 0.46 * cos(angle))
            }
            Filter::Bicubic if distance < 1.0 => (1.5 * distance - 2.5) * distance * distance + 1.0,
            Filter::Bicubic if distance < 2.0 => ((-0.5 * distance + 2.5) * distance - 4.0) * distance + 2.0,
            Filter::Lanczos if (-3.0..3.0).contains(&x) => sinc(x) * sinc(x / 3.0),
            Filter::Bicubic | Filter::Lanczos => 0.0,
        }
    }
}

/// A rectangle of positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its first row.
    pub top: usize,
    /// Its first column.
    pub left: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Window {
    /// All of an image.
    pub fn whole(shape: ImageShape) -> Window {
        Window { top: 0, left: 0, height: shape.height, width: shape.width }
    }
}

/// Resizes the part `source` of a picture to `height` × `width`; positions outside that part have no influence.
///
/// # Panics
/// If the part is empty or reaches beyond the picture, or a size is 0.
///
/// ```
/// use allconv_data::{Filter, ImageShape, Picture, Window, resize};
/// let grey = Picture::new(ImageShape { height: 4, width: 6, channels: 1 }, vec![77; 24]);
/// let small = resize::resize(&grey, Window::whole(grey.shape()), [2, 3], Filter::Bicubic);
/// assert_eq!(small.pixels(), [77; 6]);
/// ```
pub fn resize(picture: &Picture, source: Window, [height, width]: [usize; 2], filter: Filter) -> Picture {
    let all = Window { top: 0, left: 0, height, width };
    resized_part(picture, source, [height, width], all, filter)
}

/// The part `kept` of what [`resize`] returns, without computing the rest.
///
/// # Panics
/// As [`resize`], and if `kept` reaches beyond `height` × `width`.
pub fn resized_part(
    picture: &Picture,
    source: Window,
    [height, width]: [usize; 2],
    kept: Window,
    filter: Filter,
) -> Picture {
    let shape = picture.shape();
    assert!(
        source.top + source.height <= shape.height && source.left + source.width <= shape.width,
        "{source:?} of {shape:?}"
    );
    assert!(
        source.height > 0 && source.width > 0 && kept.height > 0 && kept.width > 0,
        "{source:?} to {kept:?}"
    );
    assert!(
        kept.top + kept.height <= height && kept.left + kept.width <= width,
        "{kept:?} of {height}×{width}"
    );
    let rows = Weights::new([source.top, source.height], height, [kept.top, kept.height], filter);
    let columns = Weights::new([source.left, source.width], width, [kept.left, kept.width], filter);
    let channels = shape.channels;
    // Only rows that some output row reads are resized.
    let needed = rows.reach();
    let mut narrow = vec![0; needed.len() * kept.width * channels];
    for (target, row) in narrow.chunks_exact_mut(kept.width * channels).zip(needed.clone()) {
        let line = &picture.pixels()[row * shape.width * channels..][..shape.width * channels];
        match channels {
            1 => columns.along_row::<1>(line, target),
            3 => columns.along_row::<3>(line, target),
            _ => unreachable!("pictures have 1 or 3 channels"),
        }
    }
    let mut pixels = vec![0; kept.height * kept.width * channels];
    rows.across_rows(&narrow, needed.start, &mut pixels);
    Picture::new(ImageShape { height: kept.height, width: kept.width, channels }, pixels)
}

/// The weights of one axis.
struct Weights {
    /// For each output position, the first input position and where its weights begin.
    places: Vec<(usize, usize)>,
    weights: Vec<i32>,
}

impl Weights {
    fn new(
        [start, length]: [usize; 2],
        length_out: usize,
        [first, count]: [usize; 2],
        filter: Filter,
    ) -> Weights {
        if length == length_out {
            // As in Pillow, an axis that keeps its length keeps its values, whatever the filter.
            let places = (0..count).map(|place| (start + first + place, place)).chain([(0, count)]);
            return Weights { places: places.collect(), weights: vec![1 << PRECISION; count] };
        }
        let scale = length as f64 / length_out as f64;
        let widening = scale.max(1.0);
        let support = filter.support() * widening;
        let (mut places, mut weights) = (Vec::with_capacity(count + 1), Vec::new());
        for place in first..first + count {
            let centre = (place as f64 + 0.5) * scale;
            let low = (centre - support + 0.5).max(0.0) as usize;
            let high = ((centre + support + 0.5) as usize).min(length);
            let values: Vec<f64> =
                (low..high).map(|x| filter.weight((x as f64 - centre + 0.5) / widening)).collect();
            let sum: f64 = values.iter().sum();
            places.push((start + low, weights.len()));
            weights.extend(values.iter().map(|value| {
                let scaled = if sum == 0.0 { *value } else { value / sum } * f64::from(1 << PRECISION);
                (if scaled < 0.0 { scaled - 0.5 } else { scaled + 0.5 }) as i32
            }));
        }
        places.push((0, weights.len()));
        Weights { places, weights }
    }

    fn of(&self, place: usize) -> (usize, &[i32]) {
        let (first, start) = self.places[place];
        (first, &self.weights[start..self.places[place + 1].1])
    }

    fn len(&self) -> usize {
        self.places.len() - 1
    }

    /// The input positions that have a weight.
    fn reach(&self) -> std::ops::Range<usize> {
        let ends = (0..self.len()).map(|place| {
            let (first, weights) = self.of(place);
            (first, first + weights.len())
        });
        let (start, end) =
            ends.fold((usize::MAX, 0), |(start, end), (low, high)| (start.min(low), end.max(high)));
        start..end
    }

    fn along_row<const CHANNELS: usize>(&self, line: &[u8], target: &mut [u8]) {
        for (place, pixel) in target.chunks_exact_mut(CHANNELS).enumerate() {
            let (first, weights) = self.of(place);
            let mut sums = [1i32 << (PRECISION - 1); CHANNELS];
            let source = &line[first * CHANNELS..][..weights.len() * CHANNELS];
            for (values, weight) in source.chunks_exact(CHANNELS).zip(weights) {
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum += i32::from(*value) * weight;
                }
            }
            for (value, sum) in pixel.iter_mut().zip(sums) {
                *value = rounded(sum);
            }
        }
    }

    /// Combines rows, of which the first is number `first_row`, into as many as there are output positions.
    fn across_rows(&self, rows: &[u8], first_row: usize, target: &mut [u8]) {
        let length = target.len() / self.len();
        let mut sums = vec![0i32; length];
        for (place, line) in target.chunks_exact_mut(length).enumerate() {
            let (first, weights) = self.of(place);
            sums.fill(1 << (PRECISION - 1));
            for (source, weight) in rows[(first - first_row) * length..].chunks_exact(length).zip(weights) {
                for (sum, value) in sums.iter_mut().zip(source) {
                    *sum += i32::from(*value) * weight;
                }
            }
            for (value, sum) in line.iter_mut().zip(&sums) {
                *value = rounded(*sum);
            }
        }
    }
}

fn rounded(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halving_by_a_box_takes_means_of_pairs() {
        let picture = Picture::new(
            ImageShape { height: 2, width: 4, channels: 1 },
            vec![0, 10, 20, 40, 20, 30, 40, 41],
        );
        let half = resize(&picture, Window::whole(picture.shape()), [1, 2], Filter::Box);
        // Rows first: 5, 30 and 25, 41 (40.5 rounded up); then 15 and 36 (35.5 rounded up).
        assert_eq!(half.pixels(), [15, 36]);
    }

    #[test]
    fn a_part_equals_the_same_part_of_the_whole() {
        let shape = ImageShape { height: 23, width: 31, channels: 3 };
        let picture = Picture::new(shape, (0..shape.len()).map(|value| (value * 37 % 256) as u8).collect());
        for filter in Filter::ALL {
            let whole = resize(&picture, Window::whole(shape), [17, 40], filter);
            let kept = Window { top: 3, left: 11, height: 9, width: 20 };
            let part = resized_part(&picture, Window::whole(shape), [17, 40], kept, filter);
            assert_eq!(part, whole.crop(3, 11, 9, 20), "{filter:?}");
        }
    }

    #[test]
    fn what_lies_outside_the_source_has_no_influence() {
        let shape = ImageShape { height: 12, width: 12, channels: 1 };
        let picture = Picture::new(shape, (0..144).map(|value| (value * 91 % 256) as u8).collect());
        let source = Window { top: 2, left: 5, height: 7, width: 6 };
        let cut = picture.crop(2, 5, 7, 6);
        for filter in Filter::ALL {
            let direct = resize(&picture, source, [5, 9], filter);
            assert_eq!(direct, resize(&cut, Window::whole(cut.shape()), [5, 9], filter), "{filter:?}");
        }
    }
}
