//! `[claims.NAME]`: claims fixed before the runs, as contrasts between arms that can be shown or refuted.
//!
//! ```toml
//! [claims.convolution_replaces_pooling]
//! text = "An added convolution does what pooling after it does."
//! contrasts = [
//!     { of = { rule = "all_cnn" }, against = { rule = "convpool_cnn" }, for_each = "base", shows = "equivalent", margin = 0.01 },
//! ]
//! ```
//!
//! The rule, exactly: `of` and `against` are an arm, several arms (`["a", "b"]`), or levels of factors (`{ rule = "all_cnn" }`, all arms
//! with them). Within each seed in which all of these arms have a value, a contrast is the mean over `of` minus the mean over `against` in
//! `metric` (the primary one if not written) on the primary split. `shows` says where it lies, with `margin` in units of the metric: `lower`
//! (below −margin), `higher` (above it), `equivalent` (inside ±margin), `not_lower` (above −margin), `not_higher` (below the margin). The margin
//! of `lower` and `higher` is 0 if not written, that of the others `compare.equivalence_margin` where the metric is the primary one.
//! `for_each` makes one contrast for every level of another factor. A claim says that all of its contrasts hold.

use super::claim_groups::{Setting, name, read_group};
use super::document::StudyFileError;
use super::fields::Fields;
use super::keys::{self, names};
use super::limits;
use super::node::{Content, Node};
use crate::stats::Statement;
use crate::text::is_hidden;

/// A claim that the study tests.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// Its name: the key in the file.
    pub name: String,
    /// The claim, in a sentence.
    pub text: String,
    /// The contrasts that must all hold for it, at least one.
    pub contrasts: Vec<Contrast>,
}

/// A statement about the difference between two groups of arms.
#[derive(Clone, Debug, PartialEq)]
pub struct Contrast {
    /// `rule: all_cnn − convpool_cnn, base = a`.
    pub name: String,
    /// Positions of the arms that are averaged.
    pub of: Vec<usize>,
    /// Positions of the arms that are averaged and subtracted.
    pub against: Vec<usize>,
    /// The metric.
    pub metric: String,
    /// The statement about the difference.
    pub shows: Statement,
    /// The margin of the statement, in units of the metric, at least 0.
    pub margin: f64,
    /// Its position in the claim's list, where several contrasts may come of one element.
    pub(crate) element: usize,
}

/// Reads `[claims]`.
pub(super) fn read_claims(setting: Setting<'_>, node: &Node) -> Result<Vec<Claim>, StudyFileError> {
    let document = setting.document;
    let Some(entries) = node.entries() else {
        return Err(document.error(&node.value, format!("`claims` must be a table, is {}", node.kind())));
    };
    entries.iter().map(|(name, child)| read_claim(setting, name, child)).collect()
}

fn read_claim(setting: Setting<'_>, name: &str, node: &Node) -> Result<Claim, StudyFileError> {
    let document = setting.document;
    if name.chars().any(is_hidden) {
        let message = "the name of a claim holds a mark of direction or another control character";
        return Err(document.error(&node.key, message));
    }
    let path = format!("claims.{name}");
    let fields = Fields::of(document, node, &path, &names(&keys::CLAIM))?;
    let text = fields.prose(&format!("{path}.text"), fields.required("text")?)?;
    let list = fields.required("contrasts")?;
    let elements = match &list.content {
        Content::Array(elements) if !elements.is_empty() => elements,
        Content::Array(_) => {
            return Err(document.error(
                &list.value,
                format!("`{path}.contrasts` is empty: a claim needs at least one contrast"),
            ));
        }
        _ => {
            let message = format!("`{path}.contrasts` must be an array, is {}", list.kind());
            return Err(document.error(&list.value, message));
        }
    };
    limits::length(document, list, (&format!("{path}.contrasts"), elements.len()), limits::MOST_CONTRASTS)?;
    let mut contrasts = Vec::with_capacity(elements.len());
    for (position, element) in elements.iter().enumerate() {
        contrasts.extend(read_contrast(setting, &format!("{path}.contrasts"), (position, element))?);
    }
    Ok(Claim { name: name.to_string(), text, contrasts })
}

fn read_contrast(
    setting: Setting<'_>,
    path: &str,
    (element, node): (usize, &Node),
) -> Result<Vec<Contrast>, StudyFileError> {
    let document = setting.document;
    let fields = Fields::of(document, node, path, &names(&keys::CONTRAST))?;
    let metric = match fields.optional("metric") {
        Some(node) => fields.metric(&format!("{path}.metric"), node)?,
        None => setting.primary.metric.clone(),
    };
    let statements = Statement::ALL.map(|statement| (statement.name(), statement));
    let shows = fields.choice(&format!("{path}.shows"), fields.required("shows")?, &statements)?;
    let margin = read_margin(setting, path, &fields, &metric, shows)?;
    let groups = match fields.optional("for_each") {
        None => vec![(String::new(), None)],
        Some(node) => {
            let factor = factor_named(setting, &fields, path, node)?;
            let level = |(position, level): (usize, &String)| {
                (format!(", {} = {level}", setting.factors[factor].name), Some((factor, position)))
            };
            setting.factors[factor].levels.iter().enumerate().map(level).collect()
        }
    };
    let (of_node, against_node) = (fields.required("of")?, fields.required("against")?);
    let mut contrasts = Vec::with_capacity(groups.len());
    for (suffix, level) in groups {
        let of = read_group(setting, &format!("{path}.of"), of_node, level)?;
        let against = read_group(setting, &format!("{path}.against"), against_node, level)?;
        if let Some(shared) = of.arms.iter().find(|arm| against.arms.contains(arm)) {
            let message = format!("arm `{}` is on both sides", setting.arms[*shared].name);
            return Err(document.error(&against_node.value, message));
        }
        contrasts.push(Contrast {
            name: format!("{}{suffix}", name(&of, &against)),
            of: of.arms,
            against: against.arms,
            metric: metric.clone(),
            shows,
            margin,
            element,
        });
    }
    Ok(contrasts)
}

fn read_margin(
    setting: Setting<'_>,
    path: &str,
    fields: &Fields<'_>,
    metric: &str,
    shows: Statement,
) -> Result<f64, StudyFileError> {
    if let Some(node) = fields.optional("margin") {
        return fields.number_between(&format!("{path}.margin"), node, (0.0, f64::INFINITY));
    }
    if matches!(shows, Statement::Lower | Statement::Higher) {
        return Ok(0.0);
    }
    let shared = setting.compare.equivalence_margin.filter(|_| metric == setting.primary.metric);
    shared.ok_or_else(|| {
        let message = format!(
            "a contrast that shows `{}` in `{metric}` needs a `margin`, in units of the metric",
            shows.name()
        );
        setting.document.error(fields.optional("shows").map_or(&(0..0), |node| &node.value), message)
    })
}

fn factor_named(
    setting: Setting<'_>,
    fields: &Fields<'_>,
    path: &str,
    node: &Node,
) -> Result<usize, StudyFileError> {
    if setting.factors.is_empty() {
        let message = format!("`{path}.for_each` names a factor, but the study lists arms");
        return Err(setting.document.error(&node.value, message));
    }
    let choices: Vec<(&str, usize)> =
        setting.factors.iter().enumerate().map(|(index, factor)| (factor.name.as_str(), index)).collect();
    fields.choice(&format!("{path}.for_each"), node, &choices)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::StudyFile;
    use crate::testing::{factorial_study_text, small_study_text};

    fn factorial(contrast: &str) -> Result<StudyFile, StudyFileError> {
        let text = factorial_study_text(6)
            .replace("alpha = 0.05", "alpha = 0.05, equivalence_margin = 0.01")
            .replace(
                "[base.data]",
                &format!("[claims.c]\ntext = \"So it is.\"\ncontrasts = [{contrast}]\n[base.data]"),
            );
        StudyFile::parse("small.toml", text)
    }

    fn listed(contrast: &str) -> Result<StudyFile, StudyFileError> {
        let claims = format!("[claims.c]\ntext = \"So it is.\"\ncontrasts = [{contrast}]\n[base.data]");
        StudyFile::parse("small.toml", small_study_text(6).replace("[base.data]", &claims))
    }

    #[test]
    fn levels_are_averaged_and_for_each_makes_one_contrast_a_level() {
        let study = factorial(
            r#"{ of = { rule = "all_conv" }, against = { rule = "max_pool" }, shows = "not_higher" }"#,
        )
        .unwrap();
        let contrast = &study.claims[0].contrasts[0];
        assert_eq!(contrast.name, "rule: all_conv − max_pool");
        let names = |arms: &[usize]| arms.iter().map(|arm| study.arms[*arm].name.clone()).collect::<Vec<_>>();
        assert_eq!(
            (names(&contrast.of), names(&contrast.against)),
            (
                vec!["all_conv_a".to_string(), "all_conv_c".into()],
                vec!["max_pool_a".to_string(), "max_pool_c".into()]
            )
        );
        assert_eq!(
            (contrast.metric.as_str(), contrast.margin, contrast.shows),
            ("error", 0.01, Statement::NotHigher)
        );
        let study = factorial(
            r#"{ of = { rule = "all_conv" }, against = { rule = "max_pool" }, shows = "lower", for_each = "base" }"#,
        )
        .unwrap();
        let contrasts = &study.claims[0].contrasts;
        assert_eq!(
            contrasts.iter().map(|contrast| contrast.name.as_str()).collect::<Vec<_>>(),
            ["rule: all_conv − max_pool, base = a", "rule: all_conv − max_pool, base = c"]
        );
        assert!(contrasts.iter().all(|contrast| contrast.of.len() == 1 && contrast.margin == 0.0));
    }

    #[test]
    fn arms_may_be_named_alone_or_together() {
        let study =
            listed(r#"{ of = ["strided", "all_conv"], against = "max_pool", metric = "shift_agreement", shows = "higher", margin = 0.02 }"#)
                .unwrap();
        let contrast = &study.claims[0].contrasts[0];
        assert_eq!(contrast.name, "mean of strided, all_conv − max_pool");
        assert_eq!((&contrast.of[..], &contrast.against[..], contrast.margin), (&[1, 2][..], &[0][..], 0.02));
    }

    #[test]
    fn every_mistake_is_refused_at_its_position() {
        for (contrast, reason, shown) in [
            (r#"{ of = "strided", against = "maxpool", shows = "lower" }"#, "is not an arm", "\"maxpool\""),
            (
                r#"{ of = "strided", against = "strided", shows = "lower" }"#,
                "is on both sides",
                "\"strided\"",
            ),
            (
                r#"{ of = ["strided", "strided"], against = "max_pool", shows = "lower" }"#,
                "twice",
                "\"strided\"",
            ),
            (r#"{ of = [], against = "max_pool", shows = "lower" }"#, "names no arm", "[]"),
            (r#"{ of = 3, against = "max_pool", shows = "lower" }"#, "must be an arm", "3"),
            (
                r#"{ of = "strided", against = "max_pool", shows = "equal" }"#,
                "unknown `claims.c.contrasts.shows`",
                "\"equal\"",
            ),
            (
                r#"{ of = "strided", against = "max_pool", shows = "equivalent" }"#,
                "needs a `margin`",
                "\"equivalent\"",
            ),
            (
                r#"{ of = "strided", against = "max_pool", shows = "lower", margin = -1 }"#,
                "above 0, is -1",
                "-1",
            ),
            (r#"{ of = "strided", against = "max_pool" }"#, "has no `shows`", ""),
            (
                r#"{ of = "strided", against = "max_pool", shows = "lower", for_each = "base" }"#,
                "lists arms",
                "\"base\"",
            ),
            (
                r#"{ of = { rule = "strided" }, against = "max_pool", shows = "lower" }"#,
                "lists arms",
                "{ rule",
            ),
            (
                r#"{ of = "strided", agianst = "max_pool", shows = "lower" }"#,
                "unknown key `agianst`",
                "agianst",
            ),
            ("", "is empty", "[]"),
        ] {
            let error = listed(contrast).unwrap_err();
            assert!(error.message.contains(reason), "{error}");
            assert_eq!(error.line, 8, "{error}");
            let column = error.column as usize - 1;
            assert!(error.source_line[column..].starts_with(shown), "{error}");
        }
    }

    #[test]
    fn factors_and_levels_are_known_by_name() {
        for (contrast, reason) in [
            (
                r#"{ of = { rule = "allconv" }, against = { rule = "max_pool" }, shows = "lower" }"#,
                "choices are",
            ),
            (
                r#"{ of = { rle = "all_conv" }, against = { rule = "max_pool" }, shows = "lower" }"#,
                "unknown key `rle`",
            ),
            (r#"{ of = {}, against = { rule = "max_pool" }, shows = "lower" }"#, "names no level"),
            (
                r#"{ of = { rule = "all_conv", base = "a" }, against = { rule = "max_pool" }, shows = "lower", for_each = "base" }"#,
                "fixes `base`",
            ),
            (
                r#"{ of = "all_conv_a", against = "max_pool_a", shows = "lower", for_each = "base" }"#,
                "names levels of factors",
            ),
        ] {
            let error = factorial(contrast).unwrap_err();
            assert!(error.message.contains(reason), "{error}");
        }
    }

    #[test]
    fn claims_of_a_study_that_stops_early_are_refused() {
        let text = small_study_text(9).replace(
            "[base.data]",
            "sequential = { looks = [5, 9] }\n[claims.c]\ntext = \"x\"\ncontrasts = [{ of = \"strided\", against = \"max_pool\", shows = \"lower\" }]\n[base.data]",
        );
        let error = StudyFile::parse("small.toml", text).unwrap_err();
        assert!(error.message.contains("`sequential`"), "{error}");
    }
}
