//! An activation as an operation of its own, where none before it can apply it on the way.

use allconv_kernels::Activation;
use burn::tensor::Tensor;
use burn::tensor::activation::{leaky_relu, relu};

/// `f(x)`, element by element.
pub(crate) fn activated(x: Tensor<4>, activation: Activation) -> Tensor<4> {
    match activation {
        Activation::Identity => x,
        Activation::Relu => relu(x),
        Activation::LeakyRelu { slope } => leaky_relu(x, f64::from(slope)),
    }
}
