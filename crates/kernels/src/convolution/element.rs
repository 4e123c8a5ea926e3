//! Convolution for each element type: `f32` by the planned algorithm, `f64` by the definition.

use super::forward_weights::ForwardWeights;
use super::operands::{ConvBackward, ConvForward};
use super::plan::Convolution;
use super::transposed::{ConvTransposeGeometry, backward_by_passes, forward_by_adjoint};
use super::{grouped, reference};
use crate::elementwise::Epilogue;
use crate::numbers::Scalar;

/// An element type of convolutions, `f32` or `f64`. Operands have been checked.
pub trait Convolve: Scalar {
    /// Brings the weights into the form in which forward passes multiply by them.
    fn pack<'a>(convolution: &'a Convolution, weight: &[Self]) -> ForwardWeights<'a>;

    /// Computes the forward pass.
    fn forward(
        convolution: &Convolution,
        weight: &[Self],
        packed: &ForwardWeights<'_>,
        operands: ConvForward<'_, Self>,
    );

    /// Computes the backward pass.
    fn backward(convolution: &Convolution, weight: &[Self], operands: ConvBackward<'_, Self>);

    /// Computes the forward pass of the transposed convolution that is the adjoint of `adjoint`.
    fn transposed_forward(
        geometry: &ConvTransposeGeometry,
        adjoint: &Convolution,
        weight: &[Self],
        operands: ConvForward<'_, Self>,
    );

    /// Computes the gradients of input and weight of the transposed convolution that is the adjoint of `adjoint`.
    fn transposed_backward(adjoint: &Convolution, weight: &[Self], operands: ConvBackward<'_, Self>);
}

impl Convolve for f32 {
    fn pack<'a>(convolution: &'a Convolution, weight: &[Self]) -> ForwardWeights<'a> {
        grouped::pack(convolution, weight)
    }

    fn forward(
        convolution: &Convolution,
        _weight: &[Self],
        packed: &ForwardWeights<'_>,
        operands: ConvForward<'_, Self>,
    ) {
        grouped::forward(convolution, packed, operands);
    }

    fn backward(convolution: &Convolution, weight: &[Self], operands: ConvBackward<'_, Self>) {
        grouped::backward(convolution, weight, operands);
    }

    fn transposed_forward(
        geometry: &ConvTransposeGeometry,
        adjoint: &Convolution,
        weight: &[Self],
        operands: ConvForward<'_, Self>,
    ) {
        if grouped::scatters_blocks(geometry, &operands.epilogue) {
            return grouped::scatter_blocks(geometry, adjoint.engine(), weight, operands);
        }
        forward_by_adjoint(adjoint, operands, |x, y| grouped::input_gradient(adjoint, weight, x, y));
    }

    fn transposed_backward(adjoint: &Convolution, weight: &[Self], operands: ConvBackward<'_, Self>) {
        if grouped::has_transposed_backward(adjoint) {
            return grouped::transposed_backward(adjoint, weight, operands);
        }
        let epilogue = Epilogue::IDENTITY;
        backward_by_passes(
            adjoint,
            operands,
            |dz, dx| {
                let packed = grouped::pack(adjoint, weight);
                grouped::forward(adjoint, &packed, ConvForward { x: dz, bias: None, epilogue, y: dx });
            },
            |dz, x, dweight| {
                let gradients = ConvBackward { x: dz, y: x, dy: x, epilogue, dx: None, dweight, dbias: None };
                grouped::backward(adjoint, weight, gradients);
            },
        );
    }
}

impl Convolve for f64 {
    fn pack<'a>(_convolution: &'a Convolution, _weight: &[Self]) -> ForwardWeights<'a> {
        ForwardWeights::made(Vec::new())
    }

    fn forward(
        convolution: &Convolution,
        weight: &[Self],
        _packed: &ForwardWeights<'_>,
        operands: ConvForward<'_, Self>,
    ) {
        let ConvForward { x, bias, epilogue, y } = operands;
        reference::convolve(convolution.geometry(), x, weight, bias, &epilogue, y);
    }

    fn backward(convolution: &Convolution, weight: &[Self], operands: ConvBackward<'_, Self>) {
        let (geometry, ConvBackward { x, y, dy, epilogue, dx, dweight, dbias }) =
            (convolution.geometry(), operands);
        let dz = reference::output_gradient(&epilogue, y, dy);
        if let Some(dx) = dx {
            reference::input_gradient(geometry, weight, &dz, dx);
        }
        reference::weight_gradient(geometry, x, &dz, dweight);
        if let Some(dbias) = dbias {
            reference::bias_gradient(&dz, dbias);
        }
    }

    fn transposed_forward(
        _geometry: &ConvTransposeGeometry,
        adjoint: &Convolution,
        weight: &[Self],
        operands: ConvForward<'_, Self>,
    ) {
        forward_by_adjoint(adjoint, operands, |x, y| {
            reference::input_gradient(adjoint.geometry(), weight, x, y);
        });
    }

    fn transposed_backward(adjoint: &Convolution, weight: &[Self], operands: ConvBackward<'_, Self>) {
        let geometry = adjoint.geometry();
        backward_by_passes(
            adjoint,
            operands,
            |dz, dx| reference::convolve(geometry, dz, weight, None, &Epilogue::IDENTITY, dx),
            |dz, x, dweight| reference::weight_gradient(geometry, dz, x, dweight),
        );
    }
}
