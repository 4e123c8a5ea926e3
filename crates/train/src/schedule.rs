//! The learning rate as a function of progress.

use allconv_random::elementary::{cos, powi};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::progress::{Progress, StepPlan};
use crate::settings::SettingError;

/// The learning rate as a function of the fraction of the training that is done.
///
/// Positions are fractions of the whole training in [0, 1], so that a shorter run keeps the shape, unless they are called epochs.
///
/// # Example
///
/// ```
/// use allconv_train::{Progress, Schedule};
///
/// let schedule = Schedule::Step { at: vec![0.5], factor: 0.1 };
/// assert_eq!(schedule.factor(Progress { fraction: 0.49, epochs: 4.9 }), 1.0);
/// assert_eq!(schedule.factor(Progress { fraction: 0.5, epochs: 5.0 }), 0.1);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
        /// Fraction of the training spent rising, in [0, 1).
        warmup: f64,
        /// Factor at the very beginning, in [0, 1].
        warmup_start: f64,
        /// Factor at the very end, in [0, 1].
        end: f64,
    },
    /// Rises linearly from `start` to 1 over the first `rise` of the training, then falls linearly to `end`.
    Triangle {
        /// Fraction of the training spent rising, in [0, 1).
        rise: f64,
        /// Factor at the very beginning, in [0, 1]. Default 0.1.
        #[serde(default = "tenth")]
        start: f64,
        /// Factor at the very end, in [0, 1]. Default 0.
        #[serde(default)]
        end: f64,
    },
    /// Rises linearly from `start` to 1 over `rise_epochs`, stays there, and falls linearly to `end` over the last `fall` of the
    /// training. Runs that differ in length alone make the same steps until the shorter one begins to fall: a study makes them once. Hägele et
    /// al., arXiv 2405.18392.
    Trapezoid {
        /// Passes over the training split spent rising, at least 0.
        rise_epochs: f64,
        /// Factor at the very beginning, in [0, 1]. Default 0.1.
        #[serde(default = "tenth")]
        start: f64,
        /// Fraction of the training spent falling, in (0, 1].
        fall: f64,
        /// Factor at the very end, in [0, 1]. Default 0.
        #[serde(default)]
        end: f64,
    },
}

fn tenth() -> f64 {
    0.1
}

impl Schedule {
    /// Returns the factor on the learning rate at this progress.
    pub fn factor(&self, done: Progress) -> f64 {
        let progress = done.fraction;
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
            Schedule::Triangle { rise, start, end } => {
                if progress < *rise {
                    start + (1.0 - start) * progress / rise
                } else {
                    end + (1.0 - end) * (1.0 - progress) / (1.0 - rise)
                }
            }
            Schedule::Trapezoid { rise_epochs, start, fall, end } => {
                let rising =
                    (done.epochs < *rise_epochs).then(|| start + (1.0 - start) * done.epochs / rise_epochs);
                let falling = (progress >= 1.0 - fall).then(|| end + (1.0 - end) * (1.0 - progress) / fall);
                // In a run too short for both, rise and fall intersect.
                rising.unwrap_or(1.0).min(falling.unwrap_or(1.0))
            }
        }
    }

    /// Returns the number of steps at the beginning of a run that do not depend on its length.
    pub fn shared_steps(&self, plan: &StepPlan) -> u64 {
        let limit = plan.steps_of_any_longer_run();
        match self {
            Schedule::Constant {} => limit,
            Schedule::Trapezoid { fall, .. } => {
                limit.min(plan.first_step(|done| done.fraction >= 1.0 - fall))
            }
            Schedule::Step { .. } | Schedule::WarmupCosine { .. } | Schedule::Triangle { .. } => 0,
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
            Schedule::Triangle { rise, start, end } => {
                let field = |name| format!("schedule.triangle.{name}");
                SettingError::unless((0.0..1.0).contains(rise), field("rise"), rise, "in [0, 1)")?;
                SettingError::unless((0.0..=1.0).contains(start), field("start"), start, "in [0, 1]")?;
                SettingError::unless((0.0..=1.0).contains(end), field("end"), end, "in [0, 1]")
            }
            Schedule::Trapezoid { rise_epochs, start, fall, end } => {
                let field = |name| format!("schedule.trapezoid.{name}");
                let range = "a finite number, at least 0";
                SettingError::unless(
                    *rise_epochs >= 0.0 && rise_epochs.is_finite(),
                    field("rise_epochs"),
                    rise_epochs,
                    range,
                )?;
                SettingError::unless((0.0..=1.0).contains(start), field("start"), start, "in [0, 1]")?;
                SettingError::unless(*fall > 0.0 && *fall <= 1.0, field("fall"), fall, "in (0, 1]")?;
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
        let at_epoch = |epoch: f64| schedule.factor(Progress { fraction: epoch / 350.0, epochs: epoch });
        assert_eq!(at_epoch(199.9), 1.0);
        assert!((at_epoch(200.0) - 0.1).abs() < 1e-12);
        assert!((at_epoch(250.0) - 0.01).abs() < 1e-12);
        assert!((at_epoch(349.0) - 0.001).abs() < 1e-12);
    }

    #[test]
    fn warmup_cosine_passes_through_its_three_corners_and_never_leaves_0_to_1() {
        let schedule = Schedule::WarmupCosine { warmup: 0.2, warmup_start: 0.1, end: 0.01 };
        let factor = |fraction| schedule.factor(Progress { fraction, epochs: 5.0 * fraction });
        assert!((factor(0.0) - 0.1).abs() < 1e-12);
        assert!((factor(0.2) - 1.0).abs() < 1e-12);
        assert!((factor(1.0) - 0.01).abs() < 1e-12);
        assert!((0..=1000).all(|i| (0.0..=1.0).contains(&factor(f64::from(i) / 1000.0))));
    }

    #[test]
    fn a_triangle_is_straight_on_both_sides_of_its_top() {
        let schedule = Schedule::Triangle { rise: 0.2, start: 0.1, end: 0.0 };
        let factor = |fraction| schedule.factor(Progress { fraction, epochs: 10.0 * fraction });
        for (fraction, expected) in [(0.0, 0.1), (0.1, 0.55), (0.2, 1.0), (0.6, 0.5), (1.0, 0.0)] {
            assert!((factor(fraction) - expected).abs() < 1e-12, "{fraction}: {}", factor(fraction));
        }
    }

    #[test]
    fn a_trapezoid_rises_by_epochs_and_falls_by_fraction() {
        let schedule = Schedule::Trapezoid { rise_epochs: 2.0, start: 0.0, fall: 0.5, end: 0.1 };
        let factor = |epochs: f64, of: f64| schedule.factor(Progress { fraction: epochs / of, epochs });
        for (epochs, expected) in [(0.0, 0.0), (1.0, 0.5), (2.0, 1.0), (4.9, 1.0), (7.5, 0.55), (10.0, 0.1)] {
            assert!((factor(epochs, 10.0) - expected).abs() < 1e-12, "{epochs}: {}", factor(epochs, 10.0));
        }
        // In 3 epochs it begins to fall before it has risen.
        assert!((factor(1.75, 3.0) - 0.85).abs() < 1e-12, "{}", factor(1.75, 3.0));
    }

    #[test]
    fn shared_steps_of_runs_of_two_lengths_have_the_same_factors() {
        let schedule = Schedule::Trapezoid { rise_epochs: 1.5, start: 0.1, fall: 0.3, end: 0.0 };
        let (short, long) = (StepPlan::new(50, 8, 200), StepPlan::new(50, 8, 600));
        let shared = schedule.shared_steps(&short);
        // 70 % of 200 images: two epochs of 7 steps show 100, five more steps of 8 images 40.
        assert_eq!(shared, 19);
        assert!(
            (0..shared)
                .all(|step| schedule.factor(short.progress(step)) == schedule.factor(long.progress(step)))
        );
        assert_eq!(Schedule::Constant {}.shared_steps(&short), 28);
        assert_eq!(Schedule::Constant {}.shared_steps(&StepPlan::new(50, 8, 201)), 28);
        assert_eq!(Schedule::Triangle { rise: 0.2, start: 0.1, end: 0.0 }.shared_steps(&short), 0);
    }

    #[test]
    fn positions_out_of_order_or_range_are_refused_by_name() {
        for at in [vec![0.5, 0.4], vec![0.0], vec![1.0], vec![f64::NAN]] {
            let error = Schedule::Step { at, factor: 0.1 }.check().unwrap_err().to_string();
            assert!(error.contains("schedule.step.at"), "{error}");
        }
        assert!(Schedule::WarmupCosine { warmup: 1.0, warmup_start: 0.0, end: 0.0 }.check().is_err());
        let trapezoid =
            |rise_epochs, fall| Schedule::Trapezoid { rise_epochs, start: 0.1, fall, end: 0.0 }.check();
        assert!(trapezoid(1.0, 0.2).is_ok());
        assert_eq!(trapezoid(-1.0, 0.2).unwrap_err().field, "schedule.trapezoid.rise_epochs");
        assert_eq!(trapezoid(1.0, 0.0).unwrap_err().field, "schedule.trapezoid.fall");
        let triangle = Schedule::Triangle { rise: 1.0, start: 0.1, end: 0.0 };
        assert_eq!(triangle.check().unwrap_err().field, "schedule.triangle.rise");
    }
}
