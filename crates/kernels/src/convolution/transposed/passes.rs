//! A transposed convolution by the passes of the convolution whose adjoint it is.

use rayon::prelude::*;

use crate::convolution::operands::{ConvBackward, ConvForward};
use crate::convolution::plan::Convolution;
use crate::cpu::{Kernel, Simd, dispatch};
use crate::elementwise::{Activation, Gradients, PreparedEpilogue};
use crate::memory::unspecified_vec;
use crate::numbers::Scalar;

/// Computes the forward pass: `input_gradient(x, y)` of the adjoint convolution, then bias and epilogue.
pub(in crate::convolution) fn forward_by_adjoint<T: Scalar>(
    adjoint: &Convolution,
    operands: ConvForward<'_, T>,
    input_gradient: impl FnOnce(&[T], &mut [T]),
) {
    let ConvForward { x, bias, epilogue, y } = operands;
    input_gradient(x, y);
    let (epilogue, channels) = (epilogue.prepare(), adjoint.geometry().channels_in);
    let row = adjoint.geometry().width_in * channels;
    let zeros = vec![T::ZERO; if bias.is_some() { 0 } else { channels }];
    let bias = bias.unwrap_or(&zeros);
    y.par_chunks_mut(row).enumerate().for_each(|(index, y)| {
        dispatch(adjoint.engine().isa(), Finish { epilogue, bias, first: index * row, y });
    });
}

/// Bias and epilogue of a run of pixels whose first element has this index.
struct Finish<'a, T> {
    epilogue: PreparedEpilogue,
    bias: &'a [T],
    first: usize,
    y: &'a mut [T],
}

impl<T: Scalar> Finish<'_, T> {
    #[inline(always)]
    fn each(self, finish: impl Fn(T, usize) -> T) {
        let channels = self.bias.len();
        for (pixel, y) in self.y.chunks_exact_mut(channels).enumerate() {
            for (channel, (y, bias)) in y.iter_mut().zip(self.bias).enumerate() {
                *y = finish(*y + *bias, self.first + pixel * channels + channel);
            }
        }
    }
}

impl<T: Scalar> Kernel for Finish<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let epilogue = self.epilogue;
        let negative = T::from_f64(f64::from(epilogue.negative));
        match (epilogue.activation, epilogue.mask) {
            (_, Some(_)) => self.each(|z, element| epilogue.forward(z, element)),
            (Activation::Identity, None) => self.each(|z, _| z),
            // NaN stays NaN.
            (Activation::Relu, None) => self.each(|z, _| if z <= T::ZERO { T::ZERO } else { z }),
            (Activation::LeakyRelu { .. }, None) => {
                self.each(|z, _| if z > T::ZERO { z } else { negative * z });
            }
        }
    }
}

/// Computes the gradients of input and weight: the gradient `dz` before the epilogue, then `forward(dz, dx)` and
/// `weight_gradient(dz, x, dweight)` of the adjoint convolution, whose input is `dz` and the gradient of whose output is `x`.
pub(in crate::convolution) fn backward_by_passes<T: Scalar>(
    adjoint: &Convolution,
    operands: ConvBackward<'_, T>,
    forward: impl FnOnce(&[T], &mut [T]),
    weight_gradient: impl FnOnce(&[T], &[T], &mut [T]),
) {
    let ConvBackward { x, y, dy, epilogue, dx, dweight, dbias: _ } = operands;
    let epilogue = epilogue.prepare();
    let mut dz = unspecified_vec(dy.len());
    let row = adjoint.geometry().width_in * adjoint.geometry().channels_in;
    let rows = dz.par_chunks_mut(row).zip(y.par_chunks(row)).zip(dy.par_chunks(row)).enumerate();
    rows.for_each(|(index, ((dz, y), dy))| {
        dispatch(adjoint.engine().isa(), Gradients { epilogue, first: index * row, y, dy, dz });
    });
    if let Some(dx) = dx {
        forward(&dz, dx);
    }
    weight_gradient(&dz, x, dweight);
}
