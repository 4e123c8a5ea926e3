//! Benjamini–Hochberg correction: keeps the expected proportion of false claims among the claims made at α.
//!
//! Sort p ascending; the corrected i-th is min over j ≥ i of min(1, m/j · p₍ⱼ₎). Assumption: independent or positively
//! dependent tests, as comparisons with one baseline are. Source: Benjamini and Hochberg (1995).

/// Corrected p values in the order of the input.
///
/// ```
/// let corrected = allconv_study::stats::benjamini_hochberg(&[0.01, 0.04, 0.03]);
/// assert!(corrected.iter().zip([0.03, 0.04, 0.04]).all(|(got, want)| (got - want).abs() < 1e-12));
/// ```
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut corrected = vec![0.0; p.len()];
    let mut smallest = 1.0_f64;
    for (rank, &index) in order.iter().enumerate().rev() {
        smallest = smallest.min(p.len() as f64 / (rank + 1) as f64 * p[index]);
        corrected[index] = smallest;
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::holm;

    #[test]
    fn it_is_never_stricter_than_holm() {
        let p = [0.5, 0.001, 0.2, 0.2, 0.04, 0.9];
        for (lenient, strict) in benjamini_hochberg(&p).into_iter().zip(holm(&p)) {
            assert!(lenient <= strict);
        }
    }
}
