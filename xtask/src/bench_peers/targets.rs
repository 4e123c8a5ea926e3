//! The floor and the goal of a row.

/// Whether the program trains depth-first, group of images by group. The floors that were set for that hold only then; otherwise the
/// floors from before hold, and the page shows the others as void.
pub(crate) const DEPTH_FIRST_TRAINING: bool = false;

/// The figure that must be reached, and the goal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Target {
    /// `None` where no figure must be reached.
    pub(crate) floor: Option<f64>,
    /// A floor that does not hold.
    pub(crate) void_floor: Option<f64>,
    pub(crate) goal: f64,
}

impl Target {
    /// A floor that always holds.
    pub(crate) const fn new(floor: f64, goal: f64) -> Target {
        Target { floor: Some(floor), void_floor: None, goal }
    }

    /// A floor that holds with [`DEPTH_FIRST_TRAINING`], and the `former` one, which holds without it.
    pub(crate) const fn depth_first(floor: f64, former: Option<f64>, goal: f64) -> Target {
        if DEPTH_FIRST_TRAINING {
            Target::new(floor, goal)
        } else {
            Target { floor: former, void_floor: Some(floor), goal }
        }
    }
}

/// The figure that a target limits, and its direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Criterion {
    /// Our rate over that of the fastest peer: at least the target.
    Ratio,
    /// Ours itself: at most the target.
    OursAtMost,
}

impl Criterion {
    /// Returns whether `figure` reaches `limit`.
    pub(crate) fn reaches(self, figure: f64, limit: f64) -> bool {
        match self {
            Criterion::Ratio => figure >= limit,
            Criterion::OursAtMost => figure <= limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_void_floor_leaves_the_former_one() {
        let target = Target::depth_first(2.8, Some(2.3), 3.1);
        let floors = if DEPTH_FIRST_TRAINING { (Some(2.8), None) } else { (Some(2.3), Some(2.8)) };
        assert_eq!((target.floor, target.void_floor, target.goal), (floors.0, floors.1, 3.1));
    }

    #[test]
    fn a_ratio_is_reached_from_below_and_a_size_from_above() {
        assert!(Criterion::Ratio.reaches(2.0, 2.0) && !Criterion::Ratio.reaches(1.99, 2.0));
        assert!(Criterion::OursAtMost.reaches(180.0, 180.0) && !Criterion::OursAtMost.reaches(181.0, 180.0));
        assert!(!Criterion::Ratio.reaches(f64::NAN, 2.0) && !Criterion::OursAtMost.reaches(f64::NAN, 180.0));
    }
}
