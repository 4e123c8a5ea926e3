//! The check that the runs of a study will record every metric that it names, before the first of them is made.
//!
//! The resolver of a request returns the metrics of the run ([`Resolved::metrics`]); there is no second list here.

use allconv_record::{Resolved, SplitName};

use crate::file::{StudyFile, StudyFileError, nearest_name, quoted};

/// Where a study names a metric, and on which split it reads it.
struct Named<'a> {
    /// Keys down to the name in the study file.
    path: Vec<String>,
    /// The use of the metric, for messages.
    reader: String,
    split: SplitName,
    metric: &'a str,
}

/// Refuses the first metric that the study reads of an arm whose runs do not record it.
///
/// # Errors
/// [`StudyFileError`] at the name of the metric, with those that are recorded and the nearest of them.
pub(crate) fn check_metrics(
    study: &StudyFile,
    arm_index: usize,
    resolved: &Resolved,
) -> Result<(), StudyFileError> {
    for named in named(study, arm_index) {
        let is_recorded =
            |split: SplitName| resolved.metrics.iter().any(|(of, name)| *of == split && name == named.metric);
        if is_recorded(named.split) {
            continue;
        }
        let of_split = |split: SplitName| {
            resolved.metrics.iter().filter(move |(of, _)| *of == split).map(|(_, name)| name.as_str())
        };
        let elsewhere: Vec<&str> = [SplitName::Train, SplitName::Valid, SplitName::Test]
            .into_iter()
            .filter(|split| is_recorded(*split))
            .map(SplitName::name)
            .collect();
        let arm = &study.arms[arm_index].name;
        let (metric, split, reader) = (named.metric, named.split.name(), &named.reader);
        let recorded = if named.split == SplitName::Valid && of_split(SplitName::Valid).next().is_none() {
            "nothing is held out for validation; set `data.validation`".to_owned()
        } else {
            format!("on `{split}` they record {}", quoted(of_split(named.split)))
        };
        let elsewhere = match elsewhere.as_slice() {
            [] => String::new(),
            splits => format!("; `{metric}` is recorded on {} only", quoted(splits.iter().copied())),
        };
        let more = match named.split {
            SplitName::Test => "; further metrics of this split are those that `train.measure` names",
            SplitName::Train | SplitName::Valid => "",
        };
        let message = format!(
            "{reader} `{metric}` on the split `{split}`, which the runs of arm `{arm}` do not record: {recorded}{elsewhere}{more}"
        );
        let suggestion = nearest_name(metric, of_split(named.split));
        return Err(study.error_at(&named.path, message).suggesting(suggestion));
    }
    Ok(())
}

/// Every metric that the study reads of an arm.
fn named(study: &StudyFile, arm_index: usize) -> Vec<Named<'_>> {
    let split = study.primary.split;
    let path = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
    let mut all = vec![Named {
        path: path(&["primary", "metric"]),
        reader: "`primary` is".to_owned(),
        split,
        metric: &study.primary.metric,
    }];
    if study.search.is_some() {
        all.push(Named {
            path: path(&["search"]),
            reader: "`search` chooses by".to_owned(),
            split: SplitName::Valid,
            metric: &study.primary.metric,
        });
    }
    for (position, metric) in study.secondary.iter().enumerate() {
        let path = path(&["secondary", &position.to_string()]);
        all.push(Named { path, reader: "`secondary` names".to_owned(), split, metric });
    }
    for claim in &study.claims {
        let about_arm = |contrast: &&crate::file::Contrast| {
            contrast.of.contains(&arm_index) || contrast.against.contains(&arm_index)
        };
        for contrast in claim.contrasts.iter().filter(about_arm) {
            let element = contrast.element.to_string();
            all.push(Named {
                path: path(&["claims", &claim.name, "contrasts", &element, "metric"]),
                reader: format!("a contrast of `claims.{}` is about", claim.name),
                split,
                metric: &contrast.metric,
            });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use crate::StudyError;
    use crate::check::check;
    use crate::file::{StudyFile, StudyFileError};
    use crate::testing::{FakeResolve, small_study_text};

    fn refused(change: impl Fn(String) -> String) -> StudyFileError {
        let study = StudyFile::parse("small.toml", change(small_study_text(6))).unwrap();
        match check(&study, &FakeResolve) {
            Err(StudyError::File(error)) => error,
            other => panic!("not refused: {other:?}"),
        }
    }

    #[test]
    fn a_primary_metric_that_no_run_records_is_refused_with_the_nearest_name() {
        let error = refused(|text| text.replace("\"error\"", "\"eror\""));
        assert_eq!((error.line, error.suggestion.as_deref()), (2, Some("error")), "{error}");
        assert!(error.source_line[error.column as usize - 1..].starts_with("\"eror\""), "{error}");
        for part in ["arm `max_pool`", "on `test` they record `loss`, `error`, `shift_agreement`"] {
            assert!(error.message.contains(part), "{error}");
        }
        let other_task = refused(|text| {
            text.replace("\"error\"", "\"psnr_y\"").replace("better = \"lower\"", "better = \"higher\"")
        });
        assert!(other_task.message.contains("`psnr_y`"), "{other_task}");
        // On the training split there is no measure, and the message says where it is.
        let split = refused(|text| {
            text.replace("\"error\"", "\"shift_agreement\"")
                .replace("\"test\"", "\"train\"")
                .replace("\"lower\"", "\"higher\"")
        });
        assert!(split.message.contains("`shift_agreement` is recorded on `test` only"), "{split}");
    }

    #[test]
    fn a_validation_metric_needs_images_that_are_held_out() {
        let no_validation =
            |text: String| text.replace("dataset = \"synthetic\"", "dataset = \"synthetic\"\nvalidation = 0");
        let error = refused(|text| no_validation(text.replace("\"test\"", "\"valid\"")));
        assert!(error.message.contains("nothing is held out for validation"), "{error}");
        let search = "search = { lr = [0.1, 0.2] }\n[base.data]";
        let error = refused(|text| no_validation(text.replace("[base.data]", search)));
        assert!(error.message.contains("`search` chooses by `error` on the split `valid`"), "{error}");
        assert_eq!(error.line, 6, "{error}");
    }

    #[test]
    fn secondary_metrics_and_those_of_claims_are_held_to_the_same_list() {
        let error = refused(|text| {
            text.replace("[base.data]", "secondary = [\"loss\", \"shift_agrement\"]\n[base.data]")
        });
        assert_eq!(error.suggestion.as_deref(), Some("shift_agreement"), "{error}");
        assert!(error.source_line[error.column as usize - 1..].starts_with("\"shift_agrement\""), "{error}");
        let claim = "[claims.c]\ntext = \"So.\"\ncontrasts = [\n{ of = \"strided\", against = \"max_pool\", shows = \"lower\" },\n\
                     { of = \"strided\", against = \"max_pool\", metric = \"iou_cat\", shows = \"equivalent\", margin = 0.01 }]\n[base.data]";
        let error = refused(|text| text.replace("[base.data]", claim));
        assert!(error.message.contains("`claims.c` is about `iou_cat`"), "{error}");
        assert_eq!(error.line, 10, "{error}");
        assert!(error.source_line[error.column as usize - 1..].starts_with("\"iou_cat\""), "{error}");
    }
}
