//! Learning curves: mean and range over the seeds of an arm, and the single curves of runs that did not finish.

use std::collections::BTreeSet;

use allconv_record::{MetricPoint, SplitName};

use super::run::RunResult;
use crate::index::RunState;

/// Largest number of points of a curve; more could not be distinguished in a figure.
const MOST_POINTS: usize = 150;

/// One point of a learning curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BandPoint {
    /// Passes over the training split.
    pub epoch: f64,
    /// Mean over the finished runs of the arm.
    pub mean: f64,
    /// Smallest of them.
    pub low: f64,
    /// Largest of them.
    pub high: f64,
}

/// A run that did not finish, as far as it came: epoch and value.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// Its seed.
    pub seed: u64,
    /// Its state.
    pub state: RunState,
    /// Epoch and value.
    pub points: Vec<(f64, f64)>,
}

/// The learning curve of one arm for one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// Position of the arm in the study file.
    pub arm_index: usize,
    /// Mean and range over the finished runs; empty if there are none.
    pub band: Vec<BandPoint>,
    /// The other runs, each alone.
    pub traces: Vec<Trace>,
}

impl Curve {
    /// The curve of an arm from its runs. Values are taken at the steps at which every finished run has one, and thinned to
    /// at most 150 by keeping the last of each bucket, never an average.
    pub(crate) fn of(arm_index: usize, runs: &[&RunResult], split: SplitName, metric: &str) -> Curve {
        let key = (split, metric.to_string());
        let points = |run: &&RunResult| run.curves.get(&key).map(Vec::as_slice).unwrap_or_default().to_vec();
        let finished: Vec<Vec<MetricPoint>> = runs
            .iter()
            .filter(|run| run.state == RunState::Done)
            .map(points)
            .filter(|points| !points.is_empty())
            .collect();
        let traces = runs
            .iter()
            .filter(|run| run.state != RunState::Done)
            .map(|run| Trace {
                seed: run.seed,
                state: run.state,
                points: thin(&points(run)).iter().map(|point| (point.epoch, point.value)).collect(),
            })
            .filter(|trace| !trace.points.is_empty())
            .collect();
        Curve { arm_index, band: band(&finished), traces }
    }

    /// Whether there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        self.band.is_empty() && self.traces.is_empty()
    }
}

fn band(finished: &[Vec<MetricPoint>]) -> Vec<BandPoint> {
    let Some(first) = finished.first() else { return Vec::new() };
    let mut shared: BTreeSet<u64> = first.iter().map(|point| point.step).collect();
    for points in &finished[1..] {
        let steps: BTreeSet<u64> = points.iter().map(|point| point.step).collect();
        shared = shared.intersection(&steps).copied().collect();
    }
    let at_shared: Vec<Vec<&MetricPoint>> = finished
        .iter()
        .map(|points| points.iter().filter(|point| shared.contains(&point.step)).collect())
        .collect();
    thin(first)
        .iter()
        .filter_map(|place| {
            let index = at_shared[0].binary_search_by_key(&place.step, |point| point.step).ok()?;
            let values: Vec<f64> =
                at_shared.iter().filter_map(|points| points.get(index)).map(|point| point.value).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let low = values.iter().copied().fold(f64::INFINITY, f64::min);
            let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            Some(BandPoint { epoch: place.epoch, mean, low, high })
        })
        .collect()
}

/// At most [`MOST_POINTS`] points: the last of each bucket, so the final value always stays.
fn thin(points: &[MetricPoint]) -> Vec<MetricPoint> {
    let bucket = points.len().div_ceil(MOST_POINTS).max(1);
    points.chunks(bucket).filter_map(|chunk| chunk.last()).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(values: &[f64]) -> Vec<MetricPoint> {
        values
            .iter()
            .enumerate()
            .map(|(index, value)| MetricPoint {
                step: 10 * index as u64,
                epoch: index as f64,
                split: SplitName::Valid,
                name: "error".into(),
                value: *value,
            })
            .collect()
    }

    #[test]
    fn the_band_holds_mean_least_and_most_at_each_shared_step() {
        let band = band(&[points(&[0.9, 0.5, 0.2]), points(&[0.7, 0.7])]);
        assert_eq!(band.len(), 2);
        assert_eq!((band[0].low, band[0].high), (0.7, 0.9));
        assert!((band[1].mean - 0.6).abs() < 1e-12);
    }

    #[test]
    fn thinning_keeps_the_last_value() {
        let many = points(&(0..1234).map(f64::from).collect::<Vec<_>>());
        let thinned = thin(&many);
        assert!(thinned.len() <= MOST_POINTS);
        assert_eq!(thinned.last(), many.last());
    }
}
