//! Transposed convolution: the adjoint of a convolution as an operator of its own, as decoders use it to enlarge maps.

mod geometry;

pub use geometry::ConvTransposeGeometry;

use rayon::prelude::*;

use crate::convolution::{ConvGradients, check_len, conv2d_backward, conv2d_forward};
use crate::engine::Engine;
use crate::epilogue::{Activation, Epilogue, PreparedEpilogue, Slopes};
use crate::geometry::ConvGeometry;
use crate::scalar::Scalar;
use crate::simd::{Kernel, Simd, dispatch};
use crate::unspecified::unspecified_vec;

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
    check_len("x", x.len(), geometry.batch * geometry.height_in * geometry.width_in * geometry.channels_in);
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
    let epilogue = epilogue.prepare();
    let ConvGradients { dx, dweight, dbias } = gradients;
    if let Some(dbias) = dbias {
        check_len("dbias", dbias.len(), geometry.channels_out);
        bias_gradient(engine, &epilogue, geometry.batch, [y, dy], dbias);
    }
    check_len("x", x.len(), adjoint.output_len().unwrap_or(0));
    check_len("weight", weight.len(), adjoint.weight_len());
    check_len("dweight", dweight.len(), weight.len());
    if let Some(dx) = &dx {
        check_len("dx", dx.len(), x.len());
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

fn valid_adjoint(geometry: &ConvTransposeGeometry) -> ConvGeometry {
    match geometry.adjoint() {
        Ok(adjoint) => adjoint,
        Err(error) => panic!("invalid transposed convolution {geometry:?}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dropout::Dropout;
    use crate::engine::Accuracy;
    use crate::geometry::{GeometryError, Padding};
    use crate::isa::Isa;
    use crate::philox::{philox4x32, unit_f32};

    const DOUBLING: ConvTransposeGeometry = ConvTransposeGeometry {
        batch: 1,
        height_in: 2,
        width_in: 2,
        channels_in: 1,
        channels_out: 1,
        kernel: [2, 2],
        stride: [2, 2],
        padding: Padding::NONE,
        output_padding: [0, 0],
        dilation: [1, 1],
        groups: 1,
    };

    #[test]
    fn two_by_two_taps_at_stride_two_paint_disjoint_squares() {
        let mut y = [0.0_f32; 16];
        let (x, w) = ([1.0, 2.0, 3.0, 4.0], [1.0, 10.0, 100.0, 1000.0]);
        conv_transpose2d_forward(
            &Engine::detect(),
            &DOUBLING,
            &x,
            &w,
            Some(&[0.5]),
            &Epilogue::IDENTITY,
            &mut y,
        );
        #[rustfmt::skip]
        let expected = [
            1.5, 10.5, 2.5, 20.5,
            100.5, 1000.5, 200.5, 2000.5,
            3.5, 30.5, 4.5, 40.5,
            300.5, 3000.5, 400.5, 4000.5,
        ];
        assert_eq!(y, expected);
    }

    #[test]
    fn sizes_follow_the_formula_and_wrong_ones_are_refused() {
        let geometry = ConvTransposeGeometry {
            kernel: [3, 3],
            padding: Padding::same(1),
            output_padding: [1, 0],
            ..DOUBLING
        };
        assert_eq!(geometry.adjoint().map(|adjoint| [adjoint.height_in, adjoint.width_in]), Ok([4, 3]));
        let reaching = ConvTransposeGeometry { output_padding: [2, 0], ..DOUBLING };
        let error = GeometryError::OutputPaddingReachesStride { axis: "height", padding: 2, stride: 2 };
        assert_eq!(reaching.adjoint(), Err(error));
        let nothing = ConvTransposeGeometry { padding: Padding::same(2), ..DOUBLING };
        assert_eq!(nothing.adjoint(), Err(GeometryError::NothingLeft { axis: "height", full: 4, cut: 4 }));
    }

    fn noise(len: usize, stream: u32) -> Vec<f64> {
        (0..len).map(|i| f64::from(unit_f32(philox4x32([stream, 1], [i as u32, 0, 0, 0])[0])) - 0.5).collect()
    }

    /// Output, then gradients of input, weight and bias.
    fn passes<T: Scalar>(
        geometry: &ConvTransposeGeometry,
        epilogue: &Epilogue,
        saved: Option<&[f64]>,
    ) -> [Vec<f64>; 4] {
        let adjoint = valid_adjoint(geometry);
        let inputs = geometry.batch * geometry.height_in * geometry.width_in * geometry.channels_in;
        let narrow = |values: Vec<f64>| values.into_iter().map(T::from_f64).collect::<Vec<T>>();
        let engine = Engine::detect();
        let (x, w) = (narrow(noise(inputs, 0)), narrow(noise(adjoint.weight_len(), 1)));
        let (bias, dy) = (narrow(noise(geometry.channels_out, 2)), narrow(noise(adjoint.input_len(), 3)));
        let mut y = vec![T::ZERO; adjoint.input_len()];
        conv_transpose2d_forward(&engine, geometry, &x, &w, Some(&bias), epilogue, &mut y);
        let saved = saved.map_or_else(|| y.clone(), |saved| narrow(saved.to_vec()));
        let (mut dx, mut dweight, mut dbias) =
            (vec![T::ZERO; x.len()], vec![T::ZERO; w.len()], vec![T::ZERO; bias.len()]);
        let gradients = ConvGradients { dx: Some(&mut dx), dweight: &mut dweight, dbias: Some(&mut dbias) };
        conv_transpose2d_backward(&engine, geometry, &x, &w, &saved, &dy, epilogue, gradients);
        [y, dx, dweight, dbias].map(|values| values.into_iter().map(T::to_f64).collect())
    }

    #[test]
    fn squares_are_painted_to_the_last_bit_as_the_adjoint_computes_them() {
        let epilogues = [
            Epilogue::IDENTITY,
            Epilogue::RELU,
            Epilogue { activation: Activation::LeakyRelu { slope: 0.3 }, dropout: None },
        ];
        let engines = Isa::available().into_iter().flat_map(|isa| {
            [Accuracy::Exact, Accuracy::F32, Accuracy::Bf16].map(|accuracy| Engine::new(isa, accuracy))
        });
        for engine in engines {
            for (kernel, [channels_in, channels_out]) in
                [([2, 2], [12, 8]), ([2, 3], [5, 16]), ([1, 2], [40, 24]), ([4, 4], [16, 8])]
            {
                let geometry = ConvTransposeGeometry {
                    batch: 3,
                    height_in: 5,
                    width_in: 7,
                    channels_in,
                    channels_out,
                    kernel,
                    stride: kernel,
                    ..DOUBLING
                };
                let adjoint = valid_adjoint(&geometry);
                let narrow = |len: usize, stream: u32| -> Vec<f32> {
                    noise(len, stream).into_iter().map(|value| value as f32).collect()
                };
                let x = narrow(3 * 5 * 7 * channels_in, 0);
                let (weight, bias) = (narrow(adjoint.weight_len(), 1), narrow(channels_out, 2));
                for (epilogue, bias) in epilogues.into_iter().zip([Some(&bias[..]), None, Some(&bias[..])]) {
                    let [mut painted, mut expected] = [0; 2].map(|_| vec![f32::NAN; adjoint.input_len()]);
                    assert!(crate::fast::paints_squares(&geometry, &epilogue));
                    conv_transpose2d_forward(&engine, &geometry, &x, &weight, bias, &epilogue, &mut painted);
                    let (x, weight, y) = (&x[..], &weight[..], &mut expected[..]);
                    by_adjoint(&engine, TransposedJob { geometry, adjoint, x, weight, bias, epilogue, y });
                    let differs = painted.iter().zip(&expected).position(|(a, b)| a.to_bits() != b.to_bits());
                    assert_eq!(differs, None, "{engine:?} {geometry:?} {epilogue:?}");
                }
            }
        }
    }

    #[test]
    fn the_gradients_are_derivatives_and_f32_agrees_with_f64() {
        let geometry = ConvTransposeGeometry {
            batch: 2,
            height_in: 4,
            width_in: 3,
            channels_in: 6,
            channels_out: 4,
            kernel: [3, 3],
            stride: [2, 1],
            padding: Padding { top: 1, bottom: 0, left: 1, right: 1 },
            output_padding: [1, 0],
            dilation: [1, 1],
            groups: 2,
        };
        let epilogue = Epilogue {
            activation: Activation::LeakyRelu { slope: 0.3 },
            dropout: Some(Dropout { rate: 0.25, key: 4 }),
        };
        let wide = passes::<f64>(&geometry, &epilogue, None);
        let narrow = passes::<f32>(&geometry, &epilogue, Some(&wide[0]));
        for (wide, narrow) in wide.iter().zip(&narrow) {
            for (wide, narrow) in wide.iter().zip(narrow) {
                // Sums of fewer than 100 products below 0.3: 30 roundings of 2^-24 are a generous bound.
                assert!((wide - narrow).abs() < 2e-6 * 3.0, "{wide} against {narrow}");
            }
        }
        // Euler: forward is linear in weight and bias between the kinks, so <dweight, w> + <dbias, b> = <dy, y>.
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let adjoint = valid_adjoint(&geometry);
        let (w, bias) = (noise(adjoint.weight_len(), 1), noise(geometry.channels_out, 2));
        let dy = noise(adjoint.input_len(), 3);
        let loss = dot(&dy, &wide[0]);
        assert!((dot(&wide[2], &w) + dot(&wide[3], &bias) - loss).abs() < 1e-10 * loss.abs().max(1.0));
        // The same in the input once the bias is taken away.
        let x = noise(2 * 4 * 3 * 6, 0);
        assert!((dot(&wide[1], &x) + dot(&wide[3], &bias) - loss).abs() < 1e-10 * loss.abs().max(1.0));
    }
}
