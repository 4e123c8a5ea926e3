//! A planned transposed convolution, and the value with its weights that computes both passes.

use super::bias::bias_gradient;
use super::geometry::ConvTransposeGeometry;
use crate::convolution::element::Convolve;
use crate::convolution::operands::{ConvBackward, ConvForward, Lengths};
use crate::convolution::plan::Convolution;
use crate::engine::Engine;
use crate::memory::check_len;

/// A transposed convolution of one geometry, planned for an engine. [`Self::prepare`] binds it to weights.
#[derive(Clone, Debug)]
pub struct TransposedConvolution {
    geometry: ConvTransposeGeometry,
    adjoint: Convolution,
}

/// A [`TransposedConvolution`] with its weights `[C_in, C_out/groups, KH, KW]`.
pub struct PreparedTransposedConvolution<'a, T: Convolve> {
    convolution: &'a TransposedConvolution,
    weight: &'a [T],
}

impl TransposedConvolution {
    /// Plans the convolution whose adjoint this is.
    ///
    /// # Panics
    /// When the geometry is invalid; check it with [`ConvTransposeGeometry::adjoint`].
    #[must_use]
    pub fn plan(engine: &Engine, geometry: &ConvTransposeGeometry) -> Self {
        match geometry.adjoint() {
            Ok(adjoint) => Self { geometry: *geometry, adjoint: Convolution::plan(engine, &adjoint) },
            Err(error) => panic!("invalid transposed convolution {geometry:?}: {error}"),
        }
    }

    /// Binds the convolution to its weights, `[C_in, C_out/groups, KH, KW]`.
    ///
    /// # Panics
    /// When the slice has the wrong length.
    pub fn prepare<'a, T: Convolve>(&'a self, weight: &'a [T]) -> PreparedTransposedConvolution<'a, T> {
        check_len("weight", weight.len(), self.adjoint.geometry().weight_len());
        PreparedTransposedConvolution { convolution: self, weight }
    }

    /// Returns the number of elements of each operand.
    const fn lengths(&self) -> Lengths {
        let ConvTransposeGeometry { batch, height_in, width_in, channels_in, channels_out, .. } =
            self.geometry;
        let adjoint = self.adjoint.geometry();
        Lengths {
            input: batch * height_in * width_in * channels_in,
            output: adjoint.input_len(),
            weight: adjoint.weight_len(),
            bias: channels_out,
        }
    }
}

impl<T: Convolve> PreparedTransposedConvolution<'_, T> {
    /// Computes transposed convolution, bias, activation and dropout.
    ///
    /// `z[n, i*stride + u*dilation - top, j*stride + v*dilation - left, o] += w[c,o,u,v] * x[n,i,j,c]`, `y = epilogue(z + bias)`.
    ///
    /// # Panics
    /// When a slice has the wrong length.
    pub fn forward(&self, operands: ConvForward<'_, T>) {
        let TransposedConvolution { geometry, adjoint } = self.convolution;
        operands.check(self.convolution.lengths());
        T::transposed_forward(geometry, adjoint, self.weight, operands);
    }

    /// Computes the gradients of [`Self::forward`].
    ///
    /// # Panics
    /// As [`Self::forward`].
    pub fn backward(&self, mut operands: ConvBackward<'_, T>) {
        let TransposedConvolution { geometry, adjoint } = self.convolution;
        operands.check(self.convolution.lengths());
        if let Some(dbias) = operands.dbias.take() {
            let (epilogue, maps) = (operands.epilogue.prepare(), [operands.y, operands.dy]);
            bias_gradient(adjoint.engine(), &epilogue, geometry.batch, maps, dbias);
        }
        T::transposed_backward(adjoint, self.weight, operands);
    }
}
