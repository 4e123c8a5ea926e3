//! The loops over the values of a piece of a map, compiled for each instruction set.

use crate::cpu::{Kernel, Simd};
use crate::numbers::Scalar;

/// Sums of the values and of their squares.
pub(super) struct Moments<'a, T> {
    pub(super) x: &'a [T],
    pub(super) sums: &'a mut [f64],
}

impl<T: Scalar> Kernel for Moments<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let channels = self.sums.len() / 2;
        let (sum, square) = self.sums.split_at_mut(channels);
        for x in self.x.chunks_exact(channels) {
            for ((sum, square), x) in sum.iter_mut().zip(&mut *square).zip(x) {
                let x = x.to_f64();
                *sum += x;
                *square += x * x;
            }
        }
    }
}

/// `y = f(scale·(x − mean) + shift)`.
pub(super) struct Forward<'a, T> {
    pub(super) coefficients: [&'a [T]; 3],
    pub(super) negative: T,
    pub(super) x: &'a [T],
    pub(super) y: &'a mut [T],
}

impl<T: Scalar> Kernel for Forward<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let [mean, scale, shift] = self.coefficients;
        let channels = mean.len();
        for (y, x) in self.y.chunks_exact_mut(channels).zip(self.x.chunks_exact(channels)) {
            for ((((y, x), mean), scale), shift) in y.iter_mut().zip(x).zip(mean).zip(scale).zip(shift) {
                let z = (*x - *mean) * *scale + *shift;
                *y = if z > T::ZERO { z } else { self.negative * z };
            }
        }
    }
}

/// Sums of the gradients at the activation's input, and of their products with the distances from the mean.
pub(super) struct GradientSums<'a, T> {
    pub(super) mean: &'a [T],
    pub(super) negative: T,
    pub(super) x: &'a [T],
    pub(super) y: &'a [T],
    pub(super) dy: &'a [T],
    pub(super) sums: &'a mut [f64],
}

impl<T: Scalar> Kernel for GradientSums<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let channels = self.mean.len();
        let (gradients, products) = self.sums.split_at_mut(channels);
        let rows = self
            .x
            .chunks_exact(channels)
            .zip(self.y.chunks_exact(channels))
            .zip(self.dy.chunks_exact(channels));
        for ((x, y), dy) in rows {
            let values = x.iter().zip(y).zip(dy).zip(self.mean);
            for ((gradient, product), (((x, y), dy), mean)) in
                gradients.iter_mut().zip(&mut *products).zip(values)
            {
                let dz = (if *y > T::ZERO { *dy } else { self.negative * *dy }).to_f64();
                *gradient += dz;
                *product += dz * (*x - *mean).to_f64();
            }
        }
    }
}

/// `dx = a·dz + b·(x − mean) + c`.
pub(super) struct Backward<'a, T> {
    pub(super) coefficients: [&'a [T]; 4],
    pub(super) negative: T,
    pub(super) x: &'a [T],
    pub(super) y: &'a [T],
    pub(super) dy: &'a [T],
    pub(super) dx: &'a mut [T],
}

impl<T: Scalar> Kernel for Backward<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let [mean, of_gradient, of_distance, constant] = self.coefficients;
        let channels = mean.len();
        let rows = self
            .x
            .chunks_exact(channels)
            .zip(self.y.chunks_exact(channels))
            .zip(self.dy.chunks_exact(channels));
        for (dx, ((x, y), dy)) in self.dx.chunks_exact_mut(channels).zip(rows) {
            let numbers = mean.iter().zip(of_gradient).zip(of_distance).zip(constant);
            let values = x.iter().zip(y).zip(dy).zip(numbers);
            for (dx, (((x, y), dy), (((mean, of_gradient), of_distance), constant))) in
                dx.iter_mut().zip(values)
            {
                let dz = if *y > T::ZERO { *dy } else { self.negative * *dy };
                *dx = dz * *of_gradient + (*x - *mean) * *of_distance + *constant;
            }
        }
    }
}
