//! The shape of a 2-D pooling, checked.

use crate::windows::{GeometryError, Padding, limit_elements, positive, positive_windows, windows};

/// The shape of a 2-D pooling over `[N, H, W, C]`.
///
/// `H_out = (H + top + bottom - dilation*(kernel-1) - 1) / stride + 1`, rounded down, or up in ceil mode; a window that
/// would start beyond `H + top - 1` (on no pixel) is dropped. This is PyTorch's rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PoolGeometry {
    /// Images, N.
    pub batch: usize,
    /// Rows of the input map.
    pub height_in: usize,
    /// Columns of the input map.
    pub width_in: usize,
    /// Channels, C.
    pub channels: usize,
    /// Window, `[rows, columns]` in taps.
    pub kernel: [usize; 2],
    /// Step between windows, in pixels.
    pub stride: [usize; 2],
    /// Border around the map: above and left at most half the kernel, below and right less than a window's extent,
    /// `dilation*(kernel-1) + 1`.
    pub padding: Padding,
    /// Distance of neighbouring taps, in pixels.
    pub dilation: [usize; 2],
    /// Whether the output size is rounded up instead of down.
    pub ceil_mode: bool,
}

impl PoolGeometry {
    /// Checks every field.
    ///
    /// # Errors
    /// A zero size, padding beyond its limits, a window larger than the padded map, or more than 2³² elements.
    pub fn validate(&self) -> Result<(), GeometryError> {
        self.output_size().map(drop)
    }

    /// Returns the number of rows of the output map.
    ///
    /// # Errors
    /// As [`Self::validate`].
    pub fn height_out(&self) -> Result<usize, GeometryError> {
        Ok(self.output_size()?[0])
    }

    /// Returns the number of columns of the output map.
    ///
    /// # Errors
    /// As [`Self::validate`].
    pub fn width_out(&self) -> Result<usize, GeometryError> {
        Ok(self.output_size()?[1])
    }

    /// Returns the number of elements of the output, `N*H_out*W_out*C`.
    ///
    /// # Errors
    /// As [`Self::validate`].
    pub fn output_len(&self) -> Result<usize, GeometryError> {
        let [height, width] = self.output_size()?;
        Ok(self.batch * height * width * self.channels)
    }

    /// Returns the number of elements of the input, `N*H*W*C`.
    #[must_use]
    pub const fn input_len(&self) -> usize {
        self.batch * self.height_in * self.width_in * self.channels
    }

    fn output_size(&self) -> Result<[usize; 2], GeometryError> {
        positive(&[
            ("batch", self.batch),
            ("height_in", self.height_in),
            ("width_in", self.width_in),
            ("channels", self.channels),
        ])?;
        positive_windows(self.kernel, self.stride, self.dilation)?;
        let Padding { top, bottom, left, right } = self.padding;
        let size = [
            self.windows("height", 0, self.height_in, [top, bottom])?,
            self.windows("width", 1, self.width_in, [left, right])?,
        ];
        limit_elements("input", [self.batch, self.height_in, self.width_in, self.channels])?;
        limit_elements("output", [self.batch, size[0], size[1], self.channels])?;
        Ok(size)
    }

    fn windows(
        &self,
        axis: &'static str,
        index: usize,
        size: usize,
        padding: [usize; 2],
    ) -> Result<usize, GeometryError> {
        let (kernel, stride) = (self.kernel[index], self.stride[index]);
        let window = self.dilation[index] * (kernel - 1) + 1;
        let [before, behind] = padding;
        if before > kernel / 2 {
            return Err(GeometryError::PaddingBeyondHalfKernel { axis, padding: before, kernel });
        }
        // Then the last window starts on the map or before it.
        if behind >= window {
            return Err(GeometryError::PaddingBeyondWindow { axis, padding: behind, window });
        }
        let padded = size + before + behind;
        let whole = windows(axis, padded, kernel, stride, self.dilation[index])?;
        if !self.ceil_mode {
            return Ok(whole);
        }
        let count = (padded - window).div_ceil(stride) + 1;
        let last_starts_beyond_the_map = (count - 1) * stride >= size + before;
        Ok(if last_starts_beyond_the_map { count - 1 } else { count })
    }
}

/// Returns the taps of one window along one axis that lie on the map, as input coordinates.
pub(crate) fn taps_on_map(
    output: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    padding: usize,
    size: usize,
) -> impl Iterator<Item = usize> + Clone {
    (0..kernel)
        .filter_map(move |tap| (output * stride + tap * dilation).checked_sub(padding))
        .filter(move |&position| position < size)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(height: usize, kernel: usize, stride: usize, padding: usize, ceil_mode: bool) -> PoolGeometry {
        PoolGeometry {
            batch: 1,
            height_in: height,
            width_in: 1,
            channels: 1,
            kernel: [kernel, 1],
            stride: [stride, 1],
            padding: Padding::symmetric(padding, 0),
            dilation: [1, 1],
            ceil_mode,
        }
    }

    #[test]
    fn ceil_mode_adds_the_partial_window_unless_it_starts_beyond_the_map() {
        assert_eq!(line(32, 3, 2, 0, false).height_out(), Ok(15));
        assert_eq!(line(32, 3, 2, 0, true).height_out(), Ok(16));
        assert_eq!(line(5, 2, 2, 1, true).height_out(), Ok(3)); // 4 by rounding up, the last would start at 6 >= 5 + 1
        assert_eq!(line(6, 2, 2, 1, true).height_out(), Ok(4));
    }

    #[test]
    fn padding_before_beyond_half_the_kernel_is_refused() {
        let error = GeometryError::PaddingBeyondHalfKernel { axis: "height", padding: 2, kernel: 3 };
        assert_eq!(line(8, 3, 2, 2, false).validate(), Err(error));
    }

    #[test]
    fn behind_the_map_windows_may_reach_as_far_as_their_first_tap_is_on_it() {
        let reaching = |bottom| PoolGeometry {
            padding: Padding { top: 0, bottom, left: 0, right: 0 },
            ..line(8, 3, 1, 0, false)
        };
        assert_eq!(reaching(2).height_out(), Ok(8));
        let error = GeometryError::PaddingBeyondWindow { axis: "height", padding: 3, window: 3 };
        assert_eq!(reaching(3).validate(), Err(error));
    }
}
