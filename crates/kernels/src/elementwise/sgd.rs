//! Stochastic gradient descent with momentum, one pass over memory.

use rayon::prelude::*;

use crate::cpu::{Kernel, Simd, dispatch};
use crate::engine::Engine;

/// Elements that one task updates: three arrays of it fit a 1 MiB cache.
const CHUNK: usize = 1 << 15;

/// Hyperparameters of one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SgdStep {
    /// Step size, η.
    pub learning_rate: f32,
    /// Fraction of the velocity that is kept, μ, in `[0, 1)`.
    pub momentum: f32,
    /// Coefficient of the L2 penalty λ/2·‖w‖², added to the gradient.
    pub weight_decay: f32,
    /// Whether the gradient is taken at the point that the velocity leads to.
    pub nesterov: bool,
}

/// Makes one step in the form of PyTorch and Caffe, dampening 0.
///
/// `g = gradient + λ w; v = μ v + g; w = w - η (nesterov ? g + μ v : v)`. The velocity starts at zero.
///
/// # Panics
/// When the three lengths differ.
///
/// Source: Sutskever et al., "On the importance of initialization and momentum in deep learning", ICML 2013.
pub fn sgd_momentum_step(
    engine: &Engine,
    weights: &mut [f32],
    gradient: &[f32],
    velocity: &mut [f32],
    step: SgdStep,
) {
    assert_eq!(weights.len(), gradient.len(), "sgd: weights and gradient differ in length");
    assert_eq!(weights.len(), velocity.len(), "sgd: weights and velocity differ in length");
    let pieces =
        weights.par_chunks_mut(CHUNK).zip(velocity.par_chunks_mut(CHUNK)).zip(gradient.par_chunks(CHUNK));
    pieces.for_each(|((weights, velocity), gradient)| {
        dispatch(engine.isa(), Update { step, weights, velocity, gradient });
    });
}

/// One piece of the arrays.
struct Update<'a> {
    step: SgdStep,
    weights: &'a mut [f32],
    velocity: &'a mut [f32],
    gradient: &'a [f32],
}

impl Kernel for Update<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let SgdStep { learning_rate, momentum, weight_decay, nesterov } = self.step;
        for ((weight, velocity), gradient) in self.weights.iter_mut().zip(self.velocity).zip(self.gradient) {
            let gradient = gradient + weight_decay * *weight;
            *velocity = momentum * *velocity + gradient;
            let direction = if nesterov { gradient + momentum * *velocity } else { *velocity };
            *weight -= learning_rate * direction;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_steps_by_hand() {
        let step = SgdStep { learning_rate: 0.5, momentum: 0.5, weight_decay: 0.25, nesterov: false };
        let (mut weights, mut velocity) = ([4.0], [0.0]);
        sgd_momentum_step(&Engine::detect(), &mut weights, &[1.0], &mut velocity, step);
        assert_eq!((weights, velocity), ([3.0], [2.0])); // g = 1 + 1 = 2, v = 2, w = 4 - 1
        sgd_momentum_step(&Engine::detect(), &mut weights, &[0.25], &mut velocity, step);
        assert_eq!((weights, velocity), ([2.0], [2.0])); // g = 0.25 + 0.75 = 1, v = 1 + 1, w = 3 - 1
    }

    #[test]
    fn nesterov_looks_ahead_by_one_velocity() {
        let step = SgdStep { learning_rate: 1.0, momentum: 0.5, weight_decay: 0.0, nesterov: true };
        let (mut weights, mut velocity) = ([0.0], [2.0]);
        sgd_momentum_step(&Engine::detect(), &mut weights, &[1.0], &mut velocity, step);
        assert_eq!((weights, velocity), ([-2.0], [2.0])); // v = 1 + 1 = 2, direction = 1 + 1
    }
}
