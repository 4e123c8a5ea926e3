//! Learning curve: the training loss at fixed steps.
//!
//! The training loss that the run recorded at the end of the pass nearest to 25 %, 50 % and 100 % of its steps, and the mean over all
//! recorded passes: smaller is faster.
//!
//! Source: the usual learning curve; the claim (c) of Springenberg et al., arXiv 1412.6806, section 2.

use allconv_record::SplitName;

use super::interface::{Fits, Measure, MeasureDescription, MeasureRequest, Measurement, Reading};
use crate::InspectError;

/// The measure.
pub(super) struct LearningCurve;

const FRACTIONS: [(f64, &str); 3] =
    [(0.25, "training_loss_at_25"), (0.5, "training_loss_at_50"), (1.0, "training_loss_at_100")];

impl Measure for LearningCurve {
    fn description(&self) -> MeasureDescription {
        MeasureDescription {
            name: "learning_curve",
            statement: "How fast the training loss fell.",
            formula: "recorded training loss nearest to 25 %, 50 %, 100 % of the steps, and its mean over the passes",
            source: "Springenberg et al., arXiv 1412.6806, section 2, for the question",
            metrics: &[
                "training_loss_at_25",
                "training_loss_at_50",
                "training_loss_at_100",
                "mean_training_loss",
            ],
            images: 0,
            fits: Fits::Any,
            revision: 1,
        }
    }

    fn take(&self, request: &MeasureRequest<'_>) -> Result<Measurement, InspectError> {
        let points: Vec<(u64, f64)> = request
            .history
            .iter()
            .filter(|point| point.split == SplitName::Train && point.name == "loss")
            .map(|point| (point.step, point.value))
            .collect();
        let Some((last, _)) = points.last() else {
            return Err(InspectError::Request(
                "the learning curve needs a run that recorded its training loss".into(),
            ));
        };
        let nearest = |fraction: f64| {
            let distance = |step: u64| (step as f64 - fraction * *last as f64).abs();
            let nearest = points.iter().min_by(|left, right| distance(left.0).total_cmp(&distance(right.0)));
            nearest.map_or(f64::NAN, |(_, loss)| *loss)
        };
        let mut readings: Vec<Reading> =
            FRACTIONS.iter().map(|(fraction, name)| Reading::plain(name, "", nearest(*fraction))).collect();
        let mean = points.iter().map(|(_, loss)| loss).sum::<f64>() / points.len() as f64;
        readings.push(Reading::plain("mean_training_loss", "", mean));
        Ok(Measurement { readings, pictures: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::tests::{operator_net, request, value};
    use crate::pictures::tests::drawn;
    use allconv_record::MetricPoint;

    #[test]
    fn losses_are_those_of_the_nearest_passes() {
        let (subject, pictures) = (operator_net("decimation", 16), drawn(1));
        let point = |step, split, value| MetricPoint { step, epoch: 0.0, split, name: "loss".into(), value };
        let mut history: Vec<MetricPoint> = [(10, 4.0), (20, 3.0), (30, 2.0), (40, 1.0)]
            .map(|(step, loss)| point(step, SplitName::Train, loss))
            .into();
        history.push(point(40, SplitName::Valid, 9.0));
        let taken = LearningCurve
            .take(&MeasureRequest { history: &history, ..request(&subject, &pictures) })
            .unwrap();
        assert_eq!(value(&taken, "training_loss_at_25", ""), 4.0);
        assert_eq!(value(&taken, "training_loss_at_50", ""), 3.0);
        assert_eq!(value(&taken, "training_loss_at_100", ""), 1.0);
        assert_eq!(value(&taken, "mean_training_loss", ""), 2.5);
        assert!(LearningCurve.take(&request(&subject, &pictures)).is_err());
    }
}
