//! Decoding of one picture file, turned as its Exif block says, with limits, and with a decoder's panic turned into an error.
//!
//! Every picture that comes in from outside comes in here.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::background::Background;
use super::{jpeg, orientation, png};
use crate::error::DataError;
use crate::image_shape::ImageShape;

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

/// Decodes a picture file (JPEG, PNG, WebP or BMP), recognised by its content; grey becomes RGB with equal channels, 16 bits become 8.
///
/// # Errors
/// What was found instead of an image, or of one without transparent pixels.
pub fn decode_rgb(bytes: &[u8]) -> Result<Image, String> {
    decode_rgb_over(bytes, None)
}

/// As [`decode_rgb`]; transparent pixels are composited over `background`, and refused without one.
///
/// # Errors
/// As [`decode_rgb`].
pub fn decode_rgb_over(bytes: &[u8], background: Option<Background>) -> Result<Image, String> {
    decode(bytes, background, |image| DynamicImage::ImageRgb8(image.into_rgb8()))
}

/// As [`decode_rgb_over`]; grey stays grey, with one channel.
///
/// # Errors
/// As [`decode_rgb`].
pub fn decode_as_stored_over(bytes: &[u8], background: Option<Background>) -> Result<Image, String> {
    decode(bytes, background, |image| image)
}

/// As [`decode_rgb`]; grey stays grey, with one channel.
///
/// # Errors
/// As [`decode_rgb`].
pub fn decode_as_stored(bytes: &[u8]) -> Result<Image, String> {
    decode_as_stored_over(bytes, None)
}

/// Decodes the palette indices of a PNG with a palette, as one channel; none for other files.
///
/// # Errors
/// As [`decode_rgb`].
pub(super) fn decode_indices(bytes: &[u8]) -> Result<Option<Image>, String> {
    let decoded = || {
        if !matches!(image::guess_format(bytes), Ok(ImageFormat::Png)) {
            return Ok(None);
        }
        Ok(png::decode_indices(bytes)?.map(|(indices, exif)| {
            let mut image = DynamicImage::ImageLuma8(indices);
            image.apply_orientation(exif.map_or(Orientation::NoTransforms, orientation::of_exif));
            plain(image)
        }))
    };
    catch_unwind(AssertUnwindSafe(decoded)).unwrap_or_else(|_| Err("data that crash the decoder".to_string()))
}

/// The error for a file that is no image of the kind that is read here.
pub(crate) fn refused(file: &str, found: String) -> DataError {
    DataError::bad_file(
        file,
        "a JPEG, PNG, WebP or BMP image, grey or colour, without transparency",
        found,
        "replace or remove this file",
    )
}

fn decode(
    bytes: &[u8],
    background: Option<Background>,
    convert: fn(DynamicImage) -> DynamicImage,
) -> Result<Image, String> {
    let decoded = || {
        let (image, orientation) = read(bytes)?;
        let mut image = of_8_bits(opaque(image, background)?)?;
        image.apply_orientation(orientation);
        Ok(plain(convert(image)))
    };
    catch_unwind(AssertUnwindSafe(decoded)).unwrap_or_else(|_| Err("data that crash the decoder".to_string()))
}

/// The pixels of a grey or colour image of 8 bits.
fn plain(image: DynamicImage) -> Image {
    let channels = usize::from(image.color().channel_count());
    let shape = ImageShape { height: image.height() as usize, width: image.width() as usize, channels };
    Image { shape, pixels: image.into_bytes() }
}

/// The pixels as the file stores them, and how they are to be turned.
pub(crate) fn read(bytes: &[u8]) -> Result<(DynamicImage, Orientation), String> {
    let turned = |exif: Option<&[u8]>| exif.map_or(Orientation::NoTransforms, orientation::of_exif);
    match image::guess_format(bytes) {
        Ok(ImageFormat::Jpeg) => {
            let jpeg = jpeg::decode(bytes)?;
            Ok((jpeg.image, turned(jpeg.exif)))
        }
        Ok(ImageFormat::Png) => {
            let (image, exif) = png::decode(bytes)?;
            Ok((image, turned(exif)))
        }
        Ok(format @ (ImageFormat::WebP | ImageFormat::Bmp)) => read_other(bytes, format),
        Ok(other) => Err(format!("a {other:?} image")),
        Err(_) if bytes.is_empty() => Err("an empty file".to_string()),
        Err(_) => Err(format!("bytes that begin with \"{}\"", bytes[..bytes.len().min(8)].escape_ascii())),
    }
}

fn read_other(bytes: &[u8], format: ImageFormat) -> Result<(DynamicImage, Orientation), String> {
    let named = |error: image::ImageError| format!("a {format:?} image that cannot be decoded: {error}");
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_LIMIT);
    limits.max_image_height = Some(SIDE_LIMIT);
    limits.max_alloc = Some(ALLOCATION_LIMIT);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(named)?;
    let orientation = decoder.orientation().map_err(named)?;
    Ok((DynamicImage::from_decoder(decoder).map_err(named)?, orientation))
}

/// The image without its alpha channel: dropped where every pixel is opaque, composited over the background otherwise.
fn opaque(image: DynamicImage, background: Option<Background>) -> Result<DynamicImage, String> {
    if !image.color().has_alpha() {
        return Ok(image);
    }
    let is_grey = !image.color().has_color();
    let mut pixels = image.into_rgba8();
    if let Some((x, y, pixel)) = pixels.enumerate_pixels().find(|(_, _, pixel)| pixel[3] < 255) {
        let Some(background) = background else {
            let alpha = pixel[3];
            return Err(format!(
                "a transparent pixel (alpha {alpha} at row {y}, column {x}), which needs a background such as --background white"
            ));
        };
        pixels.pixels_mut().for_each(|pixel| background.put_behind(&mut pixel.0));
        if !background.is_grey() {
            return Ok(DynamicImage::ImageRgb8(DynamicImage::ImageRgba8(pixels).into_rgb8()));
        }
    }
    let image = DynamicImage::ImageRgba8(pixels);
    Ok(match is_grey {
        // Equal channels keep their value.
        true => DynamicImage::ImageLuma8(image::GrayImage::from_fn(image.width(), image.height(), |x, y| {
            image::Luma([image::GenericImageView::get_pixel(&image, x, y)[0]])
        })),
        false => DynamicImage::ImageRgb8(image.into_rgb8()),
    })
}

/// The image with 8 bits in each channel: of 16 bits, v becomes v/257, rounded.
fn of_8_bits(image: DynamicImage) -> Result<DynamicImage, String> {
    match image.color() {
        ColorType::L8 | ColorType::Rgb8 => Ok(image),
        ColorType::L16 => Ok(DynamicImage::ImageLuma8(image.into_luma8())),
        ColorType::Rgb16 => Ok(DynamicImage::ImageRgb8(image.into_rgb8())),
        other => Err(format!("pixels of type {other:?}")),
    }
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
    fn transparent_pixels_need_a_background_and_opaque_ones_do_not() {
        let transparent = png(ExtendedColorType::Rgba8, &[1, 2, 3, 255, 100, 200, 50, 51]);
        let refused = decode_rgb(&transparent).expect_err("a transparent pixel");
        assert!(
            refused.contains("alpha 51 at row 0, column 1") && refused.contains("--background"),
            "{refused}"
        );
        let white = Background::parse("white").expect("a colour");
        // 51/255 = 1/5: 255·4/5 + 100/5 = 224, 204 + 40 = 244, 204 + 10 = 214.
        let over = decode_rgb_over(&transparent, Some(white)).expect("a background");
        assert_eq!(over.pixels, [1, 2, 3, 224, 244, 214]);
        let opaque = png(ExtendedColorType::Rgba8, &[1, 2, 3, 255, 5, 6, 7, 255]);
        assert_eq!(decode_rgb(&opaque).expect("opaque").pixels, [1, 2, 3, 5, 6, 7]);
        let grey = png(ExtendedColorType::La8, &[9, 255, 200, 255]);
        assert_eq!(decode_as_stored(&grey).expect("opaque").pixels, [9, 200]);
    }

    #[test]
    fn sixteen_bits_become_eight_by_rounding() {
        let words: Vec<u8> = [0u16, 128, 129, 257].iter().flat_map(|word| word.to_ne_bytes()).collect();
        let one = decode_as_stored(&png(ExtendedColorType::L16, &words[..4])).expect("16 bits");
        let two = decode_as_stored(&png(ExtendedColorType::L16, &words[4..])).expect("16 bits");
        assert_eq!((one.pixels, two.pixels), (vec![0, 0], vec![1, 1]));
    }

    #[test]
    fn other_lossless_formats_give_the_same_pixels() {
        let pixels: Vec<u8> = (0..60).map(|value| value * 4).collect();
        for format in [ImageFormat::Bmp, ImageFormat::WebP] {
            let mut bytes = Cursor::new(Vec::new());
            image::write_buffer_with_format(&mut bytes, &pixels, 5, 4, ExtendedColorType::Rgb8, format)
                .expect("an image");
            let bytes = bytes.into_inner();
            assert_eq!(decode_rgb(&bytes).expect("an image").pixels, pixels, "{format:?}");
            for length in [12, bytes.len() / 2] {
                let found = decode_rgb(&bytes[..length]).expect_err("a cut file");
                assert!(found.starts_with(&format!("a {format:?} image that cannot be decoded")), "{found}");
            }
        }
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
