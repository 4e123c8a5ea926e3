//! Posterior probabilities of a difference below, within and above a margin.
//!
//! With a flat prior, the mean difference δ given n differences is distributed as d̄ + (s/√n)·T with T Student's t of n − 1 degrees of freedom,
//! so that P(δ > m) = P(T > (m − d̄)√n/s), and so on; the three add up to 1. They are the one-sided p values of the t tests about ±m, read as
//! probabilities. The prior does not depend on the number of comparisons: of many arms, the most extreme looks more certain than it is.
//! Assumptions: as for the t test. Source: Kruschke (2018), "Rejecting or accepting parameter values in Bayesian estimation"; Benavoli et al.
//! (2017), "Time for a change", for the region of practical equivalence.

use super::rounding::is_constant;
use super::student::upper_tail;
use super::summary::{mean, standard_deviation};

/// Probabilities about a true mean difference; they add up to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Practical {
    /// Below −margin.
    pub below: f64,
    /// Within ±margin.
    pub within: f64,
    /// Above the margin.
    pub above: f64,
}

/// The probabilities for a `margin` ≥ 0; `None` below two differences, and where they are the same and not zero: without spread nothing says
/// how sure their size is.
///
/// ```
/// use allconv_study::stats::practical;
///
/// // d̄ = 2, s = 1.633, n = 4: 2 lies (2 − 1)/0.816 = 1.225 standard errors above a margin of 1.
/// let found = practical(&[0.0, 2.0, 2.0, 4.0], 1.0).unwrap();
/// assert!((found.above - 0.846).abs() < 1e-3 && (found.below - 0.0175).abs() < 1e-3);
/// assert!((found.below + found.within + found.above - 1.0).abs() < 1e-12);
/// ```
pub fn practical(differences: &[f64], margin: f64) -> Option<Practical> {
    let n = differences.len() as f64;
    let error = standard_deviation(differences)? / n.sqrt();
    let centre = mean(differences);
    if is_constant(differences) {
        return (centre == 0.0).then_some(Practical { below: 0.0, within: 1.0, above: 0.0 });
    }
    let above = upper_tail((margin - centre) / error, n - 1.0);
    let below = upper_tail((margin + centre) / error, n - 1.0);
    Some(Practical { below, within: (1.0 - above - below).max(0.0), above })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{mean_above_p, mean_below_p};

    const DIFFERENCES: [f64; 6] = [0.3, 0.1, 0.25, -0.05, 0.2, 0.4];

    #[test]
    fn they_are_the_one_sided_p_values_about_the_margins() {
        for margin in [0.0, 0.1, 0.3] {
            let found = practical(&DIFFERENCES, margin).unwrap();
            assert!((found.above - mean_below_p(&DIFFERENCES, margin).unwrap()).abs() < 1e-14);
            assert!((found.below - mean_above_p(&DIFFERENCES, -margin).unwrap()).abs() < 1e-14);
        }
        assert!(practical(&DIFFERENCES, 0.0).unwrap().within < 1e-14);
    }

    #[test]
    fn mirrored_differences_exchange_the_sides() {
        let mirrored = DIFFERENCES.map(|difference| -difference);
        let (found, other) = (practical(&DIFFERENCES, 0.1).unwrap(), practical(&mirrored, 0.1).unwrap());
        assert!((found.above - other.below).abs() < 1e-14 && (found.within - other.within).abs() < 1e-14);
    }

    #[test]
    fn without_spread_only_zeros_have_an_answer() {
        assert_eq!(practical(&[0.0, 0.0], 0.1), Some(Practical { below: 0.0, within: 1.0, above: 0.0 }));
        assert_eq!(practical(&[0.2, 0.2], 0.1), None);
        assert_eq!(practical(&[0.2], 0.1), None);
    }
}
