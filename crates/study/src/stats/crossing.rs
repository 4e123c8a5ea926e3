//! Zero crossing of a difference that changes linearly, with Fieller's interval.
//!
//! Each seed has a line a + b·x through its differences at the levels x of a numeric factor. With ā, b̄ the means over n seeds, v(a), v(b), v(ab)
//! the variances and covariance of these means and t = t(1 − α/2; n − 1), the places x that the data do not exclude as the crossing are those with
//! (ā + b̄x)² ≤ t²(v(a) + 2v(ab)x + v(b)x²): an interval where the slope is shown to differ from zero, else the outside of one, or everything.
//! Assumptions: the lines of the seeds are about normal, seeds independent, the change is linear in x. Source: Fieller (1954), "Some problems in
//! interval estimation".

use super::student::student_quantile;
use super::summary::mean;
use super::t_interval::Interval;

/// The zero crossing of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crossing {
    /// −ā/b̄; `None` for a slope of zero.
    pub place: Option<f64>,
    /// Fieller's interval; `None` where it is open: the slope is not shown to differ from zero.
    pub interval: Option<Interval>,
}

/// Intercept and slope of the least-squares line through points; `None` unless two of them differ in x.
pub fn line_through(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let n = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0 / n, y + point.1 / n));
    let across: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    if across.is_nan() || across <= 0.0 {
        return None;
    }
    let slope = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum::<f64>() / across;
    Some((y - slope * x, slope))
}

/// The crossing of the mean line of several seeds, given as (intercept, slope); `None` below two seeds.
///
/// ```
/// use allconv_study::stats::crossing;
///
/// // Lines about 4 − 2x cross zero about 2.
/// let found = crossing(&[(4.1, -2.0), (3.9, -2.02), (4.0, -1.97), (4.05, -2.01)], 0.95).unwrap();
/// assert!((found.place.unwrap() - 2.0).abs() < 0.02);
/// let interval = found.interval.unwrap();
/// assert!(interval.low < 2.0 && 2.0 < interval.high && interval.high - interval.low < 0.3);
/// ```
pub fn crossing(lines: &[(f64, f64)], level: f64) -> Option<Crossing> {
    if lines.len() < 2 {
        return None;
    }
    let n = lines.len() as f64;
    let (intercepts, slopes): (Vec<f64>, Vec<f64>) = lines.iter().copied().unzip();
    let (a, b) = (mean(&intercepts), mean(&slopes));
    let covariance = |first: &[f64], second: &[f64], (x, y): (f64, f64)| {
        first.iter().zip(second).map(|(one, other)| (one - x) * (other - y)).sum::<f64>() / ((n - 1.0) * n)
    };
    let (aa, ab, bb) = (
        covariance(&intercepts, &intercepts, (a, a)),
        covariance(&intercepts, &slopes, (a, b)),
        covariance(&slopes, &slopes, (b, b)),
    );
    let t = student_quantile(0.5 + level / 2.0, n - 1.0).powi(2);
    // Places with square·x² + 2·linear·x + constant ≤ 0.
    let (square, linear, constant) = (b * b - t * bb, a * b - t * ab, a * a - t * aa);
    let discriminant = linear * linear - square * constant;
    let interval = (square > 0.0 && discriminant >= 0.0).then(|| {
        let root = discriminant.sqrt();
        Interval { low: (-linear - root) / square, high: (-linear + root) / square }
    });
    Some(Crossing { place: (b != 0.0).then(|| -a / b), interval })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::mean_interval;

    #[test]
    fn a_line_goes_through_two_points_and_between_three() {
        assert_eq!(line_through(&[(1.0, 3.0), (2.0, 5.0)]), Some((1.0, 2.0)));
        let (intercept, slope) = line_through(&[(0.0, 0.0), (1.0, 2.0), (2.0, 1.0)]).unwrap();
        assert!((slope - 0.5).abs() < 1e-12 && (intercept - 0.5).abs() < 1e-12);
        assert_eq!(line_through(&[(1.0, 3.0), (1.0, 5.0)]), None);
        assert_eq!(line_through(&[(1.0, 3.0)]), None);
    }

    #[test]
    fn the_ends_are_where_the_interval_of_the_line_reaches_zero() {
        let lines = [(4.4, -2.1), (3.6, -1.9), (4.1, -2.2), (3.9, -1.8), (4.2, -2.0)];
        let found = crossing(&lines, 0.95).unwrap();
        let interval = found.interval.unwrap();
        for end in [interval.low, interval.high] {
            let values: Vec<f64> = lines.iter().map(|(a, b)| a + b * end).collect();
            let of_line = mean_interval(&values, 0.95).unwrap();
            assert!(of_line.low.abs().min(of_line.high.abs()) < 1e-9, "{of_line:?} at {end}");
        }
    }

    #[test]
    fn without_a_shown_slope_the_interval_is_open() {
        let lines = [(1.0, -0.5), (1.0, 0.6), (1.1, 0.1), (0.9, -0.3)];
        assert_eq!(crossing(&lines, 0.95).unwrap().interval, None);
        assert_eq!(crossing(&[(1.0, 2.0)], 0.95), None);
        assert_eq!(crossing(&[(1.0, 0.0), (2.0, 0.0)], 0.95).unwrap().place, None);
    }
}
