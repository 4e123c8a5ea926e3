//! The ICC profile of a picture file: where PNG, JPEG and WebP hold it, and whether it belongs to the pixels.

use std::io::Read;

use flate2::read::ZlibDecoder;
use image::ImageFormat;

/// Most bytes of a profile; those of cameras and screens have some kilobytes, those of printers a few megabytes.
const LIMIT: usize = 16 << 20;

/// Bytes of the header of a profile.
const HEADER: usize = 128;

/// Returns the profile of a file whose pixels have this many channels; `None` if there is none.
///
/// # Errors
/// Why the profile is left out, as a sentence.
pub(crate) fn of(bytes: &[u8], channels: usize) -> Result<Option<Vec<u8>>, String> {
    let found = match image::guess_format(bytes) {
        Ok(ImageFormat::Png) => of_png(bytes)?,
        Ok(ImageFormat::Jpeg) => of_jpeg(bytes),
        Ok(ImageFormat::WebP) => chunks(bytes.get(12..).unwrap_or_default(), u32::from_le_bytes, [4, 0])
            .find(|(name, _)| **name == *b"ICCP")
            .map(|(_, data)| data.to_vec()),
        _ => None,
    };
    let Some(profile) = found else { return Ok(None) };
    let size = profile.get(..4).map(|size| u32::from_be_bytes([size[0], size[1], size[2], size[3]]) as usize);
    if profile.len() < HEADER
        || profile.len() > LIMIT
        || size != Some(profile.len())
        || profile[36..40] != *b"acsp"
    {
        return Err("the colour profile is damaged, and is left out".to_owned());
    }
    let space: &[u8; 4] = if channels == 1 { b"GRAY" } else { b"RGB " };
    match profile[16..20] == *space {
        true => Ok(Some(profile)),
        false => Err(format!(
            "the colour profile is one for {}, not for {}, and is left out",
            profile[16..20].escape_ascii().to_string().trim(),
            space.escape_ascii().to_string().trim()
        )),
    }
}

fn of_png(bytes: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let mut before_pixels = chunks(bytes.get(8..).unwrap_or_default(), u32::from_be_bytes, [0, 4])
        .take_while(|(name, _)| **name != *b"IDAT");
    let Some((_, data)) = before_pixels.find(|(name, _)| **name == *b"iCCP") else {
        return Ok(None);
    };
    // A name that ends with 0, the number of the compression, which is 0, and the compressed profile.
    let compressed = data.iter().position(|byte| *byte == 0).and_then(|end| data.get(end + 2..));
    let mut profile = Vec::new();
    let decoder = ZlibDecoder::new(compressed.unwrap_or_default());
    match decoder.take(LIMIT as u64 + 1).read_to_end(&mut profile) {
        Ok(_) => Ok(Some(profile)),
        Err(_) => Err("the colour profile is damaged, and is left out".to_owned()),
    }
}

/// Iterates over the chunks of PNG and WebP, name and data: `length_at` is 0 where a chunk begins with its length and 4 where that stands behind its name, `behind` the
/// number of bytes behind its data.
fn chunks(
    bytes: &[u8],
    number: fn([u8; 4]) -> u32,
    [length_at, behind]: [usize; 2],
) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let field = rest.get(length_at..length_at + 4)?;
        let length = number([field[0], field[1], field[2], field[3]]) as usize;
        let name = rest.get(4 - length_at..8 - length_at)?;
        let data = rest.get(8..8usize.checked_add(length)?)?;
        // Chunks of WebP, which have nothing behind them, begin at even places.
        let padding = if behind == 0 { length % 2 } else { behind };
        rest = rest.get(8 + length + padding..).unwrap_or_default();
        Some((name, data))
    })
}

/// The profile of a JPEG lies in one or more segments, each with its number and their count.
fn of_jpeg(bytes: &[u8]) -> Option<Vec<u8>> {
    let (mut parts, mut rest) = (Vec::new(), bytes.get(2..)?);
    while let Some(&[0xff, marker, high, low]) = rest.get(..4) {
        // The scan and what follows it holds pixels.
        let length = usize::from(u16::from_be_bytes([high, low]));
        let Some(body) = rest.get(4..2 + length).filter(|_| marker != 0xda) else { break };
        if let (0xe2, Some([number, _, part @ ..])) = (marker, body.strip_prefix(b"ICC_PROFILE\0")) {
            parts.push((*number, part));
        }
        rest = &rest[2 + length..];
    }
    parts.sort_by_key(|(number, _)| *number);
    (!parts.is_empty()).then(|| parts.into_iter().flat_map(|(_, part)| part).copied().collect())
}
