//! What `predict` keeps of a picture: opacity, 16 bits, colour profile, and which way up it is.

use std::path::{Path, PathBuf};

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{PngDecoder, PngEncoder};
use image::{ColorType, DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder};

use crate::tiny_study::{output, succeed};

/// A network that doubles height and width, trained on colour pictures.
fn super_resolution() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models/format-1/super-resolution");
    path.to_str().unwrap().to_owned()
}

/// A profile of nothing but a header.
fn profile(space: &[u8; 4]) -> Vec<u8> {
    let mut profile = vec![0; 128];
    profile[..4].copy_from_slice(&128u32.to_be_bytes());
    profile[16..20].copy_from_slice(space);
    profile[36..40].copy_from_slice(b"acsp");
    profile
}

/// An Exif block that says: turn by 90° clockwise.
fn turned() -> Vec<u8> {
    let mut block = b"MM\0*\0\0\0\x08\0\x01".to_vec();
    block.extend(b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0");
    block
}

/// The picture that `predict` makes, and its profile.
fn predicted(folder: &Path, file: &str, further: &[&str]) -> (DynamicImage, Option<Vec<u8>>, String) {
    let model = super_resolution();
    let arguments = [&["predict", &model, file, "--out", "out", "--data-dir", "none"], further].concat();
    let told = output(folder, &arguments);
    let notes = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(told.status.success(), "{notes}");
    let written = PathBuf::from("out").join(file).with_extension("png");
    let bytes = std::fs::read(folder.join(written)).unwrap();
    let mut decoder = PngDecoder::new(std::io::Cursor::new(bytes)).unwrap();
    let profile = decoder.icc_profile().unwrap();
    (DynamicImage::from_decoder(decoder).unwrap(), profile, notes)
}

#[test]
fn sixteen_bits_opacity_and_profile_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (width, height) = (24u32, 16u32);
    let value = |place: usize| ((place * 40_503) % 65_521) as u16;
    let words: Vec<u16> = (0..(width * height) as usize * 4).map(value).collect();
    let write = |file: &str, color: ExtendedColorType, values: &[u8], profile: Option<Vec<u8>>| {
        let mut bytes = Vec::new();
        let mut encoder = PngEncoder::new(&mut bytes);
        if let Some(profile) = profile {
            encoder.set_icc_profile(profile).unwrap();
        }
        encoder.write_image(values, width, height, color).unwrap();
        std::fs::write(folder.join(file), bytes).unwrap();
    };
    let of_16: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    write("deep.png", ExtendedColorType::Rgba16, &of_16, Some(profile(b"RGB ")));
    let (deep, found, _) = predicted(folder, "deep.png", &[]);
    assert_eq!((deep.color(), deep.width(), deep.height()), (ColorType::Rgba16, 48, 32));
    assert_eq!(found, Some(profile(b"RGB ")));
    let finer = deep.as_rgba16().unwrap().as_raw().iter().filter(|value| **value % 257 != 0).count();
    assert!(finer > 1000, "only {finer} values are between those of 8 bits");
    // The same picture of 8 bits gives the same result, but for its depth.
    let of_8: Vec<u8> = words.iter().map(|word| (word >> 8) as u8).collect();
    let equal: Vec<u8> = of_8.iter().flat_map(|value| (u16::from(*value) * 257).to_ne_bytes()).collect();
    write("eight.png", ExtendedColorType::Rgba8, &of_8, None);
    write("equal.png", ExtendedColorType::Rgba16, &equal, None);
    let ((eight, none, _), (equal, _, _)) =
        (predicted(folder, "eight.png", &[]), predicted(folder, "equal.png", &[]));
    assert_eq!((eight.color(), none), (ColorType::Rgba8, None));
    let differ = |(a, b): (&u8, &u8)| a.abs_diff(*b) > 1;
    let rounded = equal.to_rgba8();
    assert_eq!(
        eight.as_rgba8().unwrap().as_raw().iter().zip(rounded.as_raw()).filter(|pair| differ(*pair)).count(),
        0
    );
    // A profile for grey belongs to no colours.
    write("grey.png", ExtendedColorType::L8, &of_8[..384], Some(profile(b"GRAY")));
    let (grey, none, notes) = predicted(folder, "grey.png", &[]);
    assert_eq!((grey.color(), none), (ColorType::Rgb8, None));
    assert!(notes.contains("grey.png: the colour profile is one for GRAY"), "{notes}");
}

#[test]
fn a_turned_photograph_comes_out_upright_with_its_profile() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let pixels: Vec<u8> = (0..24 * 16 * 3).map(|place| (place / 9) as u8).collect();
    for (file, exif) in [("lying.jpg", None), ("turned.jpg", Some(turned()))] {
        let mut bytes = Vec::new();
        let mut encoder = JpegEncoder::new(&mut bytes);
        encoder.set_icc_profile(profile(b"RGB ")).unwrap();
        if let Some(exif) = exif {
            encoder.set_exif_metadata(exif).unwrap();
        }
        encoder.write_image(&pixels, 24, 16, ExtendedColorType::Rgb8).unwrap();
        std::fs::write(folder.join(file), bytes).unwrap();
    }
    let (lying, found, _) = predicted(folder, "lying.jpg", &[]);
    assert_eq!((lying.width(), lying.height(), found), (48, 32, Some(profile(b"RGB "))));
    let (upright, found, _) = predicted(folder, "turned.jpg", &[]);
    assert_eq!((upright.width(), upright.height(), found), (32, 48, Some(profile(b"RGB "))));
}

#[test]
fn a_classifier_and_a_segmentation_network_refuse_transparent_pixels() {
    let folder = tempfile::tempdir().unwrap();
    let clear = image::RgbaImage::from_pixel(16, 16, image::Rgba([1, 2, 3, 4]));
    clear.save(folder.path().join("clear.png")).unwrap();
    for model in ["classifier", "u-net"] {
        let model = super_resolution().replace("super-resolution", model);
        let told = output(folder.path(), &["predict", &model, "clear.png", "--data-dir", "none"]);
        let told = (told.status.code(), String::from_utf8_lossy(&told.stderr).into_owned());
        assert!(told.0 == Some(65) && told.1.contains("a transparent pixel (alpha 4"), "{told:?}");
    }
}

#[test]
fn tiles_keep_what_the_whole_keeps() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let picture = image::RgbaImage::from_fn(90, 70, |x, y| {
        image::Rgba([(x * 2) as u8, (y * 3) as u8, (x * y % 251) as u8, (x + y) as u8])
    });
    picture.save(folder.join("a.png")).unwrap();
    let (whole, ..) = predicted(folder, "a.png", &[]);
    let (tiled, ..) = predicted(folder, "a.png", &["--tile", "32"]);
    let (whole, tiled) = (whole.to_rgba8(), tiled.to_rgba8());
    assert_eq!(whole.dimensions(), (180, 140));
    // Values that lie between two levels may be rounded to either.
    let levels = whole.as_raw().iter().zip(tiled.as_raw()).map(|(a, b)| a.abs_diff(*b));
    assert!(levels.clone().max().unwrap() <= 1 && levels.filter(|level| *level > 0).count() <= 20);
    succeed(folder, &["predict", &super_resolution(), "a.png", "--format", "json", "--data-dir", "none"]);
}
