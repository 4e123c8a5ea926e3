//! The methods section of a paper: design, data and training, statistics, limitations.

use std::collections::BTreeSet;

use allconv_document::{Block, Text};
use allconv_record::RunSpecification;

use super::comparisons::looks;
use super::search;
use super::sentence::{correction_name, metric_name, test_name, with_unit};
use crate::results::StudyResults;
use crate::text::{counted, visible};

/// Design, data and training, statistics.
pub(crate) fn blocks(results: &StudyResults) -> Vec<Block> {
    let mut blocks = vec![Block::heading(2, "Methods"), Block::Paragraph(design(results))];
    if let Some(search) = &results.study.search {
        let method = search::method(results, search);
        blocks.push(Block::Paragraph(Text::strong("Learning rates.") + " " + method));
    }
    blocks.extend(training(results).map(Block::Paragraph));
    blocks.push(Block::paragraph(Text::strong("Statistics.") + statistics(results)));
    blocks
}

/// The limitations of the study.
pub(crate) fn limitations(results: &StudyResults) -> Vec<Block> {
    let study = &results.study;
    let all = study.caveat.iter().chain(&study.disclosures).chain(&results.warnings);
    let mut blocks = vec![Block::heading(2, "Limitations")];
    blocks.extend(all.map(Block::paragraph));
    blocks.push(Block::paragraph(
        "One machine and one program made all runs; seeds represent chance in training, not other data or other implementations.",
    ));
    blocks
}

fn design(results: &StudyResults) -> Text {
    let study = &results.study;
    let arms = study.arms.len();
    let mut text = Text::strong("Design.");
    if study.factors.is_empty() {
        let names = Text::joined(study.arms.iter().map(|arm| Text::code(&arm.name)), ", ");
        text = text + format!(" We compared {}: ", counted(arms, "network")) + names + ".";
    } else {
        let factors: Vec<String> = study
            .factors
            .iter()
            .map(|factor| format!("{} ({})", factor.name, factor.levels.join(", ")))
            .collect();
        text = text + format!(" We crossed {}: {arms} networks.", factors.join(" × "));
    }
    text = text
        + format!(
            " Each was trained with {}, which decide initialisation, order, augmentation and dropout; runs with equal seeds are paired. The primary \
             metric, fixed beforehand, is the {}, measured once on the weights of the last step.",
            counted(study.seeds.count as usize, "seed"),
            metric_name(study)
        );
    let costs = results.arms.iter().filter_map(|arm| {
        let cost = arm.cost.as_ref()?;
        Some(Text::code(&arm.name) + format!(" {} parameters and {} MACs", cost.parameters, cost.macs))
    });
    let costs = Text::joined(costs, "; ");
    if costs.is_empty() { text } else { text + " Cost per image: " + costs + "." }
}

/// Returns the common settings of the runs' resolved specifications, and the names of those that differ; `None` without a specification.
fn training(results: &StudyResults) -> Option<Text> {
    let specifications: Vec<_> = results.runs.iter().filter_map(|run| run.specification.as_ref()).collect();
    let first = specifications.first()?;
    let mut shared = Vec::new();
    let mut varying: BTreeSet<String> = BTreeSet::new();
    type Section = fn(&RunSpecification) -> &toml::Table;
    let sections: [(&str, Section); 3] = [
        ("data", |specification| &specification.data),
        ("net", |specification| &specification.net),
        ("train", |specification| &specification.train),
    ];
    for (name, read) in sections {
        for (key, value) in read(first) {
            if specifications.iter().all(|specification| read(specification).get(key) == Some(value)) {
                shared.push(Text::code(&visible(&format!("{name}.{key} = {value}"))));
            } else {
                varying.insert(visible(&format!("{name}.{key}")));
            }
        }
    }
    let shared = Text::joined(shared, ", ");
    let text = Text::strong("Data and training.") + " Settings that all runs share: " + shared;
    Some(if varying.is_empty() {
        text + "."
    } else {
        let varying = varying.iter().map(|setting| Text::code(setting));
        text + "; the arms differ in " + Text::joined(varying, ", ") + "."
    })
}

fn statistics(results: &StudyResults) -> String {
    let study = &results.study;
    let mut text = format!(
        " Fixed before the runs: {} at α = {}, {}p values over {}",
        test_name(study.compare.test),
        study.compare.alpha,
        correction_name(study.compare.correction),
        counted(results.statistics.comparisons, "comparison")
    );
    if let Some(margin) = study.compare.equivalence_margin {
        text.push_str(&format!(
            "; equivalence within ±{} by two one-sided tests, a second family",
            with_unit(results, results.unit.value(margin))
        ));
    }
    if let Some(sequential) = &results.sequential {
        text.push_str(&looks(sequential));
    }
    text.push_str(&format!(
        ". Below {} intervals are given and no verdict. Runs that diverge or get stuck are counted, listed and not repeated.",
        counted(results.statistics.seeds_needed as usize, "pair")
    ));
    text
}
