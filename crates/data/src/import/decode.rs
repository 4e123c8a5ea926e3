//! Decoding of one JPEG or PNG, turned as its Exif block says, with limits, and with a decoder's panic turned into an error.
//!
//! Every picture that comes in from outside comes in here.

use std::panic::{AssertUnwindSafe, catch_unwind};

use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageFormat};

use super::{jpeg, orientation, png};
use crate::augment::ImageShape;
use crate::error::DataError;

/// Longest side of an image in pixels.
pub(super) const SIDE_LIMIT: u32 = 16_384;
/// Most memory a decoder may allocate, 512 MiB.
pub(super) const ALLOCATION_LIMIT: u64 = 512 << 20;

/// One decoded image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Rows, columns and channels.
    pub shape: ImageShape,
    /// `[height, width, channels]`.
    pub pixels: Vec<u8>,
}

/// Decodes a JPEG or PNG, recognised by its content; grey becomes RGB with equal channels.
///
/// # Errors
/// What was found instead of an image of 8 bits without transparency.
pub fn decode_rgb(bytes: &[u8]) -> Result<Image, String> {
    decode(bytes, |image| DynamicImage::ImageRgb8(image.into_rgb8()))
}

/// Decodes a JPEG or PNG, recognised by its content; grey stays grey, with one channel.
///
/// # Errors
/// As [`decode_rgb`].
pub fn decode_as_stored(bytes: &[u8]) -> Result<Image, String> {
    decode(bytes, |image| image)
}

/// The error for a file that is no image of the kind that is read here.
pub(crate) fn refused(file: &str, found: String) -> DataError {
    DataError::bad_file(
        file,
        "a JPEG or PNG image of 8 bits, grey or colour, without transparency",
        found,
        "replace or remove this file",
    )
}

fn decode(bytes: &[u8], convert: fn(DynamicImage) -> DynamicImage) -> Result<Image, String> {
    catch_unwind(AssertUnwindSafe(|| decode_unguarded(bytes).map(convert).map(plain)))
        .unwrap_or_else(|_| Err("data that crash the decoder".to_string()))
}

/// The pixels of a grey or colour image of 8 bits.
fn plain(image: DynamicImage) -> Image {
    let channels = usize::from(image.color().channel_count());
    let shape = ImageShape { height: image.height() as usize, width: image.width() as usize, channels };
    Image { shape, pixels: image.into_bytes() }
}

fn decode_unguarded(bytes: &[u8]) -> Result<DynamicImage, String> {
    let (mut image, exif) = match image::guess_format(bytes) {
        Ok(ImageFormat::Jpeg) => {
            let jpeg = jpeg::decode(bytes)?;
            (jpeg.image, jpeg.exif)
        }
        Ok(ImageFormat::Png) => png::decode(bytes)?,
        Ok(other) => return Err(format!("a {other:?} image")),
        Err(_) if bytes.is_empty() => return Err("an empty file".to_string()),
        Err(_) => {
            return Err(format!("bytes that begin with \"{}\"", bytes[..bytes.len().min(8)].escape_ascii()));
        }
    };
    match image.color() {
        ColorType::L8 | ColorType::Rgb8 => {}
        other => return Err(format!("pixels of type {other:?}")),
    }
    image.apply_orientation(exif.map_or(Orientation::NoTransforms, orientation::of_exif));
    Ok(image)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use image::ExtendedColorType;

    fn png(color: ExtendedColorType, pixels: &[u8]) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image::write_buffer_with_format(&mut bytes, pixels, 2, 1, color, ImageFormat::Png).expect("a PNG");
        bytes.into_inner()
    }

    #[test]
    fn grey_becomes_three_equal_channels() {
        let image = decode_rgb(&png(ExtendedColorType::L8, &[7, 200])).expect("a grey PNG");
        assert_eq!(image.pixels, [7, 7, 7, 200, 200, 200]);
        assert_eq!(image.shape, ImageShape { height: 1, width: 2, channels: 3 });
    }

    #[test]
    fn grey_may_stay_grey() {
        let image = decode_as_stored(&png(ExtendedColorType::L8, &[7, 200])).expect("a grey PNG");
        assert_eq!((image.shape.channels, image.pixels), (1, vec![7, 200]));
    }

    #[test]
    fn transparency_and_deep_colour_are_refused_and_named() {
        let transparent = png(ExtendedColorType::Rgba8, &[1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(decode_rgb(&transparent), Err("pixels of type Rgba8".to_string()));
        let deep = png(ExtendedColorType::L16, &[1, 2, 3, 4]);
        assert_eq!(decode_rgb(&deep), Err("pixels of type L16".to_string()));
    }

    #[test]
    fn broken_and_foreign_bytes_are_refused() {
        assert_eq!(decode_rgb(b""), Err("an empty file".to_string()));
        assert!(decode_rgb(b"not an image").expect_err("text").contains("not an i"));
        assert!(decode_rgb(b"GIF89a\x01\x00\x01\x00").expect_err("a GIF").contains("Gif"));
        let whole = png(ExtendedColorType::Rgb8, &[1, 2, 3, 4, 5, 6]);
        for length in 1..whole.len() - 12 {
            assert!(decode_rgb(&whole[..length]).is_err(), "cut to {length} bytes");
        }
    }

    #[test]
    fn a_header_that_declares_a_huge_image_is_refused_without_allocating() {
        let mut bytes = png(ExtendedColorType::Rgb8, &[1, 2, 3, 4, 5, 6]);
        // Width and height of the IHDR chunk, then its checksum.
        bytes[16..20].copy_from_slice(&60_000u32.to_be_bytes());
        bytes[20..24].copy_from_slice(&60_000u32.to_be_bytes());
        assert!(decode_rgb(&bytes).is_err());
    }
}
