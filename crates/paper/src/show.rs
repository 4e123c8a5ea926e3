//! Numbers as LaTeX shows them.

use allconv_study::MetricUnit;
use allconv_study::stats::Interval;

/// A number with a true minus sign, as [`MetricUnit`] writes it, set as mathematics where it has a sign.
pub(crate) fn signed(text: &str) -> String {
    if text.starts_with(['+', '−', '-']) {
        format!("${}$", text.replace('−', "-"))
    } else {
        text.to_owned()
    }
}

/// A unit behind a number, with a thin space; nothing for plain numbers.
fn unit_behind(symbol: &str) -> String {
    match symbol {
        "" => String::new(),
        "%" => "\\,\\%".to_owned(),
        other => format!("\\,{other}"),
    }
}

/// `39.04\,\%`.
pub(crate) fn value(unit: MetricUnit, stored: f64) -> String {
    format!("{}{}", signed(&unit.value(stored)), unit_behind(unit.symbol()))
}

/// `$+3.82$\,pp`.
pub(crate) fn difference(unit: MetricUnit, stored: f64) -> String {
    format!("{}{}", signed(&unit.signed(stored)), unit_behind(unit.difference_symbol()))
}

/// `$[+3.03, +4.61]$\,pp`.
pub(crate) fn difference_interval(unit: MetricUnit, interval: Interval) -> String {
    format!("{}{}", bare_interval(unit, interval), unit_behind(unit.difference_symbol()))
}

/// `$[+3.03, +4.61]$`.
pub(crate) fn bare_interval(unit: MetricUnit, interval: Interval) -> String {
    format!("$[{},\\,{}]$", unit.signed(interval.low), unit.signed(interval.high)).replace('−', "-")
}

/// `$[34.68, 35.42]$\,\%`.
pub(crate) fn value_interval(unit: MetricUnit, interval: Interval) -> String {
    let ends = format!("$[{},\\,{}]$", unit.value(interval.low), unit.value(interval.high)).replace('−', "-");
    format!("{ends}{}", unit_behind(unit.symbol()))
}

/// `$\pm1.00$\,pp`.
pub(crate) fn margin(unit: MetricUnit, stored: f64) -> String {
    format!("$\\pm{}${}", unit.value(stored), unit_behind(unit.difference_symbol()))
}

/// A p value to two significant digits, never as 0 and never as 1 that is not 1: `0.012`, `$<0.0001$`.
pub(crate) fn bare_p(p: f64) -> String {
    match p {
        p if p.is_nan() => "--".to_owned(),
        p if p < 0.0001 => "$<0.0001$".to_owned(),
        p if p < 0.001 => format!("{p:.5}"),
        p if p < 0.01 => format!("{p:.4}"),
        p if p < 0.1 => format!("{p:.3}"),
        p if p < 0.995 => format!("{p:.2}"),
        p if p < 1.0 => "$>0.99$".to_owned(),
        _ => "1".to_owned(),
    }
}

/// `$p=0.012$`.
pub(crate) fn p(p: f64) -> String {
    match bare_p(p).strip_prefix('$') {
        Some(sign) => format!("$p{sign}"),
        None => format!("$p={}$", bare_p(p)),
    }
}

/// A chance: `17\,\%`, `$<0.1$\,\%`.
pub(crate) fn chance(chance: f64) -> String {
    match 100.0 * chance {
        shown if shown < 0.1 => "$<0.1$\\,\\%".to_owned(),
        shown if shown > 99.9 => "$>99.9$\\,\\%".to_owned(),
        shown if !(2.0..=98.0).contains(&shown) => format!("{shown:.1}\\,\\%"),
        shown => format!("{shown:.0}\\,\\%"),
    }
}

/// `1369738` as `1,369,738`.
pub(crate) fn count(value: u64) -> String {
    let digits = value.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap_or("")).collect();
    groups.join(",")
}

/// Three significant digits and a decimal magnitude: `281\,M`.
pub(crate) fn magnitude(value: f64) -> String {
    let scales = [(1e12, "\\,T"), (1e9, "\\,G"), (1e6, "\\,M"), (1e3, "\\,k")];
    let (scale, suffix) = scales.into_iter().find(|(scale, _)| value.abs() >= *scale).unwrap_or((1.0, ""));
    let scaled = value / scale;
    let digits = match scaled.abs() {
        size if size >= 100.0 || scaled.fract() == 0.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    format!("{scaled:.digits$}{suffix}")
}

/// `$\times0.31$`.
pub(crate) fn ratio(value: f64) -> String {
    format!("$\\times{value:.2}$")
}

/// A time in hours, minutes or seconds.
pub(crate) fn duration(seconds: f64) -> String {
    match seconds {
        seconds if seconds >= 5400.0 => format!("{:.1} hours", seconds / 3600.0),
        seconds if seconds >= 90.0 => format!("{:.0} minutes", seconds / 60.0),
        seconds => format!("{seconds:.0} seconds"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_with_sign_and_unit() {
        let unit = MetricUnit::of("error");
        assert_eq!(value(unit, 0.39043), "39.04\\,\\%");
        assert_eq!(difference(unit, -0.0121), "$-1.21$\\,pp");
        assert_eq!(difference(unit, 0.0), "0.00\\,pp");
        assert_eq!(difference_interval(unit, Interval { low: -0.01, high: 0.02 }), "$[-1.00,\\,+2.00]$\\,pp");
        assert_eq!(difference(MetricUnit::of("psnr_y"), 0.25), "$+0.25$\\,dB");
        assert_eq!([p(0.0), p(0.0123), p(1.0)], ["$p<0.0001$", "$p=0.012$", "$p=1$"]);
        assert_eq!([count(0), count(999), count(1_369_738)], ["0", "999", "1,369,738"]);
        assert_eq!([magnitude(281e6), magnitude(950.0)], ["281\\,M", "950"]);
        assert_eq!(
            [duration(30.0), duration(600.0), duration(7200.0)],
            ["30 seconds", "10 minutes", "2.0 hours"]
        );
        assert_eq!([chance(0.0001), chance(0.5)], ["$<0.1$\\,\\%", "50\\,\\%"]);
    }
}
