//! Metrics of dense predictions, on plain 8-bit arrays: one file each, with definition, source, and values of an independent
//! implementation.

mod boundary;
mod luma;
mod overlap;
mod psnr;
mod ssim;

pub use boundary::{BOUNDARY_TOLERANCE, boundary_f1};
pub use luma::luma;
pub use overlap::Confusion;
pub use psnr::{BEST_PSNR, psnr};
pub use ssim::{SSIM_WINDOW, ssim};

/// One channel of a picture in double precision, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Plane {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Values, `[height, width]`.
    pub values: Vec<f64>,
}

impl Plane {
    /// Joins sizes and values.
    ///
    /// # Panics
    /// If they do not belong together.
    pub fn new(height: usize, width: usize, values: Vec<f64>) -> Plane {
        assert_eq!(values.len(), height * width, "{} values for {height}×{width}", values.len());
        Plane { height, width, values }
    }

    /// Returns the plane without `border` rows and columns at each edge; `None` if nothing is left.
    pub fn without_border(&self, border: usize) -> Option<Plane> {
        let (height, width) = (self.height.checked_sub(2 * border)?, self.width.checked_sub(2 * border)?);
        if height == 0 || width == 0 {
            return None;
        }
        let row = |row: usize| &self.values[(row + border) * self.width + border..][..width];
        Some(Plane::new(height, width, (0..height).flat_map(row).copied().collect()))
    }
}

#[cfg(test)]
mod golden;
