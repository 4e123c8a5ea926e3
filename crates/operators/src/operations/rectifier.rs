//! The rectifier whose way back is a choice: the gradient, the deconvnet's rule, or guided backpropagation.
//!
//! The last two depend on the sign of the signal that arrives, so no composition of differentiable operations has them
//! as its gradient.

use allconv_kernels::{Scalar, unspecified_vec};
use burn::backend::{Autodiff, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use burn_autodiff::checkpoint::base::Checkpointer;
use burn_autodiff::checkpoint::strategy::CheckpointStrategy;
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};
use burn_backend::tensor::FloatTensor;
use burn_backend::{Backend, DType, Element};
use burn_flex::FlexTensor;
use bytemuck::Pod;
use rayon::prelude::*;

use super::composed;
use super::nhwc::{Dense, from_channels_last};
use crate::signal_rules::ReluRule;

/// Elements that one task damps.
const CHUNK: usize = 1 << 14;

/// `x` where positive, `slope · x` elsewhere; on the way back what `rule` says.
///
/// # Example
///
/// ```
/// use allconv_nets::{ReluRule, ops::rectifier};
/// use burn::tensor::{Device, Tensor};
///
/// let device = Device::flex().autodiff();
/// let x = Tensor::<4>::from_data([[[[1.0, -1.0, 5.0]]]], &device).require_grad();
/// let signal = Tensor::<4>::from_data([[[[-2.0, 3.0, 4.0]]]], &device);
/// let gradients = (rectifier(x.clone(), 0.0, ReluRule::Guided) * signal).sum().backward();
/// let passed: Vec<f32> = x.grad(&gradients).unwrap().into_data().try_into_vec().unwrap();
/// assert_eq!(passed, [0.0, 0.0, 4.0]);
/// ```
pub fn rectifier(x: Tensor<4>, slope: f64, rule: ReluRule) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as RectifierOps>::rectified(x.into_dispatch(), slope, rule))
}

/// The rectifier as an operation of a backend.
#[backend_extension(Flex, Cube: cfg(feature = "gpu"), Autodiff)]
pub trait RectifierOps: Backend {
    /// See [`rectifier`].
    fn rectified(x: FloatTensor<Self>, slope: f64, rule: ReluRule) -> FloatTensor<Self> {
        let _ = rule;
        Self::damped(x.clone(), x, slope)
    }

    /// `values` where `sign_of` is positive, `slope` times them elsewhere.
    fn damped(values: FloatTensor<Self>, sign_of: FloatTensor<Self>, slope: f64) -> FloatTensor<Self> {
        composed::damped::<Self>(values, sign_of, slope)
    }
}

impl RectifierOps for Flex {
    fn damped(values: FlexTensor, sign_of: FlexTensor, slope: f64) -> FlexTensor {
        match values.dtype() {
            DType::F32 => damp::<f32>(values, sign_of, slope),
            DType::F64 => damp::<f64>(values, sign_of, slope),
            _ => composed::damped::<Self>(values, sign_of, slope),
        }
    }
}

fn damp<T: Scalar + Element + Pod>(values: FlexTensor, sign_of: FlexTensor, slope: f64) -> FlexTensor {
    let (values, sign_of) = (Dense::channels_last(values), Dense::channels_last(sign_of));
    let slope = T::from_f64(slope);
    let mut y = unspecified_vec::<T>(values.slice::<T>().len());
    y.par_chunks_mut(CHUNK)
        .zip(values.slice::<T>().par_chunks(CHUNK))
        .zip(sign_of.slice::<T>().par_chunks(CHUNK))
        .for_each(|((y, values), sign_of)| {
            let values = values.iter().zip(sign_of);
            if slope == T::ZERO {
                // Not a product, which would keep the sign of a value, and NaN of an infinite one.
                y.iter_mut().zip(values).for_each(|(y, (value, sign_of))| {
                    *y = if *sign_of <= T::ZERO { T::ZERO } else { *value };
                });
            } else {
                y.iter_mut().zip(values).for_each(|(y, (value, sign_of))| {
                    *y = if *sign_of <= T::ZERO { *value * slope } else { *value };
                });
            }
        });
    from_channels_last(y, values.sizes())
}

#[cfg(feature = "gpu")]
impl RectifierOps for burn_cubecl::CubeBackend {}

/// The way back through the rectifier.
#[derive(Debug)]
struct RectifierBackward;

impl<B: RectifierOps> Backward<B, 1> for RectifierBackward {
    type State = (FloatTensor<B>, f64, ReluRule);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let [node] = ops.parents;
        let signal = gradients.consume::<B>(&ops.node);
        let (x, slope, rule) = ops.state;
        let Some(node) = node else { return };
        let by_sign = |signal: FloatTensor<B>| B::damped(signal.clone(), signal, slope);
        let passed = match rule {
            ReluRule::Backpropagation => B::damped(signal, x, slope),
            ReluRule::Deconvnet => by_sign(signal),
            ReluRule::Guided => B::damped(by_sign(signal), x, slope),
        };
        gradients.register::<B>(node.id, passed);
    }
}

impl<B: RectifierOps, C: CheckpointStrategy> RectifierOps for Autodiff<B, C> {
    fn rectified(x: FloatTensor<Self>, slope: f64, rule: ReluRule) -> FloatTensor<Self> {
        let node = x.node();
        let x = x.into_primitive();
        match RectifierBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => {
                let y = B::rectified(x.clone(), slope, rule);
                preparation.finish((x, slope, rule), y)
            }
            OpsKind::UnTracked(preparation) => preparation.finish(B::rectified(x, slope, rule)),
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;
    use crate::tests::{noise_tensor, values};

    const F: [f64; 9] = [1., -1., 5., 2., -5., -7., -3., 2., 4.];
    const SIGNAL: [f64; 9] = [-2., 3., -1., 6., -3., 1., 2., -1., 3.];

    /// What arrives below for `signal` from above.
    fn passed(x: [f64; 9], signal: [f64; 9], slope: f64, rule: ReluRule) -> Vec<f32> {
        let device = Device::flex().autodiff();
        let tensor = |values: [f64; 9]| {
            Tensor::<4>::from_data(TensorData::new(values.to_vec(), [1, 1, 3, 3]), (&device, DType::F64))
        };
        let x = tensor(x).require_grad();
        let gradients = (rectifier(x.clone(), slope, rule) * tensor(signal)).sum().backward();
        values(x.grad(&gradients).unwrap())
    }

    #[test]
    fn the_worked_vector_of_figure_1() {
        let rule = |rule| passed(F, SIGNAL, 0.0, rule);
        assert_eq!(rule(ReluRule::Backpropagation), [-2., 0., -1., 6., 0., 0., 0., -1., 3.]);
        assert_eq!(rule(ReluRule::Deconvnet), [0., 3., 0., 6., 0., 1., 2., 0., 3.]);
        assert_eq!(rule(ReluRule::Guided), [0., 0., 0., 6., 0., 0., 0., 0., 3.]);
    }

    #[test]
    fn a_leaky_unit_damps_what_a_relu_would_stop() {
        let rule = |rule| passed(F, SIGNAL, 0.5, rule);
        assert_eq!(rule(ReluRule::Backpropagation), [-2., 1.5, -1., 6., -1.5, 0.5, 1., -1., 3.]);
        assert_eq!(rule(ReluRule::Deconvnet), [-1., 3., -0.5, 6., -1.5, 1., 2., -0.5, 3.]);
        assert_eq!(rule(ReluRule::Guided), [-1., 1.5, -0.5, 6., -0.75, 0.5, 1., -0.5, 3.]);
        for rule in [ReluRule::Backpropagation, ReluRule::Deconvnet, ReluRule::Guided] {
            assert_eq!(passed(F, SIGNAL, 1.0, rule), SIGNAL.map(|value| value as f32), "{rule:?}");
        }
    }

    #[test]
    fn zero_is_off_on_both_sides() {
        let (f, signal) = ([0.; 9], [1.; 9]);
        assert_eq!(passed(f, signal, 0.0, ReluRule::Backpropagation), [0.; 9]);
        assert_eq!(passed(f, signal, 0.0, ReluRule::Deconvnet), [1.; 9]);
        assert_eq!(passed(signal, f, 0.0, ReluRule::Deconvnet), [0.; 9]);
    }

    #[test]
    fn forward_and_gradient_are_those_of_burn_s_own() {
        let device = Device::flex().autodiff();
        for slope in [0.0, 0.3] {
            let x = noise_tensor(1, [2, 3, 4, 5], &device).require_grad();
            let mix = noise_tensor(2, [2, 3, 4, 5], &device);
            let ours = rectifier(x.clone(), slope, ReluRule::Backpropagation);
            let burn = burn::tensor::activation::leaky_relu(x.clone(), slope);
            assert_eq!(values(ours.clone()), values(burn.clone()));
            let gradient = |y: Tensor<4>| values(x.grad(&(y * mix.clone()).sum().backward()).unwrap());
            assert_eq!(gradient(ours), gradient(burn));
        }
    }
}
