//! Transposed convolution: the adjoint of a convolution as an operator of its own, as decoders use it to enlarge maps.

mod geometry;
#[cfg(test)]
mod tests;

pub use geometry::ConvTransposeGeometry;

use rayon::prelude::*;

use crate::convolution::ConvGeometry;
use crate::convolution::prepared::{ConvGradients, conv2d_backward, conv2d_forward};
use crate::cpu::{Kernel, Simd, dispatch};
use crate::elementwise::{Activation, Epilogue, PreparedEpilogue, Slopes};
use crate::engine::Engine;
use crate::memory::check_len;
use crate::memory::unspecified_vec;
use crate::numbers::Scalar;

/// Transposed convolution with bias, activation and dropout.
///
/// `z[n, i*stride + u*dilation - top, j*stride + v*dilation - left, o] += w[c,o,u,v] * x[n,i,j,c]`, `y = epilogue(z + bias)`.
/// Shapes: `x` `[N, H_in, W_in, C_in]`, `weight` `[C_in, C_out/groups, KH, KW]`, `bias` `[C_out]`, `y` `[N, H_out, W_out, C_out]`.
///
/// # Panics
/// When the geometry is invalid (check it with [`ConvTransposeGeometry::adjoint`]) or a slice has the wrong length.
pub fn conv_transpose2d_forward<T: Scalar>(
    engine: &Engine,
    geometry: &ConvTransposeGeometry,
    x: &[T],
    weight: &[T],
    bias: Option<&[T]>,
    epilogue: &Epilogue,
    y: &mut [T],
) {
    let adjoint = valid_adjoint(geometry);
    let channels = geometry.channels_out;
    check_len("x", x.len(), input_len(geometry));
    check_len("weight", weight.len(), adjoint.weight_len());
    check_len("y", y.len(), adjoint.input_len());
    if let Some(bias) = bias {
        check_len("bias", bias.len(), channels);
    }
    let (geometry, epilogue) = (*geometry, *epilogue);
    T::transposed(engine, TransposedJob { geometry, adjoint, x, weight, bias, epilogue, y });
}

/// Operands of the forward pass, their lengths checked.
pub struct TransposedJob<'a, T> {
    pub(crate) geometry: ConvTransposeGeometry,
    pub(crate) adjoint: ConvGeometry,
    pub(crate) x: &'a [T],
    pub(crate) weight: &'a [T],
    pub(crate) bias: Option<&'a [T]>,
    pub(crate) epilogue: Epilogue,
    pub(crate) y: &'a mut [T],
}

/// The input's gradient of the adjoint convolution, then bias and epilogue.
pub(crate) fn by_adjoint<T: Scalar>(engine: &Engine, job: TransposedJob<'_, T>) {
    let TransposedJob { geometry: _, adjoint, x, weight, bias, epilogue, y } = job;
    T::input_gradient(engine, &adjoint, weight, x, y);
    let (epilogue, channels) = (epilogue.prepare(), adjoint.channels_in);
    let row = adjoint.width_in * channels;
    let zeros = vec![T::ZERO; if bias.is_some() { 0 } else { channels }];
    let bias = bias.unwrap_or(&zeros);
    y.par_chunks_mut(row).enumerate().for_each(|(index, y)| {
        dispatch(engine.isa(), Finish { epilogue, bias, first: index * row, y });
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
            // Not a number stays what it is.
            (Activation::Relu, None) => self.each(|z, _| if z <= T::ZERO { T::ZERO } else { z }),
            (Activation::LeakyRelu { .. }, None) => {
                self.each(|z, _| if z > T::ZERO { z } else { negative * z });
            }
        }
    }
}

/// Gradients of [`conv_transpose2d_forward`]; arguments as in [`conv2d_backward`].
///
/// # Panics
/// As [`conv_transpose2d_forward`].
#[expect(
    clippy::too_many_arguments,
    reason = "the operands of the operator; a struct would only rename them"
)]
pub fn conv_transpose2d_backward<T: Scalar>(
    engine: &Engine,
    geometry: &ConvTransposeGeometry,
    x: &[T],
    weight: &[T],
    y: &[T],
    dy: &[T],
    epilogue: &Epilogue,
    gradients: ConvGradients<'_, T>,
) {
    let adjoint = valid_adjoint(geometry);
    check_len("y", y.len(), adjoint.input_len());
    check_len("dy", dy.len(), adjoint.input_len());
    let ConvGradients { dx, dweight, dbias } = gradients;
    check_len("x", x.len(), input_len(geometry));
    check_len("weight", weight.len(), adjoint.weight_len());
    check_len("dweight", dweight.len(), weight.len());
    if let Some(dx) = &dx {
        check_len("dx", dx.len(), x.len());
    }
    let epilogue = epilogue.prepare();
    if let Some(dbias) = dbias {
        check_len("dbias", dbias.len(), geometry.channels_out);
        bias_gradient(engine, &epilogue, geometry.batch, [y, dy], dbias);
    }
    T::transposed_backward(
        engine,
        TransposedBackwardJob { adjoint, x, weight, y, dy, epilogue, dx, dweight },
    );
}

/// Operands of the backward pass, their lengths checked.
pub struct TransposedBackwardJob<'a, T> {
    pub(crate) adjoint: ConvGeometry,
    pub(crate) x: &'a [T],
    pub(crate) weight: &'a [T],
    pub(crate) y: &'a [T],
    pub(crate) dy: &'a [T],
    pub(crate) epilogue: PreparedEpilogue,
    pub(crate) dx: Option<&'a mut [T]>,
    pub(crate) dweight: &'a mut [T],
}

/// The gradient before the epilogue, then the passes of the adjoint convolution over it.
pub(crate) fn backward_by_passes<T: Scalar>(engine: &Engine, job: TransposedBackwardJob<'_, T>) {
    let TransposedBackwardJob { adjoint, x, weight, y, dy, epilogue, dx, dweight } = job;
    let mut dz = unspecified_vec(dy.len());
    let row = adjoint.width_in * adjoint.channels_in;
    let rows = dz.par_chunks_mut(row).zip(y.par_chunks(row)).zip(dy.par_chunks(row)).enumerate();
    rows.for_each(|(index, ((dz, y), dy))| {
        dispatch(engine.isa(), Slopes { epilogue, first: index * row, y, dy, dz });
    });
    if let Some(dx) = dx {
        conv2d_forward(engine, &adjoint, &dz, weight, None, &Epilogue::IDENTITY, dx);
    }
    // Seen from the convolution, `dz` is the input and `x` the gradient of the output.
    let gradients = ConvGradients { dx: None, dweight, dbias: None };
    conv2d_backward(engine, &adjoint, &dz, weight, x, x, &Epilogue::IDENTITY, gradients);
}

/// Channels whose pixels one task adds up.
const CHANNELS_TOGETHER: usize = 32;

/// The bias gradient: the sums over the pixels of the gradient before the epilogue, image by image, pixel by pixel, then the images,
/// whatever the number of threads.
fn bias_gradient<T: Scalar>(
    engine: &Engine,
    epilogue: &PreparedEpilogue,
    batch: usize,
    [y, dy]: [&[T]; 2],
    sums: &mut [T],
) {
    let (channels, image_len) = (sums.len(), y.len() / batch);
    let mut by_image = vec![T::ZERO; batch * channels];
    let maps = y.chunks_exact(image_len).zip(dy.chunks_exact(image_len)).enumerate();
    let images = by_image.chunks_exact_mut(channels).zip(maps);
    let runs: Vec<AddSlopes<'_, T>> = images
        .flat_map(|(sums, (image, (y, dy)))| {
            sums.chunks_mut(CHANNELS_TOGETHER).enumerate().map(move |(run, sums)| {
                let (epilogue, first_channel) = (*epilogue, run * CHANNELS_TOGETHER);
                AddSlopes { epilogue, channels, first_channel, first: image * image_len, y, dy, sums }
            })
        })
        .collect();
    runs.into_par_iter().with_max_len(1).for_each(|run| dispatch(engine.isa(), run));
    sums.fill(T::ZERO);
    for image in by_image.chunks_exact(channels) {
        sums.iter_mut().zip(image).for_each(|(total, &sum)| *total += sum);
    }
}

/// The sums of some channels of a map whose first element has this index.
struct AddSlopes<'a, T> {
    epilogue: PreparedEpilogue,
    channels: usize,
    first_channel: usize,
    first: usize,
    y: &'a [T],
    dy: &'a [T],
    sums: &'a mut [T],
}

impl<T: Scalar> Kernel for AddSlopes<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let Self { epilogue, channels, first_channel, first, y, dy, sums } = self;
        let pixels = y.chunks_exact(channels).zip(dy.chunks_exact(channels));
        if epilogue.mask.is_some() {
            for (pixel, (y, dy)) in pixels.enumerate() {
                let element = first + pixel * channels + first_channel;
                let values = y[first_channel..].iter().zip(&dy[first_channel..]).enumerate();
                for (sum, (channel, (y, dy))) in sums.iter_mut().zip(values) {
                    *sum += *dy * epilogue.slope(*y, element + channel);
                }
            }
        } else {
            let negative = T::from_f64(f64::from(epilogue.negative));
            for (y, dy) in pixels {
                let values = y[first_channel..].iter().zip(&dy[first_channel..]);
                for (sum, (y, dy)) in sums.iter_mut().zip(values) {
                    *sum += *dy * if *y > T::ZERO { T::ONE } else { negative };
                }
            }
        }
    }
}

const fn input_len(geometry: &ConvTransposeGeometry) -> usize {
    geometry.batch * geometry.height_in * geometry.width_in * geometry.channels_in
}

fn valid_adjoint(geometry: &ConvTransposeGeometry) -> ConvGeometry {
    match geometry.adjoint() {
        Ok(adjoint) => adjoint,
        Err(error) => panic!("invalid transposed convolution {geometry:?}: {error}"),
    }
}
