//! Decoding of one PNG from the chunks that its pixels need.
//!
//! Colour profiles and texts are compressed, and would be inflated to any length only to be thrown away; no decoder sees them.

use std::io::Cursor;

use image::{DynamicImage, GrayImage, ImageFormat, ImageReader, Limits};

use super::decode::{ALLOCATION_LIMIT, SIDE_LIMIT};

/// Bytes before the first chunk.
const SIGNATURE: usize = 8;
/// Bytes up to the end of the first chunk, which says size and kind of pixels.
const HEADER_END: usize = SIGNATURE + 25;
/// Places of the bits of a value and of the colour type in the first chunk.
const BIT_DEPTH: usize = 16;
const COLOUR_TYPE: usize = 17;
/// The colour type of images with a palette.
const PALETTE: u8 = 3;
/// Most bytes that one pixel takes: four channels of 16 bits.
const PIXEL_BYTES: u64 = 8;
/// What a decoder may allocate beside the pixels.
const SPARE_BYTES: u64 = 4 << 20;

/// Decodes a PNG, and returns its Exif block.
///
/// # Errors
/// What was found instead.
pub(super) fn decode(bytes: &[u8]) -> Result<(DynamicImage, Option<&[u8]>), String> {
    let (needed, exif) = needed_chunks(bytes);
    let mut reader = ImageReader::with_format(Cursor::new(&needed), ImageFormat::Png);
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_LIMIT);
    limits.max_image_height = Some(SIDE_LIMIT);
    limits.max_alloc = Some(allocation(bytes));
    reader.limits(limits);
    Ok((reader.decode().map_err(|error| error.to_string())?, exif))
}

/// Palette indices as grey values, and the Exif block of their file.
pub(super) type Indices<'a> = (GrayImage, Option<&'a [u8]>);

/// Decodes the palette indices of a PNG with a palette, and returns its Exif block; none for other files.
///
/// The rows of an image with a palette are those of a grey image of as many bits, so that without the palette the file is one.
pub(super) fn decode_indices(bytes: &[u8]) -> Result<Option<Indices<'_>>, String> {
    let (needed, exif) = needed_chunks(bytes);
    let Some(header) = needed.get(SIGNATURE..HEADER_END).filter(|header| header[COLOUR_TYPE] == PALETTE)
    else {
        return Ok(None);
    };
    let mut grey = needed[..SIGNATURE].to_vec();
    let mut header = header.to_vec();
    header[COLOUR_TYPE] = 0;
    let mut sum = flate2::Crc::new();
    sum.update(&header[4..header.len() - 4]);
    let place = header.len() - 4;
    header[place..].copy_from_slice(&sum.sum().to_be_bytes());
    grey.extend(&header);
    let mut rest = &needed[HEADER_END..];
    while let Some((chunk, after)) = chunk(rest) {
        if !matches!(&chunk[4..8], b"PLTE" | b"tRNS") {
            grey.extend_from_slice(chunk);
        }
        rest = after;
    }
    grey.extend_from_slice(rest);
    let (image, _) = decode(&grey)?;
    let mut indices = image.into_luma8();
    // Grey levels of fewer bits are spread over 0 to 255.
    let bits = u32::from(header[BIT_DEPTH].min(8));
    let spread = (255 / ((1u32 << bits) - 1).max(1)) as u8;
    indices.pixels_mut().for_each(|pixel| pixel.0[0] /= spread);
    Ok(Some((indices, exif)))
}

/// Returns the first chunk with length, name and checksum, and what follows it.
fn chunk(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let &[a, b, c, d] = bytes.get(..4)? else { return None };
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    bytes.split_at_checked(length.checked_add(12)?)
}

/// What the decoder may allocate for the size that the header says.
fn allocation(bytes: &[u8]) -> u64 {
    let side = |place: usize| {
        bytes
            .get(place..place + 4)
            .map_or(0, |side| u64::from(u32::from_be_bytes([side[0], side[1], side[2], side[3]])))
    };
    // Width and height lie behind the length and the name of the first chunk.
    let pixels = side(SIGNATURE + 8).saturating_mul(side(SIGNATURE + 12));
    pixels.saturating_mul(PIXEL_BYTES).saturating_add(SPARE_BYTES).min(ALLOCATION_LIMIT)
}

/// The file without the chunks that pixels do not need, and its Exif block; the rest of a file that is cut stays as it is.
fn needed_chunks(bytes: &[u8]) -> (Vec<u8>, Option<&[u8]>) {
    let (signature, mut rest) = bytes.split_at(SIGNATURE.min(bytes.len()));
    let (mut needed, mut exif) = (signature.to_vec(), None);
    while let Some((chunk, after)) = chunk(rest) {
        let name = &chunk[4..8];
        // A capital letter marks a chunk that must be understood.
        if name[0].is_ascii_uppercase() || name == b"tRNS" {
            needed.extend_from_slice(chunk);
        } else if name == b"eXIf" && exif.is_none() {
            exif = Some(&chunk[8..chunk.len() - 4]);
        }
        rest = after;
        if name == b"IEND" {
            return (needed, exif);
        }
    }
    needed.extend_from_slice(rest);
    (needed, exif)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::ExtendedColorType;

    fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
        let mut crc = flate2::Crc::new();
        crc.update(name);
        crc.update(data);
        [&(data.len() as u32).to_be_bytes(), name.as_slice(), data, &crc.sum().to_be_bytes()].concat()
    }

    /// A PNG of 2×1 pixels with another chunk behind its header.
    fn png_with(chunk: &[u8]) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image::write_buffer_with_format(
            &mut bytes,
            &[1, 2, 3, 4, 5, 6],
            2,
            1,
            ExtendedColorType::Rgb8,
            ImageFormat::Png,
        )
        .expect("a PNG");
        let bytes = bytes.into_inner();
        // The signature and the header chunk have 8 and 25 bytes.
        [&bytes[..33], chunk, &bytes[33..]].concat()
    }

    fn deflated(mebibytes: usize) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        for _ in 0..mebibytes {
            std::io::Write::write_all(&mut encoder, &vec![0; 1 << 20]).expect("memory");
        }
        encoder.finish().expect("memory")
    }

    #[test]
    fn profiles_and_texts_are_not_looked_at() {
        let bomb = deflated(64);
        let broken = b"nonsense".to_vec();
        for data in [bomb, broken] {
            for (name, start) in
                [(b"iCCP", b"k\0\0".as_slice()), (b"zTXt", b"k\0\0"), (b"iTXt", b"k\0\x01\0\0\0")]
            {
                let bytes = png_with(&chunk(name, &[start, &data].concat()));
                let (needed, exif) = needed_chunks(&bytes);
                assert!(needed.len() < 100 && exif.is_none(), "{} bytes of {name:?} are left", needed.len());
                assert_eq!(decode(&bytes).expect("a PNG").0.as_bytes(), [1, 2, 3, 4, 5, 6]);
            }
        }
    }

    #[test]
    fn a_checksum_that_is_wrong_matters_only_where_pixels_are() {
        let mut profile = chunk(b"iCCP", b"k\0\0x");
        *profile.last_mut().expect("a checksum") ^= 1;
        decode(&png_with(&profile)).expect("a PNG");
        let mut header = png_with(&[]);
        header[32] ^= 1;
        decode(&header).expect_err("a header that is damaged");
    }

    #[test]
    fn the_decoder_gets_the_memory_that_the_size_needs() {
        let small = png_with(&[]);
        assert_eq!(allocation(&small), 2 * PIXEL_BYTES + SPARE_BYTES);
        let mut huge = small;
        huge[16..24].fill(0xff);
        assert_eq!(allocation(&huge), ALLOCATION_LIMIT);
    }
}
