//! Display formats of numbers: decimals with a sign and a spread, thousands, magnitudes, p values, per cent.

use std::time::Duration;

/// The display format of a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Format {
    /// The shortest decimal of the same value; integers from 10,000 on with separated thousands.
    Stored,
    /// A decimal with a fixed precision.
    Decimal(Decimal),
    /// The same with the sign that differences have.
    Signed(Decimal),
    /// A whole number with separated thousands.
    Grouped,
    /// Three significant digits and a decimal magnitude.
    Magnitude,
    /// A p value.
    P,
    /// A fraction in whole per cent.
    Fraction,
    /// A probability in per cent, never 0 and never 100.
    Chance,
    /// A ratio: `×0.50`.
    Times,
}

impl Format {
    /// The number as text, without its unit.
    pub fn write(self, value: f64) -> String {
        match self {
            Self::Stored if value.fract() == 0.0 && (1e4..1e15).contains(&value) => grouped(value as u64),
            Self::Stored => value.to_string(),
            Self::Decimal(decimal) => decimal.value(value),
            Self::Signed(decimal) => decimal.signed(value),
            Self::Grouped => grouped(value as u64),
            Self::Magnitude => magnitude(value),
            Self::P => p_value(value),
            Self::Fraction => fraction(value),
            Self::Chance => chance(value),
            Self::Times => format!("×{value:.2}"),
        }
    }

    /// Writes the limits of an interval: `+0.80 to +1.60`.
    pub(crate) fn write_interval(self, (low, high): (f64, f64)) -> String {
        format!("{} to {}", self.write(low), self.write(high))
    }
}

/// Decimals of one kind of value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decimal {
    /// The factor from a stored to a displayed value, e.g. 100 for a fraction in per cent.
    pub factor: f64,
    /// The number of digits.
    pub digits: Digits,
}

/// The number of digits of a decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digits {
    /// So many after the point.
    After(usize),
    /// So many significant ones, at most nine after the point.
    Significant(usize),
}

impl Decimal {
    /// Decimals with `digits` after the point, shown as stored.
    pub const fn after(digits: usize) -> Self {
        Self { factor: 1.0, digits: Digits::After(digits) }
    }

    /// A value, with a true minus sign.
    pub fn value(self, stored: f64) -> String {
        self.with_digits(stored, self.digits_of(self.factor * stored))
    }

    /// A difference with its sign.
    pub fn signed(self, stored: f64) -> String {
        let shown = self.value(stored);
        if shown.starts_with('−') || shown.chars().all(|character| "0.".contains(character)) {
            shown
        } else {
            format!("+{shown}")
        }
    }

    /// A mean and a standard deviation to the same digits, `12.34 ± 0.56`; the mean alone where there is no spread.
    pub fn mean_and_spread(self, mean: f64, spread: Option<f64>) -> String {
        let Some(spread) = spread else { return self.value(mean) };
        let digits = match self.digits {
            // Two digits of the spread determine the digits of the mean.
            Digits::Significant(_) if spread > 0.0 => {
                self.digits_of(100.0 * spread).min(self.digits_of(mean).max(2))
            }
            _ => self.digits_of(self.factor * mean),
        };
        format!("{} ± {}", self.with_digits(mean, digits), self.with_digits(spread, digits))
    }

    /// Digits after the point for a number of the size of `shown`.
    fn digits_of(self, shown: f64) -> usize {
        match self.digits {
            Digits::After(digits) => digits,
            Digits::Significant(_) if shown == 0.0 || !shown.is_finite() => 0,
            Digits::Significant(digits) => {
                (digits as i64 - 1 - shown.abs().log10().floor() as i64).clamp(0, 9) as usize
            }
        }
    }

    fn with_digits(self, stored: f64, digits: usize) -> String {
        let shown = format!("{:.digits$}", self.factor * stored);
        // A rounded negative zero is zero.
        if shown.starts_with('-') && shown[1..].chars().all(|character| "0.".contains(character)) {
            shown[1..].to_string()
        } else {
            shown.replacen('-', "−", 1)
        }
    }
}

/// `1369738` as `1,369,738`.
pub fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Three significant digits and a decimal magnitude: `281 M`, `1.37 M`, `950`.
pub fn magnitude(value: f64) -> String {
    let (scaled, suffix) = match value.abs() {
        size if size >= 1e12 => (value / 1e12, " T"),
        size if size >= 1e9 => (value / 1e9, " G"),
        size if size >= 1e6 => (value / 1e6, " M"),
        size if size >= 1e3 => (value / 1e3, " k"),
        _ => (value, ""),
    };
    let digits = match scaled.abs() {
        size if size >= 100.0 || scaled.fract() == 0.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    format!("{scaled:.digits$}{suffix}")
}

/// A p value to two significant digits, never as 0 and never as 1.0 that is not 1.
pub fn p_value(p: f64) -> String {
    match p {
        p if p.is_nan() => "–".to_string(),
        p if p < 0.0001 => "< 0.0001".to_string(),
        p if p < 0.001 => format!("{p:.5}"),
        p if p < 0.01 => format!("{p:.4}"),
        p if p < 0.1 => format!("{p:.3}"),
        p if p < 0.995 => format!("{p:.2}"),
        p if p < 1.0 => "> 0.99".to_string(),
        _ => "1".to_string(),
    }
}

/// `p = 0.012` or `p < 0.0001`, with spaces at which no line ends.
pub fn p_equation(p: f64) -> String {
    let shown = p_value(p);
    let equation = if shown.starts_with(['<', '>']) { format!("p {shown}") } else { format!("p = {shown}") };
    // Without a line break inside.
    equation.replace(' ', "\u{a0}")
}

/// At most four significant digits: `0.02538`, `0.25`, `1.234e-7`.
pub fn significant(value: f64) -> String {
    if value != 0.0 && value.abs() < 1e-5 {
        return format!("{value:.3e}");
    }
    let stored = Format::Stored.write(value);
    let rounded = Decimal { factor: 1.0, digits: Digits::Significant(4) }.value(value);
    if stored.len() <= rounded.len() { stored } else { rounded }
}

/// A fraction in whole per cent.
pub fn fraction(value: f64) -> String {
    format!("{:.0}\u{a0}%", 100.0 * value)
}

/// A chance in per cent: `17 %`, `1.5 %`, `< 0.1 %`.
pub fn chance(value: f64) -> String {
    match 100.0 * value {
        shown if shown < 0.1 => "< 0.1\u{a0}%".to_owned(),
        shown if shown > 99.9 => "> 99.9\u{a0}%".to_owned(),
        shown if !(2.0..=98.0).contains(&shown) => format!("{shown:.1}\u{a0}%"),
        shown => format!("{shown:.0}\u{a0}%"),
    }
}

/// Writes a time in one or two units: `40 s`, `3 min`, `2 h 5 min`, `3 d 4 h`.
///
/// ```
/// use std::time::Duration;
/// use allconv_document::number::duration;
///
/// let shown = [40, 100, 3600, 7500, 200_000].map(|seconds| duration(Duration::from_secs(seconds)));
/// assert_eq!(shown, ["40 s", "2 min", "1 h 0 min", "2 h 5 min", "2 d 7 h"]);
/// ```
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    let minutes = (seconds + 30) / 60;
    match (seconds, minutes / 60) {
        (..90, _) => format!("{seconds} s"),
        (_, 0) => format!("{minutes} min"),
        (_, hours @ ..48) => format!("{hours} h {} min", minutes % 60),
        (_, hours) => format!("{} d {} h", hours / 24, hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn magnitudes_and_groups() {
        assert_eq!(grouped(1_369_738), "1,369,738");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(0), "0");
        assert_eq!(magnitude(281_123_456.0), "281 M");
        assert_eq!(magnitude(1_369_738.0), "1.37 M");
        assert_eq!(magnitude(20_000.0), "20 k");
        assert_eq!(magnitude(950.0), "950");
    }

    #[test]
    fn decimals_have_true_signs_and_no_negative_zero() {
        let percent = Decimal { factor: 100.0, digits: Digits::After(2) };
        assert_eq!((percent.value(0.12345), percent.signed(0.0123)), ("12.35".into(), "+1.23".into()));
        assert_eq!((percent.signed(-0.0123), percent.signed(-0.000001)), ("−1.23".into(), "0.00".into()));
        assert_eq!(percent.mean_and_spread(0.12345, Some(0.001)), "12.35 ± 0.10");
        let plain = Decimal { factor: 1.0, digits: Digits::Significant(4) };
        let shown = [123456.0, 31.5, 0.012345, 0.0000012345, 0.0, -2.0].map(|value| plain.value(value));
        assert_eq!(shown, ["123456", "31.50", "0.01235", "0.000001234", "0", "−2.000"]);
        assert_eq!(plain.mean_and_spread(0.0123456, Some(0.000456)), "0.01235 ± 0.00046");
        assert_eq!(
            (plain.mean_and_spread(1234.5, None), plain.value(f64::INFINITY)),
            ("1234".into(), "inf".into())
        );
    }

    #[test]
    fn stored_numbers_are_whole_and_readable() {
        assert_eq!(
            [9_999.0, 10_000.0, 0.25, -3.0].map(|value| Format::Stored.write(value)),
            ["9999", "10,000", "0.25", "-3"]
        );
    }

    #[test]
    fn four_digits_are_enough_for_a_terminal() {
        assert_eq!(
            [0.025375828074617163, 0.25, 1234.5678, 0.0001, 1.2344e-7, -1.5].map(significant),
            ["0.02538", "0.25", "1235", "0.0001", "1.234e-7", "-1.5"]
        );
    }

    #[test]
    fn p_is_never_shown_as_zero_nor_rounded_to_one() {
        assert_eq!(p_value(0.0), "< 0.0001");
        assert_eq!(p_value(0.00234), "0.0023");
        assert_eq!(p_value(0.0456), "0.046");
        assert_eq!(p_value(0.23456), "0.23");
        assert_eq!(p_value(0.999), "> 0.99");
        assert_eq!(p_value(1.0), "1");
        assert_eq!(p_equation(1e-9), "p\u{a0}<\u{a0}0.0001");
        assert_eq!(p_equation(0.2), "p\u{a0}=\u{a0}0.20");
    }
}
