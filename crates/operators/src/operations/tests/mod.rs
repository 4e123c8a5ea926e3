//! Tests of each operation on the kernels against its composition of Burn's operations, and gradients written by hand against Burn's:
//! results and the gradients of all operands, in f32 and f64.

mod convolutions;
mod maps;
mod pooling;

use burn::tensor::{DType, Device, Tensor, TensorData};

use super::differentiable::{AnyRank, OperandGradients};
use crate::host::to_host;
use crate::test_support::noise;

/// Bounds on |difference| / (largest value). f32: sums of at most 300 products, or the Winograd transforms' 4e-6.
/// f64: the negative slope of the activation and the scale of dropout are f32, and so is their product in the kernels.
const BOUNDS: [(DType, f64); 2] = [(DType::F32, 2e-5), (DType::F64, 1e-7)];

/// The seed of the random gradient of a result.
const SIGNAL: u32 = 10;

/// Returns noise of a number type on a device that keeps graphs.
fn tensor<const D: usize>(seed: u32, shape: [usize; D], dtype: DType) -> Tensor<D> {
    let data = TensorData::new(noise(seed, shape.iter().product()), shape);
    Tensor::from_data(data, (&Device::flex().autodiff(), dtype))
}

/// Returns the result of `operation`, and the gradients of all its operands for a random gradient of the result. An operand of one axis,
/// such as a bias, is given as `[1, 1, 1, c]`.
fn results_and_gradients(
    operands: &[Tensor<4>],
    operation: impl FnOnce(Vec<Tensor<4>>) -> Tensor<4>,
) -> Vec<Vec<f64>> {
    let leaves: Vec<_> = operands.iter().map(|operand| operand.clone().detach().require_grad()).collect();
    let y = operation(leaves.clone());
    let signal = tensor(SIGNAL, y.dims(), y.dtype());
    let gradients = (y.clone() * signal).sum().backward();
    let of_operands = leaves.iter().map(|leaf| to_host(leaf.grad(&gradients).unwrap()));
    [to_host(y)].into_iter().chain(of_operands).collect()
}

/// Returns the random gradient of a result `y` without a graph.
fn signal(y: &Tensor<4>) -> Tensor<4> {
    tensor(SIGNAL, y.dims(), y.dtype()).inner()
}

/// Returns the elements of gradients written by hand, in the operands' order.
fn elements<const N: usize>(gradients: OperandGradients<N>) -> Vec<Vec<f64>> {
    let host = |gradient: AnyRank| to_host(Tensor::<1>::from_dispatch(gradient.0));
    gradients.into_iter().flatten().map(host).collect()
}

/// Returns the one axis of `[1, 1, 1, c]`.
fn vector(x: Tensor<4>) -> Tensor<1> {
    let [_, _, _, count] = x.dims();
    x.reshape([count])
}

fn assert_close(left: &[Vec<f64>], right: &[Vec<f64>], bound: f64, what: &str) {
    assert_eq!(left.len(), right.len(), "{what}");
    for (index, (left, right)) in left.iter().zip(right).enumerate() {
        assert_eq!(left.len(), right.len(), "{what}, tensor {index}");
        let scale = right.iter().fold(1e-30_f64, |scale, value| scale.max(value.abs()));
        for (left, right) in left.iter().zip(right) {
            assert!((left - right).abs() <= bound * scale, "{what}, tensor {index}: {left} and {right}");
        }
    }
}

#[test]
fn a_difference_of_one_in_a_thousand_is_caught() {
    let found = std::panic::catch_unwind(|| {
        assert_close(&[vec![1.0, 2.0]], &[vec![1.0, 2.002]], BOUNDS[0].1, "planted");
    });
    assert!(found.is_err());
}
