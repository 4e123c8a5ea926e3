//! The section on reproduction: commands, environment, data, the study file.

use std::collections::BTreeSet;

use allconv_document::{Block, Text};
use allconv_record::RunRecord;

use crate::results::StudyResults;
use crate::text::visible;

/// Commands and environment of the runs.
pub(crate) fn blocks(results: &StudyResults) -> Vec<Block> {
    let mut blocks = vec![Block::heading(2, "Reproduction")];
    match commands(results) {
        commands if commands.is_empty() => blocks.push(Block::paragraph("No run exists yet.")),
        commands => blocks.push(Block::code("sh", commands.join("\n"))),
    }
    let facts = facts(results);
    if !facts.is_empty() {
        blocks.push(Block::Facts(facts));
    }
    blocks
}

/// The study file.
pub(crate) fn study_file(results: &StudyResults) -> Vec<Block> {
    vec![Block::heading(3, "Study file"), Block::code("toml", visible(results.study.text()))]
}

/// The different commands that made the runs, program names without their folders.
fn commands(results: &StudyResults) -> Vec<String> {
    let commands: BTreeSet<String> =
        results.runs.iter().filter_map(|run| run.record.as_ref()).map(RunRecord::command_line).collect();
    commands.into_iter().collect()
}

/// Returns the environment of the runs; all values of a fact are listed.
fn facts(results: &StudyResults) -> Vec<(String, Text)> {
    let records = || results.runs.iter().filter_map(|run| run.record.as_ref());
    let specifications = || results.runs.iter().filter_map(|run| run.specification.as_ref());
    let threads = records().map(|record| record.environment.threads.to_string()).collect();
    let environments: [(&str, BTreeSet<String>); 12] = [
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
            let values: Vec<String> = values.into_iter().filter(|value| !value.is_empty()).collect();
            (name.to_owned(), Text::plain(&values.join(", ")))
        })
        .filter(|(_, values)| !values.is_empty())
        .collect()
}
