//! The operands of the two passes of a convolution, or of a transposed convolution.

use crate::elementwise::Epilogue;
use crate::memory::check_len;

/// Operands of the forward pass: `y = epilogue(convolution(x) + bias)`.
pub struct ConvForward<'a, T> {
    /// The input, `[N, H_in, W_in, C_in]`.
    pub x: &'a [T],
    /// The bias, `[C_out]`; `None` is a bias of zeros.
    pub bias: Option<&'a [T]>,
    /// What follows the bias.
    pub epilogue: Epilogue,
    /// The result, `[N, H_out, W_out, C_out]`; overwritten.
    pub y: &'a mut [T],
}

/// Operands of the backward pass: the gradients of the forward pass's operands from the gradient `dy` of its result. Every gradient is
/// overwritten, not added to.
///
/// The derivative of the activation is read from the sign of `y`, and the dropout mask is drawn again where that sign does not determine
/// it.
pub struct ConvBackward<'a, T> {
    /// The input of the forward pass, `[N, H_in, W_in, C_in]`.
    pub x: &'a [T],
    /// The result of the forward pass, `[N, H_out, W_out, C_out]`.
    pub y: &'a [T],
    /// The gradient of the result.
    pub dy: &'a [T],
    /// The epilogue of the forward pass.
    pub epilogue: Epilogue,
    /// The gradient of the input; `None` where it is not needed (a first layer).
    pub dx: Option<&'a mut [T]>,
    /// The gradient of the weight, in the weight's shape.
    pub dweight: &'a mut [T],
    /// The gradient of the bias, `[C_out]`; `None` where it is not needed.
    pub dbias: Option<&'a mut [T]>,
}

/// Elements of the operands.
#[derive(Clone, Copy)]
pub(super) struct Lengths {
    pub(super) input: usize,
    pub(super) output: usize,
    pub(super) weight: usize,
    pub(super) bias: usize,
}

impl<T> ConvForward<'_, T> {
    /// Panics when a slice has the wrong length.
    pub(super) fn check(&self, lengths: Lengths) {
        check_len("x", self.x.len(), lengths.input);
        check_len("y", self.y.len(), lengths.output);
        if let Some(bias) = self.bias {
            check_len("bias", bias.len(), lengths.bias);
        }
    }
}

impl<T> ConvBackward<'_, T> {
    /// Panics when a slice has the wrong length.
    pub(super) fn check(&self, lengths: Lengths) {
        check_len("x", self.x.len(), lengths.input);
        check_len("y", self.y.len(), lengths.output);
        check_len("dy", self.dy.len(), lengths.output);
        check_len("dweight", self.dweight.len(), lengths.weight);
        if let Some(dx) = &self.dx {
            check_len("dx", dx.len(), lengths.input);
        }
        if let Some(dbias) = &self.dbias {
            check_len("dbias", dbias.len(), lengths.bias);
        }
    }
}
