//! Inputs and assertions that the tests of this crate use.

use allconv_kernels::Engine;
use allconv_random::philox4x32;
use burn::tensor::{DType, Device, Tensor, TensorData};

use crate::downsample::{Reducer, Reduction};
use crate::host::to_host;
use crate::initialise::Initialisation;
use crate::operator::Settings;
use crate::parameter_source::ParameterSource;
use crate::pass::Pass;

/// Returns one image with one channel that holds 1, 2, 3, … in reading order.
pub(crate) fn grid(height: usize, width: usize) -> Tensor<4> {
    let values: Vec<f32> = (1..=height * width).map(|value| value as f32).collect();
    image(height, width, &values)
}

/// Returns one image with one channel.
pub(crate) fn image(height: usize, width: usize, values: &[f32]) -> Tensor<4> {
    Tensor::from_data(TensorData::new(values.to_vec(), [1, 1, height, width]), &Device::flex())
}

/// Returns the elements in row-major order.
pub(crate) fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    to_host(tensor)
}

/// Returns values in [−1, 1), all different in practice, the same for the same seed.
pub(crate) fn noise(seed: u32, count: usize) -> Vec<f64> {
    (0..count)
        .map(|index| f64::from(philox4x32([seed, 0], [index as u32, 0, 0, 0])[0]) / 2_147_483_648.0 - 1.0)
        .collect()
}

/// Returns an f64 tensor of noise.
pub(crate) fn noise_tensor<const D: usize>(seed: u32, shape: [usize; D], device: &Device) -> Tensor<D> {
    let data = TensorData::new(noise(seed, shape.iter().product()), shape);
    Tensor::from_data(data, (device, DType::F64))
}

/// Asserts that two computations agree on an f64 map of noise: their results, and the gradients of the input for the loss
/// `sum y²`.
pub(crate) fn assert_same(
    shape: [usize; 4],
    fast: impl Fn(Tensor<4>) -> Tensor<4>,
    slow: impl Fn(Tensor<4>) -> Tensor<4>,
) {
    let answers = |way: &dyn Fn(Tensor<4>) -> Tensor<4>| -> [Vec<f64>; 2] {
        let x = noise_tensor(4, shape, &Device::flex().autodiff()).require_grad();
        let y = way(x.clone());
        let gradients = (y.clone() * y.clone()).sum().backward();
        [to_host(y), to_host(x.grad(&gradients).unwrap())]
    };
    for (fast, slow) in answers(&fast).into_iter().zip(answers(&slow)) {
        assert_eq!(fast.len(), slow.len());
        for (index, (fast, slow)) in fast.iter().zip(&slow).enumerate() {
            assert!((fast - slow).abs() <= 1e-12 * slow.abs().max(1.0), "{index}: {fast} and {slow}");
        }
    }
}

/// Checks that every value is within `tolerance` of the expected one.
pub(crate) fn assert_near(found: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{found:?}, expected {expected:?}");
    let near =
        found.iter().zip(expected).all(|(found, expected)| (f64::from(*found) - expected).abs() <= tolerance);
    assert!(near, "{found:?}, expected {expected:?}");
}

/// Returns the source of parameters on this device, from seed 4.
pub(crate) fn source(device: &Device) -> ParameterSource<'_> {
    let initialisation = Initialisation::He;
    ParameterSource { initialisation, seed: 4, path: "features.0".to_owned(), device }
}

/// Returns the result of an operator for `x` in evaluation at its start, in row-major order.
pub(crate) fn evaluated<O: Reduction + Settings>(operator: &O, x: Tensor<4>) -> Vec<f32> {
    let ([_, channels, height, width], device) = (x.dims(), x.device());
    let layer = Reducer::from(operator.clone()).layer([channels, height, width], &source(&device));
    values(layer.forward(x, &Pass::evaluate(&Engine::detect())))
}
