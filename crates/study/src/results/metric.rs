//! How a metric is written for people: fractions as percent, everything else as it is.

/// Unit in which values of a metric are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricUnit {
    /// Stored as a fraction, shown in percent; differences in percentage points.
    Percent,
    /// Natural logarithms.
    Nats,
    /// Shown as stored.
    Plain,
}

impl MetricUnit {
    /// The unit of a metric, by its name in `metrics.jsonl`.
    pub fn of(metric: &str) -> MetricUnit {
        match metric {
            "error" | "accuracy" | "top5_error" => MetricUnit::Percent,
            "loss" => MetricUnit::Nats,
            _ => MetricUnit::Plain,
        }
    }

    /// What a stored value is multiplied with to be shown.
    pub fn factor(self) -> f64 {
        match self {
            MetricUnit::Percent => 100.0,
            MetricUnit::Nats | MetricUnit::Plain => 1.0,
        }
    }

    /// For axes and column heads, e.g. `%`; empty for plain numbers.
    pub fn symbol(self) -> &'static str {
        match self {
            MetricUnit::Percent => "%",
            MetricUnit::Nats => "nats",
            MetricUnit::Plain => "",
        }
    }

    /// For differences, e.g. `percentage points`.
    pub fn difference_name(self) -> &'static str {
        match self {
            MetricUnit::Percent => "percentage points",
            MetricUnit::Nats => "nats",
            MetricUnit::Plain => "",
        }
    }

    /// Digits after the point that values are shown with.
    pub fn digits(self) -> usize {
        match self {
            MetricUnit::Percent => 2,
            MetricUnit::Nats | MetricUnit::Plain => 4,
        }
    }

    /// A value, without its unit.
    pub fn value(self, stored: f64) -> String {
        let shown = format!("{:.*}", self.digits(), self.factor() * stored);
        // A rounded negative zero is zero.
        if shown.starts_with('-') && shown[1..].chars().all(|character| "0.".contains(character)) {
            shown[1..].to_string()
        } else {
            shown.replacen('-', "−", 1)
        }
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
        assert_eq!(MetricUnit::of("psnr").value(31.5), "31.5000");
    }
}
