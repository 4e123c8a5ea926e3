//! Holm's correction: keeps the chance of any false claim among m tests at α, whatever their dependence.
//!
//! Sort p ascending; the corrected i-th is max over j ≤ i of min(1, (m − j + 1) · p₍ⱼ₎). No assumption. Source: Holm
//! (1979), "A simple sequentially rejective multiple test procedure".

/// Corrected p values in the order of the input.
///
/// ```
/// let corrected = allconv_study::stats::holm(&[0.01, 0.04, 0.03]);
/// assert!(corrected.iter().zip([0.03, 0.06, 0.06]).all(|(got, want)| (got - want).abs() < 1e-12));
/// ```
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut corrected = vec![0.0; p.len()];
    let mut largest = 0.0_f64;
    for (rank, &index) in order.iter().enumerate() {
        largest = largest.max(((p.len() - rank) as f64 * p[index]).min(1.0));
        corrected[index] = largest;
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_test_needs_no_correction_and_none_gives_none() {
        assert_eq!(holm(&[0.2]), [0.2]);
        assert!(holm(&[]).is_empty());
    }

    #[test]
    fn corrected_values_keep_the_order_and_never_fall_below_the_raw_ones() {
        let p = [0.5, 0.001, 0.2, 0.2, 0.04];
        let corrected = holm(&p);
        for i in 0..p.len() {
            assert!(corrected[i] >= p[i] && corrected[i] <= 1.0);
            for j in 0..p.len() {
                assert!(p[i] > p[j] || corrected[i] <= corrected[j]);
            }
        }
    }
}
