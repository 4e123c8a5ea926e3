//! The context of one forward pass: the engine, in training a stream of random numbers, and the rules of the backward pass.

use allconv_kernels::Engine;
use allconv_random::Stream;
use burn::tensor::{Tensor, TensorData};

use crate::signal_rules::SignalRules;

/// One forward pass through an operator.
#[derive(Clone, Copy, Debug)]
pub struct Pass<'a> {
    /// The kernels' engine.
    pub engine: &'a Engine,
    /// The randomness of a training step; `None` in evaluation, where nothing is drawn.
    pub draws: Option<Draws>,
    /// The rules of the backward pass.
    pub rules: SignalRules,
}

impl<'a> Pass<'a> {
    /// Creates a pass in evaluation.
    pub fn evaluate(engine: &'a Engine) -> Self {
        Self { engine, draws: None, rules: SignalRules::GRADIENT }
    }
}

/// A counter-based stream of random numbers: a function of its key alone, computed on the host and so the same on every device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draws {
    /// Names the stream.
    pub key: u64,
}

impl Draws {
    /// Opens the stream at its start.
    pub(crate) const fn stream(&self) -> Stream {
        Stream::of_key(self.key)
    }

    /// Returns `count` values in [0, 1), from the start of the stream.
    pub fn uniform(&self, count: usize) -> Vec<f32> {
        let mut stream = self.stream();
        (0..count).map(|_| stream.unit()).collect()
    }

    /// Returns values in [0, 1) on the device and in the number type of `like`.
    pub(crate) fn uniform_tensor<const D: usize>(&self, shape: [usize; D], like: &Tensor<4>) -> Tensor<D> {
        let values = self.uniform(shape.iter().product());
        Tensor::from_data(TensorData::new(values, shape), (&like.device(), like.dtype()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawn_values_never_change() {
        let draws = Draws { key: 0x0123_4567_89ab_cdef };
        let bytes = draws.uniform(64).into_iter().flat_map(|value| u64::from(value.to_bits()).to_le_bytes());
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        assert_eq!(hash, 0x2505_8a19_00ec_a9e8);
        assert_eq!(draws.uniform(5)[..], draws.uniform(64)[..5]);
    }
}
