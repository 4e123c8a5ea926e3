//! The shape of a 2-D convolution, checked.

use crate::windows::{GeometryError, Padding, limit_elements, positive, positive_windows, windows};

/// The shape of a 2-D convolution (cross-correlation, as in PyTorch).
///
/// `y[n,i,j,o] = sum_{u,v,c} w[o,c,u,v] * x[n, i*stride + u*dilation - top, j*stride + v*dilation - left, c]`,
/// with `H_out = (H_in + top + bottom - dilation*(kernel-1) - 1) / stride + 1`, rounded down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConvGeometry {
    /// Images, N.
    pub batch: usize,
    /// Rows of the input map.
    pub height_in: usize,
    /// Columns of the input map.
    pub width_in: usize,
    /// Channels of the input, all groups together.
    pub channels_in: usize,
    /// Channels of the output, all groups together.
    pub channels_out: usize,
    /// Taps, `[vertical, horizontal]`.
    pub kernel: [usize; 2],
    /// Step between output pixels, in input pixels.
    pub stride: [usize; 2],
    /// Zeros around the input map.
    pub padding: Padding,
    /// Distance of neighbouring taps, in input pixels.
    pub dilation: [usize; 2],
    /// Number of channel groups; `groups == channels_in` is a depthwise convolution.
    pub groups: usize,
}

impl ConvGeometry {
    /// Checks every field.
    ///
    /// # Errors
    /// A zero size, a window larger than the padded map, channels that the groups do not divide, or more than 2³² elements.
    pub fn validate(&self) -> Result<(), GeometryError> {
        positive(&[
            ("batch", self.batch),
            ("height_in", self.height_in),
            ("width_in", self.width_in),
            ("channels_in", self.channels_in),
            ("channels_out", self.channels_out),
            ("groups", self.groups),
        ])?;
        positive_windows(self.kernel, self.stride, self.dilation)?;
        for (field, channels) in [("channels_in", self.channels_in), ("channels_out", self.channels_out)] {
            if !channels.is_multiple_of(self.groups) {
                return Err(GeometryError::UnevenGroups { field, channels, groups: self.groups });
            }
        }
        let (height, width) = (self.rows_out()?, self.columns_out()?);
        limit_elements("input", [self.batch, self.height_in, self.width_in, self.channels_in])?;
        limit_elements("output", [self.batch, height, width, self.channels_out])
    }

    /// Returns the number of rows of the output map.
    ///
    /// # Errors
    /// As [`Self::validate`].
    pub fn height_out(&self) -> Result<usize, GeometryError> {
        self.validate()?;
        self.rows_out()
    }

    /// Returns the number of columns of the output map.
    ///
    /// # Errors
    /// As [`Self::validate`].
    pub fn width_out(&self) -> Result<usize, GeometryError> {
        self.validate()?;
        self.columns_out()
    }

    /// Returns the number of elements of the output, `N*H_out*W_out*C_out`.
    ///
    /// # Errors
    /// As [`Self::validate`].
    pub fn output_len(&self) -> Result<usize, GeometryError> {
        Ok(self.batch * self.height_out()? * self.columns_out()? * self.channels_out)
    }

    /// Returns the number of elements of the input, `N*H_in*W_in*C_in`.
    #[must_use]
    pub const fn input_len(&self) -> usize {
        self.batch * self.height_in * self.width_in * self.channels_in
    }

    /// Returns the number of elements of the weight, `C_out * C_in/groups * KH * KW`.
    #[must_use]
    pub const fn weight_len(&self) -> usize {
        self.channels_out * (self.channels_in / self.groups) * self.kernel[0] * self.kernel[1]
    }

    /// Returns the multiply-accumulate operations of one pass by the definition, padding counted as if it were pixels.
    ///
    /// # Errors
    /// As [`Self::validate`].
    pub fn multiply_accumulates(&self) -> Result<u64, GeometryError> {
        let taps = self.channels_in / self.groups.max(1) * self.kernel[0] * self.kernel[1];
        Ok(self.output_len()? as u64 * taps as u64)
    }

    /// Returns rows and columns of the output of a geometry that must be valid.
    ///
    /// # Panics
    /// When the geometry is invalid.
    pub(super) fn output_size(&self) -> [usize; 2] {
        match (self.validate(), self.rows_out(), self.columns_out()) {
            (Ok(()), Ok(height), Ok(width)) => [height, width],
            (Err(error), ..) | (_, Err(error), _) | (.., Err(error)) => {
                panic!("invalid convolution geometry {self:?}: {error}")
            }
        }
    }

    /// Returns the input and output channels of a group.
    pub(super) const fn group_channels(&self) -> [usize; 2] {
        [self.channels_in / self.groups, self.channels_out / self.groups]
    }

    fn rows_out(&self) -> Result<usize, GeometryError> {
        let padded = self.height_in + self.padding.top + self.padding.bottom;
        windows("height", padded, self.kernel[0], self.stride[0], self.dilation[0])
    }

    fn columns_out(&self) -> Result<usize, GeometryError> {
        let padded = self.width_in + self.padding.left + self.padding.right;
        windows("width", padded, self.kernel[1], self.stride[1], self.dilation[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAME_3X3: ConvGeometry = ConvGeometry {
        batch: 2,
        height_in: 7,
        width_in: 5,
        channels_in: 4,
        channels_out: 6,
        kernel: [3, 3],
        stride: [1, 1],
        padding: Padding::same(1),
        dilation: [1, 1],
        groups: 2,
    };

    #[test]
    fn same_padding_keeps_the_size_and_stride_two_halves_it_rounding_up() {
        assert_eq!((SAME_3X3.height_out(), SAME_3X3.width_out()), (Ok(7), Ok(5)));
        let strided = ConvGeometry { stride: [2, 2], ..SAME_3X3 };
        assert_eq!((strided.height_out(), strided.width_out()), (Ok(4), Ok(3)));
        assert_eq!(SAME_3X3.output_len(), Ok(2 * 7 * 5 * 6));
        assert_eq!(SAME_3X3.weight_len(), 6 * 2 * 9);
    }

    #[test]
    fn wrong_geometries_are_refused_with_the_field_named() {
        let zero = ConvGeometry { stride: [1, 0], ..SAME_3X3 };
        assert_eq!(zero.validate(), Err(GeometryError::Zero { field: "stride[1]" }));
        let large = ConvGeometry { kernel: [10, 3], ..SAME_3X3 };
        assert_eq!(
            large.height_out(),
            Err(GeometryError::WindowTooLarge { axis: "height", window: 10, padded: 9 })
        );
        let uneven = ConvGeometry { groups: 3, ..SAME_3X3 };
        assert_eq!(
            uneven.validate(),
            Err(GeometryError::UnevenGroups { field: "channels_in", channels: 4, groups: 3 })
        );
        let huge = ConvGeometry { batch: 1 << 31, ..SAME_3X3 };
        assert!(matches!(huge.validate(), Err(GeometryError::TooManyElements { tensor: "input", .. })));
    }
}
