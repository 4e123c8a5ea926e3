//! Functions of each value of a map by itself, with their gradients.

use rayon::prelude::*;

use crate::cpu::{Kernel, Simd, dispatch};
use crate::engine::Engine;
use crate::memory::check_len;
use crate::numbers::{Elementary, Scalar, logistic};

/// Values that one task handles.
const CHUNK: usize = 1 << 14;

/// A function of one value. NaN stays NaN.
///
/// Errors are below 5 times the type's `EPSILON` (f32: 6e-7): relative for exponential and logistic, where the result is a normal
/// number; relative above 1 and absolute below for softplus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Elementwise {
    /// `e^x`.
    Exponential,
    /// `1/(1 + e^-x)`.
    Logistic,
    /// `ln(1 + e^x)`, as `max(x, 0) + ln(1 + e^-|x|)`, which no large value overflows.
    Softplus,
}

impl Elementwise {
    /// Every function.
    pub const ALL: [Self; 3] = [Self::Exponential, Self::Logistic, Self::Softplus];

    #[inline(always)]
    fn value<T: Scalar + Elementary>(self, x: T) -> T {
        match self {
            Self::Exponential => x.exponential(),
            Self::Logistic => logistic(x),
            Self::Softplus => {
                let negative = x < T::ZERO;
                // Of NaN too, which is not negative.
                let positive_part = if negative { T::ZERO } else { x };
                let below = if negative { x } else { T::ZERO - x };
                positive_part + (T::ONE + below.exponential()).logarithm()
            }
        }
    }

    /// Returns the derivative at x, where the function is y.
    #[inline(always)]
    fn derivative<T: Scalar + Elementary>(self, x: T, y: T) -> T {
        match self {
            Self::Exponential => y,
            Self::Logistic => y * (T::ONE - y),
            Self::Softplus => logistic(x),
        }
    }
}

/// Computes `y = f(x)`, value by value.
///
/// # Panics
/// When the lengths differ.
///
/// ```
/// use allconv_kernels::{Elementwise, Engine, elementwise_forward};
///
/// let mut y = [0.0; 3];
/// elementwise_forward(&Engine::detect(), Elementwise::Logistic, &[-200.0_f32, 0.0, 200.0], &mut y);
/// assert_eq!(y, [0.0, 0.5, 1.0]);
/// ```
pub fn elementwise_forward<T: Scalar + Elementary>(
    engine: &Engine,
    function: Elementwise,
    x: &[T],
    y: &mut [T],
) {
    check_len("the result", y.len(), x.len());
    let parts = y.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK));
    parts.for_each(|(y, x)| dispatch(engine.isa(), Forward { function, x, y }));
}

/// Computes `dx = f'(x)·dy`, value by value, with `y = f(x)`.
///
/// # Panics
/// When the lengths differ.
pub fn elementwise_backward<T: Scalar + Elementary>(
    engine: &Engine,
    function: Elementwise,
    x: &[T],
    y: &[T],
    dy: &[T],
    dx: &mut [T],
) {
    check_len("the result", y.len(), x.len());
    check_len("the result's gradient", dy.len(), x.len());
    check_len("the gradient", dx.len(), x.len());
    let operands = x.par_chunks(CHUNK).zip(y.par_chunks(CHUNK)).zip(dy.par_chunks(CHUNK));
    dx.par_chunks_mut(CHUNK).zip(operands).for_each(|(dx, ((x, y), dy))| {
        dispatch(engine.isa(), Backward { function, x, y, dy, dx });
    });
}

struct Forward<'a, T> {
    function: Elementwise,
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Scalar + Elementary> Kernel for Forward<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(mut self, _simd: S) {
        // A loop for each function: a choice inside the loop would not be vectorised.
        match self.function {
            Elementwise::Exponential => self.of(Elementwise::Exponential),
            Elementwise::Logistic => self.of(Elementwise::Logistic),
            Elementwise::Softplus => self.of(Elementwise::Softplus),
        }
    }
}

impl<T: Scalar + Elementary> Forward<'_, T> {
    #[inline(always)]
    fn of(&mut self, function: Elementwise) {
        for (y, x) in self.y.iter_mut().zip(self.x) {
            *y = function.value(*x);
        }
    }
}

struct Backward<'a, T> {
    function: Elementwise,
    x: &'a [T],
    y: &'a [T],
    dy: &'a [T],
    dx: &'a mut [T],
}

impl<T: Scalar + Elementary> Kernel for Backward<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(mut self, _simd: S) {
        match self.function {
            Elementwise::Exponential => self.of(Elementwise::Exponential),
            Elementwise::Logistic => self.of(Elementwise::Logistic),
            Elementwise::Softplus => self.of(Elementwise::Softplus),
        }
    }
}

impl<T: Scalar + Elementary> Backward<'_, T> {
    #[inline(always)]
    fn of(&mut self, function: Elementwise) {
        for (dx, ((x, y), dy)) in self.dx.iter_mut().zip(self.x.iter().zip(self.y).zip(self.dy)) {
            *dx = function.derivative(*x, *y) * *dy;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use allconv_random::elementary::{exp, ln};

    fn forward<T: Scalar + Elementary>(function: Elementwise, x: &[T]) -> Vec<T> {
        let mut y = vec![T::ZERO; x.len()];
        elementwise_forward(&Engine::detect(), function, x, &mut y);
        y
    }

    /// Returns the definition in f64.
    fn defined(function: Elementwise, x: f64) -> f64 {
        match function {
            Elementwise::Exponential => exp(x),
            Elementwise::Logistic if x < 0.0 => exp(x) / (1.0 + exp(x)),
            Elementwise::Logistic => 1.0 / (1.0 + exp(-x)),
            Elementwise::Softplus => ln(1.0 + exp(x)),
        }
    }

    fn check<T: Scalar + Elementary>(epsilon: f64, smallest: f64) {
        let x: Vec<T> = (-100_000..=100_000)
            .flat_map(|step| [f64::from(step) * 1e-3, f64::from(step) * 1e-5])
            .map(T::from_f64)
            .collect();
        for function in Elementwise::ALL {
            for (x, y) in x.iter().zip(forward(function, &x)) {
                let (found, exact) = (y.to_f64(), defined(function, x.to_f64()));
                let relative = matches!(function, Elementwise::Exponential | Elementwise::Logistic);
                let size = if relative { exact.abs() } else { exact.abs().max(1.0) };
                let close = (found - exact).abs() <= 5.0 * epsilon * size;
                let denormal = relative && found <= smallest && exact <= smallest;
                let overflows = found == f64::INFINITY && exact > f64::from(f32::MAX);
                assert!(
                    close || denormal || overflows || found == exact,
                    "{function:?} of {x:?}: {found:e}, not {exact:e}"
                );
            }
        }
    }

    #[test]
    fn values_are_those_of_the_definition_within_the_bound() {
        check::<f32>(f64::from(f32::EPSILON), f64::from(f32::MIN_POSITIVE));
        check::<f64>(f64::EPSILON, f64::MIN_POSITIVE);
    }

    #[test]
    fn no_number_and_infinities_come_out_as_they_should() {
        let x = [f32::NAN, f32::NEG_INFINITY, f32::INFINITY];
        let expected = [[0.0, f32::INFINITY], [0.0, 1.0], [0.0, f32::INFINITY]];
        for (function, expected) in Elementwise::ALL.into_iter().zip(expected) {
            let y = forward(function, &x);
            assert!(y[0].is_nan(), "{function:?}");
            assert_eq!(y[1..], expected, "{function:?}");
        }
    }

    #[test]
    fn gradients_agree_with_central_differences() {
        let x: Vec<f64> = (1..200).map(|step| f64::from(step) * 0.03).flat_map(|x| [x, -x]).collect();
        let dy: Vec<f64> = (0..x.len()).map(|index| (index * 37 % 101) as f64 / 50.0 - 1.0).collect();
        for function in Elementwise::ALL {
            let mut dx = vec![0.0; x.len()];
            elementwise_backward(&Engine::detect(), function, &x, &forward(function, &x), &dy, &mut dx);
            for ((x, dy), found) in x.iter().zip(&dy).zip(dx) {
                let step = 1e-6 * x.abs().max(1e-3);
                let numeric = (function.value(x + step) - function.value(x - step)) / (2.0 * step);
                let close = (found - numeric * dy).abs() < 1e-6 * numeric.abs().max(1.0);
                assert!(close, "{function:?} at {x}: {found} and {}", numeric * dy);
            }
        }
    }
}
