//! Main effects and interactions of a full factorial design.
//!
//! All combinations of levels are measured in each block (seed). Within a block, with ȳ(…) the mean over all combinations that have the
//! named levels: the *main effect* of level a against level r of a factor is ȳ(a) − ȳ(r); the *interaction* with level b against q of another
//! factor is [ȳ(a, b) − ȳ(r, b)] − [ȳ(a, q) − ȳ(r, q)]. These are one number per block; their mean, t interval and p over the blocks follow
//! as for any paired difference, each from its own spread, so that no equality of variances (sphericity) is assumed.
//! Assumptions: as for the t test, of these numbers; blocks independent. Source: Montgomery, "Design and analysis of experiments", chapter 5;
//! Maxwell and Delaney, chapter 11, for contrasts with their own error term.

/// The measured values of one block: one per combination of levels, the first factor varying fastest.
#[derive(Clone, Copy, Debug)]
pub struct FactorialBlock<'a> {
    /// Number of levels of each factor.
    pub levels: &'a [usize],
    /// The values; as many as there are combinations.
    pub values: &'a [f64],
}

/// A level of a factor against a reference level of the same factor, all by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelContrast {
    /// The factor.
    pub factor: usize,
    /// The level of interest.
    pub level: usize,
    /// The level it is compared with.
    pub reference: usize,
}

impl FactorialBlock<'_> {
    /// Mean of the values whose levels are those given as (factor, level).
    ///
    /// # Panics
    /// If the values are not one per combination, or no combination has these levels.
    fn mean_at(&self, wanted: &[(usize, usize)]) -> f64 {
        let combinations: usize = self.levels.iter().product();
        assert_eq!(self.values.len(), combinations, "one value per combination of {:?}", self.levels);
        let (mut sum, mut count) = (0.0, 0_u32);
        for (index, value) in self.values.iter().enumerate() {
            if wanted.iter().all(|&(factor, level)| self.level(index, factor) == level) {
                sum += value;
                count += 1;
            }
        }
        assert!(count > 0, "no combination of {:?} has the levels {wanted:?}", self.levels);
        sum / f64::from(count)
    }

    fn level(&self, index: usize, factor: usize) -> usize {
        let stride: usize = self.levels[..factor].iter().product();
        index / stride % self.levels[factor]
    }
}

/// The main effect of a level in one block.
///
/// ```
/// use allconv_study::stats::{FactorialBlock, LevelContrast, main_effect};
///
/// // Two rules × two bases: the second rule costs 3 with the first base and 5 with the second.
/// let block = FactorialBlock { levels: &[2, 2], values: &[10.0, 13.0, 20.0, 25.0] };
/// let rule = LevelContrast { factor: 0, level: 1, reference: 0 };
/// assert_eq!(main_effect(block, rule), 4.0);
/// ```
///
/// # Panics
/// If the block does not hold one value per combination, or the contrast names a level that is not there.
pub fn main_effect(block: FactorialBlock<'_>, contrast: LevelContrast) -> f64 {
    let LevelContrast { factor, level, reference } = contrast;
    block.mean_at(&[(factor, level)]) - block.mean_at(&[(factor, reference)])
}

/// The interaction of two factors in one block: by how much the first contrast is larger at the second's level than at its reference.
///
/// ```
/// use allconv_study::stats::{FactorialBlock, LevelContrast, interaction};
///
/// let block = FactorialBlock { levels: &[2, 2], values: &[10.0, 13.0, 20.0, 25.0] };
/// let rule = LevelContrast { factor: 0, level: 1, reference: 0 };
/// let base = LevelContrast { factor: 1, level: 1, reference: 0 };
/// assert_eq!(interaction(block, rule, base), 2.0);
/// ```
///
/// # Panics
/// As [`main_effect`]; if both contrasts are of one factor.
pub fn interaction(block: FactorialBlock<'_>, first: LevelContrast, second: LevelContrast) -> f64 {
    assert_ne!(first.factor, second.factor, "a factor does not interact with itself");
    let at = |level: usize| {
        let other = (second.factor, level);
        block.mean_at(&[(first.factor, first.level), other])
            - block.mean_at(&[(first.factor, first.reference), other])
    };
    at(second.level) - at(second.reference)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEVELS: [usize; 3] = [4, 3, 2];

    fn contrast(factor: usize, level: usize) -> LevelContrast {
        LevelContrast { factor, level, reference: 0 }
    }

    #[test]
    fn a_table_of_sums_has_the_planted_main_effects_and_no_interaction() {
        let (rule, base, width) = ([0.0, 5.0, -2.0, 1.0], [0.0, 10.0, 30.0], [0.0, 100.0]);
        let mut values = Vec::new();
        for w in width {
            for b in base {
                values.extend(rule.map(|r| 7.0 + r + b + w));
            }
        }
        let block = FactorialBlock { levels: &LEVELS, values: &values };
        for (level, planted) in rule.iter().enumerate() {
            assert!((main_effect(block, contrast(0, level)) - planted).abs() < 1e-12);
        }
        assert!((main_effect(block, contrast(2, 1)) - 100.0).abs() < 1e-12);
        for (first, second) in [(0, 1), (0, 2), (1, 2), (1, 0)] {
            assert!(interaction(block, contrast(first, 1), contrast(second, 1)).abs() < 1e-12);
        }
    }

    #[test]
    fn an_effect_planted_in_one_combination_is_an_interaction() {
        let mut values = vec![0.0; 24];
        // Rule 2 with base 1, at both widths.
        values[6] = 6.0;
        values[18] = 6.0;
        let block = FactorialBlock { levels: &LEVELS, values: &values };
        assert_eq!(interaction(block, contrast(0, 2), contrast(1, 1)), 6.0);
        assert_eq!(interaction(block, contrast(1, 1), contrast(0, 2)), 6.0);
        assert_eq!(interaction(block, contrast(0, 1), contrast(1, 1)), 0.0);
        assert_eq!(main_effect(block, contrast(0, 2)), 2.0);
    }
}
