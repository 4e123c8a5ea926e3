//! Images that the parts draw for data sets to import.

use std::path::Path;

/// An uncompressed image in the BMP format: `pixel(column, row)` as red, green and blue.
pub(super) fn bmp(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 3]) -> Vec<u8> {
    let row_bytes = (3 * width).next_multiple_of(4);
    let mut bytes = b"BM".to_vec();
    // The header, and that of the image: 1 plane of 24 bits without compression, 72 dots per inch.
    let numbers = [54 + row_bytes * height, 0, 54, 40, width, height, 1 | 24 << 16, 0, row_bytes * height];
    for number in numbers.into_iter().chain([2835, 2835, 0, 0]) {
        bytes.extend(number.to_le_bytes());
    }
    for row in (0..height).rev() {
        let start = bytes.len();
        for column in 0..width {
            let [red, green, blue] = pixel(column, row);
            bytes.extend([blue, green, red]);
        }
        bytes.resize(start + row_bytes as usize, 0);
    }
    bytes
}

/// Writes images of different sizes in two classes, 60 for training and 12 for testing.
///
/// # Errors
/// A file cannot be written.
pub(super) fn draw_classes(folder: &Path) -> anyhow::Result<()> {
    for (split, first, count) in [("train", 0, 60), ("test", 60, 12)] {
        for number in first..first + count {
            let class = number % 2;
            let place = folder.join(split).join(["rows", "columns"][class as usize]);
            std::fs::create_dir_all(&place)?;
            let image = bmp(20 + number % 13, 22 + number % 7, |column, row| {
                let along = if class == 0 { row } else { column };
                [along * 9 + number * 3, along * 11 + number, column * row + number].map(|value| value as u8)
            });
            std::fs::write(place.join(format!("{number:03}.bmp")), image)?;
        }
    }
    Ok(())
}
