//! The synthetic dataset: coloured shapes and textures over clutter, drawn from (seed, index).
//!
//! Five shapes, each plain or striped, make ten classes. Place, scale, rotation, colours and clutter are random.
//! Each class has a typical hue, which an object has only a third of the time: colour alone tells little, and a
//! linear classifier is much worse than a convolutional network. Only additions, multiplications, divisions and square
//! roots are used, which IEEE 754 fixes to the last bit, so that every machine draws the same images.

use allconv_random::{Purpose, Stream};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Source, Split};
use crate::error::DataError;
use crate::image_shape::ImageShape;

/// The settings of the drawn images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SyntheticSettings {
    /// Seed of the images; it belongs to the dataset, not to a run.
    pub seed: u64,
    /// Rows and columns of an image, from 8 to 1024 pixels.
    pub size: usize,
    /// Number of training images.
    pub train: usize,
    /// Number of test images.
    pub test: usize,
}

impl Default for SyntheticSettings {
    fn default() -> SyntheticSettings {
        SyntheticSettings { seed: 0, size: 32, train: 10_000, test: 2_000 }
    }
}

/// Class names: a texture and a shape each.
pub const CLASSES: [&str; 10] = [
    "plain_cross",
    "plain_disk",
    "plain_ring",
    "plain_square",
    "plain_triangle",
    "striped_cross",
    "striped_disk",
    "striped_ring",
    "striped_square",
    "striped_triangle",
];

/// Class names of the label maps: the background, and the five shapes, plain or striped.
pub const MASK_CLASSES: [&str; 6] = ["background", "cross", "disk", "ring", "square", "triangle"];

/// Smallest and largest height and width of an image in pixels.
const SIZES: std::ops::RangeInclusive<usize> = 8..=1024;
/// Most bytes of pixels of a drawn set, 2 GiB: about two minutes of drawing on two cores.
const PIXEL_LIMIT: usize = 2 << 30;
/// Test images are numbered from here, so that no split shares an image with another.
const FIRST_TEST_INDEX: u32 = 1 << 31;

/// Draws the dataset.
///
/// # Errors
/// If the size is outside 8 to 1024 pixels, a split would be empty or longer than 2³¹, or all pixels take more than 2 GiB.
pub fn draw(settings: &SyntheticSettings) -> Result<Source, DataError> {
    if !SIZES.contains(&settings.size) {
        return Err(DataError::BadOption {
            field: "synthetic.size",
            value: settings.size.to_string(),
            limit: format!("images have a height and width of {} to {} pixels", SIZES.start(), SIZES.end()),
            fix: "choose a size in this range".to_string(),
        });
    }
    for (field, number) in [("synthetic.train", settings.train), ("synthetic.test", settings.test)] {
        if number == 0 || number >= FIRST_TEST_INDEX as usize {
            return Err(DataError::BadOption {
                field,
                value: number.to_string(),
                limit: format!("a split has 1 to {} images", FIRST_TEST_INDEX - 1),
                fix: "choose a number in this range".to_string(),
            });
        }
    }
    let images = settings.train + settings.test;
    let bytes = images.saturating_mul(3 * settings.size * settings.size);
    if bytes > PIXEL_LIMIT {
        let most = PIXEL_LIMIT / (3 * settings.size * settings.size);
        return Err(DataError::BadOption {
            field: "synthetic.train",
            value: settings.train.to_string(),
            limit: format!(
                "with {} test images of {} pixels in height and width it makes {bytes} bytes, and at most {PIXEL_LIMIT} are drawn",
                settings.test, settings.size
            ),
            fix: format!("draw at most {most} images of this size, or smaller ones"),
        });
    }
    Ok(Source {
        classes: CLASSES.iter().map(ToString::to_string).collect(),
        shape: ImageShape { height: settings.size, width: settings.size, channels: 3 },
        train: draw_split(settings, 0, settings.train),
        validation: None,
        test: draw_split(settings, FIRST_TEST_INDEX, settings.test),
    })
}

/// Draws images `first..first + count`; image `i` belongs to class `i % 10`.
fn draw_split(settings: &SyntheticSettings, first: u32, count: usize) -> Split {
    let shape = ImageShape { height: settings.size, width: settings.size, channels: 3 };
    let mut pixels = vec![0u8; count * shape.len()];
    pixels.par_chunks_exact_mut(shape.len()).enumerate().for_each(|(number, image)| {
        let stream = Stream::of_sample(settings.seed, Purpose::Synthetic, 0, first + number as u32);
        draw_image(stream, number % CLASSES.len(), settings.size, image);
    });
    let labels = (0..count).map(|number| (number % CLASSES.len()) as u16).collect();
    Split::new(pixels, labels, shape)
}

/// Draws the label maps `[size, size]` of a split's images: at each pixel's centre the number of the object's shape in
/// [`MASK_CLASSES`], or 0 in the background and where a bar covers the object.
///
/// The settings must be accepted by [`draw`].
pub(crate) fn draw_masks(settings: &SyntheticSettings, is_test: bool) -> Vec<Vec<u8>> {
    let (first, count) = if is_test { (FIRST_TEST_INDEX, settings.test) } else { (0, settings.train) };
    let draw_mask = |number: usize| {
        let mut stream = Stream::of_sample(settings.seed, Purpose::Synthetic, 0, first + number as u32);
        let class = number % CLASSES.len();
        let scene = Scene::draw(&mut stream, class);
        let center = |index: usize| (index as f32 + 0.5) / settings.size as f32;
        (0..settings.size * settings.size)
            .map(|place| {
                let shows = scene.shows_object(center(place % settings.size), center(place / settings.size));
                if shows { (class % 5 + 1) as u8 } else { 0 }
            })
            .collect()
    };
    (0..count).into_par_iter().map(draw_mask).collect()
}

/// Red, green and blue from 0 to 1.
type Color = [f32; 3];

/// A shape's outline, in coordinates where the object has about unit radius.
#[derive(Clone, Copy, Debug)]
enum Outline {
    Cross,
    Disk,
    Ring,
    Square,
    Triangle,
}

impl Outline {
    fn of_class(class: usize) -> Outline {
        [Outline::Cross, Outline::Disk, Outline::Ring, Outline::Square, Outline::Triangle][class % 5]
    }

    fn contains(self, across: f32, along: f32) -> bool {
        let (a, b) = (across.abs(), along.abs());
        match self {
            Outline::Cross => (a <= 0.3 && b <= 1.0) || (b <= 0.3 && a <= 1.0),
            Outline::Disk => across * across + along * along <= 0.9,
            Outline::Ring => (0.3..=1.0).contains(&(across * across + along * along)),
            Outline::Square => a <= 0.82 && b <= 0.82,
            // Equilateral: three half-planes at distance 0.55 from the centre, corners at distance 1.1.
            Outline::Triangle => along >= -0.55 && 0.866_025_4 * a + 0.5 * along <= 0.55,
        }
    }
}

/// A short bar of one colour behind or in front of the object.
struct Bar {
    place: [f32; 2],
    direction: [f32; 2],
    half_length: f32,
    half_thickness: f32,
    color: Color,
}

impl Bar {
    fn draw(stream: &mut Stream) -> Bar {
        Bar {
            place: [stream.unit(), stream.unit()],
            direction: unit_vector(stream),
            half_length: stream.uniform(0.04, 0.13),
            half_thickness: stream.uniform(0.015, 0.035),
            color: color(stream.unit(), stream.uniform(0.1, 0.6), stream.uniform(0.2, 0.8)),
        }
    }

    fn contains(&self, x: f32, y: f32) -> bool {
        let (dx, dy) = (x - self.place[0], y - self.place[1]);
        let along = dx * self.direction[0] + dy * self.direction[1];
        let across = dy * self.direction[0] - dx * self.direction[1];
        along.abs() <= self.half_length && across.abs() <= self.half_thickness
    }
}

/// Everything random about one image, in units of the image's width.
struct Scene {
    ground: Color,
    slope: [f32; 2],
    behind: Vec<Bar>,
    before: Vec<Bar>,
    outline: Outline,
    striped: bool,
    place: [f32; 2],
    direction: [f32; 2],
    radius: f32,
    phase: f32,
    paints: [Color; 2],
}

impl Scene {
    fn draw(stream: &mut Stream, class: usize) -> Scene {
        let ground_light = stream.uniform(0.15, 0.85);
        let ground = color(stream.unit(), stream.uniform(0.0, 0.4), ground_light);
        let slope = [stream.uniform(-0.3, 0.3), stream.uniform(-0.3, 0.3)];
        let radius = stream.uniform(0.28, 0.44);
        let margin = 0.8 * radius;
        let place = [stream.uniform(margin, 1.0 - margin), stream.uniform(margin, 1.0 - margin)];
        let favourite = (class as f32 + stream.unit()) / CLASSES.len() as f32;
        let any = stream.unit();
        let hue = if stream.unit() < 0.35 { favourite } else { any };
        let light = stream.uniform(0.7, 1.0);
        // The second paint is darker by a clear step, so that stripes can be seen in any hue.
        let paints = [color(hue, stream.uniform(0.7, 1.0), light), color(hue + 0.5, 0.8, light * 0.3)];
        Scene {
            ground,
            slope,
            behind: (0..7).map(|_| Bar::draw(stream)).collect(),
            before: (0..1).map(|_| Bar::draw(stream)).collect(),
            outline: Outline::of_class(class),
            striped: class >= 5,
            place,
            direction: unit_vector(stream),
            radius,
            phase: stream.unit(),
            paints,
        }
    }

    /// Returns whether the object is visible at a point.
    fn shows_object(&self, x: f32, y: f32) -> bool {
        let (across, along) = self.object_place(x, y);
        !self.before.iter().any(|bar| bar.contains(x, y)) && self.outline.contains(across, along)
    }

    /// Returns a point in the object's own coordinates, across and along.
    fn object_place(&self, x: f32, y: f32) -> (f32, f32) {
        let (dx, dy) = ((x - self.place[0]) / self.radius, (y - self.place[1]) / self.radius);
        let along = dx * self.direction[0] + dy * self.direction[1];
        let across = dy * self.direction[0] - dx * self.direction[1];
        (across, along)
    }

    /// Returns the colour at a point; both coordinates run from 0 to 1 over the image.
    fn color_at(&self, x: f32, y: f32) -> Color {
        if let Some(bar) = self.before.iter().find(|bar| bar.contains(x, y)) {
            return bar.color;
        }
        let (across, along) = self.object_place(x, y);
        if self.outline.contains(across, along) {
            // Three stripes per radius: about three pixels each in an image of 32.
            let stripe = (3.0 * across + self.phase + 16.0) as u32 % 2;
            return self.paints[if self.striped { stripe as usize } else { 0 }];
        }
        if let Some(bar) = self.behind.iter().find(|bar| bar.contains(x, y)) {
            return bar.color;
        }
        let light = self.slope[0] * (x - 0.5) + self.slope[1] * (y - 0.5);
        self.ground.map(|value| value + light)
    }
}

fn draw_image(mut stream: Stream, class: usize, size: usize, image: &mut [u8]) {
    let scene = Scene::draw(&mut stream, class);
    // Four points a pixel smooth the edges.
    const OFFSETS: [[f32; 2]; 4] = [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]];
    for (place, pixel) in image.chunks_exact_mut(3).enumerate() {
        let (row, column) = ((place / size) as f32, (place % size) as f32);
        let mut sum = [0.0f32; 3];
        for [right, down] in OFFSETS {
            let color = scene.color_at((column + right) / size as f32, (row + down) / size as f32);
            for (total, value) in sum.iter_mut().zip(color) {
                *total += value;
            }
        }
        for (byte, total) in pixel.iter_mut().zip(sum) {
            let grain = stream.uniform(-0.04, 0.04);
            *byte = ((total / 4.0 + grain) * 255.0).round().clamp(0.0, 255.0) as u8;
        }
    }
}

/// Returns a direction, uniform on the circle: a point of the disk, found by rejection, scaled to length one.
fn unit_vector(stream: &mut Stream) -> [f32; 2] {
    loop {
        let (x, y) = (stream.uniform(-1.0, 1.0), stream.uniform(-1.0, 1.0));
        let square = x * x + y * y;
        if (0.01..=1.0).contains(&square) {
            let length = square.sqrt();
            return [x / length, y / length];
        }
    }
}

/// Converts hue (a turn is 1), saturation and value to red, green and blue.
fn color(hue: f32, saturation: f32, value: f32) -> Color {
    let sixth = (hue - hue.floor()) * 6.0;
    [5.0f32, 3.0, 1.0].map(|offset| {
        let place = (offset + sixth) % 6.0;
        value - value * saturation * place.min(4.0 - place).clamp(0.0, 1.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_depends_on_seed_and_index_only() {
        let small = SyntheticSettings { train: 20, test: 10, ..SyntheticSettings::default() };
        let more = SyntheticSettings { train: 50, ..small };
        let (first, second) = (draw(&small).expect("valid"), draw(&more).expect("valid"));
        assert_eq!(first.train.image(13), second.train.image(13));
        assert_eq!(first.test.pixels(), second.test.pixels());
        let other = draw(&SyntheticSettings { seed: 1, ..small }).expect("valid");
        assert_ne!(first.train.image(13), other.train.image(13));
        assert_ne!(first.train.image(0), first.test.image(0));
    }

    #[test]
    fn any_size_in_the_range_is_drawn_and_others_are_refused() {
        for size in [8, 31, 64] {
            let settings = SyntheticSettings { size, train: 10, test: 10, ..SyntheticSettings::default() };
            let source = draw(&settings).expect("a valid size");
            assert_eq!(source.train.image(9).len(), size * size * 3);
            assert!(source.train.image(9).iter().any(|&value| value != source.train.image(9)[0]));
        }
        let refused = draw(&SyntheticSettings { size: 7, ..SyntheticSettings::default() });
        assert!(refused.expect_err("too small").to_string().contains("synthetic.size = 7"));
        let refused = draw(&SyntheticSettings { test: 0, ..SyntheticSettings::default() });
        assert!(refused.expect_err("empty").to_string().contains("synthetic.test = 0"));
    }

    #[test]
    fn a_set_too_large_for_memory_is_refused_before_it_is_drawn() {
        for (train, size) in [(10_000_000, 32), ((1 << 31) - 1, 1024), (700, 1024)] {
            let refused = draw(&SyntheticSettings { size, train, ..SyntheticSettings::default() });
            let message = refused.expect_err("too large").to_string();
            assert!(message.starts_with(&format!("synthetic.train = {train}")), "{message}");
            assert!(message.contains("at most 2147483648 are drawn"), "{message}");
        }
    }

    #[test]
    fn colours_follow_the_textbook_corners() {
        assert_eq!(color(0.0, 1.0, 1.0), [1.0, 0.0, 0.0]);
        assert_eq!(color(1.0 / 3.0, 1.0, 0.5), [0.0, 0.5, 0.0]);
        assert_eq!(color(0.7, 0.0, 0.25), [0.25; 3]);
    }

    #[test]
    fn outlines_contain_their_centre_and_not_their_surroundings() {
        for class in 0..5 {
            let outline = Outline::of_class(class);
            assert_eq!(outline.contains(0.0, 0.0), !matches!(outline, Outline::Ring), "{outline:?}");
            assert!(!outline.contains(1.2, 0.9), "{outline:?}");
        }
        assert!(Outline::Triangle.contains(0.0, 1.09) && !Outline::Triangle.contains(0.0, -0.6));
    }
}
