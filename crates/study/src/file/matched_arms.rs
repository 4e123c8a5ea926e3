//! The arms of a study file that are matched in cost to their baselines, and settings that contradict that.

use super::document::{Document, StudyFileError};
use super::matching::REQUEST_KEY;
use super::node::Node;
use super::study_file::StudyFile;

/// Position of the net section in [`Sections`](super::sections::Sections).
const NET: usize = 1;

/// Gives every arm but the baselines the `match` of `compare`, unless it has its own, and refuses what contradicts one.
pub(super) fn match_arms(study: &mut StudyFile, document: &Document) -> Result<(), StudyFileError> {
    for index in 0..study.arms.len() {
        let is_baseline = study.baseline_of(index).is_none();
        let asked = study.compare.matched.clone().filter(|_| !is_baseline);
        let arm = &mut study.arms[index];
        if let Some(own) = arm.matched.as_ref().filter(|_| is_baseline) {
            let message = format!(
                "arm `{}` is the baseline whose cost others are matched to; remove its `match`",
                arm.name
            );
            return Err(document.error(&own.node.key, message));
        }
        arm.matched = arm.matched.take().or(asked);
        let Some(matched) = arm.matched.clone() else { continue };
        let arm = &study.arms[index];
        if study.net(arm).contains_key(REQUEST_KEY) {
            let message = format!(
                "arm `{}` is matched here and asks for `net.{REQUEST_KEY}` too; remove one of them",
                arm.name
            );
            return Err(document.error(&matched.node.key, message));
        }
        // In a factorial study the width may be a factor, and is then that of the baseline.
        if let Some(width) = own_width(study, index).filter(|_| study.factors.is_empty()) {
            let message = format!(
                "arm `{}` is matched in {}, so its width is found; remove `width`, or the `match` on line {}",
                arm.name,
                matched.quantity.label(),
                document.error(&matched.node.key, "").line
            );
            return Err(document.error(&width.key, message));
        }
    }
    Ok(())
}

/// The width that an arm itself writes.
fn own_width(study: &StudyFile, arm_index: usize) -> Option<&Node> {
    let architecture = study.arms[arm_index].sections.written(NET, "architecture")?;
    architecture.entries()?.iter().find_map(|(_, settings)| settings.child("width"))
}

#[cfg(test)]
mod tests {
    use allconv_record::ResolveError;

    use super::*;
    use crate::file::CostQuantity;
    use crate::testing::{factorial_study_text, small_study_text};

    fn parse(text: &str) -> Result<StudyFile, StudyFileError> {
        StudyFile::parse("small.toml", text.into())
    }

    fn matched_text() -> String {
        small_study_text(3).replace("alpha = 0.05", "alpha = 0.05, match = \"macs\"")
    }

    fn requested(study: &StudyFile, arm: usize) -> Option<toml::Value> {
        study.request(&study.arms[arm], 0).net.get(REQUEST_KEY).cloned()
    }

    #[test]
    fn every_arm_but_the_baseline_asks_for_the_baseline_s_cost() {
        let study = parse(&matched_text()).unwrap();
        assert_eq!(requested(&study, 0), None);
        let expected: toml::Value = toml::from_str(
            "quantity = \"macs\"\nnet = { width = 0.25, downsample = { max_pool = { kernel = 3 } } }",
        )
        .unwrap();
        assert_eq!(requested(&study, 1).as_ref(), Some(&expected));
        assert_eq!(study.matched(2).map(|(quantity, index)| (quantity.name(), index)), Some(("macs", 0)));
    }

    #[test]
    fn an_arm_may_be_matched_alone_and_in_another_quantity() {
        let alone = format!("{}[arms.all_conv]\nmatch = \"parameters\"\n", small_study_text(3));
        let study = parse(&alone).unwrap();
        assert_eq!(requested(&study, 1), None);
        assert_eq!(study.matched(2), Some((CostQuantity::Parameters, 0)));
        let other = format!("{}[arms.all_conv]\nmatch = \"parameters\"\n", matched_text());
        let study = parse(&other).unwrap();
        assert_eq!(study.matched(1), Some((CostQuantity::Macs, 0)));
        assert_eq!(study.matched(2), Some((CostQuantity::Parameters, 0)));
    }

    #[test]
    fn with_a_baseline_level_each_arm_is_matched_to_its_own_baseline() {
        let text = factorial_study_text(3).replace("alpha = 0.05", "alpha = 0.05, match = \"macs\"");
        let study = parse(&text).unwrap();
        let baselines: Vec<_> = (0..6).map(|arm| study.matched(arm).map(|(_, baseline)| baseline)).collect();
        assert_eq!(baselines, [None, Some(0), Some(0), None, Some(3), Some(3)]);
        let net = requested(&study, 4).unwrap()["net"].clone();
        assert_eq!(net["base"].as_str(), Some("c"));
    }

    #[test]
    fn an_unknown_quantity_is_refused_with_the_nearest_name() {
        let error = parse(&matched_text().replace("\"macs\"", "\"mac\"")).unwrap_err();
        assert_eq!((error.line, error.suggestion.as_deref()), (3, Some("macs")));
        assert!(error.message.contains("`macs`, `parameters`"), "{error}");
        let error = parse(&matched_text().replace("match =", "mach =")).unwrap_err();
        assert_eq!(error.suggestion.as_deref(), Some("match"));
    }

    #[test]
    fn what_contradicts_a_match_is_refused_where_it_stands() {
        let text = format!("{}[arms.max_pool]\nmatch = \"macs\"\n", small_study_text(3));
        let error = parse(&text).unwrap_err();
        assert!(error.message.contains("`max_pool` is the baseline"), "{error}");
        assert!(error.source_line.starts_with("match"), "{error}");
        let wide = "architecture = { springenberg = { base = \"c\", width = 0.5 } }\n";
        let text =
            matched_text().replace("[arms.all_conv.net.downsample]\nstrided_conv = { kernel = 3 }", "");
        let text =
            format!("{text}[arms.all_conv.net]\n{wide}downsample = {{ strided_conv = {{ kernel = 3 }} }}\n");
        let error = parse(&text).unwrap_err();
        assert!(error.message.contains("its width is found") && error.message.contains("line 3"), "{error}");
        assert_eq!(error.width, 5);
        let text = matched_text().replace("width = 0.25", "width = 0.25\nmatch_cost = {}");
        assert!(parse(&text).unwrap_err().message.contains("`net.match_cost` too"));
    }

    #[test]
    fn errors_about_the_cost_point_at_the_match_and_those_about_the_baseline_into_the_baseline() {
        let study = parse(&matched_text()).unwrap();
        let error = |path: &[&str]| {
            let path = path.iter().map(|part| part.to_string()).collect();
            let error = ResolveError { path, message: "no".into(), suggestion: None, bad_data: false };
            study.locate(&study.arms[2], &error)
        };
        let located = error(&["net", "match_cost"]);
        assert_eq!((located.line, located.width), (3, "\"macs\"".len() as u32));
        assert!(located.message.starts_with("arm `all_conv`: "), "{located}");
        let located = error(&["net", "match_cost", "net", "downsample", "max_pool", "kernel"]);
        assert!(located.source_line.starts_with("max_pool"), "{located}");
        assert!(located.message.starts_with("arm `max_pool`: net.downsample.max_pool.kernel"), "{located}");
    }
}
