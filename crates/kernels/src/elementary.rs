//! Exponential, logarithm and root that loops over f32 can be vectorised with; for f64 those of the standard library.

/// Exponential, natural logarithm and square root of a scalar.
pub trait Elementary: Sized {
    /// `e^x`. f32: relative error below 3e-7 where the result is a normal number, 0 below -87.3, infinity above 88.7.
    fn exponential(self) -> Self;

    /// `ln x` for positive normal x. f32: relative error below 3e-7, absolute near 1 below 1e-7.
    fn logarithm(self) -> Self;

    /// The square root, correctly rounded; 0 of 0.
    fn square_root(self) -> Self;
}

impl Elementary for f64 {
    fn exponential(self) -> Self {
        self.exp()
    }

    fn logarithm(self) -> Self {
        self.ln()
    }

    fn square_root(self) -> Self {
        self.sqrt()
    }
}

impl Elementary for f32 {
    #[inline(always)]
    fn exponential(self) -> Self {
        // e^x = 2^n · e^r with n whole and |r| ≤ ln 2 / 2; ln 2 in two parts keeps r exact.
        const LN_2_HIGH: f32 = 0.693_359_4;
        const LN_2_LOW: f32 = -2.121_944_4e-4;
        const SHIFT: f32 = 12_582_912.0;
        let x = self.clamp(-104.0, 88.8);
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

    #[inline(always)]
    fn logarithm(self) -> Self {
        // x = 2^n · m with √½ ≤ m < √2; ln m = 2·artanh((m − 1)/(m + 1)).
        const BIAS: u32 = 0x3f35_04f3;
        let bits = self.to_bits().wrapping_sub(BIAS);
        #[expect(clippy::cast_possible_wrap, reason = "the exponent's bits, with their sign")]
        let n = (bits as i32) >> 23;
        let m = Self::from_bits((bits & 0x007f_ffff) + BIAS);
        let z = (m - 1.0) / (m + 1.0);
        let square = z * z;
        // |z| < 0.172: the series is cut off below 1e-9.
        let mut sum = 1.0 / 9.0;
        for coefficient in [1.0 / 7.0, 1.0 / 5.0, 1.0 / 3.0, 1.0] {
            sum = sum * square + coefficient;
        }
        #[expect(clippy::cast_precision_loss, reason = "exponents are below 2^8")]
        let n = n as Self;
        2.0 * z * sum + n * std::f32::consts::LN_2
    }

    #[inline(always)]
    fn square_root(self) -> Self {
        self.sqrt()
    }
}

/// `2^n` for n from -126 to 127.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    #[expect(clippy::cast_sign_loss, reason = "the biased exponent is positive")]
    f32::from_bits((n.wrapping_add(127) << 23) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values over the whole range, dense near 0.
    fn range(low: f32, high: f32) -> impl Iterator<Item = f32> {
        (0..200_000).map(move |index| low + (high - low) * index as f32 / 200_000.0)
    }

    #[test]
    fn exponential_is_within_three_roundings_of_the_exact_one() {
        for x in range(-87.0, 88.7).chain(range(-1.0, 1.0)) {
            let exact = f64::from(x).exp();
            let error = (f64::from(x.exponential()) / exact - 1.0).abs();
            assert!(error < 3e-7, "e^{x}: {error:e}");
        }
        assert_eq!((0.0_f32.exponential(), (-200.0_f32).exponential()), (1.0, 0.0));
        assert!(200.0_f32.exponential().is_infinite());
    }

    #[test]
    fn logarithm_is_within_three_roundings_of_the_exact_one() {
        for x in range(1e-6, 4.0).chain(range(0.5, 1e6)).chain([f32::MIN_POSITIVE, 1.0, f32::MAX]) {
            let exact = f64::from(x).ln();
            let error = (f64::from(x.logarithm()) - exact).abs();
            assert!(error < 1e-7 + 3e-7 * exact.abs(), "ln {x}: {error:e}");
        }
        assert_eq!(1.0_f32.logarithm(), 0.0);
    }
}
