//! Units and display formats of metrics: fractions in percent, ratios in decibels, everything else to four digits.

use allconv_document::{Decimal, Digits};

use super::find::find_metric;

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

    /// Returns the factor from a stored to a displayed value.
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

    /// How values are written, without the unit.
    pub fn decimal(self) -> Decimal {
        let digits = match self {
            MetricUnit::Percent | MetricUnit::Decibel | MetricUnit::Pixels => Digits::After(2),
            MetricUnit::Nats | MetricUnit::Index => Digits::After(4),
            MetricUnit::Plain => Digits::Significant(4),
        };
        Decimal { factor: self.factor(), digits }
    }

    /// A value, without its unit.
    pub fn value(self, stored: f64) -> String {
        self.decimal().value(stored)
    }

    /// A difference with its sign, without its unit.
    pub fn signed(self, stored: f64) -> String {
        self.decimal().signed(stored)
    }

    /// A mean and a standard deviation to the same digits; the mean alone where there is no spread.
    pub fn mean_and_spread(self, mean: f64, spread: Option<f64>) -> String {
        self.decimal().mean_and_spread(mean, spread)
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
}
