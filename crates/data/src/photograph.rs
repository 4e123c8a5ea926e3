//! A picture with everything of its file that a PNG can hold: 8 or 16 bits, transparency, colour profile.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::codecs::png::PngEncoder;
use image::{ColorType, DynamicImage, ExtendedColorType, ImageEncoder, ImageError};

use crate::bicubic;
use crate::error::DataError;
use crate::image_shape::ImageShape;
use crate::import::{decode, profile};
use crate::picture::Picture;
use crate::samples::{Depth, Samples};

/// A picture as its file holds it, turned as its Exif block says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Photograph {
    /// Rows, columns, and 1 or 3 channels.
    pub shape: ImageShape,
    /// Values of grey or of red, green and blue, `[height, width, channels]`.
    pub samples: Samples,
    /// The opacity of each pixel, `[height, width]`, of the same depth; `None` where all are opaque.
    pub alpha: Option<Samples>,
    /// The ICC profile of the file.
    pub profile: Option<Vec<u8>>,
    /// What of the file is left out, one sentence each.
    pub notes: Vec<String>,
}

impl Photograph {
    /// Returns a picture of 8 bits without anything beside its pixels.
    pub fn of_picture(picture: Picture) -> Photograph {
        let shape = picture.shape();
        let samples = Samples::Eight(picture.into_pixels());
        Photograph { shape, samples, alpha: None, profile: None, notes: Vec::new() }
    }

    /// Decodes an image file; `file` is its name in errors.
    ///
    /// # Errors
    /// [`DataError::BadFile`] with what was found instead.
    pub fn decode(file: &str, bytes: &[u8]) -> Result<Photograph, DataError> {
        decoded(bytes).map_err(|found| decode::refused(file, found))
    }

    /// Returns the picture with three channels, which are equal where it has one; a profile for grey is left out then.
    #[must_use]
    pub fn in_colour(self) -> Photograph {
        if self.shape.channels != 1 {
            return self;
        }
        let samples = match &self.samples {
            Samples::Eight(values) => Samples::Eight(values.iter().flat_map(|value| [*value; 3]).collect()),
            Samples::Sixteen(values) => {
                Samples::Sixteen(values.iter().flat_map(|value| [*value; 3]).collect())
            }
        };
        let Photograph { alpha, profile, mut notes, .. } = self;
        if profile.is_some() {
            notes.push(
                "the colour profile is one for GRAY, the result is in colour, and it is left out".to_owned(),
            );
        }
        Photograph { shape: ImageShape { channels: 3, ..self.shape }, samples, alpha, profile: None, notes }
    }

    /// Returns these values as a picture with the opacity, enlarged by bicubic interpolation to its size, and the profile of this one.
    ///
    /// # Panics
    /// If height and width are not the same multiple of those of this picture.
    #[must_use]
    pub fn replaced(self, shape: ImageShape, samples: Samples) -> Photograph {
        let factor = shape.height / self.shape.height;
        let size = [self.shape.height * factor, self.shape.width * factor];
        assert_eq!(size, [shape.height, shape.width], "{:?} was enlarged", self.shape);
        let of_alpha = ImageShape { channels: 1, ..self.shape };
        let alpha = self.alpha.map(|alpha| bicubic::enlarge_samples(&alpha, of_alpha, factor));
        Photograph { shape, samples, alpha, ..self }
    }

    /// Writes the picture as PNG.
    ///
    /// # Errors
    /// What the encoder or the writer says.
    pub fn write_png(&self, to: impl Write) -> Result<(), ImageError> {
        let ImageShape { height, width, channels } = self.shape;
        let mut encoder = PngEncoder::new(to);
        if let Some(profile) = &self.profile {
            encoder.set_icc_profile(profile.clone()).map_err(ImageError::Unsupported)?;
        }
        let color = match (channels, &self.alpha, self.samples.depth()) {
            (1, None, Depth::Eight) => ExtendedColorType::L8,
            (1, None, Depth::Sixteen) => ExtendedColorType::L16,
            (1, Some(_), Depth::Eight) => ExtendedColorType::La8,
            (1, Some(_), Depth::Sixteen) => ExtendedColorType::La16,
            (_, None, Depth::Eight) => ExtendedColorType::Rgb8,
            (_, None, Depth::Sixteen) => ExtendedColorType::Rgb16,
            (_, Some(_), Depth::Eight) => ExtendedColorType::Rgba8,
            (_, Some(_), Depth::Sixteen) => ExtendedColorType::Rgba16,
        };
        let (width, height) = (width as u32, height as u32);
        match (&self.samples, &self.alpha) {
            (Samples::Eight(values), None) => encoder.write_image(values, width, height, color),
            (Samples::Eight(values), Some(Samples::Eight(alpha))) => {
                encoder.write_image(&interleaved(values, alpha, channels), width, height, color)
            }
            (Samples::Sixteen(values), None) => encoder.write_image(&in_bytes(values), width, height, color),
            (Samples::Sixteen(values), Some(Samples::Sixteen(alpha))) => {
                let values = interleaved(values, alpha, channels);
                encoder.write_image(&in_bytes(&values), width, height, color)
            }
            (samples, alpha) => {
                panic!("{:?} with an opacity of {:?}", samples.depth(), alpha.as_ref().map(Samples::depth))
            }
        }
    }
}

/// Decodes a picture file with its opacity, its 16 bits and its colour profile.
///
/// # Errors
/// What was found instead of an image.
fn decoded(bytes: &[u8]) -> Result<Photograph, String> {
    let read = || {
        let (mut image, orientation) = decode::read(bytes)?;
        image.apply_orientation(orientation);
        let (height, width) = (image.height() as usize, image.width() as usize);
        let channels = if image.color().has_color() { 3 } else { 1 };
        let (samples, alpha) = match image.color() {
            ColorType::L8 | ColorType::Rgb8 => (Samples::Eight(image.into_bytes()), None),
            ColorType::La8 | ColorType::Rgba8 => {
                let (colour, alpha) = divided(&image.into_bytes(), channels, u8::MAX);
                (Samples::Eight(colour), alpha.map(Samples::Eight))
            }
            ColorType::L16 | ColorType::Rgb16 => (Samples::Sixteen(words(image)), None),
            ColorType::La16 | ColorType::Rgba16 => {
                let (colour, alpha) = divided(&words(image), channels, u16::MAX);
                (Samples::Sixteen(colour), alpha.map(Samples::Sixteen))
            }
            other => return Err(format!("pixels of type {other:?}")),
        };
        let (profile, notes) = match profile::of(bytes, channels) {
            Ok(profile) => (profile, Vec::new()),
            Err(note) => (None, vec![note]),
        };
        Ok(Photograph { shape: ImageShape { height, width, channels }, samples, alpha, profile, notes })
    };
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err("data that crash the decoder".to_string()))
}

/// The values of an image of 16 bits.
fn words(image: DynamicImage) -> Vec<u16> {
    match image {
        DynamicImage::ImageLuma16(image) => image.into_raw(),
        DynamicImage::ImageLumaA16(image) => image.into_raw(),
        DynamicImage::ImageRgb16(image) => image.into_raw(),
        DynamicImage::ImageRgba16(image) => image.into_raw(),
        other => unreachable!("{:?} has 16 bits", other.color()),
    }
}

/// The values of the colours and those of the opacity, which is dropped where every pixel is opaque.
fn divided<T: Copy + PartialEq>(values: &[T], channels: usize, opaque: T) -> (Vec<T>, Option<Vec<T>>) {
    let pixels = values.chunks_exact(channels + 1);
    let alpha: Vec<T> = pixels.clone().map(|pixel| pixel[channels]).collect();
    let colour = pixels.flat_map(|pixel| &pixel[..channels]).copied().collect();
    (colour, alpha.iter().any(|value| *value != opaque).then_some(alpha))
}

/// Returns the values with the opacity behind those of each pixel.
fn interleaved<T: Copy>(values: &[T], alpha: &[T], channels: usize) -> Vec<T> {
    let mut joined = Vec::with_capacity(values.len() + alpha.len());
    for (pixel, alpha) in values.chunks_exact(channels).zip(alpha) {
        joined.extend_from_slice(pixel);
        joined.push(*alpha);
    }
    joined
}

/// Returns the values in the order of bytes of this machine, which the encoder takes.
fn in_bytes(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_ne_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::ImageFormat;
    use image::codecs::jpeg::JpegEncoder;
    use image::codecs::webp::WebPEncoder;

    use super::*;

    /// A profile of nothing but a header.
    fn profile(space: &[u8; 4]) -> Vec<u8> {
        let mut profile = vec![0; 128];
        profile[..4].copy_from_slice(&128u32.to_be_bytes());
        profile[16..20].copy_from_slice(space);
        profile[36..40].copy_from_slice(b"acsp");
        profile
    }

    /// A file of 2×1 pixels by an encoder of the `image` crate.
    fn file(
        mut encoder: impl ImageEncoder,
        profile: Option<Vec<u8>>,
        values: &[u8],
        color: ExtendedColorType,
    ) {
        if let Some(profile) = profile {
            encoder.set_icc_profile(profile).expect("a profile");
        }
        encoder.write_image(values, 2, 1, color).expect("a picture");
    }

    fn png(profile: Option<Vec<u8>>, values: &[u8], color: ExtendedColorType) -> Vec<u8> {
        let mut bytes = Vec::new();
        file(PngEncoder::new(&mut bytes), profile, values, color);
        bytes
    }

    #[test]
    fn depth_opacity_and_profile_come_in_and_go_out_again() {
        let words: Vec<u16> = (1..=8).map(|value| value * 8000).collect();
        let eight: Vec<u8> = (1..=8).map(|value| value * 30).collect();
        let sixteen = in_bytes(&words);
        for (color, channels, has_alpha) in [
            (ExtendedColorType::L8, 1, false),
            (ExtendedColorType::La8, 1, true),
            (ExtendedColorType::Rgb8, 3, false),
            (ExtendedColorType::Rgba8, 3, true),
            (ExtendedColorType::L16, 1, false),
            (ExtendedColorType::La16, 1, true),
            (ExtendedColorType::Rgb16, 3, false),
            (ExtendedColorType::Rgba16, 3, true),
        ] {
            let bytes = usize::from(color.bits_per_pixel()) / 8 * 2;
            let values = if color.bits_per_pixel() / u16::from(color.channel_count()) == 8 {
                &eight
            } else {
                &sixteen
            };
            let space = profile(if channels == 1 { b"GRAY" } else { b"RGB " });
            let written = png(Some(space.clone()), &values[..bytes], color);
            let read = Photograph::decode("a.png", &written).expect("a PNG");
            assert_eq!((read.shape.channels, read.alpha.is_some()), (channels, has_alpha), "{color:?}");
            assert_eq!((&read.profile, read.notes.len()), (&Some(space), 0), "{color:?}");
            let mut again = Vec::new();
            read.write_png(&mut again).expect("a PNG");
            assert_eq!(again, written, "{color:?}");
        }
    }

    #[test]
    fn profiles_of_jpeg_and_webp_are_found() {
        let values = [1, 2, 3, 4, 5, 6];
        let long = {
            // Longer than a segment of a JPEG.
            let mut long = profile(b"RGB ");
            long.resize(100_001, 7);
            long[..4].copy_from_slice(&100_001u32.to_be_bytes());
            long
        };
        let (mut jpeg, mut webp) = (Vec::new(), Cursor::new(Vec::new()));
        file(JpegEncoder::new(&mut jpeg), Some(long.clone()), &values, ExtendedColorType::Rgb8);
        file(WebPEncoder::new_lossless(&mut webp), Some(long.clone()), &values, ExtendedColorType::Rgb8);
        for bytes in [jpeg, webp.into_inner()] {
            let read = Photograph::decode("a", &bytes).expect("a picture");
            assert!(read.profile.as_ref() == Some(&long) && read.notes.is_empty(), "{:?}", read.notes);
        }
    }

    #[test]
    fn opaque_pixels_have_no_opacity() {
        let read = Photograph::decode("a.png", &png(None, &[9, 255, 200, 255], ExtendedColorType::La8))
            .expect("a PNG");
        assert_eq!((read.samples, read.alpha, read.profile), (Samples::Eight(vec![9, 200]), None, None));
    }

    #[test]
    fn profiles_that_do_not_belong_to_the_pixels_are_left_out_with_the_reason() {
        let mut cut = profile(b"RGB ");
        cut.pop();
        for (profile, channels, reason) in [
            (profile(b"GRAY"), 3, "one for GRAY, not for RGB"),
            (profile(b"CMYK"), 3, "one for CMYK"),
            (profile(b"RGB "), 1, "not for GRAY"),
            (cut, 3, "damaged"),
            (b"nonsense".to_vec(), 3, "damaged"),
        ] {
            let color = if channels == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
            let bytes = png(Some(profile), &[1, 2, 3, 4, 5, 6][..2 * channels], color);
            let read = Photograph::decode("a.png", &bytes).expect("a PNG");
            assert!(read.profile.is_none() && read.notes[0].contains(reason), "{:?}", read.notes);
        }
        let grey = png(Some(profile(b"GRAY")), &[1, 2], ExtendedColorType::L8);
        let colour = Photograph::decode("a.png", &grey).expect("a PNG").in_colour();
        assert!(colour.profile.is_none() && colour.notes[0].contains("GRAY"), "{:?}", colour.notes);
    }

    #[test]
    fn a_cut_or_changed_file_is_refused_or_read_and_never_ends_the_program() {
        let whole = png(Some(profile(b"RGB ")), &[1, 2, 3, 4, 5, 6], ExtendedColorType::Rgb8);
        for length in 0..whole.len() {
            let _ = Photograph::decode("a.png", &whole[..length]);
            let mut changed = whole.clone();
            changed[length] ^= 0x80;
            let _ = Photograph::decode("a.png", &changed);
        }
    }

    #[test]
    fn the_opacity_of_an_enlarged_picture_is_enlarged() {
        let values = [1, 2, 3, 255, 4, 5, 6, 0];
        let read = Photograph::decode("a.png", &png(None, &values, ExtendedColorType::Rgba8)).expect("a PNG");
        let shape = ImageShape { height: 2, width: 4, channels: 3 };
        let large = read.replaced(shape, Samples::Eight(vec![0; 24]));
        let grey = Picture::new(ImageShape { height: 1, width: 2, channels: 1 }, vec![255, 0]);
        assert_eq!(large.alpha, Some(Samples::Eight(bicubic::enlarge(&grey, 2).into_pixels())));
        let mut bytes = Vec::new();
        large.write_png(&mut bytes).expect("a PNG");
        let read = image::load_from_memory_with_format(&bytes, ImageFormat::Png).expect("a PNG");
        assert_eq!((read.color(), read.width()), (image::ColorType::Rgba8, 4));
    }
}
