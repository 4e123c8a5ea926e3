//! Pooling windows: their start, their number, and the treatment of the edges of the map.

use allconv_kernels::{Padding, PoolGeometry};
use burn::tensor::Tensor;
use burn::tensor::ops::PadMode;

/// Square pooling windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolWindow {
    /// Positions of the window along each axis, at least 1.
    pub kernel: usize,
    /// Positions between windows, at least 1.
    pub stride: usize,
    /// Distance of neighbouring positions of a window, at least 1.
    pub dilation: usize,
    /// The treatment of the edges.
    pub border: PoolBorder,
}

/// The treatment of the edges of the map. Positions beyond the map are never pooled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolBorder {
    /// The first window starts at the first position, and the last ones are cut off by the far edge: a height or width `h` becomes
    /// `ceil(h / stride)`.
    CutOff,
    /// As [`Self::CutOff`], but the first window is centred on the first position: `floor((kernel − 1)/2)` of its positions lie before.
    Centred,
    /// PyTorch's rule: a border of `padding` positions on all sides, `floor((h + 2·padding − extent) / stride) + 1` windows,
    /// or with `ceil` rounded up unless the last one would start beyond the map.
    Padded {
        /// Positions of the border, at most half the kernel.
        padding: usize,
        /// Whether the number of windows is rounded up.
        ceil: bool,
    },
}

impl PoolWindow {
    /// Creates undilated windows that are cut off by the far edge.
    pub fn cut_off(kernel: usize, stride: usize) -> Self {
        Self { kernel, stride, dilation: 1, border: PoolBorder::CutOff }
    }

    /// Returns the number of positions from the first to the last of a window.
    pub fn extent(&self) -> usize {
        self.dilation * (self.kernel - 1) + 1
    }

    /// Returns the number of windows along an axis; `None` where not one fits.
    pub fn size_out(&self, size: usize) -> Option<usize> {
        match self.border {
            PoolBorder::CutOff | PoolBorder::Centred => Some(size.div_ceil(self.stride)),
            PoolBorder::Padded { padding, ceil } => {
                let steps = (size + 2 * padding).checked_sub(self.extent())?;
                if !ceil {
                    return Some(steps / self.stride + 1);
                }
                let rounded_up = steps.div_ceil(self.stride);
                let beyond = rounded_up * self.stride >= size + padding;
                Some(if beyond { rounded_up } else { rounded_up + 1 })
            }
        }
    }

    /// Returns the number of positions of the border before the map.
    pub(crate) fn before(&self) -> usize {
        match self.border {
            PoolBorder::CutOff => 0,
            PoolBorder::Centred => self.extent().div_ceil(2) - 1,
            PoolBorder::Padded { padding, .. } => padding,
        }
    }

    /// Returns the number of positions by which the last window of an axis reaches beyond it.
    pub(crate) fn overhang(&self, size: usize) -> usize {
        let outputs = self.windows(size);
        ((outputs - 1) * self.stride + self.extent()).saturating_sub(size + self.before())
    }

    /// Returns the number of windows along an axis that the shape walk has accepted.
    pub(crate) fn windows(&self, size: usize) -> usize {
        self.size_out(size).unwrap_or_else(|| panic!("{self:?} does not fit a height or width of {size}"))
    }

    /// Returns the positions of the map that each window along an axis holds, in order, by their place in the window.
    pub(crate) fn places(&self, size: usize) -> Vec<Vec<usize>> {
        let inside = |window: usize, place: usize| {
            let position = window * self.stride + place * self.dilation;
            position >= self.before() && position - self.before() < size
        };
        (0..self.windows(size))
            .map(|window| (0..self.kernel).filter(|place| inside(window, *place)).collect())
            .collect()
    }

    /// Returns the number of positions on the map of each window along an axis.
    pub(crate) fn counts(&self, size: usize) -> Vec<usize> {
        self.places(size).iter().map(Vec::len).collect()
    }

    /// Returns the number of positions of each window along an axis that PyTorch's `count_include_pad` counts: those on the map and its
    /// border. Windows that are cut off count whole.
    pub(crate) fn counts_with_border(&self, size: usize) -> Vec<usize> {
        match self.border {
            PoolBorder::CutOff | PoolBorder::Centred => vec![self.kernel; self.windows(size)],
            PoolBorder::Padded { padding, .. } => {
                let bordered = Self { border: PoolBorder::CutOff, ..*self };
                let places = bordered.places(size + 2 * padding);
                places[..self.windows(size)].iter().map(Vec::len).collect()
            }
        }
    }

    /// Returns the kernels' geometry for a map `[n, c, h, w]`; `None` where a window reaches further beyond the map than they allow.
    pub(crate) fn geometry(&self, [batch, channels, height, width]: [usize; 4]) -> Option<PoolGeometry> {
        let (padding, ceil_mode) = match self.border {
            PoolBorder::CutOff | PoolBorder::Centred => {
                let (bottom, right) = (self.overhang(height), self.overhang(width));
                (Padding { top: self.before(), bottom, left: self.before(), right }, false)
            }
            PoolBorder::Padded { padding, ceil } => (Padding::same(padding), ceil),
        };
        let geometry = PoolGeometry {
            batch,
            height_in: height,
            width_in: width,
            channels,
            kernel: [self.kernel; 2],
            stride: [self.stride; 2],
            padding,
            dilation: [self.dilation; 2],
            ceil_mode,
        };
        geometry.validate().ok().map(|()| geometry)
    }
}

/// Returns `[n, h, w, c]` of the map that is pooled.
pub(crate) fn input_sizes(geometry: &PoolGeometry) -> [usize; 4] {
    [geometry.batch, geometry.height_in, geometry.width_in, geometry.channels]
}

/// Returns `[n, h, w, c]` of the result, for a geometry that has been checked.
pub(crate) fn output_sizes(geometry: &PoolGeometry) -> [usize; 4] {
    match (geometry.height_out(), geometry.width_out()) {
        (Ok(height), Ok(width)) => [geometry.batch, height, width, geometry.channels],
        (Err(error), _) | (_, Err(error)) => panic!("pooling: {error}"),
    }
}

/// Returns a map with the positions around it that windows reach, filled with `fill`.
pub(crate) fn bordered(x: Tensor<4>, window: PoolWindow, fill: f32) -> Tensor<4> {
    let [_, _, height, width] = x.dims();
    let (before, below, right) = (window.before(), window.overhang(height), window.overhang(width));
    if before + below + right == 0 {
        return x;
    }
    x.pad((before, right, before, below), PadMode::Constant(fill))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_by_three_with_stride_two_does_what_caffe_does_on_even_sizes() {
        let window = PoolWindow::cut_off(3, 2);
        assert_eq!((window.size_out(32), window.overhang(32)), (Some(16), 1));
        assert_eq!((window.size_out(5), window.overhang(5)), (Some(3), 2));
        assert_eq!((window.size_out(1), window.overhang(1)), (Some(1), 2));
        assert_eq!(window.counts(5), [3, 3, 1]);
    }

    /// So that the compositions of Burn's operations, whose bits depend on the machine, are not what runs there.
    #[test]
    fn the_kernels_take_the_usual_windows_on_maps_of_every_size() {
        for (kernel, stride) in [(2, 2), (3, 2), (3, 1), (5, 2), (9, 1)] {
            for size in 1..=64 {
                let window = PoolWindow::cut_off(kernel, stride);
                for border in [PoolBorder::CutOff, PoolBorder::Centred] {
                    let geometry = PoolWindow { border, ..window }.geometry([1, 1, size, size]);
                    assert!(geometry.is_some(), "{kernel}, {stride}, {border:?} on {size}");
                }
            }
        }
    }

    #[test]
    fn windows_smaller_than_the_stride_do_not_overhang() {
        let window = PoolWindow::cut_off(1, 2);
        assert_eq!((window.size_out(4), window.overhang(4)), (Some(2), 0));
        let geometry = window.geometry([1, 1, 4, 5]).unwrap();
        assert_eq!((geometry.height_out(), geometry.width_out()), (Ok(2), Ok(3)));
    }

    #[test]
    fn padded_windows_follow_the_rule_of_pytorch_as_the_kernels_do() {
        for (kernel, stride, dilation, padding, ceil) in [
            (3, 2, 1, 1, false),
            (3, 2, 1, 1, true),
            (2, 2, 1, 1, true),
            (3, 2, 2, 1, true),
            (3, 1, 1, 0, false),
        ] {
            let border = PoolBorder::Padded { padding, ceil };
            let window = PoolWindow { kernel, stride, dilation, border };
            for size in 1..20 {
                if let Some(ours) = window.size_out(size) {
                    let kernels = window.geometry([1, 1, size, size]).unwrap().height_out();
                    assert_eq!(kernels, Ok(ours), "{window:?} on {size}");
                }
            }
        }
        let ceil =
            PoolWindow { border: PoolBorder::Padded { padding: 1, ceil: true }, ..PoolWindow::cut_off(2, 2) };
        // PyTorch: 5 positions and 2 of border hold three whole windows; a fourth would start beyond the map.
        assert_eq!(
            (ceil.size_out(5), ceil.counts(5), ceil.counts_with_border(5)),
            (Some(3), vec![1, 2, 2], vec![2, 2, 2])
        );
        assert_eq!(
            (ceil.size_out(6), ceil.counts(6), ceil.counts_with_border(6)),
            (Some(4), vec![1, 2, 2, 1], vec![2, 2, 2, 2])
        );
    }
}
