//! Windows on padded maps: padding, the number of windows along an axis, and why a geometry is refused.

use thiserror::Error;

/// Zero padding on the four sides of a map, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Padding {
    /// Rows above the map.
    pub top: usize,
    /// Rows below the map.
    pub bottom: usize,
    /// Columns left of the map.
    pub left: usize,
    /// Columns right of the map.
    pub right: usize,
}

impl Padding {
    /// No padding.
    pub const NONE: Self = Self::same(0);

    /// Returns the same padding on all four sides.
    #[must_use]
    pub const fn same(pixels: usize) -> Self {
        Self { top: pixels, bottom: pixels, left: pixels, right: pixels }
    }

    /// Creates a padding of `vertical` rows above and below, `horizontal` columns left and right.
    #[must_use]
    pub const fn symmetric(vertical: usize, horizontal: usize) -> Self {
        Self { top: vertical, bottom: vertical, left: horizontal, right: horizontal }
    }
}

/// Why a geometry describes no operation.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GeometryError {
    /// A size that must be positive is zero.
    #[error("{field} is 0; it must be at least 1")]
    Zero {
        /// Name of the field.
        field: &'static str,
    },
    /// The window reaches over more pixels than the padded map has.
    #[error(
        "along the {axis} the window spans {window} pixels but the padded map has only {padded}; use a smaller kernel or dilation, or more padding"
    )]
    WindowTooLarge {
        /// `height` or `width`.
        axis: &'static str,
        /// Pixels that the dilated kernel spans.
        window: usize,
        /// Pixels of the map with its padding.
        padded: usize,
    },
    /// A channel count is not a multiple of the number of groups.
    #[error("{field} = {channels} is not a multiple of groups = {groups}")]
    UnevenGroups {
        /// Name of the field.
        field: &'static str,
        /// Its value.
        channels: usize,
        /// The number of groups.
        groups: usize,
    },
    /// Pooling padding behind the map that would leave windows without a single pixel.
    #[error("padding {padding} behind the map is no less than the window of {window} pixels along the {axis}; use at most {}", window - 1)]
    PaddingBeyondWindow {
        /// The axis.
        axis: &'static str,
        /// The padding behind the map.
        padding: usize,
        /// From the first to the last pixel of a window.
        window: usize,
    },
    /// Pooling padding before the map beyond half the kernel (PyTorch's rule).
    #[error("padding {padding} exceeds half the kernel {kernel} along the {axis}; use at most {}", kernel / 2)]
    PaddingBeyondHalfKernel {
        /// `height` or `width`.
        axis: &'static str,
        /// The padding on one side.
        padding: usize,
        /// The kernel's extent.
        kernel: usize,
    },
    /// Output padding of a transposed convolution that reaches its stride.
    #[error("output padding {padding} along the {axis} must be below the stride {stride}")]
    OutputPaddingReachesStride {
        /// `height` or `width`.
        axis: &'static str,
        /// The output padding.
        padding: usize,
        /// The stride.
        stride: usize,
    },
    /// Padding of a transposed convolution that cuts off the whole result.
    #[error("along the {axis} the padding cuts {cut} of {full} pixels and leaves none; use less padding")]
    NothingLeft {
        /// `height` or `width`.
        axis: &'static str,
        /// Pixels before cutting.
        full: usize,
        /// Pixels cut off.
        cut: usize,
    },
    /// A tensor would hold more elements than a 32-bit index can name.
    #[error(
        "the {tensor} would hold {elements} elements; at most {limit} are supported, so use a smaller batch"
    )]
    TooManyElements {
        /// Which tensor.
        tensor: &'static str,
        /// Its number of elements.
        elements: u128,
        /// The largest supported number.
        limit: u128,
    },
}

/// Largest number of elements of a tensor: element indices of dropout and pooling are 32-bit.
pub(crate) const ELEMENT_LIMIT: u128 = 1 << 32;

/// Refuses the first field that is zero.
pub(crate) fn positive(fields: &[(&'static str, usize)]) -> Result<(), GeometryError> {
    match fields.iter().find(|(_, value)| *value == 0) {
        Some(&(field, _)) => Err(GeometryError::Zero { field }),
        None => Ok(()),
    }
}

/// Refuses windows with a size or a step of zero.
pub(crate) fn positive_windows(
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
) -> Result<(), GeometryError> {
    positive(&[
        ("kernel[0]", kernel[0]),
        ("kernel[1]", kernel[1]),
        ("stride[0]", stride[0]),
        ("stride[1]", stride[1]),
        ("dilation[0]", dilation[0]),
        ("dilation[1]", dilation[1]),
    ])
}

/// Refuses tensors whose elements a 32-bit index cannot name.
pub(crate) fn limit_elements(tensor: &'static str, sizes: [usize; 4]) -> Result<(), GeometryError> {
    let elements = sizes.iter().fold(1_u128, |product, &size| product.saturating_mul(size as u128));
    if elements > ELEMENT_LIMIT {
        return Err(GeometryError::TooManyElements { tensor, elements, limit: ELEMENT_LIMIT });
    }
    Ok(())
}

/// Returns the number of window positions along one padded axis.
pub(crate) fn windows(
    axis: &'static str,
    padded: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
) -> Result<usize, GeometryError> {
    let window = dilation * (kernel - 1) + 1;
    if window > padded {
        return Err(GeometryError::WindowTooLarge { axis, window, padded });
    }
    Ok((padded - window) / stride + 1)
}
