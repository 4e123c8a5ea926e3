//! Student's t distribution.
//!
//! With ν degrees of freedom, P(|T| ≥ t) = I(ν/(ν+t²); ν/2, 1/2), where I is the regularised incomplete beta function.

use statrs::function::beta::beta_reg;

/// P(|T| ≥ |t|) for `degrees_of_freedom` > 0; NaN when either is.
///
/// ```
/// // With one degree of freedom T is Cauchy distributed: half of it lies beyond ±1.
/// assert!((allconv_study::stats::student_two_sided_p(1.0, 1.0) - 0.5).abs() < 1e-12);
/// ```
pub fn student_two_sided_p(t: f64, degrees_of_freedom: f64) -> f64 {
    if t.is_infinite() {
        return 0.0;
    }
    if t.is_nan() || degrees_of_freedom.is_nan() {
        return f64::NAN;
    }
    beta_reg(degrees_of_freedom / 2.0, 0.5, degrees_of_freedom / (degrees_of_freedom + t * t))
}

/// P(T ≥ t).
pub(crate) fn upper_tail(t: f64, degrees_of_freedom: f64) -> f64 {
    let tail = 0.5 * student_two_sided_p(t, degrees_of_freedom);
    if t >= 0.0 { tail } else { 1.0 - tail }
}

/// The t with P(T ≤ t) = `probability`, for a probability in (0, 1). By bisection on the tail, to the last bits.
///
/// ```
/// assert!((allconv_study::stats::student_quantile(0.75, 1.0) - 1.0).abs() < 1e-12);
/// ```
///
/// # Panics
/// Unless 0 < `probability` < 1 and `degrees_of_freedom` > 0.
pub fn student_quantile(probability: f64, degrees_of_freedom: f64) -> f64 {
    assert!(probability > 0.0 && probability < 1.0, "probability {probability}");
    assert!(degrees_of_freedom > 0.0, "degrees of freedom {degrees_of_freedom}");
    if probability < 0.5 {
        return -student_quantile(1.0 - probability, degrees_of_freedom);
    }
    let tail = 1.0 - probability;
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    while upper_tail(high, degrees_of_freedom) > tail {
        (low, high) = (high, 2.0 * high);
    }
    // 2⁻⁸⁰ of the bracket is below the spacing of doubles.
    for _ in 0..80 {
        let middle = 0.5 * (low + high);
        if upper_tail(middle, degrees_of_freedom) > tail { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantile_is_odd_about_a_half_and_inverts_the_tail() {
        for freedom in [1.0, 4.0, 8.0, 31.5] {
            assert!(student_quantile(0.5, freedom).abs() < 1e-15);
            for probability in [0.6, 0.9, 0.975, 0.9999] {
                let t = student_quantile(probability, freedom);
                assert!((upper_tail(t, freedom) - (1.0 - probability)).abs() < 1e-12);
                assert!((student_quantile(1.0 - probability, freedom) + t).abs() < 1e-9 * t);
            }
        }
    }

    #[test]
    fn an_infinite_t_has_no_tail() {
        assert_eq!(student_two_sided_p(f64::INFINITY, 4.0), 0.0);
        assert_eq!(student_two_sided_p(0.0, 4.0), 1.0);
    }
}
