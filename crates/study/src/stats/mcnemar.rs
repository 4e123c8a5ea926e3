//! McNemar's exact test: two classifiers on the same test examples.
//!
//! Only the examples that exactly one of them gets right count: b and c. Under the null each is a fair coin, so
//! p = min(1, 2·P(X ≤ min(b, c))) with X ~ Binomial(b + c, 1/2). It applies to these two trained nets on new examples, not
//! to retraining them. Source: McNemar (1947), in the exact form.

use statrs::function::beta::beta_reg;

/// Two-sided p from the numbers of examples that only the first and only the second classifies rightly.
///
/// ```
/// assert!((allconv_study::stats::mcnemar_p(0, 6) - 2.0 / 64.0).abs() < 1e-12);
/// assert_eq!(allconv_study::stats::mcnemar_p(3, 3), 1.0);
/// ```
pub fn mcnemar_p(only_first: u64, only_second: u64) -> f64 {
    let (fewer, n) = (only_first.min(only_second), only_first + only_second);
    if 2 * fewer >= n {
        return 1.0;
    }
    // P(X ≤ k) = I(1/2; n − k, k + 1).
    (2.0 * beta_reg((n - fewer) as f64, fewer as f64 + 1.0, 0.5)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_symmetric_and_two_perfect_twins_do_not_differ() {
        assert_eq!(mcnemar_p(0, 0), 1.0);
        assert_eq!(mcnemar_p(5, 14), mcnemar_p(14, 5));
        assert!(mcnemar_p(312, 401) < mcnemar_p(340, 401));
    }
}
