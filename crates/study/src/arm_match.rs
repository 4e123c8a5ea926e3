//! The cost of a matched arm relative to its baseline, in numbers and as a sentence.

use allconv_record::{Cost, RunSpecification};
use serde::Serialize;

use crate::file::{CostQuantity, StudyFile};

/// The cost that an arm has in common with its baseline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ArmMatch {
    /// The matched cost.
    pub quantity: CostQuantity,
    /// Name of the baseline.
    pub baseline: String,
    /// The arm's cost relative to the baseline's; `None` while either is unknown.
    pub share: Option<f64>,
    /// The width that was found; `None` while no specification is known.
    pub width: Option<f64>,
}

impl ArmMatch {
    /// The match of an arm, from what is known of the arms' costs and of a specification of its runs; `None` where it is not matched.
    pub(crate) fn of<'a>(
        study: &StudyFile,
        arm_index: usize,
        cost: impl Fn(usize) -> Option<&'a Cost>,
        specification: Option<&RunSpecification>,
    ) -> Option<ArmMatch> {
        let (quantity, baseline) = study.matched(arm_index)?;
        let share = cost(arm_index)
            .zip(cost(baseline))
            .map(|(own, other)| quantity.of(own) as f64 / quantity.of(other) as f64);
        let baseline = study.arms[baseline].name.clone();
        Some(ArmMatch { quantity, baseline, share, width: specification.and_then(width) })
    }

    /// `100.2 % of the MACs of `max_pool` at width 0.243`.
    pub fn sentence(&self) -> String {
        let share = self
            .share
            .map_or_else(|| "as many of the".to_owned(), |share| format!("{:.1} % of the", 100.0 * share));
        let width = self.width.map_or_else(String::new, |width| format!(" at width {width}"));
        format!("{share} {} of `{}`{width}", self.quantity.label(), self.baseline)
    }
}

/// The width in a resolved net section, which holds its architecture as a table of one entry.
fn width(specification: &RunSpecification) -> Option<f64> {
    let architecture = specification.net.get("architecture")?.as_table()?;
    let (_, settings) = architecture.iter().next()?;
    settings.get("width")?.as_float()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_says_how_near_and_at_which_width() {
        let near = ArmMatch {
            quantity: CostQuantity::Macs,
            baseline: "max_pool".into(),
            share: Some(1.0021),
            width: Some(0.2437),
        };
        assert_eq!(near.sentence(), "100.2 % of the MACs of `max_pool` at width 0.2437");
    }
}
