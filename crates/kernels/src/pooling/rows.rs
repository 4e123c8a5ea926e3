//! The rows of a pooled map, each with the image that its windows read, and the pixels of a window.

use rayon::prelude::*;

use super::geometry::PoolGeometry;
use crate::memory::check_len;

/// Returns the rows of a map `y` `[N, H_out, W_out, C]`, in parallel: the number of a row in its image's map, that image of `x`
/// `[N, H, W, C]`, and the row.
///
/// # Panics
/// When the geometry is invalid or a slice has the wrong length.
pub(super) fn rows<'a, T: Sync, U: Send>(
    geometry: &PoolGeometry,
    x: &'a [T],
    y: &'a mut [U],
) -> impl IndexedParallelIterator<Item = (usize, &'a [T], &'a mut [U])> {
    let [height, width] = checked_size(geometry, x.len(), y.len());
    let image = geometry.input_len() / geometry.batch;
    y.par_chunks_mut(width * geometry.channels)
        .enumerate()
        .map(move |(line, y)| (line % height, &x[line / height * image..][..image], y))
}

/// Returns the output size, after checking geometry and lengths.
pub(super) fn checked_size(geometry: &PoolGeometry, input: usize, output: usize) -> [usize; 2] {
    let size = (geometry.height_out(), geometry.width_out());
    let (Ok(height), Ok(width)) = size else { panic!("invalid pooling geometry {geometry:?}: {size:?}") };
    check_len("the input map", input, geometry.input_len());
    check_len("the output map", output, geometry.batch * height * width * geometry.channels);
    [height, width]
}

/// Writes the pixels of the window in this row and column of the output: a list, since loops over it are compiled into the loops over
/// channels, which an iterator over rows and columns is not.
#[inline(always)]
pub(super) fn list_pixels(geometry: &PoolGeometry, row: usize, column: usize, pixels: &mut Vec<usize>) {
    let PoolGeometry { height_in, width_in, kernel, stride, padding, dilation, .. } = *geometry;
    pixels.clear();
    for down in 0..kernel[0] {
        // Above the map this wraps to far below it.
        let row = (row * stride[0] + down * dilation[0]).wrapping_sub(padding.top);
        for across in 0..kernel[1] {
            let column = (column * stride[1] + across * dilation[1]).wrapping_sub(padding.left);
            if row < height_in && column < width_in {
                pixels.push(row * width_in + column);
            }
        }
    }
}
