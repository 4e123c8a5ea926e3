//! Decoding of one JPEG by zune-jpeg, the decoder behind the `image` crate: the same pixels by a shorter way to the bytes.
//!
//! What that decoder gets wrong without a word is kept from it: sampling factors that it cannot do, and data that end early
//! (`docs/decisions/0016`).

mod bytes_in_memory;
mod complete;
mod huffman;
mod sampling;
mod segments;

use std::sync::Arc;

use image::{DynamicImage, GrayImage, RgbImage};
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::decode::{ALLOCATION_LIMIT, SIDE_LIMIT};
use bytes_in_memory::BytesInMemory;
use huffman::HuffmanTable;
use segments::Segments;

/// What a JPEG holds.
pub(super) struct Jpeg<'a> {
    /// The pixels as they are stored.
    pub(super) image: DynamicImage,
    /// The Exif block, from its TIFF header on.
    pub(super) exif: Option<&'a [u8]>,
}

/// Decodes a JPEG of 8 bits: grey stays grey; YCbCr, CMYK and YCCK become RGB.
///
/// # Errors
/// What was found instead: a file that is cut off or damaged within its pixels too, whatever other decoders fill in.
pub(super) fn decode(bytes: &[u8]) -> Result<Jpeg<'_>, String> {
    let segments = Segments::read(bytes).map_err(name)?;
    let (width, height) = (segments.frame.width, segments.frame.height);
    let channels = if segments.frame.components.len() == 1 { 1 } else { 3 };
    if width.max(height) > SIDE_LIMIT as usize || (width * height * channels) as u64 > ALLOCATION_LIMIT {
        return Err(format!(
            "one of {width}×{height} pixels, above the limits of {SIDE_LIMIT} a side and {ALLOCATION_LIMIT} bytes"
        ));
    }
    sampling::check(&segments).map_err(name)?;
    if let Some(image) = quickly(bytes, &segments) {
        return Ok(Jpeg { image, exif: segments.exif });
    }
    complete::check(&segments).map_err(name)?;
    Ok(Jpeg { image: pixels(bytes, Lenience::Any)?, exif: segments.exif })
}

fn name(found: String) -> String {
    format!("a JPEG {found}")
}

/// What the decoder does about oddities.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lenience {
    None,
    Any,
}

/// Decodes the usual kind of file, one scan of everything without restarts, if it is whole and without oddities.
///
/// To tell that nothing is missing, bits that begin no code of any table are put behind the data: the decoder stumbles as soon as it needs
/// one of them.
fn quickly(bytes: &[u8], segments: &Segments) -> Option<DynamicImage> {
    /// More bits than the longest code and its value have; a zero follows each byte 0xff.
    const NO_CODE: [u8; 16] = [0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0];
    let scan = segments.scans.first()?;
    let free = |table: &Option<Arc<HuffmanTable>>| table.as_ref().is_some_and(|table| table.leaves_ones_free);
    let plain = !segments.frame.progressive
        && scan.components.len() == segments.frame.components.len()
        && scan.restart == 0
        && scan.components.iter().all(|part| free(&part.dc) && free(&part.ac));
    if !plain {
        return None;
    }
    let end = scan.place + scan.data.len();
    let padded = [&bytes[..end], &NO_CODE, &bytes[end..]].concat();
    pixels(&padded, Lenience::None).ok()
}

fn pixels(bytes: &[u8], lenience: Lenience) -> Result<DynamicImage, String> {
    // The limits are kept above, where a message can name them.
    let options = DecoderOptions::default()
        .set_strict_mode(lenience == Lenience::None)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX);
    let mut decoder = JpegDecoder::new_with_options(BytesInMemory::new(bytes), options);
    decoder.decode_headers().map_err(undecodable)?;
    let (Some((width, height)), Some(stored)) = (decoder.dimensions(), decoder.input_colorspace()) else {
        return Err("a JPEG without a size".to_string());
    };
    let wanted = if stored == ColorSpace::Luma { ColorSpace::Luma } else { ColorSpace::RGB };
    decoder.set_options(options.jpeg_set_out_colorspace(wanted));
    let mut pixels = vec![0; width * height * wanted.num_components()];
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
