//! One-dimensional Winograd transforms from interpolation points (Toom-Cook), as straight-line code.
//!
//! With points p₀ … p₍ₙ₋₂₎ and ∞, F(m, r) for n = m + r - 1 is `y = Aᵀ[(G g) ⊙ (Bᵀ d)]` with
//! `Aᵀ[k][j] = p_jᵏ`, `G[j][k] = p_jᵏ / Π_{l≠j}(p_j - p_l)`, `Bᵀ[j]` the coefficients of `Π_{l≠j}(x - p_l)` (for ∞: of
//! the product over all points), and for ∞ `Aᵀ[m-1] = 1`, `G[r-1] = 1`. `Bᵀ` depends on the points only, so one point
//! set serves every pair (m, r) with the same sum. Pairs of points ±p share their even and odd parts.
//!
//! F(4, 3) uses 0, ±3/4, ±3/2, ∞ instead of the usual 0, ±1, ±2, ∞: the same number of operations, half the error.

use crate::cpu::Arithmetic;

/// The finite points of three: F(2,2).
pub(super) const THREE: [f64; 2] = [0.0, 1.0];
/// The finite points of four: F(2,3), F(3,2).
pub(super) const FOUR: [f64; 3] = [0.0, P4 as f64, -P4 as f64];
/// The finite points of five: F(3,3), F(4,2).
pub(super) const FIVE: [f64; 4] = [0.0, P5 as f64, -P5 as f64, C5 as f64];
/// The finite points of six: F(4,3), F(2,5).
pub(super) const SIX: [f64; 5] = [0.0, A6 as f64, -A6 as f64, B6 as f64, -B6 as f64];

const P4: f32 = 1.0;
const P5: f32 = 1.0;
const C5: f32 = 0.5;
const A6: f32 = 0.75;
const B6: f32 = 1.5;

/// Returns the rows of G for kernels of `taps` taps.
pub(super) fn weight_rows(points: &[f64], taps: usize) -> Vec<Vec<f64>> {
    let power = |base: f64, exponent: usize| (0..exponent).fold(1.0, |product, _| product * base);
    let finite = points.iter().enumerate().map(|(j, &point)| {
        let others = points.iter().enumerate().filter(|&(l, _)| l != j);
        let norm: f64 = others.map(|(_, &other)| point - other).product();
        (0..taps).map(|k| power(point, k) / norm).collect()
    });
    let infinity = (0..taps).map(|k| if k + 1 == taps { 1.0 } else { 0.0 }).collect();
    finite.chain([infinity]).collect()
}

/// The transforms of one set of `N` points along one axis. Each adjoint is the transposed matrix of its namesake.
pub(super) trait Points<const N: usize> {
    /// Computes `Bᵀ d`
    fn input<S: Arithmetic>(simd: S, d: [S::Vector; N]) -> [S::Vector; N];
    /// Computes `B v`
    fn input_adjoint<S: Arithmetic>(simd: S, v: [S::Vector; N]) -> [S::Vector; N];
    /// Computes `Aᵀ m` for `M` outputs.
    fn output<S: Arithmetic, const M: usize>(simd: S, m: [S::Vector; N]) -> [S::Vector; M];
    /// Computes `A y` for `M` outputs.
    fn output_adjoint<S: Arithmetic, const M: usize>(simd: S, y: [S::Vector; M]) -> [S::Vector; N];
}

/// Points 0, 1, ∞.
pub(super) struct Three;
/// Points 0, ±p, ∞.
pub(super) struct Four;
/// Points 0, ±p, c, ∞.
pub(super) struct Five;
/// Points 0, ±a, ±b, ∞.
pub(super) struct Six;

impl Points<3> for Three {
    #[inline(always)]
    fn input<S: Arithmetic>(s: S, d: [S::Vector; 3]) -> [S::Vector; 3] {
        [s.sub(d[1], d[0]), d[1], s.sub(d[2], d[1])]
    }

    #[inline(always)]
    fn input_adjoint<S: Arithmetic>(s: S, v: [S::Vector; 3]) -> [S::Vector; 3] {
        [s.sub(s.splat(0.0), v[0]), s.sub(s.add(v[0], v[1]), v[2]), v[2]]
    }

    #[inline(always)]
    fn output<S: Arithmetic, const M: usize>(s: S, m: [S::Vector; 3]) -> [S::Vector; M] {
        let mut y = [m[1]; M];
        y[0] = s.add(y[0], m[0]);
        y[M - 1] = s.add(y[M - 1], m[2]);
        y
    }

    #[inline(always)]
    fn output_adjoint<S: Arithmetic, const M: usize>(s: S, y: [S::Vector; M]) -> [S::Vector; 3] {
        let sum = y.iter().skip(1).fold(y[0], |sum, &y| s.add(sum, y));
        [y[0], sum, y[M - 1]]
    }
}

impl Points<4> for Four {
    #[inline(always)]
    fn input<S: Arithmetic>(s: S, d: [S::Vector; 4]) -> [S::Vector; 4] {
        let (p, p2) = (s.splat(P4), s.splat(P4 * P4));
        let odd = s.mul(p, d[1]);
        [
            s.negated_mul_add(p2, d[0], d[2]),
            s.add(d[2], odd),
            s.sub(d[2], odd),
            s.negated_mul_add(p2, d[1], d[3]),
        ]
    }

    #[inline(always)]
    fn input_adjoint<S: Arithmetic>(s: S, v: [S::Vector; 4]) -> [S::Vector; 4] {
        let (p, p2) = (s.splat(P4), s.splat(P4 * P4));
        let odd = s.mul(p, s.sub(v[1], v[2]));
        let zero = s.splat(0.0);
        [
            s.negated_mul_add(p2, v[0], zero),
            s.negated_mul_add(p2, v[3], odd),
            s.add(v[0], s.add(v[1], v[2])),
            v[3],
        ]
    }

    #[inline(always)]
    fn output<S: Arithmetic, const M: usize>(s: S, m: [S::Vector; 4]) -> [S::Vector; M] {
        let (even, odd) = (s.add(m[1], m[2]), s.sub(m[1], m[2]));
        let mut y = powers::<S, M>(s, P4, even, odd);
        y[0] = s.add(y[0], m[0]);
        y[M - 1] = s.add(y[M - 1], m[3]);
        y
    }

    #[inline(always)]
    fn output_adjoint<S: Arithmetic, const M: usize>(s: S, y: [S::Vector; M]) -> [S::Vector; 4] {
        let [even, odd] = evaluate(s, P4, y);
        [y[0], s.add(even, odd), s.sub(even, odd), y[M - 1]]
    }
}

impl Points<5> for Five {
    #[inline(always)]
    fn input<S: Arithmetic>(s: S, d: [S::Vector; 5]) -> [S::Vector; 5] {
        let (p, p2, c, p2c) = (s.splat(P5), s.splat(P5 * P5), s.splat(C5), s.splat(P5 * P5 * C5));
        let even = s.negated_mul_add(c, d[2], d[3]);
        let odd = s.mul(p, s.negated_mul_add(c, d[1], d[2]));
        // The polynomial without the point 0, and the product over all points, are the same one degree apart.
        let cubic =
            |d0, d1, d2, d3| s.mul_add(p2c, d0, s.negated_mul_add(p2, d1, s.negated_mul_add(c, d2, d3)));
        [
            cubic(d[0], d[1], d[2], d[3]),
            s.add(even, odd),
            s.sub(even, odd),
            s.negated_mul_add(p2, d[1], d[3]),
            cubic(d[1], d[2], d[3], d[4]),
        ]
    }

    #[inline(always)]
    fn input_adjoint<S: Arithmetic>(s: S, v: [S::Vector; 5]) -> [S::Vector; 5] {
        let (p, p2, c, p2c) = (s.splat(P5), s.splat(P5 * P5), s.splat(C5), s.splat(P5 * P5 * C5));
        let (even, odd) = (s.add(v[1], v[2]), s.mul(p, s.sub(v[1], v[2])));
        [
            s.mul(p2c, v[0]),
            s.mul_add(
                p2c,
                v[4],
                s.negated_mul_add(p2, s.add(v[0], v[3]), s.negated_mul_add(c, odd, s.splat(0.0))),
            ),
            s.negated_mul_add(p2, v[4], s.negated_mul_add(c, s.add(v[0], even), odd)),
            s.negated_mul_add(c, v[4], s.add(s.add(v[0], v[3]), even)),
            v[4],
        ]
    }

    #[inline(always)]
    fn output<S: Arithmetic, const M: usize>(s: S, m: [S::Vector; 5]) -> [S::Vector; M] {
        let (even, odd) = (s.add(m[1], m[2]), s.sub(m[1], m[2]));
        let mut y = powers::<S, M>(s, P5, even, odd);
        let mut power = 1.0;
        for y in &mut y {
            *y = s.mul_add(s.splat(power), m[3], *y);
            power *= C5;
        }
        y[0] = s.add(y[0], m[0]);
        y[M - 1] = s.add(y[M - 1], m[4]);
        y
    }

    #[inline(always)]
    fn output_adjoint<S: Arithmetic, const M: usize>(s: S, y: [S::Vector; M]) -> [S::Vector; 5] {
        let [even, odd] = evaluate(s, P5, y);
        let [even_c, odd_c] = evaluate(s, C5, y);
        [y[0], s.add(even, odd), s.sub(even, odd), s.add(even_c, odd_c), y[M - 1]]
    }
}

impl Points<6> for Six {
    #[inline(always)]
    fn input<S: Arithmetic>(s: S, d: [S::Vector; 6]) -> [S::Vector; 6] {
        let (a, a2, b, b2) = (s.splat(A6), s.splat(A6 * A6), s.splat(B6), s.splat(B6 * B6));
        let (sum, product) = (s.splat(A6 * A6 + B6 * B6), s.splat(A6 * A6 * B6 * B6));
        let (even_a, odd_a) =
            (s.negated_mul_add(b2, d[2], d[4]), s.mul(a, s.negated_mul_add(b2, d[1], d[3])));
        let (even_b, odd_b) =
            (s.negated_mul_add(a2, d[2], d[4]), s.mul(b, s.negated_mul_add(a2, d[1], d[3])));
        [
            s.mul_add(product, d[0], s.negated_mul_add(sum, d[2], d[4])),
            s.add(even_a, odd_a),
            s.sub(even_a, odd_a),
            s.add(even_b, odd_b),
            s.sub(even_b, odd_b),
            s.mul_add(product, d[1], s.negated_mul_add(sum, d[3], d[5])),
        ]
    }

    #[inline(always)]
    fn input_adjoint<S: Arithmetic>(s: S, v: [S::Vector; 6]) -> [S::Vector; 6] {
        let (a, a2, b, b2) = (s.splat(A6), s.splat(A6 * A6), s.splat(B6), s.splat(B6 * B6));
        let (sum, product) = (s.splat(A6 * A6 + B6 * B6), s.splat(A6 * A6 * B6 * B6));
        let (even_a, odd_a) = (s.add(v[1], v[2]), s.mul(a, s.sub(v[1], v[2])));
        let (even_b, odd_b) = (s.add(v[3], v[4]), s.mul(b, s.sub(v[3], v[4])));
        [
            s.mul(product, v[0]),
            s.negated_mul_add(b2, odd_a, s.negated_mul_add(a2, odd_b, s.mul(product, v[5]))),
            s.negated_mul_add(
                sum,
                v[0],
                s.negated_mul_add(b2, even_a, s.negated_mul_add(a2, even_b, s.splat(0.0))),
            ),
            s.negated_mul_add(sum, v[5], s.add(odd_a, odd_b)),
            s.add(v[0], s.add(even_a, even_b)),
            v[5],
        ]
    }

    #[inline(always)]
    fn output<S: Arithmetic, const M: usize>(s: S, m: [S::Vector; 6]) -> [S::Vector; M] {
        let of_a = powers::<S, M>(s, A6, s.add(m[1], m[2]), s.sub(m[1], m[2]));
        let (even, odd) = (s.add(m[3], m[4]), s.sub(m[3], m[4]));
        let mut y = of_a;
        let mut power = 1.0;
        for (k, y) in y.iter_mut().enumerate() {
            *y = s.mul_add(s.splat(power), if k % 2 == 0 { even } else { odd }, *y);
            power *= B6;
        }
        y[0] = s.add(y[0], m[0]);
        y[M - 1] = s.add(y[M - 1], m[5]);
        y
    }

    #[inline(always)]
    fn output_adjoint<S: Arithmetic, const M: usize>(s: S, y: [S::Vector; M]) -> [S::Vector; 6] {
        let [even_a, odd_a] = evaluate(s, A6, y);
        let [even_b, odd_b] = evaluate(s, B6, y);
        [
            y[0],
            s.add(even_a, odd_a),
            s.sub(even_a, odd_a),
            s.add(even_b, odd_b),
            s.sub(even_b, odd_b),
            y[M - 1],
        ]
    }
}

/// Computes `pᵏ` times the even or odd part, by the parity of k.
#[inline(always)]
fn powers<S: Arithmetic, const M: usize>(
    s: S,
    point: f32,
    even: S::Vector,
    odd: S::Vector,
) -> [S::Vector; M] {
    let mut y = [even; M];
    let mut power = 1.0;
    for (k, y) in y.iter_mut().enumerate() {
        let part = if k % 2 == 0 { even } else { odd };
        *y = if k == 0 { part } else { s.mul(s.splat(power), part) };
        power *= point;
    }
    y
}

/// Computes the even and the odd part of the polynomial with coefficients `y` at `point`.
#[inline(always)]
fn evaluate<S: Arithmetic, const M: usize>(s: S, point: f32, y: [S::Vector; M]) -> [S::Vector; 2] {
    let mut parts = [y[0], s.mul(s.splat(point), y[1])];
    let mut power = point * point;
    for (k, &y) in y.iter().enumerate().skip(2) {
        parts[k % 2] = s.mul_add(s.splat(power), y, parts[k % 2]);
        power *= point;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::{Isa, Kernel, LANES, Simd, dispatch};

    /// Applies every map of a point set to one unit vector at a time, and so reads off its matrix.
    struct Matrices<'a, P, const N: usize, const M: usize> {
        points: std::marker::PhantomData<P>,
        maps: &'a mut [Vec<Vec<f32>>; 4],
    }

    impl<P: Points<N>, const N: usize, const M: usize> Kernel for Matrices<'_, P, N, M> {
        #[inline(always)]
        fn run<S: Simd>(self, s: S) {
            let first = |vector: S::Vector| {
                let mut lanes = [0.0; LANES];
                // SAFETY: `lanes` holds a vector.
                unsafe { s.store(lanes.as_mut_ptr(), vector) };
                lanes[0]
            };
            let unit = |hot: usize| move |i: usize| s.splat(if i == hot { 1.0 } else { 0.0 });
            for j in 0..N {
                self.maps[0].push(P::input(s, std::array::from_fn::<_, N, _>(unit(j))).map(first).to_vec());
                self.maps[1]
                    .push(P::input_adjoint(s, std::array::from_fn::<_, N, _>(unit(j))).map(first).to_vec());
                self.maps[2]
                    .push(P::output::<S, M>(s, std::array::from_fn::<_, N, _>(unit(j))).map(first).to_vec());
            }
            for j in 0..M {
                self.maps[3].push(
                    P::output_adjoint::<S, M>(s, std::array::from_fn::<_, M, _>(unit(j))).map(first).to_vec(),
                );
            }
        }
    }

    /// Computes `maps[·][column][row]` of `Bᵀ`, `B`, `Aᵀ`, `A`.
    fn matrices<P: Points<N>, const N: usize, const M: usize>() -> [Vec<Vec<f32>>; 4] {
        let mut maps = [const { Vec::new() }; 4];
        dispatch(Isa::portable(), Matrices::<P, N, M> { points: std::marker::PhantomData, maps: &mut maps });
        maps
    }

    fn check<P: Points<N>, const N: usize, const M: usize>(points: &[f64]) {
        let [input, input_adjoint, output, output_adjoint] = matrices::<P, N, M>();
        for i in 0..N {
            for j in 0..N {
                assert_eq!(
                    input[j][i],
                    input_adjoint[i][j],
                    "B is the transpose of its adjoint, F({M}, {})",
                    N + 1 - M
                );
            }
            for k in 0..M {
                assert_eq!(
                    output[i][k],
                    output_adjoint[k][i],
                    "A is the transpose of its adjoint, F({M}, {})",
                    N + 1 - M
                );
            }
        }
        // A unit impulse at d against a unit tap at t must appear at output d - t alone.
        let taps = N + 1 - M;
        let g = weight_rows(points, taps);
        for (d, lifted) in input.iter().enumerate() {
            for (t, y) in (0..taps).flat_map(|t| (0..M).map(move |y| (t, y))) {
                let found: f64 = output
                    .iter()
                    .zip(&g)
                    .zip(lifted)
                    .map(|((out, g), &v)| f64::from(out[y]) * g[t] * f64::from(v))
                    .sum();
                let expected = if d == y + t { 1.0 } else { 0.0 };
                assert!(
                    (found - expected).abs() < 1e-12,
                    "F({M}, {taps}): input {d}, tap {t}, output {y}: {found}"
                );
            }
        }
    }

    #[test]
    fn every_transform_convolves_and_its_adjoints_are_its_transposes() {
        check::<Three, 3, 2>(&THREE);
        check::<Four, 4, 2>(&FOUR);
        check::<Four, 4, 3>(&FOUR);
        check::<Five, 5, 3>(&FIVE);
        check::<Five, 5, 4>(&FIVE);
        check::<Six, 6, 4>(&SIX);
        check::<Six, 6, 2>(&SIX);
    }
}
