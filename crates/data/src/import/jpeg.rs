//! Decoding of one JPEG by zune-jpeg, the decoder behind the `image` crate: the same pixels by a shorter way to the bytes.

use image::{DynamicImage, GrayImage, RgbImage};
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::bytes_in_memory::BytesInMemory;
use super::decode::{ALLOCATION_LIMIT, SIDE_LIMIT};

/// Decodes a JPEG of 8 bits: grey stays grey; YCbCr, CMYK and YCCK become RGB.
///
/// A file that ends within its pixels is not always noticed: its last rows may come out filled, as they do with `image`.
///
/// # Errors
/// What was found instead.
pub(super) fn decode(bytes: &[u8]) -> Result<DynamicImage, String> {
    // The limits are kept below, where a message can name them.
    let options =
        DecoderOptions::default().set_strict_mode(false).set_max_width(usize::MAX).set_max_height(usize::MAX);
    let mut decoder = JpegDecoder::new_with_options(BytesInMemory::new(bytes), options);
    decoder.decode_headers().map_err(undecodable)?;
    let (Some((width, height)), Some(stored)) = (decoder.dimensions(), decoder.input_colorspace()) else {
        return Err("a JPEG without a size".to_string());
    };
    let wanted = if stored == ColorSpace::Luma { ColorSpace::Luma } else { ColorSpace::RGB };
    let length = width * height * wanted.num_components();
    if width.max(height) > SIDE_LIMIT as usize || length as u64 > ALLOCATION_LIMIT {
        return Err(format!(
            "one of {width}×{height} pixels, above the limits of {SIDE_LIMIT} a side and {ALLOCATION_LIMIT} bytes"
        ));
    }
    decoder.set_options(options.jpeg_set_out_colorspace(wanted));
    let mut pixels = vec![0; length];
    decoder.decode_into(&mut pixels).map_err(undecodable)?;
    let (width, height) = (width as u32, height as u32);
    let image = match wanted {
        ColorSpace::Luma => GrayImage::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8),
        _ => RgbImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8),
    };
    Ok(image.expect("as many values as pixels times channels"))
}

fn undecodable(error: DecodeErrors) -> String {
    format!("a JPEG that cannot be decoded: {error}")
}
