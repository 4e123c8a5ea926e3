//! How values of a metric are written for people: fractions as percent, ratios in decibels as they are, everything else to four digits.

use super::registry::find_metric;

/// Unit in which values of a metric are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricUnit {
    /// Stored as a fraction, shown in percent; differences in percentage points.
    Percent,
    /// Natural logarithms.
    Nats,
    /// Ten times the decimal logarithm of a ratio.
    Decibel,
    /// Without a unit, about 0 to 1; four digits after the point.
    Index,
    /// Lengths on the image.
    Pixels,
    /// Of unknown kind: four significant digits of what is stored.
    Plain,
}

impl MetricUnit {
    /// The unit of a metric, by its name in `metrics.jsonl`.
    pub fn of(metric: &str) -> MetricUnit {
        find_metric(metric).map_or(MetricUnit::Plain, |metric| metric.unit)
    }

    /// What a stored value is multiplied with to be shown.
    pub fn factor(self) -> f64 {
        if self == MetricUnit::Percent { 100.0 } else { 1.0 }
    }

    /// For axes and column heads, e.g. `%`; empty for plain numbers.
    pub fn symbol(self) -> &'static str {
        match self {
            MetricUnit::Percent => "%",
            MetricUnit::Nats => "nats",
            MetricUnit::Decibel => "dB",
            MetricUnit::Pixels => "px",
            MetricUnit::Index | MetricUnit::Plain => "",
        }
    }

    /// For differences in sentences, e.g. `percentage points`.
    pub fn difference_name(self) -> &'static str {
        match self {
            MetricUnit::Percent => "percentage points",
            other => other.symbol(),
        }
    }

    /// For differences in column heads, e.g. `pp`.
    pub fn difference_symbol(self) -> &'static str {
        match self {
            MetricUnit::Percent => "pp",
            other => other.symbol(),
        }
    }

    /// Digits after the point for numbers of the size of `shown`, the unit's factor included.
    fn digits(self, shown: f64) -> usize {
        match self {
            MetricUnit::Percent | MetricUnit::Decibel | MetricUnit::Pixels => 2,
            MetricUnit::Nats | MetricUnit::Index => 4,
            MetricUnit::Plain if shown == 0.0 || !shown.is_finite() => 0,
            MetricUnit::Plain => (3 - shown.abs().log10().floor() as i64).clamp(0, 9) as usize,
        }
    }

    /// A value, without its unit.
    pub fn value(self, stored: f64) -> String {
        let shown = self.factor() * stored;
        self.with_digits(stored, self.digits(shown))
    }

    /// A mean and a standard deviation to the same digits, `12.34 ± 0.56`; the mean alone where there is no spread.
    pub fn mean_and_spread(self, mean: f64, spread: Option<f64>) -> String {
        let Some(spread) = spread else { return self.value(mean) };
        let digits = match self {
            // Two digits of the spread say how many of the mean are worth reading.
            MetricUnit::Plain if spread > 0.0 => self.digits(100.0 * spread).min(self.digits(mean).max(2)),
            _ => self.digits(self.factor() * mean),
        };
        format!("{} ± {}", self.with_digits(mean, digits), self.with_digits(spread, digits))
    }

    /// A difference with its sign, without its unit.
    pub fn signed(self, stored: f64) -> String {
        let shown = self.value(stored);
        if shown.starts_with('−') || shown.chars().all(|character| "0.".contains(character)) {
            shown
        } else {
            format!("+{shown}")
        }
    }

    fn with_digits(self, stored: f64, digits: usize) -> String {
        let shown = format!("{:.digits$}", self.factor() * stored);
        // A rounded negative zero is zero.
        if shown.starts_with('-') && shown[1..].chars().all(|character| "0.".contains(character)) {
            shown[1..].to_string()
        } else {
            shown.replacen('-', "−", 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_shown_in_percent_with_their_sign() {
        let unit = MetricUnit::of("error");
        assert_eq!(unit.value(0.12345), "12.35");
        assert_eq!(unit.signed(0.0123), "+1.23");
        assert_eq!(unit.signed(-0.0123), "−1.23");
        assert_eq!(unit.signed(-0.000001), "0.00");
        assert_eq!(unit.mean_and_spread(0.12345, Some(0.001)), "12.35 ± 0.10");
    }

    #[test]
    fn decibels_and_indices_have_the_digits_of_the_literature() {
        assert_eq!(MetricUnit::of("psnr_y").value(33.661), "33.66");
        assert_eq!(MetricUnit::of("psnr_y").signed(0.25), "+0.25");
        assert_eq!(MetricUnit::of("ssim_y").value(0.92991), "0.9299");
        assert_eq!(MetricUnit::of("psnr_y").difference_symbol(), "dB");
    }

    #[test]
    fn unknown_metrics_keep_four_digits_whatever_their_size() {
        let unit = MetricUnit::of("something_else");
        let shown = [123456.0, 31.5, 0.012345, 0.0000012345, 0.0, -2.0].map(|value| unit.value(value));
        assert_eq!(shown, ["123456", "31.50", "0.01235", "0.000001234", "0", "−2.000"]);
        assert_eq!(unit.mean_and_spread(0.0123456, Some(0.000456)), "0.01235 ± 0.00046");
        assert_eq!(unit.mean_and_spread(1234.5, None), "1234");
        assert_eq!(unit.value(f64::INFINITY), "inf");
    }
}
