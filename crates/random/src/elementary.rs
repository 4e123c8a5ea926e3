//! Elementary functions that give the same bits on every machine.
//!
//! The methods of `f64` and `f32` call the platform's mathematical library, whose results differ between its versions and, within one
//! version, between processors. These functions are plain additions, multiplications, divisions and square roots in a fixed order,
//! which IEEE 754 defines to the last bit. Whatever reaches weights, data, metrics or outcomes calls them; a lint refuses the methods.
//!
//! The double-precision functions are those of the `libm` crate (a translation of musl's and FreeBSD's), held to one version. They
//! are within one unit in the last place of the correctly rounded result, which `tests/elementary.rs` holds them to.

use std::f64::consts::{FRAC_1_SQRT_2, TAU};

/// Returns `e^x`.
#[must_use]
pub fn exp(x: f64) -> f64 {
    libm::exp(x)
}

/// Returns `e^x − 1`, exact near 0 too.
#[must_use]
pub fn exp_m1(x: f64) -> f64 {
    libm::expm1(x)
}

/// Returns the natural logarithm: NaN below 0, −∞ of 0.
#[must_use]
pub fn ln(x: f64) -> f64 {
    libm::log(x)
}

/// Returns the logarithm to base 10: NaN below 0, −∞ of 0.
#[must_use]
pub fn log10(x: f64) -> f64 {
    libm::log10(x)
}

/// Returns the sine of an angle in radians.
#[must_use]
pub fn sin(x: f64) -> f64 {
    libm::sin(x)
}

/// Returns the cosine of an angle in radians.
#[must_use]
pub fn cos(x: f64) -> f64 {
    libm::cos(x)
}

/// Returns sine and cosine of an angle in radians.
#[must_use]
pub fn sin_cos(x: f64) -> (f64, f64) {
    libm::sincos(x)
}

/// Returns `base^exponent`.
#[must_use]
pub fn pow(base: f64, exponent: f64) -> f64 {
    libm::pow(base, exponent)
}

/// Returns `base^exponent` by repeated squaring, from the lowest bit of the exponent up; the inverse for negative exponents.
#[must_use]
pub fn powi(base: f64, exponent: i32) -> f64 {
    let (mut square, mut left, mut product) = (base, exponent.unsigned_abs(), 1.0);
    while left > 0 {
        if left & 1 == 1 {
            product *= square;
        }
        square *= square;
        left >>= 1;
    }
    if exponent < 0 { 1.0 / product } else { product }
}

/// Returns `x²`.
#[inline(always)]
#[must_use]
pub fn square(x: f64) -> f64 {
    x * x
}

/// Returns `√(x² + y²)`.
#[must_use]
pub fn hypot(x: f64, y: f64) -> f64 {
    libm::hypot(x, y)
}

/// Returns cosine and sine of `numerator / denominator` of a full turn, exact at the multiples of a quarter turn, and with the exact
/// symmetries of the circle between octants.
///
/// # Panics
/// If `denominator` is 0.
#[must_use]
pub fn cos_sin_of_turn(numerator: u64, denominator: u64) -> [f64; 2] {
    assert!(denominator > 0, "a turn cannot be divided into 0 parts");
    // In eighths of a part, so that octants begin at whole numbers.
    let eighths = u128::from(numerator % denominator) * 8;
    let (octant, rest) = (eighths / u128::from(denominator), eighths % u128::from(denominator));
    // The angle from the nearest axis, at most an eighth of a turn.
    let from_axis = if octant % 2 == 0 { rest } else { u128::from(denominator) - rest };
    let (sine, cosine) = if from_axis == u128::from(denominator) {
        (FRAC_1_SQRT_2, FRAC_1_SQRT_2)
    } else {
        sin_cos(TAU * (from_axis as f64 / (8.0 * denominator as f64)))
    };
    match octant {
        0 => [cosine, sine],
        1 => [sine, cosine],
        2 => [-sine, cosine],
        3 => [-cosine, sine],
        4 => [-cosine, -sine],
        5 => [-sine, -cosine],
        6 => [sine, -cosine],
        _ => [cosine, -sine],
    }
}

/// Returns `e^x` in single precision, in a form that loops can be vectorised with: relative error below 3e-7 where the result is a
/// normal number, 0 below −104, infinity above 88.7.
#[inline(always)]
#[must_use]
pub fn exp_f32(x: f32) -> f32 {
    // e^x = 2^n · e^r with n whole and |r| ≤ ln 2 / 2; ln 2 in two parts keeps r exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    const SHIFT: f32 = 12_582_912.0;
    let x = x.clamp(-104.0, 88.8);
    let shifted = x * std::f32::consts::LOG2_E + SHIFT;
    let n = shifted - SHIFT;
    let r = x - n * LN_2_HIGH - n * LN_2_LOW;
    // The Taylor polynomial of degree 7: its remainder is below 2e-9 on this interval.
    let mut sum = 1.0 / 5040.0;
    for coefficient in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        sum = sum * r + coefficient;
    }
    // 2^n in two factors, each of which is a normal number.
    // In [2^23, 2^24) the bits of neighbouring numbers differ by 1: n without a conversion, which is not vectorised.
    #[expect(clippy::cast_possible_wrap, reason = "a difference of at most 151 either way")]
    let n = shifted.to_bits().wrapping_sub(SHIFT.to_bits()) as i32;
    let half = n >> 1;
    sum * power_of_two(half) * power_of_two(n - half)
}

/// Returns `ln x` of a positive normal number in single precision, in a form that loops can be vectorised with: relative error below
/// 3e-7, absolute near 1 below 1e-7. NaN stays NaN.
#[inline(always)]
#[must_use]
pub fn ln_f32(x: f32) -> f32 {
    // x = 2^n · m with √½ ≤ m < √2; ln m = 2·artanh((m − 1)/(m + 1)).
    const BIAS: u32 = 0x3f35_04f3;
    let bits = x.to_bits().wrapping_sub(BIAS);
    #[expect(clippy::cast_possible_wrap, reason = "the exponent's bits, with their sign")]
    let n = (bits as i32) >> 23;
    let m = f32::from_bits((bits & 0x007f_ffff) + BIAS);
    let z = (m - 1.0) / (m + 1.0);
    let square = z * z;
    // |z| < 0.172: the series is cut off below 1e-9.
    let mut sum = 1.0 / 9.0;
    for coefficient in [1.0 / 7.0, 1.0 / 5.0, 1.0 / 3.0, 1.0] {
        sum = sum * square + coefficient;
    }
    #[expect(clippy::cast_precision_loss, reason = "exponents are below 2^8")]
    let n = n as f32;
    let logarithm = 2.0 * z * sum + n * std::f32::consts::LN_2;
    // The bits of NaN would be taken for an exponent.
    if x.is_nan() { x } else { logarithm }
}

/// Returns `2^n` for n from -126 to 127.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    #[expect(clippy::cast_sign_loss, reason = "the biased exponent is positive")]
    f32::from_bits((n.wrapping_add(127) << 23) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns values over the whole range, dense near 0.
    fn range(low: f32, high: f32) -> impl Iterator<Item = f32> {
        (0..200_000).map(move |index| low + (high - low) * index as f32 / 200_000.0)
    }

    #[test]
    fn the_exponential_of_f32_is_within_three_roundings() {
        for x in range(-87.0, 88.7).chain(range(-1.0, 1.0)) {
            let error = (f64::from(exp_f32(x)) / exp(f64::from(x)) - 1.0).abs();
            assert!(error < 3e-7, "e^{x}: {error:e}");
        }
        assert_eq!((exp_f32(0.0), exp_f32(-200.0)), (1.0, 0.0));
        assert!(exp_f32(200.0).is_infinite() && exp_f32(f32::NAN).is_nan());
    }

    #[test]
    fn the_logarithm_of_f32_is_within_three_roundings() {
        for x in range(1e-6, 4.0).chain(range(0.5, 1e6)).chain([f32::MIN_POSITIVE, 1.0, f32::MAX]) {
            let exact = ln(f64::from(x));
            let error = (f64::from(ln_f32(x)) - exact).abs();
            assert!(error < 1e-7 + 3e-7 * exact.abs(), "ln {x}: {error:e}");
        }
        assert_eq!(ln_f32(1.0), 0.0);
        assert!(ln_f32(f32::NAN).is_nan());
    }

    #[test]
    fn whole_powers_are_products() {
        assert_eq!(powi(3.0, 5), 243.0);
        assert_eq!(powi(0.5, -3), 8.0);
        assert_eq!((powi(7.0, 0), powi(f64::NAN, 0)), (1.0, 1.0));
        assert_eq!(powi(10.0, 12), 1e12);
        assert_eq!(powi(2.0, i32::MIN), 0.0);
    }

    #[test]
    fn parts_of_a_turn_are_exact_on_the_axes_and_symmetric() {
        let axes = [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]];
        for (quarter, axis) in axes.into_iter().enumerate() {
            for parts in [4, 8, 12, 1 << 40] {
                assert_eq!(cos_sin_of_turn(quarter as u64 * parts / 4, parts), axis);
            }
        }
        for parts in [3, 7, 8, 30, 33, 224] {
            for part in 0..2 * parts {
                let [cosine, sine] = cos_sin_of_turn(part, parts);
                assert_eq!(cos_sin_of_turn(2 * parts - part, parts), [cosine, -sine], "{part}/{parts}");
                let angle = TAU * part as f64 / parts as f64;
                assert!((cosine - cos(angle)).abs() < 4e-15 && (sine - sin(angle)).abs() < 4e-15);
            }
        }
    }
}
