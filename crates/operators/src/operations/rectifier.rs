//! The rectifier with a choice of backward passes: the gradient, the deconvnet's rule, or guided backpropagation.
//!
//! The last two depend on the sign of the signal that arrives, so no composition of differentiable operations has them
//! as its gradient.

use allconv_kernels::unspecified_vec;
use burn::tensor::Tensor;
use rayon::prelude::*;

use super::activation::composed_damping;
use super::differentiable::differentiable;
use super::layout::{Dense, from_channels_last};
use super::place::{Number, Place, placed};
use crate::signal_rules::ReluRule;

/// Elements that one task processes.
const CHUNK: usize = 1 << 14;

/// Computes `x` where positive, `slope · x` elsewhere; the backward pass follows `rule`.
///
/// # Example
///
/// ```
/// use allconv_operators::{ReluRule, operations::rectifier};
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
    let inner = x.clone().inner();
    let y = damped(inner.clone(), inner.clone(), slope);
    differentiable(y, [x.into()], move |signal, _| {
        let by_sign = |signal: Tensor<4>| damped(signal.clone(), signal, slope);
        let passed = match rule {
            ReluRule::Backpropagation => damped(signal, inner, slope),
            ReluRule::Deconvnet => by_sign(signal),
            ReluRule::Guided => damped(by_sign(signal), inner, slope),
        };
        [Some(passed.into())]
    })
}

/// Computes `values` where `sign_of` is positive, `slope` times them elsewhere.
fn damped(values: Tensor<4>, sign_of: Tensor<4>, slope: f64) -> Tensor<4> {
    placed!(
        Place::of(&values),
        T => damp::<T>(values, sign_of, slope),
        else composed_damping(values, sign_of, slope)
    )
}

fn damp<T: Number>(values: Tensor<4>, sign_of: Tensor<4>, slope: f64) -> Tensor<4> {
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

#[cfg(test)]
mod tests {
    use burn::tensor::{DType, Device, TensorData};

    use super::*;
    use crate::test_support::{noise_tensor, values};

    const F: [f64; 9] = [1., -1., 5., 2., -5., -7., -3., 2., 4.];
    const SIGNAL: [f64; 9] = [-2., 3., -1., 6., -3., 1., 2., -1., 3.];

    /// Computes the signal passed back for `signal` at the output.
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
