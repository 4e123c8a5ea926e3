//! Which way up a picture is, by the Exif tag "orientation".

use image::metadata::Orientation;

/// Number of the tag.
const ORIENTATION: u16 = 0x0112;

/// Reads the orientation from an Exif block that begins with its TIFF header; a block that cannot be read, has no such tag, or a value
/// beside 1 to 8, turns nothing.
pub(super) fn of_exif(block: &[u8]) -> Orientation {
    value(block).and_then(Orientation::from_exif).unwrap_or(Orientation::NoTransforms)
}

fn value(block: &[u8]) -> Option<u8> {
    let big_endian = match block.get(..4)? {
        b"II*\0" => false,
        b"MM\0*" => true,
        _ => return None,
    };
    let number = |place: usize, length: usize| {
        let bytes = block.get(place..place.checked_add(length)?)?;
        let append = |number: u32, byte: &u8| number << 8 | u32::from(*byte);
        Some(if big_endian { bytes.iter().fold(0, append) } else { bytes.iter().rev().fold(0, append) })
    };
    let directory = number(4, 4)? as usize;
    let entries = number(directory, 2)? as usize;
    for entry in 0..entries {
        let place = directory.checked_add(2 + 12 * entry)?;
        if number(place, 2)? == u32::from(ORIENTATION) {
            // Writers use 8, 16 and 32 bits.
            let length = match number(place + 2, 2)? {
                1 => 1,
                3 => 2,
                4 => 4,
                _ => return None,
            };
            return u8::try_from(number(place + 8, length)?).ok();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block with one entry.
    fn block(big_endian: bool, kind: u16, value: u32) -> Vec<u8> {
        let bytes = |number: u32, length: usize| match big_endian {
            true => number.to_be_bytes()[4 - length..].to_vec(),
            false => number.to_le_bytes()[..length].to_vec(),
        };
        let mut field = bytes(value, if kind == 3 { 2 } else { 4 });
        field.resize(4, 0);
        let start = if big_endian { *b"MM\0*" } else { *b"II*\0" };
        [start.to_vec(), bytes(8, 4), bytes(1, 2), bytes(0x112, 2), bytes(kind.into(), 2), bytes(1, 4), field]
            .concat()
    }

    #[test]
    fn every_orientation_is_read_in_both_byte_orders_and_both_widths() {
        for value in 1..=8 {
            for (big_endian, kind) in [(false, 3), (true, 3), (false, 4), (true, 4)] {
                let read = of_exif(&block(big_endian, kind, value));
                assert_eq!(u32::from(read.to_exif()), value, "big endian: {big_endian}, kind {kind}");
            }
        }
    }

    #[test]
    fn a_block_that_says_nothing_turns_nothing() {
        let whole = block(false, 3, 6);
        for length in 0..whole.len() - 2 {
            assert_eq!(of_exif(&whole[..length]), Orientation::NoTransforms, "{length} bytes");
        }
        for value in [0, 9, 65_535] {
            assert_eq!(of_exif(&block(true, 3, value)), Orientation::NoTransforms, "{value}");
        }
        let mut astray = whole;
        astray[4..8].fill(0xff);
        assert_eq!(of_exif(&astray), Orientation::NoTransforms);
    }
}
