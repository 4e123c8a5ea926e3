//! Probability of improvement: how often would a run of one arm beat a run of the other, seeds drawn at random?
//!
//! Fraction of pairs (i, j) with xᵢ better than yⱼ, ties (but for rounding) counted half: the Mann–Whitney U over n·m. Needs no assumption on the shape of
//! the distributions. Source: Agarwal et al. (2021).

use super::rounding::is_equal;

/// Chance that a value of `first` lies below one of `second`; `None` if either is empty.
///
/// ```
/// assert_eq!(allconv_study::stats::probability_of_improvement(&[1.0, 3.0], &[2.0, 3.0]), Some(0.625));
/// ```
pub fn probability_of_improvement(first: &[f64], second: &[f64]) -> Option<f64> {
    if first.is_empty() || second.is_empty() {
        return None;
    }
    let wins: f64 = first
        .iter()
        .flat_map(|a| {
            second.iter().map(move |b| {
                if is_equal(*a, *b) {
                    0.5
                } else if a < b {
                    1.0
                } else {
                    0.0
                }
            })
        })
        .sum();
    Some(wins / (first.len() * second.len()) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_directions_sum_to_one() {
        let (first, second) = ([0.1, 0.2, 0.2, 0.5], [0.2, 0.3, 0.05]);
        let forth = probability_of_improvement(&first, &second).unwrap();
        let back = probability_of_improvement(&second, &first).unwrap();
        assert!((forth + back - 1.0).abs() < 1e-12);
        assert_eq!(probability_of_improvement(&[], &second), None);
    }
}
