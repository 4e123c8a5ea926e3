//! The values of one metric of one run, thinned so that memory stays bounded.

use allconv_record::MetricPoint;

/// Largest number of points that are kept; more could not be distinguished in a figure.
const MOST_POINTS: usize = 256;

/// A point of a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    /// Steps made.
    pub(crate) step: u64,
    /// Passes over the training split.
    pub(crate) epoch: f32,
    /// The value.
    pub(crate) value: f32,
}

/// The values of a metric.
#[derive(Debug)]
pub(crate) struct Series {
    /// Every `every`-th value, from the first on.
    kept: Vec<Point>,
    every: usize,
    seen: usize,
    newest: Point,
    /// The newest value as it was recorded.
    last: f64,
}

impl Series {
    /// Returns the series of one value.
    pub(crate) fn of(point: &MetricPoint) -> Series {
        let first = as_point(point);
        Series { kept: vec![first], every: 1, seen: 1, newest: first, last: point.value }
    }

    /// Appends a value.
    pub(crate) fn push(&mut self, point: &MetricPoint) {
        self.newest = as_point(point);
        self.last = point.value;
        if self.seen.is_multiple_of(self.every) {
            self.kept.push(self.newest);
        }
        self.seen += 1;
        if self.kept.len() > MOST_POINTS {
            let mut index = 0;
            self.kept.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.every *= 2;
        }
    }

    /// Returns the points, of which the last is always the newest.
    pub(crate) fn points(&self) -> Vec<Point> {
        let mut points = self.kept.clone();
        if points.last() != Some(&self.newest) {
            points.push(self.newest);
        }
        points
    }

    /// Returns the newest value as it was recorded.
    pub(crate) fn last(&self) -> f64 {
        self.last
    }
}

fn as_point(point: &MetricPoint) -> Point {
    Point { step: point.step, epoch: point.epoch as f32, value: point.value as f32 }
}

#[cfg(test)]
mod tests {
    use allconv_record::SplitName;

    use super::*;

    #[test]
    fn many_values_are_thinned_and_the_first_and_the_newest_stay() {
        let point = |step: u64| MetricPoint {
            step,
            epoch: step as f64 / 10.0,
            split: SplitName::Train,
            name: "loss".into(),
            value: step as f64,
        };
        let mut series = Series::of(&point(0));
        (1..10_000).for_each(|step| series.push(&point(step)));
        let points = series.points();
        assert!(points.len() <= MOST_POINTS + 1 && points.len() > MOST_POINTS / 2, "{}", points.len());
        assert_eq!((points[0].step, points.last().unwrap().step, series.last()), (0, 9999, 9999.0));
        let steps: Vec<u64> = points[..points.len() - 1].iter().map(|point| point.step).collect();
        assert!(steps.windows(2).all(|pair| pair[1] - pair[0] == series.every as u64), "{steps:?}");
    }
}
