//! `allconv study compare`: the comparison of the arms of two studies.

use allconv_document::Table;
use allconv_study::{StudyResults, compare_studies};
use serde_json::{Value, json};

use super::opened_study::open;
use crate::arguments::{StudyCompareArguments, StudyFileArguments};
use crate::exit::{self, UsageError};
use crate::output;

/// Runs the command.
pub(crate) fn run(arguments: &StudyCompareArguments) -> anyhow::Result<u8> {
    let first = open(&arguments.first)?;
    let second = open(&StudyFileArguments { file: arguments.second.clone(), ..arguments.first.clone() })?;
    let first_results = StudyResults::collect(&first.study, &first.folders())?;
    let second_results = StudyResults::collect(&second.study, &second.folders())?;
    let rows = compare_studies((&first.study, &first_results), (&second.study, &second_results))
        .map_err(|error| UsageError(error.to_string()))?;
    let columns = [
        ("arm", "Arm"),
        ("first_mean", "First"),
        ("first_n", "n"),
        ("second_mean", "Second"),
        ("second_n", "n"),
        ("difference", "Difference"),
        ("low", "95 % from"),
        ("high", "to"),
        ("corrected_p", "p (Holm)"),
        ("first_verdict", "Verdict in first"),
        ("second_verdict", "Verdict in second"),
    ];
    let mut table = Table::data("allconv.compare/1", &columns);
    let rounded = |value: Option<f64>| value.map_or(Value::Null, |value| json!((value * 1e6).round() / 1e6));
    for row in rows {
        table.push(vec![
            json!(row.arm),
            rounded(row.first.map(|(mean, _)| mean)),
            json!(row.first.map(|(_, n)| n)),
            rounded(row.second.map(|(mean, _)| mean)),
            json!(row.second.map(|(_, n)| n)),
            rounded(row.difference),
            rounded(row.interval.map(|interval| interval.low)),
            rounded(row.interval.map(|interval| interval.high)),
            rounded(row.corrected_p),
            json!(row.first_verdict),
            json!(row.second_verdict),
        ]);
    }
    output::print(&arguments.first.format.write(&table))?;
    output::note(format_args!(
        "{} {} of {} (first) and {} (second); difference = second − first, Welch's t test",
        first.study.primary.split.name(),
        first.study.primary.metric,
        first.study.name,
        second.study.name
    ));
    Ok(exit::OK)
}
