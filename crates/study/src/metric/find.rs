//! Metrics by their names, which may be qualified by what they were measured on.

use super::registry::{METRICS, Metric};

/// The metric of that name, or the one with the longest name that the name begins with, before an `_`; `None` for an unknown one.
///
/// ```
/// use allconv_study::find_metric;
///
/// assert_eq!(find_metric("psnr_y").unwrap().name, "psnr_y");
/// assert_eq!(find_metric("iou_membrane").unwrap().name, "iou");
/// assert!(find_metric("ioux").is_none());
/// // A loss by another name is no coefficient.
/// assert!(find_metric("dice_loss").is_none());
/// ```
pub fn find_metric(name: &str) -> Option<&'static Metric> {
    if let Some(exact) = METRICS.iter().find(|metric| metric.name == name) {
        return Some(exact);
    }
    let qualified = METRICS.iter().filter(|metric| {
        let rest = name.strip_prefix(metric.name).and_then(|rest| rest.strip_prefix('_'));
        // The suffix names where it was measured. Another metric's name there makes it a different metric.
        rest.is_some_and(|rest| METRICS.iter().all(|other| !rest.ends_with(other.name)))
    });
    qualified.max_by_key(|metric| metric.name.len())
}

/// The name of a metric in texts: `PSNR (luma)` for `psnr_y`, `IoU membrane` for `iou_membrane`, unknown names as they are.
pub fn metric_label(name: &str) -> String {
    match find_metric(name) {
        Some(metric) => format!("{}{}", metric.label, name[metric.name.len()..].replace('_', " ")),
        None => name.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_occurs_once_and_finds_itself() {
        for (position, metric) in METRICS.iter().enumerate() {
            assert!(METRICS[..position].iter().all(|other| other.name != metric.name), "{}", metric.name);
            assert_eq!(find_metric(metric.name), Some(metric));
            assert!(!metric.meaning.is_empty() && !metric.meaning.ends_with('.'), "{}", metric.name);
            let (least, most) = metric.range();
            assert!(least < most, "{}", metric.name);
        }
    }

    #[test]
    fn the_longest_prefix_counts_and_only_up_to_an_underscore() {
        assert_eq!(find_metric("psnr_y_set5").unwrap().name, "psnr_y");
        assert_eq!(find_metric("shift_agreement_3").unwrap().name, "shift_agreement");
        assert_eq!(find_metric("errors"), None);
        assert_eq!(find_metric("my_error"), None);
        assert_eq!(find_metric(""), None);
        let labels = ["error", "psnr_y", "iou_outer_membrane", "my_error"].map(metric_label);
        assert_eq!(labels, ["error", "PSNR (luma)", "IoU outer membrane", "my_error"]);
    }
}
