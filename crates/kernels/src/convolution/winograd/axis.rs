//! Linear maps along one axis of a tile: the transforms of a set of points and their adjoints, plain and by phases.

use super::points::{Five, Points, Three};
use crate::cpu::Arithmetic;

/// A linear map along one axis of a tile.
pub(super) trait Axis<const FROM: usize, const TO: usize> {
    fn apply<S: Arithmetic>(simd: S, x: [S::Vector; FROM]) -> [S::Vector; TO];
}

/// `Bᵀ`
pub(super) struct Input<P>(P);
/// `B`
pub(super) struct InputAdjoint<P>(P);
/// `Aᵀ`
pub(super) struct Output<P>(P);
/// `A`
pub(super) struct OutputAdjoint<P>(P);

impl<P: Points<N>, const N: usize> Axis<N, N> for Input<P> {
    #[inline(always)]
    fn apply<S: Arithmetic>(simd: S, x: [S::Vector; N]) -> [S::Vector; N] {
        P::input(simd, x)
    }
}

impl<P: Points<N>, const N: usize> Axis<N, N> for InputAdjoint<P> {
    #[inline(always)]
    fn apply<S: Arithmetic>(simd: S, x: [S::Vector; N]) -> [S::Vector; N] {
        P::input_adjoint(simd, x)
    }
}

impl<P: Points<N>, const N: usize, const M: usize> Axis<N, M> for Output<P> {
    #[inline(always)]
    fn apply<S: Arithmetic>(simd: S, x: [S::Vector; N]) -> [S::Vector; M] {
        P::output(simd, x)
    }
}

impl<P: Points<N>, const N: usize, const M: usize> Axis<M, N> for OutputAdjoint<P> {
    #[inline(always)]
    fn apply<S: Arithmetic>(simd: S, x: [S::Vector; M]) -> [S::Vector; N] {
        P::output_adjoint(simd, x)
    }
}

/// The phases of stride 2: even pixels through F(m, 2) of the given points, odd ones as they are. The even positions come first.
pub(super) struct Phases<P>(P);

impl Axis<5, 5> for Input<Phases<Three>> {
    #[inline(always)]
    fn apply<S: Arithmetic>(simd: S, x: [S::Vector; 5]) -> [S::Vector; 5] {
        let [e0, e1, e2] = Three::input(simd, [x[0], x[2], x[4]]);
        [e0, e1, e2, x[1], x[3]]
    }
}

impl Axis<5, 5> for InputAdjoint<Phases<Three>> {
    #[inline(always)]
    fn apply<S: Arithmetic>(simd: S, v: [S::Vector; 5]) -> [S::Vector; 5] {
        let [e0, e1, e2] = Three::input_adjoint(simd, [v[0], v[1], v[2]]);
        [e0, v[3], e1, v[4], e2]
    }
}

impl Axis<5, 2> for Output<Phases<Three>> {
    #[inline(always)]
    fn apply<S: Arithmetic>(simd: S, m: [S::Vector; 5]) -> [S::Vector; 2] {
        let even: [S::Vector; 2] = Three::output(simd, [m[0], m[1], m[2]]);
        [simd.add(even[0], m[3]), simd.add(even[1], m[4])]
    }
}

impl Axis<2, 5> for OutputAdjoint<Phases<Three>> {
    #[inline(always)]
    fn apply<S: Arithmetic>(simd: S, y: [S::Vector; 2]) -> [S::Vector; 5] {
        let [e0, e1, e2] = Three::output_adjoint(simd, y);
        [e0, e1, e2, y[0], y[1]]
    }
}

impl Axis<9, 9> for Input<Phases<Five>> {
    #[inline(always)]
    fn apply<S: Arithmetic>(simd: S, x: [S::Vector; 9]) -> [S::Vector; 9] {
        let [e0, e1, e2, e3, e4] = Five::input(simd, [x[0], x[2], x[4], x[6], x[8]]);
        [e0, e1, e2, e3, e4, x[1], x[3], x[5], x[7]]
    }
}

impl Axis<9, 9> for InputAdjoint<Phases<Five>> {
    #[inline(always)]
    fn apply<S: Arithmetic>(simd: S, v: [S::Vector; 9]) -> [S::Vector; 9] {
        let [e0, e1, e2, e3, e4] = Five::input_adjoint(simd, [v[0], v[1], v[2], v[3], v[4]]);
        [e0, v[5], e1, v[6], e2, v[7], e3, v[8], e4]
    }
}

impl Axis<9, 4> for Output<Phases<Five>> {
    #[inline(always)]
    fn apply<S: Arithmetic>(simd: S, m: [S::Vector; 9]) -> [S::Vector; 4] {
        let even: [S::Vector; 4] = Five::output(simd, [m[0], m[1], m[2], m[3], m[4]]);
        [simd.add(even[0], m[5]), simd.add(even[1], m[6]), simd.add(even[2], m[7]), simd.add(even[3], m[8])]
    }
}

impl Axis<4, 9> for OutputAdjoint<Phases<Five>> {
    #[inline(always)]
    fn apply<S: Arithmetic>(simd: S, y: [S::Vector; 4]) -> [S::Vector; 9] {
        let [e0, e1, e2, e3, e4] = Five::output_adjoint(simd, y);
        [e0, e1, e2, e3, e4, y[0], y[1], y[2], y[3]]
    }
}
