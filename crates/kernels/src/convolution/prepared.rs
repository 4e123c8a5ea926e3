//! The public convolution functions: shapes checked here, then the fast path (f32) or the definition (f64).

use std::any::Any;
use std::sync::Arc;

use super::geometry::ConvGeometry;
use super::grouped as fast;
use super::reference as naive;
use super::transposed::{self, TransposedBackwardJob, TransposedJob};
use crate::elementwise::Epilogue;
use crate::engine::Engine;
use crate::memory::check_len;
use crate::numbers::Scalar;

/// Where the gradients of a convolution go. Every slice is overwritten, not added to.
pub struct ConvGradients<'a, T> {
    /// Gradient of the input, `[N, H_in, W_in, C_in]`; `None` where nobody needs it (a first layer).
    pub dx: Option<&'a mut [T]>,
    /// Gradient of the weight, `[C_out, C_in/groups, KH, KW]`.
    pub dweight: &'a mut [T],
    /// Gradient of the bias, `[C_out]`.
    pub dbias: Option<&'a mut [T]>,
}

/// Operands of the forward pass, their lengths checked.
pub struct ForwardJob<'a, T> {
    pub(crate) geometry: ConvGeometry,
    pub(crate) x: &'a [T],
    pub(crate) weight: &'a [T],
    pub(crate) bias: Option<&'a [T]>,
    pub(crate) epilogue: Epilogue,
    pub(crate) y: &'a mut [T],
}

/// Operands of the backward pass, their lengths checked.
pub struct BackwardJob<'a, T> {
    pub(crate) geometry: ConvGeometry,
    pub(crate) x: &'a [T],
    pub(crate) weight: &'a [T],
    pub(crate) y: &'a [T],
    pub(crate) dy: &'a [T],
    pub(crate) epilogue: Epilogue,
    pub(crate) gradients: ConvGradients<'a, T>,
}

/// How an element type computes a convolution. Sealed by its private operands; see [`Scalar`].
pub trait Convolve: Sized {
    /// Runs the forward pass.
    fn forward(engine: &Engine, job: ForwardJob<'_, Self>);
    /// Runs the backward pass.
    fn backward(engine: &Engine, job: BackwardJob<'_, Self>);
    /// Runs the input's gradient alone, without epilogue, on operands of checked lengths.
    fn input_gradient(
        engine: &Engine,
        geometry: &ConvGeometry,
        weight: &[Self],
        dz: &[Self],
        dx: &mut [Self],
    );
    /// Runs the forward pass of a transposed convolution.
    fn transposed(engine: &Engine, job: TransposedJob<'_, Self>);
    /// Runs the backward pass of a transposed convolution, but for the bias.
    fn transposed_backward(engine: &Engine, job: TransposedBackwardJob<'_, Self>);
}

impl Convolve for f32 {
    fn forward(engine: &Engine, job: ForwardJob<'_, Self>) {
        fast::forward(engine, job);
    }

    fn backward(engine: &Engine, job: BackwardJob<'_, Self>) {
        fast::backward(engine, job);
    }

    fn input_gradient(
        engine: &Engine,
        geometry: &ConvGeometry,
        weight: &[Self],
        dz: &[Self],
        dx: &mut [Self],
    ) {
        fast::input_gradient(engine, geometry, weight, dz, dx);
    }

    fn transposed(engine: &Engine, job: TransposedJob<'_, Self>) {
        if fast::paints_squares(&job.geometry, &job.epilogue) {
            fast::paint_squares(engine, job);
        } else {
            transposed::by_adjoint(engine, job);
        }
    }

    fn transposed_backward(engine: &Engine, job: TransposedBackwardJob<'_, Self>) {
        fast::transposed_backward(engine, job);
    }
}

impl Convolve for f64 {
    fn forward(_engine: &Engine, job: ForwardJob<'_, Self>) {
        naive_forward(job);
    }

    fn backward(_engine: &Engine, job: BackwardJob<'_, Self>) {
        naive_backward(job);
    }

    fn input_gradient(
        _engine: &Engine,
        geometry: &ConvGeometry,
        weight: &[Self],
        dz: &[Self],
        dx: &mut [Self],
    ) {
        naive::input_gradient(geometry, weight, dz, dx);
    }

    fn transposed(engine: &Engine, job: TransposedJob<'_, Self>) {
        transposed::by_adjoint(engine, job);
    }

    fn transposed_backward(engine: &Engine, job: TransposedBackwardJob<'_, Self>) {
        transposed::backward_by_passes(engine, job);
    }
}

/// Convolution with bias, activation and dropout: `y = epilogue(x * weight + bias)`.
///
/// Shapes: `x` `[N, H_in, W_in, C_in]`, `weight` `[C_out, C_in/groups, KH, KW]`, `bias` `[C_out]`, `y`
/// `[N, H_out, W_out, C_out]`, all contiguous; the formula stands at [`ConvGeometry`].
///
/// # Panics
/// When the geometry is invalid (check it with [`ConvGeometry::validate`]) or a slice has the wrong length.
pub fn conv2d_forward<T: Scalar>(
    engine: &Engine,
    geometry: &ConvGeometry,
    x: &[T],
    weight: &[T],
    bias: Option<&[T]>,
    epilogue: &Epilogue,
    y: &mut [T],
) {
    check_forward(geometry, x, weight, bias, y);
    T::forward(engine, ForwardJob { geometry: *geometry, x, weight, bias, epilogue: *epilogue, y });
}

/// Panics when the geometry is invalid or a slice of a forward pass has the wrong length.
fn check_forward<T>(geometry: &ConvGeometry, x: &[T], weight: &[T], bias: Option<&[T]>, y: &[T]) {
    let output = output_len(geometry);
    check_len("x", x.len(), geometry.input_len());
    check_len("weight", weight.len(), geometry.weight_len());
    check_len("y", y.len(), output);
    if let Some(bias) = bias {
        check_len("bias", bias.len(), geometry.channels_out);
    }
}

/// [`conv2d_forward`] of f32 with weights that belong to `owner`: an engine that [keeps](Engine::keeping) prepared weights takes
/// them up again as long as `owner` is the same.
///
/// `owner` is what keeps the values of `weight` in memory and unchanged as long as it is shared, see [`WeightCache`](crate::WeightCache).
///
/// # Panics
/// As [`conv2d_forward`].
#[expect(
    clippy::too_many_arguments,
    reason = "the operands of the operator; a struct would only rename them"
)]
pub fn conv2d_forward_owned(
    engine: &Engine,
    geometry: &ConvGeometry,
    x: &[f32],
    weight: &[f32],
    owner: &Arc<dyn Any + Send + Sync>,
    bias: Option<&[f32]>,
    epilogue: &Epilogue,
    y: &mut [f32],
) {
    check_forward(geometry, x, weight, bias, y);
    let job = ForwardJob { geometry: *geometry, x, weight, bias, epilogue: *epilogue, y };
    match engine.weight_cache() {
        None => fast::forward(engine, job),
        Some(cache) => {
            let prepared = cache.prepared(engine, geometry, weight, owner);
            fast::forward_prepared(engine, job, &prepared.groups);
        }
    }
}

/// Gradients of [`conv2d_forward`] from the gradient `dy` of its result.
///
/// `y` is the forward result with the same epilogue: the activation's slope is read from its sign, and the dropout mask
/// is drawn again where that sign does not tell it. `x` and `weight` are the forward operands.
///
/// # Panics
/// As [`conv2d_forward`].
#[expect(
    clippy::too_many_arguments,
    reason = "the operands of the operator; a struct would only rename them"
)]
pub fn conv2d_backward<T: Scalar>(
    engine: &Engine,
    geometry: &ConvGeometry,
    x: &[T],
    weight: &[T],
    y: &[T],
    dy: &[T],
    epilogue: &Epilogue,
    gradients: ConvGradients<'_, T>,
) {
    let output = output_len(geometry);
    check_len("x", x.len(), geometry.input_len());
    check_len("weight", weight.len(), geometry.weight_len());
    check_len("y", y.len(), output);
    check_len("dy", dy.len(), output);
    check_len("dweight", gradients.dweight.len(), geometry.weight_len());
    if let Some(dx) = &gradients.dx {
        check_len("dx", dx.len(), geometry.input_len());
    }
    if let Some(dbias) = &gradients.dbias {
        check_len("dbias", dbias.len(), geometry.channels_out);
    }
    T::backward(
        engine,
        BackwardJob { geometry: *geometry, x, weight, y, dy, epilogue: *epilogue, gradients },
    );
}

/// Elements of the output of a geometry that must be valid.
fn output_len(geometry: &ConvGeometry) -> usize {
    match geometry.output_len() {
        Ok(len) => len,
        Err(error) => panic!("invalid convolution geometry {geometry:?}: {error}"),
    }
}

fn naive_forward<T: Scalar>(job: ForwardJob<'_, T>) {
    naive::convolve(&job.geometry, job.x, job.weight, job.bias, &job.epilogue, job.y);
}

fn naive_backward<T: Scalar>(job: BackwardJob<'_, T>) {
    let dz = naive::output_gradient(&job.epilogue, job.y, job.dy);
    if let Some(dx) = job.gradients.dx {
        naive::input_gradient(&job.geometry, job.weight, &dz, dx);
    }
    naive::weight_gradient(&job.geometry, job.x, &dz, job.gradients.dweight);
    if let Some(dbias) = job.gradients.dbias {
        naive::bias_gradient(&dz, dbias);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elementwise::{Activation, Dropout};
    use crate::windows::Padding;
    use allconv_random::{philox4x32, unit_f32};

    fn noise(len: usize, stream: u32) -> Vec<f64> {
        (0..len)
            .map(|i| {
                f64::from(unit_f32(philox4x32([stream, 0], [u32::try_from(i).unwrap_or(0), 0, 0, 0])[0]))
                    - 0.5
            })
            .collect()
    }

    #[test]
    fn a_two_by_two_kernel_by_hand() {
        let geometry = ConvGeometry {
            batch: 1,
            height_in: 2,
            width_in: 3,
            channels_in: 1,
            channels_out: 1,
            kernel: [2, 2],
            stride: [1, 1],
            padding: Padding::NONE,
            dilation: [1, 1],
            groups: 1,
        };
        let mut y = [0.0; 2];
        let (x, w) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [1.0, 10.0, 100.0, 1000.0]);
        conv2d_forward(&Engine::detect(), &geometry, &x, &w, Some(&[0.5]), &Epilogue::IDENTITY, &mut y);
        assert_eq!(y, [5421.5, 6532.5]);
    }

    #[test]
    fn backward_is_the_derivative_of_forward_in_every_operand() {
        let geometry = ConvGeometry {
            batch: 2,
            height_in: 5,
            width_in: 4,
            channels_in: 4,
            channels_out: 6,
            kernel: [3, 2],
            stride: [2, 1],
            padding: Padding { top: 2, bottom: 1, left: 0, right: 1 },
            dilation: [1, 2],
            groups: 2,
        };
        let engine = Engine::detect();
        let epilogue = Epilogue {
            activation: Activation::LeakyRelu { slope: 0.2 },
            dropout: Some(Dropout { rate: 0.3, key: 5 }),
        };
        let outputs = geometry.output_len().unwrap_or(0);
        let operands = [noise(geometry.input_len(), 0), noise(geometry.weight_len(), 1), noise(6, 2)];
        let dy = noise(outputs, 3);
        let forward = |operands: &[Vec<f64>; 3]| {
            let mut y = vec![0.0; outputs];
            conv2d_forward(
                &engine,
                &geometry,
                &operands[0],
                &operands[1],
                Some(&operands[2]),
                &epilogue,
                &mut y,
            );
            y
        };
        let y = forward(&operands);
        let mut gradients = operands.clone().map(|operand| vec![0.0; operand.len()]);
        let [dx, dweight, dbias] = &mut gradients;
        let targets = ConvGradients { dx: Some(dx), dweight, dbias: Some(dbias) };
        conv2d_backward(&engine, &geometry, &operands[0], &operands[1], &y, &dy, &epilogue, targets);
        let h = 1e-6;
        for (operand, gradient) in gradients.iter().enumerate() {
            for (element, slope) in gradient.iter().enumerate() {
                let loss = |step: f64| {
                    let mut moved = operands.clone();
                    moved[operand][element] += step;
                    forward(&moved).iter().zip(&dy).map(|(y, dy)| y * dy).sum::<f64>()
                };
                let numeric = (loss(h) - loss(-h)) / (2.0 * h);
                // Central differences of a piecewise linear function are exact up to rounding, 1e-16/h.
                assert!(
                    (numeric - slope).abs() < 1e-7,
                    "operand {operand} element {element}: {numeric} against {slope}"
                );
            }
        }
    }

    #[test]
    #[should_panic(expected = "weight has 3 elements, its shape asks for 4")]
    fn a_slice_of_the_wrong_length_is_refused() {
        let geometry = ConvGeometry {
            batch: 1,
            height_in: 2,
            width_in: 2,
            channels_in: 1,
            channels_out: 1,
            kernel: [2, 2],
            stride: [1, 1],
            padding: Padding::NONE,
            dilation: [1, 1],
            groups: 1,
        };
        conv2d_forward(
            &Engine::detect(),
            &geometry,
            &[0.0_f32; 4],
            &[0.0; 3],
            None,
            &Epilogue::IDENTITY,
            &mut [0.0],
        );
    }
}
