//! The model-randomisation check: the dependence of a picture on the trained parameters.
//!
//! The parameters of the stages are replaced from the last to the first by those of another initialisation. After each step the signal
//! of the same target is compared with that of the trained network: Spearman's rank correlation of the absolute values, summed over
//! channels. A method whose pictures hardly change explains the image, not the network.
//!
//! Source: Adebayo et al., arXiv 1810.03292, section 3 (cascading randomisation).

use std::collections::BTreeMap;

use allconv_nets::{ReluRule, SignalRules};
use burn::tensor::DType;

use super::signal::{Signals, signals_of_places, signals_through};
use super::target::Target;
use crate::{InspectError, Pictures, Subject};

/// Difference between the seed of the other initialisation and the network's own.
const OTHER_SEED: u64 = 0x5EED;

/// The similarity of the signals when the stages from `stage` on are random.
#[derive(Clone, Debug, PartialEq)]
pub struct RandomisationStep {
    /// First stage with random parameters.
    pub stage: usize,
    /// The rule.
    pub rule: ReluRule,
    /// Mean rank correlation over the pictures in which the signal is not 0; `None` when there is none.
    pub correlation: Option<f64>,
    /// Number of pictures in which the signal is 0.
    pub silent: usize,
}

/// Returns every step of the cascade for each rule, from the last stage with parameters to the first.
///
/// # Errors
/// [`InspectError::Request`] for a target that the network does not have.
pub fn randomisation_check(
    subject: &Subject,
    pictures: &Pictures,
    target: Target,
    rules: &[ReluRule],
) -> Result<Vec<RandomisationStep>, InspectError> {
    target.check(subject)?;
    let trained: Vec<Signals> = rules
        .iter()
        .map(|rule| {
            signals_through(subject.tracked(), DType::F32, pictures, target, SignalRules::of_relu(*rule))
        })
        .collect();
    let other: BTreeMap<String, Vec<f32>> = subject
        .untrained(subject.seed() ^ OTHER_SEED)
        .parameters()
        .into_iter()
        .map(|parameter| (parameter.path, parameter.values))
        .collect();
    let stage_of = |path: &str| path.split('.').nth(1).and_then(|number| number.parse::<usize>().ok());
    let last = target.stage(subject.walk().stages.len());
    let mut stages: Vec<usize> =
        other.keys().filter_map(|path| stage_of(path)).filter(|stage| *stage <= last).collect();
    stages.sort_unstable_by(|left, right| right.cmp(left));
    stages.dedup();
    let mut network = subject.tracked().clone();
    let mut steps = Vec::new();
    for stage in stages {
        network.replace(|path, values| {
            if stage_of(path) == Some(stage)
                && let Some(random) = other.get(path)
            {
                values.clone_from(random);
            }
        });
        for (rule, trained) in rules.iter().zip(&trained) {
            // The class or unit that the trained network chose, not the strongest of the random one.
            let rules = SignalRules::of_relu(*rule);
            let random = signals_of_places(&network, pictures, last, &trained.places, rules);
            let correlations: Vec<f64> = (0..pictures.len())
                .filter_map(|picture| rank_correlation(&sizes(trained, picture), &sizes(&random, picture)))
                .collect();
            let count = correlations.len();
            steps.push(RandomisationStep {
                stage,
                rule: *rule,
                correlation: (count > 0).then(|| correlations.iter().sum::<f64>() / count as f64),
                silent: pictures.len() - count,
            });
        }
    }
    Ok(steps)
}

/// Returns the absolute values of a signal summed over channels, `[rows, columns]`.
fn sizes(signals: &Signals, picture: usize) -> Vec<f64> {
    let positions = signals.shape[1] * signals.shape[2];
    let signal = signals.of(picture);
    (0..positions)
        .map(|position| signal[position..].iter().step_by(positions).map(|value| value.abs()).sum())
        .collect()
}

/// Returns Spearman's rank correlation with mean ranks on ties; `None` when either list is constant.
///
/// # Example
///
/// ```
/// use allconv_inspect::explain::rank_correlation;
///
/// assert_eq!(rank_correlation(&[1.0, 2.0, 3.0], &[10.0, 30.0, 20.0]), Some(0.5));
/// assert_eq!(rank_correlation(&[1.0, 1.0], &[1.0, 2.0]), None);
/// ```
pub fn rank_correlation(left: &[f64], right: &[f64]) -> Option<f64> {
    let (left, right) = (ranks(left), ranks(right));
    let mean = (left.len() as f64 + 1.0) / 2.0;
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>();
    let scale = (product(&left, &left) * product(&right, &right)).sqrt();
    (scale > 0.0).then(|| product(&left, &right) / scale)
}

/// Returns the ranks from 1; equal values get the mean of their ranks.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|left, right| values[*left].total_cmp(&values[*right]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let mut end = start + 1;
        while end < order.len() && values[order[end]] == values[order[start]] {
            end += 1;
        }
        for place in &order[start..end] {
            ranks[*place] = (start + end + 1) as f64 / 2.0;
        }
        start = end;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::Choice;
    use crate::pictures::tests::drawn;
    use crate::subject::tests::subject;

    #[test]
    fn rank_correlation_is_that_of_scipy() {
        // scipy.stats.spearmanr([3, 1, 4, 1, 5, 9, 2, 6], [2, 7, 1, 8, 2, 8, 1, 8]).statistic
        let (left, right) = ([3., 1., 4., 1., 5., 9., 2., 6.], [2., 7., 1., 8., 2., 8., 1., 8.]);
        assert!((rank_correlation(&left, &right).unwrap() - 0.198_853_681_209_924_67).abs() < 1e-12);
    }

    #[test]
    fn the_cascade_ends_with_the_first_stage_and_changes_the_picture() {
        let (subject, pictures) = (subject("all_cnn_c"), drawn(4));
        let rules = [ReluRule::Backpropagation, ReluRule::Guided];
        let target = Target::Class(Choice::Given(1));
        let steps = randomisation_check(&subject, &pictures, target, &rules).unwrap();
        assert_eq!(steps.len(), 2 * 9);
        assert_eq!((steps[0].stage, steps[17].stage), (subject.walk().stages.len() - 2, 1));
        for step in &steps {
            assert!(step.correlation.is_none_or(|value| value < 1.0), "{step:?}");
        }
    }
}
