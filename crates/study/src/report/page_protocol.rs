//! How to get the same numbers: commands, environment, data, the study file as it was.

use std::collections::BTreeSet;

use allconv_record::RunRecord;
use maud::{Markup, html};

use crate::file::StudyFile;
use crate::results::StudyResults;
use crate::text::visible;

/// The section.
pub(crate) fn section(study: &StudyFile, results: &StudyResults) -> Markup {
    let facts = facts(results);
    html! {
        section {
            h2 { "Reproduce" }
            h3 { "Commands" }
            @let commands = commands(results);
            @if commands.is_empty() {
                p { "No run exists yet." }
            } @else {
                pre { (commands.join("\n")) }
            }
            @if !facts.is_empty() {
                h3 { "Environment" }
                dl {
                    @for (name, values) in &facts { dt { (name) } dd { (values) } }
                }
            }
            h3 { "Study file" }
            pre { (visible(study.text())) }
        }
    }
}

/// The different commands that made the runs, program names without their folders.
pub(crate) fn commands(results: &StudyResults) -> Vec<String> {
    let commands: BTreeSet<String> =
        results.runs.iter().filter_map(|run| run.record.as_ref()).map(RunRecord::command_line).collect();
    commands.into_iter().collect()
}

/// What the runs were made with; several values of one fact are all listed.
pub(crate) fn facts(results: &StudyResults) -> Vec<(&'static str, String)> {
    let records = || results.runs.iter().filter_map(|run| run.record.as_ref());
    let specifications = || results.runs.iter().filter_map(|run| run.specification.as_ref());
    let threads = records().map(|record| record.environment.threads.to_string()).collect();
    let environments: [(&'static str, BTreeSet<String>); 12] = [
        ("allconv", records().map(|record| record.environment.allconv.clone()).collect()),
        ("Commit", records().map(|record| record.environment.commit.clone()).collect()),
        ("Compiler", records().map(|record| record.environment.compiler.clone()).collect()),
        ("Platform", records().map(|record| record.environment.platform.clone()).collect()),
        ("Processor", records().map(|record| record.environment.cpu.clone()).collect()),
        ("Instruction set", records().map(|record| record.environment.instruction_set.clone()).collect()),
        ("Device", records().map(|record| record.environment.device.clone()).collect()),
        ("Threads per run", threads),
        ("Precision", specifications().map(|specification| specification.precision.clone()).collect()),
        ("Study file (SHA-256)", records().filter_map(|record| record.study_file_sha256.clone()).collect()),
        (
            "Data set (hash)",
            specifications().map(|specification| specification.dataset_hash.clone()).collect(),
        ),
        (
            "Numerics revisions",
            specifications()
                .flat_map(|specification| &specification.numerics)
                .map(|(part, revision)| format!("{part} {revision}"))
                .collect(),
        ),
    ];
    environments
        .into_iter()
        .map(|(name, values)| {
            (name, values.into_iter().filter(|value| !value.is_empty()).collect::<Vec<_>>().join(", "))
        })
        .filter(|(_, values)| !values.is_empty())
        .collect()
}
