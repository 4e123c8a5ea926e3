//! Pooling by a smooth function of the window, forward and backward over whole maps.

use rayon::prelude::*;

use super::WindowFunction;
use super::geometry::PoolGeometry;
use super::rows::{checked_size, list_pixels, rows};
use crate::cpu::{Kernel, LANES, Simd, dispatch};
use crate::engine::Engine;
use crate::memory::check_len;
use crate::numbers::{Channels, Elementary, Scalar};

/// A number for each channel that a [`WindowFunction::PNorm`] takes as its order p ≥ 1; other functions read none.
#[derive(Clone, Copy, Debug)]
pub struct Orders<'a, T>(pub &'a [T]);

/// Computes `y[n,i,j,c] = f(window of x[n,·,·,c])`.
///
/// Shapes: `x` `[N, H, W, C]`, `y` `[N, H_out, W_out, C]`, orders `[C]` for norms and empty otherwise.
///
/// # Panics
/// When the geometry is invalid, a slice has the wrong length, or a window holds no pixel.
pub fn weighted_pool2d_forward<T: Scalar + Elementary>(
    engine: &Engine,
    geometry: &PoolGeometry,
    function: WindowFunction,
    orders: Orders<'_, T>,
    x: &[T],
    y: &mut [T],
) {
    check_orders(geometry, function, orders);
    rows(geometry, x, y).for_each(|(row, x, y)| {
        let row = Row { geometry, function, orders: orders.0, row };
        dispatch(engine.isa(), Forward { row, x, y });
    });
}

/// Operands and results of [`weighted_pool2d_backward`].
pub struct WeightedPoolBackward<'a, T> {
    /// The orders of the forward pass.
    pub orders: Orders<'a, T>,
    /// The input of the forward pass, `[N, H, W, C]`.
    pub x: &'a [T],
    /// Its result, `[N, H_out, W_out, C]`.
    pub y: &'a [T],
    /// The gradient of the result.
    pub dy: &'a [T],
    /// The gradient of the input; overwritten.
    pub dx: &'a mut [T],
    /// The gradient of the orders of a norm, `[C]`; overwritten. Empty where it is not needed.
    pub dorders: &'a mut [T],
}

/// Computes the gradients of [`weighted_pool2d_forward`].
///
/// # Panics
/// As [`weighted_pool2d_forward`].
pub fn weighted_pool2d_backward<T: Scalar + Elementary>(
    engine: &Engine,
    geometry: &PoolGeometry,
    function: WindowFunction,
    operands: WeightedPoolBackward<'_, T>,
) {
    let WeightedPoolBackward { orders, x, y, dy, dx, dorders } = operands;
    let [height, _] = checked_size(geometry, x.len(), y.len());
    check_orders(geometry, function, orders);
    check_len("the gradient of the output", dy.len(), y.len());
    check_len("the gradient of the input", dx.len(), x.len());
    let channels = geometry.channels;
    assert!(dorders.is_empty() || dorders.len() == channels, "{} gradients of orders", dorders.len());
    let (input, output) = (x.len() / geometry.batch, y.len() / geometry.batch);
    let images = dx.par_chunks_mut(input).zip(x.par_chunks(input));
    let results = y.par_chunks(output).zip(dy.par_chunks(output));
    let want_orders = !dorders.is_empty();
    // A gradient of the orders for each image, added up in the order of the images.
    let by_image: Vec<Vec<T>> = images
        .zip(results)
        .map(|((dx, x), (y, dy))| {
            dx.fill(T::ZERO);
            let mut dorders = vec![T::ZERO; if want_orders { channels } else { 0 }];
            for row in 0..height {
                let row = Row { geometry, function, orders: orders.0, row };
                dispatch(engine.isa(), Backward { row, x, y, dy, dx, dorders: &mut dorders });
            }
            dorders
        })
        .collect();
    dorders.fill(T::ZERO);
    for image in by_image {
        dorders.iter_mut().zip(image).for_each(|(sum, value)| *sum += value);
    }
}

fn check_orders<T>(geometry: &PoolGeometry, function: WindowFunction, orders: Orders<'_, T>) {
    let expected = if matches!(function, WindowFunction::PNorm { .. }) { geometry.channels } else { 0 };
    check_len("the orders of the norm", orders.0.len(), expected);
}

/// One row of the output.
#[derive(Clone, Copy)]
struct Row<'a, T> {
    geometry: &'a PoolGeometry,
    function: WindowFunction,
    orders: &'a [T],
    row: usize,
}

struct Forward<'a, T> {
    row: Row<'a, T>,
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Scalar + Elementary> Kernel for Forward<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let Row { geometry, function, orders, row } = self.row;
        let channels = geometry.channels;
        let (mut pixels, mut window) = (Vec::new(), Vec::new());
        for (column, y) in self.y.chunks_exact_mut(channels).enumerate() {
            list_pixels(geometry, row, column, &mut pixels);
            for block in Channels::blocks(channels) {
                block.load_window(self.x, channels, &pixels, &mut window);
                block.store(function.value(&window, order_of(&block, orders)), y);
            }
        }
    }
}

/// Returns the orders of a norm for these channels; 1 for other functions, which do not read it.
#[inline(always)]
fn order_of<T: Scalar>(block: &Channels, orders: &[T]) -> [T; LANES] {
    if orders.is_empty() { [T::ONE; LANES] } else { block.load(orders) }
}

struct Backward<'a, T> {
    row: Row<'a, T>,
    x: &'a [T],
    y: &'a [T],
    dy: &'a [T],
    dx: &'a mut [T],
    dorders: &'a mut [T],
}

impl<T: Scalar + Elementary> Kernel for Backward<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let Row { geometry, function, orders, row } = self.row;
        let channels = geometry.channels;
        let line = self.y.len() / geometry.height_out().map_or(1, |height| height);
        let (y, dy) = (&self.y[row * line..][..line], &self.dy[row * line..][..line]);
        let (mut pixels, mut window, mut gradients) = (Vec::new(), Vec::new(), Vec::new());
        for (column, (y, dy)) in y.chunks_exact(channels).zip(dy.chunks_exact(channels)).enumerate() {
            list_pixels(geometry, row, column, &mut pixels);
            for block in Channels::blocks(channels) {
                block.load_window(self.x, channels, &pixels, &mut window);
                let (order, result) = (order_of(&block, orders), [block.load(y), block.load(dy)]);
                function.gradients(&window, order, result, &mut gradients);
                for (pixel, gradient) in pixels.iter().zip(&gradients) {
                    block.add(*gradient, &mut self.dx[pixel * channels..][..channels]);
                }
                if !self.dorders.is_empty() {
                    block.add(function.order_gradient(&window, order, result), self.dorders);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::Isa;
    use crate::numbers::Accuracy;
    use crate::windows::Padding;

    const GEOMETRY: PoolGeometry = PoolGeometry {
        batch: 2,
        height_in: 5,
        width_in: 6,
        channels: 11,
        kernel: [3, 2],
        stride: [2, 2],
        padding: Padding { top: 1, bottom: 1, left: 0, right: 1 },
        dilation: [1, 1],
        ceil_mode: false,
    };

    fn functions() -> [WindowFunction; 7] {
        [
            WindowFunction::SoftMean,
            WindowFunction::LogSumExp { sharpness: 1.7 },
            WindowFunction::Similarity,
            WindowFunction::SquareMean,
            WindowFunction::RankMean { top: 2 },
            WindowFunction::PNorm { mean: true },
            WindowFunction::PNorm { mean: false },
        ]
    }

    /// Returns values in (-2, 2), one in seven of them 0.
    fn values(count: usize, seed: usize) -> Vec<f64> {
        let value = |index: usize| {
            let hash = (index * 7919 + seed * 104_729 + 13) % 1009;
            if hash.is_multiple_of(7) { 0.0 } else { hash as f64 / 252.5 - 2.0 }
        };
        (0..count).map(value).collect()
    }

    fn orders(function: WindowFunction) -> Vec<f64> {
        match function {
            WindowFunction::PNorm { .. } => {
                (0..GEOMETRY.channels).map(|channel| 1.0 + 0.5 * channel as f64).collect()
            }
            _ => Vec::new(),
        }
    }

    fn forward<T: Scalar + Elementary>(isa: Isa, function: WindowFunction, orders: &[T], x: &[T]) -> Vec<T> {
        let mut y = vec![T::ZERO; GEOMETRY.output_len().unwrap()];
        let engine = Engine::new(isa, Accuracy::F32);
        weighted_pool2d_forward(&engine, &GEOMETRY, function, Orders(orders), x, &mut y);
        y
    }

    /// Returns the gradients of input and orders for a fixed gradient of the result.
    fn backward<T: Scalar + Elementary>(
        isa: Isa,
        function: WindowFunction,
        orders: &[T],
        x: &[T],
        dy: &[T],
    ) -> (Vec<T>, Vec<T>) {
        let y = forward(isa, function, orders, x);
        let (mut dx, mut dorders) = (vec![T::ZERO; x.len()], vec![T::ZERO; orders.len()]);
        let engine = Engine::new(isa, Accuracy::F32);
        let operands =
            WeightedPoolBackward { orders: Orders(orders), x, y: &y, dy, dx: &mut dx, dorders: &mut dorders };
        weighted_pool2d_backward(&engine, &GEOMETRY, function, operands);
        (dx, dorders)
    }

    #[test]
    fn gradients_agree_with_central_differences() {
        let isa = Isa::detect();
        let dy = values(GEOMETRY.output_len().unwrap(), 3);
        for function in functions() {
            let (x, orders) = (values(GEOMETRY.input_len(), 1), orders(function));
            let (dx, dorders) = backward(isa, function, &orders, &x, &dy);
            let loss = |x: &[f64], orders: &[f64]| -> f64 {
                forward(isa, function, orders, x).iter().zip(&dy).map(|(y, dy)| y * dy).sum()
            };
            const STEP: f64 = 1e-6;
            for index in (0..x.len()).step_by(17).filter(|index| x[*index] != 0.0) {
                let at = |step: f64| {
                    let mut moved = x.clone();
                    moved[index] += step;
                    loss(&moved, &orders)
                };
                let numeric = (at(STEP) - at(-STEP)) / (2.0 * STEP);
                assert!((numeric - dx[index]).abs() < 1e-7, "{function:?}: {numeric} and {}", dx[index]);
            }
            for channel in 1..orders.len() {
                let at = |step: f64| {
                    let mut moved = orders.clone();
                    moved[channel] += step;
                    loss(&x, &moved)
                };
                let numeric = (at(STEP) - at(-STEP)) / (2.0 * STEP);
                assert!(
                    (numeric - dorders[channel]).abs() < 1e-7,
                    "{function:?}: {numeric} and {}",
                    dorders[channel]
                );
            }
        }
    }

    #[test]
    fn single_precision_agrees_with_double_on_every_instruction_set() {
        let single = |values: &[f64]| values.iter().map(|value| *value as f32).collect::<Vec<_>>();
        let dy = values(GEOMETRY.output_len().unwrap(), 3);
        for isa in Isa::available() {
            for function in functions() {
                let (x, orders) = (values(GEOMETRY.input_len(), 2), orders(function));
                let close = |found: &[f32], exact: &[f64]| {
                    for (found, exact) in found.iter().zip(exact) {
                        let error = (f64::from(*found) - exact).abs();
                        assert!(
                            error < 1e-5 * exact.abs().max(1.0),
                            "{isa} {function:?}: {found} and {exact}"
                        );
                    }
                };
                let (x32, orders32) = (single(&x), single(&orders));
                close(&forward(isa, function, &orders32, &x32), &forward(isa, function, &orders, &x));
                let (dx, dorders) = backward(isa, function, &orders, &x, &dy);
                let (dx32, dorders32) = backward(isa, function, &orders32, &x32, &single(&dy));
                close(&dx32, &dx);
                close(&dorders32, &dorders);
            }
        }
    }

    #[test]
    fn a_window_that_holds_nan_gives_nan() {
        fn check<T: Scalar + Elementary>(isa: Isa, function: WindowFunction, value: impl Fn(f64) -> T) {
            let orders: Vec<T> = orders(function).into_iter().map(&value).collect();
            // In the first window of channel 0 of the first image; once among zeros, once among others.
            for others in [0.0, 0.5] {
                let mut x = vec![value(others); GEOMETRY.input_len()];
                x[GEOMETRY.channels] = value(f64::NAN);
                let y = forward(isa, function, &orders, &x);
                let is_nan = |y: &T| y.partial_cmp(y).is_none();
                assert!(is_nan(&y[0]), "{isa} {function:?} among {others}");
                assert_eq!(y.iter().filter(|y| is_nan(y)).count(), 1, "{isa} {function:?} among {others}");
            }
        }
        for isa in Isa::available() {
            for function in functions() {
                check(isa, function, |value| value);
                check(isa, function, |value| value as f32);
            }
        }
    }
}
