//! Every method against SciPy and statsmodels on fixed samples, which `golden/statistics.py` wrote to `golden/statistics.json`.
#![forbid(unsafe_code)]

use allconv_study::stats::*;
use serde_json::Value;

/// Two implementations of one formula differ by rounding alone.
const EXACT: f64 = 1e-9;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/statistics.json")).unwrap()
}

fn cases(name: &str) -> Vec<Value> {
    let cases = golden()[name].as_array().unwrap().clone();
    assert!(!cases.is_empty());
    cases
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is not a number"))
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

#[track_caller]
fn close(found: f64, expected: &Value, tolerance: f64) {
    let expected = number(expected);
    let allowed = tolerance * expected.abs().max(1e-3);
    assert!((found - expected).abs() <= allowed, "found {found}, SciPy says {expected}");
}

#[track_caller]
fn close_interval(found: Interval, expected: &Value, tolerance: f64) {
    close(found.low, &expected[0], tolerance);
    close(found.high, &expected[1], tolerance);
}

/// The differences of a case, rounded as the script rounds them.
fn differences(case: &Value) -> Vec<f64> {
    let pairs = numbers(&case["treated"]).into_iter().zip(numbers(&case["baseline"]));
    pairs.map(|(treated, baseline)| ((treated - baseline) * 1e12).round() / 1e12).collect()
}

#[test]
fn summaries_and_intervals_agree() {
    for case in cases("samples") {
        let treated = numbers(&case["treated"]);
        let summary = summarise(&treated).unwrap();
        close(summary.mean, &case["mean"], EXACT);
        close(summary.standard_deviation.unwrap(), &case["standard_deviation"], EXACT);
        close(summary.median, &case["median"], EXACT);
        close(summary.interquartile_mean, &case["interquartile_mean"], EXACT);
        close_interval(mean_interval(&treated, 0.95).unwrap(), &case["mean_interval"], EXACT);
    }
}

#[test]
fn paired_tests_agree() {
    for case in cases("samples") {
        let differences = differences(&case);
        let test = paired_t_test(&differences).unwrap();
        close(test.statistic, &case["paired_t"]["statistic"], 1e-8);
        close(test.p, &case["paired_t"]["p"], 1e-8);
        close(mean_above_p(&differences, 0.005).unwrap(), &case["above_p"], 1e-8);
        close(mean_below_p(&differences, -0.003).unwrap(), &case["below_p"], 1e-8);
        close_interval(mean_interval(&differences, 0.95).unwrap(), &case["paired_t"]["interval"], 1e-8);
        close(sign_flip_p(&differences).unwrap(), &case["permutation_p"], EXACT);
        close(wilcoxon_p(&differences).unwrap(), &case["wilcoxon_p"], EXACT);
        close(tost_p(&differences, number(&case["tost_margin"])).unwrap(), &case["tost_p"], 1e-8);
    }
}

#[test]
fn unpaired_tests_agree() {
    for case in cases("samples") {
        let (treated, baseline) = (numbers(&case["treated"]), numbers(&case["baseline"]));
        let test = welch_test(&treated, &baseline).unwrap();
        close(test.statistic, &case["welch"]["statistic"], EXACT);
        close(test.degrees_of_freedom, &case["welch"]["degrees_of_freedom"], EXACT);
        close(test.p, &case["welch"]["p"], EXACT);
        close_interval(test.interval(0.95), &case["welch"]["interval"], EXACT);
        // U counts values of the first that are larger: the improvement of the second over the first.
        let larger = probability_of_improvement(&baseline, &treated).unwrap();
        close(larger, &case["probability_of_superiority"], EXACT);
    }
}

#[test]
fn corrections_agree() {
    for case in cases("corrections") {
        let p = numbers(&case["p"]);
        for (found, expected) in holm(&p).into_iter().zip(case["holm"].as_array().unwrap()) {
            close(found, expected, EXACT);
        }
        let expected = case["benjamini_hochberg"].as_array().unwrap();
        for (found, expected) in benjamini_hochberg(&p).into_iter().zip(expected) {
            close(found, expected, EXACT);
        }
    }
}

#[test]
fn proportions_agree() {
    for case in cases("wilson") {
        let (successes, trials) = (number(&case["successes"]) as usize, number(&case["trials"]) as usize);
        close_interval(wilson_interval(successes, trials, 0.95).unwrap(), &case["interval"], EXACT);
    }
    for case in cases("mcnemar") {
        let p = mcnemar_p(number(&case["only_first"]) as u64, number(&case["only_second"]) as u64);
        close(p, &case["p"], EXACT);
    }
}

#[test]
fn distributions_agree() {
    for case in cases("student") {
        let (probability, freedom) = (number(&case["probability"]), number(&case["degrees_of_freedom"]));
        close(student_quantile(probability, freedom), &case["quantile"], EXACT);
    }
    for case in cases("noncentral") {
        let (t, freedom) = (number(&case["t"]), number(&case["degrees_of_freedom"]));
        let found = noncentral_t_cdf(t, freedom, number(&case["shift"]));
        let error = (found - number(&case["cdf"])).abs();
        assert!(error < NONCENTRAL_T_ERROR, "{case}: {found}");
    }
    for case in cases("tukey") {
        let found =
            studentized_range_quantile(number(&case["probability"]), number(&case["groups"]) as usize);
        // SciPy integrates numerically as well, to about this precision.
        close(found, &case["quantile"], 1e-6);
    }
}

#[test]
fn power_agrees() {
    for case in cases("power") {
        let found =
            paired_t_power(number(&case["effect"]), number(&case["n"]) as u32, number(&case["alpha"]));
        close(found, &case["power"], 1e-6);
    }
}

#[test]
fn friedman_agrees() {
    for case in cases("friedman") {
        let rows: Vec<Vec<f64>> = case["rows"].as_array().unwrap().iter().map(numbers).collect();
        let test = friedman(&rows).unwrap();
        close(test.statistic, &case["statistic"], EXACT);
        close(test.p, &case["p"], EXACT);
    }
}

#[test]
fn the_bootstrap_agrees_within_its_own_noise() {
    let case = &golden()["bca"];
    let sample = numbers(&case["sample"]);
    let interval = bootstrap_mean_interval(&sample, 0.95).unwrap();
    // 5,000 resamples: the 2.5 % quantile has a standard error of √(0.025·0.975/5000)/density ≈ 0.04 standard errors of the mean;
    // four of those.
    let standard_error =
        summarise(&sample).unwrap().standard_deviation.unwrap() / (sample.len() as f64).sqrt();
    for (found, expected) in [(interval.low, &case["interval"][0]), (interval.high, &case["interval"][1])] {
        assert!((found - number(expected)).abs() < 0.16 * standard_error, "{found} {expected}");
    }
}
