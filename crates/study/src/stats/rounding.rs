//! The tolerance for rounding of all statistics, and arithmetic that neither overflows nor underflows.
//!
//! Metrics are computed in double precision from sums over examples, so that two values that ought to be equal may differ in their last
//! bits. Such a difference is not a finding, and such a spread is not a scale: divided by it, a rounding error becomes p = 1e-79.
//!
//! - Two values are equal when they differ by at most [`ROUNDING`] times the larger of their sizes.
//! - Values have no spread when the largest and the smallest of them are equal in this sense.
//! - Differences of pairs are zero, or without spread, when that holds relative to the *values* whose differences they are:
//!   [`paired_differences`] settles them, so that every method which follows sees exact zeros and exactly equal numbers.

/// Fraction of a value's size below which a difference is rounding: some thousand units in the last place.
pub const ROUNDING: f64 = 1e-12;

/// Whether two values are equal but for rounding.
///
/// ```
/// use allconv_study::stats::is_equal;
///
/// assert!(is_equal(0.1 + 0.2, 0.3) && is_equal(0.0, -0.0));
/// assert!(!is_equal(0.3, 0.300001) && !is_equal(0.0, 1e-17));
/// ```
pub fn is_equal(first: f64, second: f64) -> bool {
    first == second || (first - second).abs() <= ROUNDING * first.abs().max(second.abs())
}

/// Whether all values are equal but for rounding; true for none and for one.
///
/// ```
/// use allconv_study::stats::is_constant;
///
/// assert!(is_constant(&[0.1, 0.3 - 0.2, 0.7 - 0.6]));
/// assert!(!is_constant(&[0.1, 0.1000001]));
/// ```
pub fn is_constant(values: &[f64]) -> bool {
    let (least, most) = extremes(values);
    values.len() < 2 || is_equal(least, most)
}

/// The differences first − second of pairs, with rounding taken away: below [`ROUNDING`] times the largest value they are exactly 0, and
/// where they differ among each other by less than that, they are exactly equal.
///
/// ```
/// use allconv_study::stats::paired_differences;
///
/// // 0.2 − 0.1, 0.3 − 0.2 and 0.7 − 0.6 are three different doubles.
/// let same = paired_differences(&[(0.2, 0.1), (0.3, 0.2), (0.7, 0.6)]);
/// assert!(same.iter().all(|difference| *difference == same[0]));
/// assert_eq!(paired_differences(&[(0.1 + 0.2, 0.3), (0.5, 0.5)]), [0.0, 0.0]);
/// ```
pub fn paired_differences(pairs: &[(f64, f64)]) -> Vec<f64> {
    let size = pairs.iter().fold(0.0_f64, |size, (first, second)| size.max(first.abs()).max(second.abs()));
    settled(pairs.iter().map(|(first, second)| first - second).collect(), size)
}

/// Takes the rounding away from numbers that were computed as differences of values of this size.
///
/// ```
/// assert_eq!(allconv_study::stats::settled(vec![1e-16, -2e-16], 0.5), [0.0, 0.0]);
/// assert_eq!(allconv_study::stats::settled(vec![0.25, 0.5], 0.5), [0.25, 0.5]);
/// ```
pub fn settled(mut differences: Vec<f64>, size: f64) -> Vec<f64> {
    let tolerance = ROUNDING * size;
    let (least, most) = extremes(&differences);
    if differences.len() > 1 && most - least <= tolerance {
        // Halved before they are added: the sum of two huge numbers has no double.
        differences.fill(0.5 * least + 0.5 * most);
    }
    for difference in &mut differences {
        if difference.abs() <= tolerance {
            *difference = 0.0;
        }
    }
    differences
}

/// The smallest and the largest value; infinite the wrong way round for none.
fn extremes(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| {
        (least.min(*value), most.max(*value))
    })
}

/// A power of two by which values can be multiplied so that their squares and sums have doubles; 1 for values of an ordinary size.
///
/// Multiplying by a power of two is exact, so that this never changes a result that could be computed without it.
pub(crate) fn safe_factor(values: &[f64]) -> f64 {
    let size = values.iter().fold(0.0_f64, |size, value| size.max(value.abs()));
    if size == 0.0 || !size.is_finite() || (1e-100..1e100).contains(&size) {
        return 1.0;
    }
    // Beyond 2^±1000 the factor itself would leave the doubles.
    2.0_f64.powi((-size.log2().round()).clamp(-1000.0, 1000.0) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{
        Statement, evidence, friedman, mean_above_p, mean_interval, paired_effect_size, paired_t_test,
        probability_of_improvement, sign_flip_p, summarise, tost_p, welch_test, welch_tost_p, wilcoxon_p,
    };

    /// Pairs whose difference is 0.1 up to rounding in every one, with a different rounding in each.
    fn constant() -> Vec<(f64, f64)> {
        (1..=8).map(|index| 0.1 * f64::from(index)).map(|value| (value + 0.1, value)).collect()
    }

    #[test]
    fn a_spread_of_rounding_is_no_scale_for_any_method() {
        let raw: Vec<f64> = constant().iter().map(|(first, second)| first - second).collect();
        assert!(raw.iter().any(|difference| *difference != raw[0]), "the sample has no rounding");
        for differences in [raw, paired_differences(&constant()), vec![-12.5; 6]] {
            assert_eq!(summarise(&differences).unwrap().standard_deviation, Some(0.0));
            assert_eq!(paired_t_test(&differences), None);
            assert_eq!(paired_effect_size(&differences, 0.95), None);
            assert_eq!(tost_p(&differences, 20.0), None);
            assert_eq!(mean_above_p(&differences, 0.0), None);
            for statement in Statement::ALL {
                assert_eq!(evidence(&differences, statement, 0.05), None);
            }
        }
        let arm: Vec<f64> = vec![0.1 + 0.2, 0.3, 0.9 - 0.6];
        assert_eq!(welch_test(&arm, &[0.4; 3]), None);
        assert_eq!(welch_tost_p(&arm, &[0.4; 3], 0.5), None);
    }

    #[test]
    fn differences_in_the_last_bits_are_zero_for_every_method() {
        let pairs: Vec<(f64, f64)> =
            (0..6).map(|index| 0.3 + 0.01 * f64::from(index)).map(|value| (value + 1e-16, value)).collect();
        let differences = paired_differences(&pairs);
        assert_eq!(differences, [0.0; 6]);
        assert_eq!((paired_t_test(&differences), sign_flip_p(&differences)), (None, Some(1.0)));
        assert_eq!(wilcoxon_p(&differences), Some(1.0));
        // Identical results are what equivalence says.
        assert_eq!(tost_p(&differences, 0.005), Some(0.0));
        assert_eq!(welch_tost_p(&[0.3, 0.1 + 0.2], &[0.3; 2], 0.005), Some(0.0));
        let row = vec![0.3, 0.1 + 0.2, 0.9 - 0.6];
        assert_eq!(friedman(&vec![row; 5]), None, "one tie");
        assert_eq!(probability_of_improvement(&[0.1 + 0.2], &[0.3]), Some(0.5));
    }

    #[test]
    fn a_small_constant_difference_of_large_values_has_no_spread() {
        // Of PSNR values near 30 dB, a millionth of a decibel in every seed; rounding is a billionth of it.
        let pairs: Vec<(f64, f64)> =
            (0..6).map(|seed| 30.0 + 0.1 * f64::from(seed)).map(|v| (v + 1e-6, v)).collect();
        assert!(is_constant(&paired_differences(&pairs)));
    }

    #[test]
    fn a_real_spread_stays_as_it_is() {
        let pairs = [(0.2, 0.1), (0.3, 0.15), (0.5, 0.49)];
        let plain: Vec<f64> = pairs.iter().map(|(first, second)| first - second).collect();
        assert_eq!(paired_differences(&pairs), plain);
        assert!(!is_constant(&[0.5, 0.5 * (1.0 + 1e-11)]));
    }

    #[test]
    fn huge_and_tiny_values_have_the_statistics_of_ordinary_ones() {
        let ordinary = [3.0, 5.0, 4.0, 6.0, 4.5, 5.5];
        let other = [1.0, 2.5, 1.5, 2.0, 3.0, 1.25];
        let test = paired_t_test(&ordinary).unwrap();
        let unpaired = welch_test(&ordinary, &other).unwrap();
        // Powers of two are exact, so that the results are the same to the last bit.
        for scale in [2.0_f64.powi(532), 2.0_f64.powi(1000), 2.0_f64.powi(-700)] {
            let (scaled, other): (Vec<f64>, Vec<f64>) =
                ordinary.iter().zip(&other).map(|(a, b)| (a * scale, b * scale)).unzip();
            assert_eq!(paired_t_test(&scaled), Some(test));
            assert_eq!(paired_effect_size(&scaled, 0.95), paired_effect_size(&ordinary, 0.95));
            let found = welch_test(&scaled, &other).unwrap();
            assert_eq!((found.statistic, found.p), (unpaired.statistic, unpaired.p));
            assert_eq!(found.degrees_of_freedom, unpaired.degrees_of_freedom);
            assert_eq!(sign_flip_p(&scaled), sign_flip_p(&ordinary));
            assert_eq!(tost_p(&scaled, scale), tost_p(&ordinary, 1.0));
        }
        // The largest doubles of both signs: their difference is infinite, and nothing panics.
        let extreme = [1e308, -1e308, 1e308, -1.7e308, 1.7e308];
        let _ = (summarise(&extreme), mean_interval(&extreme, 0.95), paired_t_test(&extreme));
        let _ = (paired_effect_size(&extreme, 0.95), welch_test(&extreme, &other), tost_p(&extreme, 1.0));
        let _ = (sign_flip_p(&extreme), wilcoxon_p(&extreme), friedman(&vec![extreme.to_vec(); 5]));
        let _ = paired_differences(&[(1e308, -1e308), (0.0, 1.0)]);
        let one = [1e160, 0.1, 0.2, 0.1, 0.3, 0.2];
        assert!(paired_t_test(&one).unwrap().p > 0.3);
    }
}
