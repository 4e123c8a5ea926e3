//! Two maps joined: along the channels, or added.
//!
//! Compositions of Burn's operations. On the CPU maps lie as `[n, h, w, c]`; named in that order they are dense, and each
//! operation is one pass over memory.

use burn::tensor::Tensor;

use super::nhwc::{channels_first, channels_last};

/// The channels of `first`, then those of `second`: `[n, c₁ + c₂, h, w]`.
///
/// # Panics
///
/// When the numbers of images or the sides differ.
pub fn concatenate_channels(first: Tensor<4>, second: Tensor<4>) -> Tensor<4> {
    channels_first(Tensor::cat(vec![channels_last(first), channels_last(second)], 3))
}

/// `first + scale · second`.
///
/// # Panics
///
/// When the shapes differ.
pub fn sum_of(first: Tensor<4>, second: Tensor<4>, scale: f64) -> Tensor<4> {
    assert_eq!(first.dims(), second.dims(), "shapes of two maps that are added");
    let second = channels_last(second);
    let second = if scale == 1.0 { second } else { second * scale };
    channels_first(channels_last(first) + second)
}
