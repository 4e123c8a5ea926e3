//! Signals, images and maps as pictures, and sheets of them.

use allconv_data::ImageShape;
use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};

use super::region::Region;

/// Width of the white gap between the pictures of a sheet, in pixels.
const GAP: u32 = 2;

/// Renders a region of a signal `[channels, rows, columns]` in colour: 0 is middle grey, the largest absolute value of the region full
/// scale.
///
/// Signals of one channel become grey. A signal of zeros is grey throughout.
pub fn signal_picture(signal: &[f64], shape: [usize; 3], region: Region) -> RgbImage {
    let [channels, rows, columns] = shape;
    let at = |channel: usize, x: u32, y: u32| {
        let channel = channel.min(channels - 1);
        signal[(channel * rows + region.top + y as usize) * columns + region.left + x as usize]
    };
    let positions = |size: u32| (0..size).flat_map(move |y| (0..size).map(move |x| (x, y)));
    let size = region.size as u32;
    let largest = positions(size)
        .flat_map(|(x, y)| (0..channels).map(move |channel| (channel, x, y)))
        .fold(0.0_f64, |largest, (channel, x, y)| largest.max(at(channel, x, y).abs()));
    let shade = |value: f64| match largest > 0.0 {
        true => (127.5 + 127.5 * value / largest).round() as u8,
        false => 128,
    };
    RgbImage::from_fn(size, size, |x, y| Rgb([0, 1, 2].map(|channel| shade(at(channel, x, y)))))
}

/// Renders a region of an image `[height, width, channels]` of 8 bits.
pub fn input_picture(pixels: &[u8], shape: ImageShape, region: Region) -> RgbImage {
    let size = region.size as u32;
    RgbImage::from_fn(size, size, |x, y| {
        let start = ((region.top + y as usize) * shape.width + region.left + x as usize) * shape.channels;
        Rgb([0, 1, 2].map(|channel: usize| pixels[start + channel.min(shape.channels - 1)]))
    })
}

/// Renders a map of values that are not negative, `[rows, columns]`: black is 0, white the largest.
pub fn map_picture(values: &[f64], [rows, columns]: [usize; 2]) -> RgbImage {
    let largest = values.iter().fold(0.0_f64, |largest, value| largest.max(*value));
    RgbImage::from_fn(columns as u32, rows as u32, |x, y| {
        let value = values[y as usize * columns + x as usize];
        let shade = if largest > 0.0 { (255.0 * (value / largest).max(0.0)).round() as u8 } else { 0 };
        Rgb([shade; 3])
    })
}

/// Rows of pictures, each scaled to the same square.
#[derive(Clone, Debug)]
pub struct ContactSheet {
    size: u32,
    rows: Vec<Vec<RgbImage>>,
}

impl ContactSheet {
    /// Returns an empty sheet of pictures of `size` pixels.
    pub fn new(size: u32) -> Self {
        Self { size, rows: Vec::new() }
    }

    /// Appends a row. Small pictures are enlarged pixel by pixel, large ones averaged down.
    pub fn push(&mut self, row: Vec<RgbImage>) {
        let scaled = |picture: RgbImage| {
            let enlarge = picture.width() <= self.size && picture.height() <= self.size;
            let filter = if enlarge { FilterType::Nearest } else { FilterType::Triangle };
            imageops::resize(&picture, self.size, self.size, filter)
        };
        self.rows.push(row.into_iter().map(scaled).collect());
    }

    /// Returns whether the sheet has no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the sheet as one picture.
    pub fn render(&self) -> RgbImage {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0) as u32;
        let step = self.size + GAP;
        let (width, height) = (columns * step + GAP, self.rows.len() as u32 * step + GAP);
        let mut sheet = RgbImage::from_pixel(width, height, Rgb([255; 3]));
        for (row, pictures) in self.rows.iter().enumerate() {
            for (column, picture) in pictures.iter().enumerate() {
                let place = |index: usize| i64::from(GAP + index as u32 * step);
                imageops::replace(&mut sheet, picture, place(column), place(row));
            }
        }
        sheet
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_grey_and_the_largest_value_full_scale() {
        let signal = [0.0, -2.0, 1.0, 0.0];
        let region = Region { top: 0, left: 0, size: 2 };
        let picture = signal_picture(&signal, [1, 2, 2], region);
        assert_eq!(picture.as_raw()[..9], [128, 128, 128, 0, 0, 0, 191, 191, 191]);
        assert!(signal_picture(&[0.0; 4], [1, 2, 2], region).pixels().all(|pixel| pixel[0] == 128));
    }

    #[test]
    fn a_sheet_holds_its_pictures_in_their_places() {
        let mut sheet = ContactSheet::new(4);
        let red = RgbImage::from_pixel(2, 2, Rgb([255, 0, 0]));
        sheet.push(vec![red.clone(), red.clone()]);
        sheet.push(vec![red]);
        let rendered = sheet.render();
        assert_eq!(rendered.dimensions(), (14, 14));
        assert_eq!(rendered.get_pixel(8, 3), &Rgb([255, 0, 0]));
        assert_eq!(rendered.get_pixel(8, 9), &Rgb([255; 3]));
    }
}
