//! Numbers as people read them: thousands, magnitudes, p values, shares.

/// `1369738` as `1,369,738`.
pub(crate) fn grouped(value: u64) -> String {
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
pub(crate) fn magnitude(value: f64) -> String {
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
pub(crate) fn p_value(p: f64) -> String {
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
pub(crate) fn p_equation(p: f64) -> String {
    let shown = p_value(p);
    let equation = if shown.starts_with(['<', '>']) { format!("p {shown}") } else { format!("p = {shown}") };
    // No line may end inside of it.
    equation.replace(' ', "\u{a0}")
}

/// A ratio such as an effect size, with a true minus sign.
pub(crate) fn signed_ratio(value: f64) -> String {
    format!("{value:.2}").replacen('-', "−", 1)
}

/// A share as whole percent.
pub(crate) fn share(value: f64) -> String {
    format!("{:.0} %", 100.0 * value)
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
