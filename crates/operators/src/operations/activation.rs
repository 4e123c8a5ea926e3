//! Activations and their gradients, where no operation before can apply them.

use allconv_kernels::Activation;
use burn::tensor::Tensor;
use burn::tensor::activation::{leaky_relu, relu};

/// Computes `f(x)`, element by element.
pub fn activated(x: Tensor<4>, activation: Activation) -> Tensor<4> {
    match activation {
        Activation::Identity => x,
        Activation::Relu => relu(x),
        Activation::LeakyRelu { slope } => leaky_relu(x, f64::from(slope)),
    }
}

/// Returns the gradient at the activation's input, from that at its result `y`.
///
/// The sign of the result is that of the activation's input wherever dropout kept it.
pub(super) fn before_activation(y: Tensor<4>, dy: Tensor<4>, activation: Activation) -> Tensor<4> {
    match activation {
        Activation::Identity => dy,
        Activation::Relu => composed_damping(dy, y, 0.0),
        Activation::LeakyRelu { slope } => composed_damping(dy, y, f64::from(slope)),
    }
}

/// Computes `values` where `sign_of` is positive, `slope` times them elsewhere, as a composition of Burn's operations.
pub(super) fn composed_damping(values: Tensor<4>, sign_of: Tensor<4>, slope: f64) -> Tensor<4> {
    let off = sign_of.lower_equal_elem(0.0);
    if slope == 0.0 {
        return values.mask_fill(off, 0.0);
    }
    let small = values.clone() * slope;
    values.mask_where(off, small)
}
