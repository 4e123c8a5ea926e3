//! Luma: the brightness on which super-resolution is evaluated.

use allconv_data::Picture;

use super::Plane;

/// Returns the luma of a picture, in [16, 235] for colour.
///
/// Y = 16 + (65.481·R + 128.553·G + 24.966·B)/255, not rounded. A grey picture is its own luma, unchanged.
///
/// Source: ITU-R BT.601, as MATLAB's `rgb2ycbcr` and the evaluations of the super-resolution literature compute it.
///
/// # Example
///
/// ```
/// use allconv_data::{ImageShape, Picture};
/// let white = Picture::new(ImageShape { height: 1, width: 1, channels: 3 }, vec![255; 3]);
/// assert!((allconv_train::metrics::luma(&white).values[0] - 235.0).abs() < 1e-9);
/// ```
pub fn luma(picture: &Picture) -> Plane {
    let shape = picture.shape();
    let values = match shape.channels {
        3 => picture
            .pixels()
            .chunks_exact(3)
            .map(|pixel| {
                let [red, green, blue] = [0, 1, 2].map(|channel| f64::from(pixel[channel]));
                16.0 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255.0
            })
            .collect(),
        _ => picture.pixels().iter().map(|value| f64::from(*value)).collect(),
    };
    Plane::new(shape.height, shape.width, values)
}
