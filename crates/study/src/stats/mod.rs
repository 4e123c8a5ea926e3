//! Statistics for comparing arms: one method a file, each with its statement, assumptions, formula, source and an example.
//!
//! All of them agree with SciPy and statsmodels on `tests/golden/statistics.json`. Values come in as slices of finite
//! numbers; too few values give `None`, never a number that looks like an answer.
//!
//! What counts as equal and as spread is decided in one place, by one tolerance ([`ROUNDING`]). Differences that are the same in every seed
//! and not zero have no spread, so that no t test, no equivalence test and no effect size exists for them (`None`): how surely such a
//! difference is more than chance cannot be computed. Differences that are zero in every seed are what an equivalence test asks for.

mod alpha_spending;
mod benjamini_hochberg;
mod bootstrap;
mod crossing;
mod effect_size;
mod equivalence_power;
mod evidence;
mod factorial;
mod fold_correction;
mod friedman;
mod holm;
mod mcnemar;
mod noncentral_t;
mod normal;
mod one_sided_t;
mod permutation;
mod pooled;
mod power;
mod practical;
mod probability_of_improvement;
mod rounding;
mod statement_power;
mod student;
mod studentized_range;
mod summary;
mod t_interval;
mod t_test;
mod tost;
mod welch;
mod wilcoxon;
mod wilson;

pub use alpha_spending::{alpha_spent, look_levels};
pub use benjamini_hochberg::benjamini_hochberg;
pub use bootstrap::{SEEDS_FOR_A_BOOTSTRAP, bootstrap_mean_interval};
pub use crossing::{Crossing, crossing, line_through};
pub use effect_size::{EffectSize, paired_effect_size};
pub use equivalence_power::{equivalence_power, equivalence_power_at, seeds_for_equivalence};
pub use evidence::{Evidence, Statement, evidence, evidence_for_all, flip_evidence};
pub use factorial::{FactorialBlock, LevelContrast, interaction, main_effect};
pub use fold_correction::{FoldCorrection, fold_factor, widened};
pub use friedman::{Friedman, friedman, nemenyi_critical_difference};
pub use holm::holm;
pub use mcnemar::mcnemar_p;
pub use noncentral_t::{NONCENTRAL_T_ERROR, noncentral_t_cdf};
pub use one_sided_t::{mean_above_p, mean_below_p};
pub use permutation::{centre_above_p, centre_below_p, sign_flip_p};
pub use pooled::{PooledSpread, pooled_spread};
pub use power::{SEEDS_FOR_A_VERDICT, paired_t_power, seeds_needed};
pub use practical::{Practical, practical};
pub use probability_of_improvement::probability_of_improvement;
pub use rounding::{ROUNDING, is_constant, is_equal, paired_differences, settled};
pub use statement_power::{StatementPlan, chance_refuted, chance_shown};
pub use student::{student_quantile, student_two_sided_p};
pub use studentized_range::studentized_range_quantile;
pub use summary::{Summary, summarise};
pub use t_interval::{Interval, mean_interval};
pub use t_test::{TTest, paired_t_test};
pub use tost::{tost_p, welch_tost_p};
pub use welch::{WelchTest, welch_test};
pub use wilcoxon::wilcoxon_p;
pub use wilson::wilson_interval;
