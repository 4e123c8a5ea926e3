//! The shape of a transposed convolution.

use crate::convolution::ConvGeometry;
use crate::windows::{GeometryError, Padding, positive};

/// The shape of a 2-D transposed convolution, as PyTorch's `ConvTranspose2d` defines it.
///
/// `H_out = (H_in - 1) * stride - top - bottom + dilation*(kernel-1) + output_padding + 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConvTransposeGeometry {
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
    /// Distance of neighbouring input pixels in the output.
    pub stride: [usize; 2],
    /// Rows and columns that are cut off the result.
    pub padding: Padding,
    /// Rows and columns added at the bottom and the right; below the stride.
    pub output_padding: [usize; 2],
    /// Distance of neighbouring taps, in output pixels.
    pub dilation: [usize; 2],
    /// Number of channel groups.
    pub groups: usize,
}

impl ConvTransposeGeometry {
    /// Returns the convolution whose adjoint this is: it reads maps of this operator's output size and writes its input size.
    ///
    /// # Errors
    /// Output padding that reaches the stride, padding that leaves no output, and what [`ConvGeometry::validate`] refuses.
    pub fn adjoint(&self) -> Result<ConvGeometry, GeometryError> {
        let Padding { top, bottom, left, right } = self.padding;
        let geometry = ConvGeometry {
            batch: self.batch,
            height_in: self.enlarged("height", 0, self.height_in, top + bottom)?,
            width_in: self.enlarged("width", 1, self.width_in, left + right)?,
            channels_in: self.channels_out,
            channels_out: self.channels_in,
            kernel: self.kernel,
            stride: self.stride,
            padding: self.padding,
            dilation: self.dilation,
            groups: self.groups,
        };
        geometry.validate()?;
        Ok(geometry)
    }

    fn enlarged(
        &self,
        axis: &'static str,
        index: usize,
        size: usize,
        cut: usize,
    ) -> Result<usize, GeometryError> {
        positive(&[
            ("the input map", size),
            ("kernel", self.kernel[index]),
            ("stride", self.stride[index]),
            ("dilation", self.dilation[index]),
        ])?;
        let (padding, stride) = (self.output_padding[index], self.stride[index]);
        if padding >= stride {
            return Err(GeometryError::OutputPaddingReachesStride { axis, padding, stride });
        }
        let full = (size - 1) * stride + self.dilation[index] * (self.kernel[index] - 1) + 1 + padding;
        full.checked_sub(cut).filter(|&size| size > 0).ok_or(GeometryError::NothingLeft { axis, full, cut })
    }
}
