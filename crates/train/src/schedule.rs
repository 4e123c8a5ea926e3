//! The learning rate as a function of progress.

use allconv_random::elementary::{cos, powi};
use serde::{Deserialize, Serialize};

use crate::settings::SettingError;

/// How the learning rate follows the share of the training that is done.
///
/// Positions are fractions of the whole training in [0, 1], so that a shorter run keeps the shape.
///
/// # Example
///
/// ```
/// use allconv_train::Schedule;
///
/// let schedule = Schedule::Step { at: vec![0.5], factor: 0.1 };
/// assert_eq!(schedule.factor(0.49), 1.0);
/// assert_eq!(schedule.factor(0.5), 0.1);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// The same rate throughout.
    Constant {},
    /// Multiplied by `factor` at each position of `at`.
    Step {
        /// Positions in rising order, each in (0, 1).
        at: Vec<f64>,
        /// Factor at each position, in (0, 1].
        factor: f64,
    },
    /// Rises linearly from `warmup_start` to 1 over the first `warmup` of the training, then falls along a half cosine to `end`.
    WarmupCosine {
        /// Share of the training spent rising, in [0, 1).
        warmup: f64,
        /// Factor at the very beginning, in [0, 1].
        warmup_start: f64,
        /// Factor at the very end, in [0, 1].
        end: f64,
    },
}

impl Schedule {
    /// Factor on the learning rate when `progress` of the training is done, 0 at the first step.
    pub fn factor(&self, progress: f64) -> f64 {
        match self {
            Schedule::Constant {} => 1.0,
            Schedule::Step { at, factor } => {
                powi(*factor, at.iter().filter(|position| progress >= **position).count() as i32)
            }
            Schedule::WarmupCosine { warmup, warmup_start, end } => {
                if progress < *warmup {
                    warmup_start + (1.0 - warmup_start) * progress / warmup
                } else {
                    let fall = (progress - warmup) / (1.0 - warmup);
                    end + (1.0 - end) * 0.5 * (1.0 + cos(std::f64::consts::PI * fall))
                }
            }
        }
    }

    /// Checks all positions and factors.
    ///
    /// # Errors
    /// [`SettingError`] naming the field, the value and its range.
    pub fn check(&self) -> Result<(), SettingError> {
        match self {
            Schedule::Constant {} => Ok(()),
            Schedule::Step { at, factor } => {
                let rising = at.windows(2).all(|pair| pair[0] < pair[1]);
                if !rising || at.iter().any(|position| !(*position > 0.0 && *position < 1.0)) {
                    return Err(SettingError::new(
                        "schedule.step.at",
                        format!("{at:?}"),
                        "rising fractions inside (0, 1)",
                    ));
                }
                SettingError::unless(
                    *factor > 0.0 && *factor <= 1.0,
                    "schedule.step.factor",
                    factor,
                    "in (0, 1]",
                )
            }
            Schedule::WarmupCosine { warmup, warmup_start, end } => {
                let field = |name| format!("schedule.warmup_cosine.{name}");
                SettingError::unless((0.0..1.0).contains(warmup), field("warmup"), warmup, "in [0, 1)")?;
                SettingError::unless(
                    (0.0..=1.0).contains(warmup_start),
                    field("warmup_start"),
                    warmup_start,
                    "in [0, 1]",
                )?;
                SettingError::unless((0.0..=1.0).contains(end), field("end"), end, "in [0, 1]")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paper_s_schedule_drops_at_epochs_200_250_300_of_350() {
        let schedule = Schedule::Step { at: vec![200.0 / 350.0, 250.0 / 350.0, 300.0 / 350.0], factor: 0.1 };
        let at_epoch = |epoch: f64| schedule.factor(epoch / 350.0);
        assert_eq!(at_epoch(199.9), 1.0);
        assert!((at_epoch(200.0) - 0.1).abs() < 1e-12);
        assert!((at_epoch(250.0) - 0.01).abs() < 1e-12);
        assert!((at_epoch(349.0) - 0.001).abs() < 1e-12);
    }

    #[test]
    fn warmup_cosine_passes_through_its_three_corners_and_never_leaves_0_to_1() {
        let schedule = Schedule::WarmupCosine { warmup: 0.2, warmup_start: 0.1, end: 0.01 };
        assert!((schedule.factor(0.0) - 0.1).abs() < 1e-12);
        assert!((schedule.factor(0.2) - 1.0).abs() < 1e-12);
        assert!((schedule.factor(1.0) - 0.01).abs() < 1e-12);
        assert!((0..=1000).all(|i| (0.0..=1.0).contains(&schedule.factor(f64::from(i) / 1000.0))));
    }

    #[test]
    fn positions_out_of_order_or_range_are_refused_by_name() {
        for at in [vec![0.5, 0.4], vec![0.0], vec![1.0], vec![f64::NAN]] {
            let error = Schedule::Step { at, factor: 0.1 }.check().unwrap_err().to_string();
            assert!(error.contains("schedule.step.at"), "{error}");
        }
        assert!(Schedule::WarmupCosine { warmup: 1.0, warmup_start: 0.0, end: 0.0 }.check().is_err());
    }
}
