//! The windows of pooling: they start inside the map and are cut off by its far edges.

use allconv_kernels::{Padding, PoolGeometry};

/// Square pooling windows: a side `h` becomes `ceil(h / stride)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolWindow {
    /// Side of the window in cells, at least 1.
    pub kernel: usize,
    /// Cells between windows, at least 1.
    pub stride: usize,
}

impl PoolWindow {
    /// Number of windows along a side.
    pub fn side_out(&self, side: usize) -> usize {
        side.div_ceil(self.stride)
    }

    /// Cells by which the last window of a side reaches beyond it.
    pub(crate) fn overhang(&self, side: usize) -> usize {
        ((self.side_out(side) - 1) * self.stride + self.kernel).saturating_sub(side)
    }

    /// How many cells of each window along a side lie on the map.
    pub(crate) fn cells(&self, side: usize) -> Vec<usize> {
        (0..self.side_out(side))
            .map(|index| (index * self.stride + self.kernel).min(side) - index * self.stride)
            .collect()
    }

    /// The kernels' geometry for `[n, h, w, c]`; `None` where a window reaches further beyond the map than they allow.
    pub(crate) fn geometry(&self, [batch, height, width, channels]: [usize; 4]) -> Option<PoolGeometry> {
        let (bottom, right) = (self.overhang(height), self.overhang(width));
        let geometry = PoolGeometry {
            batch,
            height_in: height,
            width_in: width,
            channels,
            kernel: [self.kernel; 2],
            stride: [self.stride; 2],
            padding: Padding { bottom, right, ..Padding::NONE },
            dilation: [1, 1],
            ceil_mode: false,
        };
        geometry.validate().ok().map(|()| geometry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_by_three_with_stride_two_does_what_caffe_does_on_even_sides() {
        let window = PoolWindow { kernel: 3, stride: 2 };
        assert_eq!((window.side_out(32), window.overhang(32)), (16, 1));
        assert_eq!((window.side_out(5), window.overhang(5)), (3, 2));
        assert_eq!((window.side_out(1), window.overhang(1)), (1, 2));
        assert_eq!(window.cells(5), [3, 3, 1]);
    }

    #[test]
    fn windows_smaller_than_the_stride_do_not_overhang() {
        let window = PoolWindow { kernel: 1, stride: 2 };
        assert_eq!((window.side_out(4), window.overhang(4)), (2, 0));
        let geometry = window.geometry([1, 4, 5, 1]).unwrap();
        assert_eq!((geometry.height_out(), geometry.width_out()), (Ok(2), Ok(3)));
    }
}
