//! JPEG pixels are those of the `image` crate's decoder, and cut files are refused (`tests/fixtures/jpeg.py`).

use allconv_data::import::decode::{Image, decode_as_stored, decode_rgb};
use image::{DynamicImage, ImageFormat};

const FILES: [(&str, &[u8]); 11] = [
    ("baseline_420", include_bytes!("fixtures/jpeg/baseline_420.jpg")),
    ("baseline_422", include_bytes!("fixtures/jpeg/baseline_422.jpg")),
    ("baseline_444", include_bytes!("fixtures/jpeg/baseline_444.jpg")),
    ("progressive", include_bytes!("fixtures/jpeg/progressive.jpg")),
    ("restarts", include_bytes!("fixtures/jpeg/restarts.jpg")),
    ("optimised", include_bytes!("fixtures/jpeg/optimised.jpg")),
    ("rgb", include_bytes!("fixtures/jpeg/rgb.jpg")),
    ("cmyk", include_bytes!("fixtures/jpeg/cmyk.jpg")),
    ("grey", include_bytes!("fixtures/jpeg/grey.jpg")),
    ("grey_progressive", include_bytes!("fixtures/jpeg/grey_progressive.jpg")),
    ("few_pixels", include_bytes!("fixtures/jpeg/few_pixels.jpg")),
];

/// BLAKE3 of the pixels of all files, grey or RGB as stored, as zune-jpeg 0.5.15 decodes them.
const PIXELS: &str = "a427a1e2e6137186555f4eea03d4f67a75071d54020a2eda91fc509b4d062ca9";

/// `None` where the `image` crate refuses the bytes.
fn by_image(bytes: &[u8]) -> Option<DynamicImage> {
    image::load_from_memory_with_format(bytes, ImageFormat::Jpeg).ok()
}

fn assert_same(name: &str, ours: &Image, theirs: &DynamicImage) {
    let shape = (ours.shape.width, ours.shape.height, ours.shape.channels);
    let expected = (theirs.width() as usize, theirs.height() as usize, theirs.color().channel_count().into());
    assert_eq!(shape, expected, "{name}");
    assert!(ours.pixels == theirs.as_bytes(), "{name} has other pixels");
}

#[test]
fn pixels_are_those_of_the_image_crate() {
    for (name, bytes) in FILES {
        let theirs = by_image(bytes).expect(name);
        assert_same(name, &decode_as_stored(bytes).expect(name), &theirs);
        let ours = decode_rgb(bytes).expect(name);
        assert_same(name, &ours, &DynamicImage::ImageRgb8(theirs.into_rgb8()));
    }
}

#[test]
fn pixels_stay_those_of_the_sets_imported_so_far() {
    let mut hasher = blake3::Hasher::new();
    for (name, bytes) in FILES {
        hasher.update(&decode_as_stored(bytes).expect(name).pixels);
    }
    let found = hasher.finalize().to_hex();
    assert_eq!(found.as_str(), PIXELS, "a set imported again would be another set, and its runs other runs");
}

#[test]
fn a_truncated_file_is_refused_wherever_it_ends() {
    for (name, bytes) in FILES {
        for length in 3..bytes.len() {
            let found = decode_as_stored(&bytes[..length]).expect_err(name);
            assert!(found.starts_with("a JPEG "), "{name} of {length} bytes: {found}");
        }
    }
}

#[test]
fn a_changed_byte_is_noticed_or_does_what_it_does_to_the_image_crate() {
    for (name, bytes) in FILES {
        for place in 3..bytes.len() {
            let mut broken = bytes.to_vec();
            broken[place] ^= 0x55;
            let Ok(ours) = decode_as_stored(&broken) else { continue };
            let theirs = std::panic::catch_unwind(|| by_image(&broken)).unwrap_or(None);
            let theirs = theirs.unwrap_or_else(|| panic!("{name}, byte {place}: accepted only here"));
            assert_same(&format!("{name}, byte {place}"), &ours, &theirs);
        }
    }
}

#[test]
fn a_header_that_declares_a_huge_image_is_refused_without_allocating() {
    let (_, bytes) = FILES[0];
    let frame = bytes.windows(2).position(|marker| marker == [0xff, 0xc0]).expect("a frame header");
    for (side, limit) in [(60_000u16, "16384 a side"), (16_000, "536870912 bytes")] {
        let mut bytes = bytes.to_vec();
        // Height and width follow the marker, the length and the precision.
        bytes[frame + 5..frame + 7].copy_from_slice(&side.to_be_bytes());
        bytes[frame + 7..frame + 9].copy_from_slice(&side.to_be_bytes());
        let found = decode_rgb(&bytes).expect_err("a huge image");
        assert!(found.contains(&format!("{side}×{side} pixels")) && found.contains(limit), "{found}");
    }
}
