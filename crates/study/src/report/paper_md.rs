//! `paper.md`: a draft of methods and results, every number from the study.

use std::collections::BTreeSet;

use super::markdown::{fenced, inline};
use super::opening;
use super::page::progress;
use super::page_claims;
use super::page_comparisons::looks;
use super::page_gap;
use super::page_protocol::{commands, facts};
use super::page_search;
use super::page_secondary;
use super::page_trend;
use super::readme;
use super::sentence::{correction_name, metric_name, sentence, test_name, with_unit};
use crate::file::StudyFile;
use crate::results::StudyResults;
use crate::text::{counted, visible};

/// The draft, in Markdown.
pub(crate) fn paper_md(study: &StudyFile, results: &StudyResults) -> String {
    let mut text = format!(
        "<!-- Written by `allconv study report`; a draft to edit elsewhere, this file is written again. -->\n# {}\n\n## Methods\n\n",
        inline(&study.question)
    );
    text.push_str(&design(study, results));
    text.push_str(&training(results));
    text.push_str(&statistics(study, results));
    text.push_str("\n## Results\n\n");
    text.push_str(&format!("{}.\n\n", progress(results)));
    for sentence in opening::opening_sentences(study, results) {
        text.push_str(&format!("{}\n\n", inline(&sentence)));
    }
    let claims = page_claims::markdown(study, results);
    if !claims.is_empty() {
        text.push_str(&format!("{}\n## Comparisons\n\n", claims.trim_start_matches('\n')));
    }
    for comparison in &results.comparisons {
        text.push_str(&format!("{} ", inline(&sentence(study, results, comparison))));
    }
    text.push_str("\n\n");
    text.push_str(&readme::table(study, results));
    text.push_str(&page_gap::markdown(results, 3));
    text.push_str(&page_trend::markdown(study, results));
    text.push_str(&readme::factors(study, results));
    text.push_str(&page_secondary::markdown(study, results));
    text.push_str(&readme::search(study, results));
    text.push_str(&readme::lost(results));
    text.push_str(&limitations(study, results));
    text.push_str("\n## Reproduction\n\n");
    for command in commands(results) {
        text.push_str(&format!("{}\n", fenced("sh", &command)));
    }
    for (name, values) in facts(results) {
        text.push_str(&format!("- {name}: {}\n", inline(&values)));
    }
    text.push_str(&format!("\nThe study file:\n\n{}", fenced("toml", &visible(study.text()))));
    text
}

fn design(study: &StudyFile, results: &StudyResults) -> String {
    let arms: Vec<String> = study.arms.iter().map(|arm| format!("`{}`", arm.name)).collect();
    let mut text = String::from("**Design.** ");
    if study.factors.is_empty() {
        text.push_str(&format!("We compared {}: {}.", counted(arms.len(), "network"), arms.join(", ")));
    } else {
        let factors: Vec<String> = study
            .factors
            .iter()
            .map(|factor| format!("{} ({})", factor.name, factor.levels.join(", ")))
            .collect();
        text.push_str(&format!("We crossed {}: {} networks.", factors.join(" × "), arms.len()));
    }
    text.push_str(&format!(
        " Each was trained with {}, which decide initialisation, order, augmentation and dropout; runs with equal seeds are paired. \
         The primary metric, fixed beforehand, is the {}, measured once on the weights of the last step.",
        counted(study.seeds.count as usize, "seed"),
        inline(&metric_name(study))
    ));
    let costs: Vec<String> = results
        .arms
        .iter()
        .filter_map(|arm| {
            let cost = arm.cost.as_ref()?;
            Some(format!("`{}` {} parameters and {} MACs", arm.name, cost.parameters, cost.macs))
        })
        .collect();
    if !costs.is_empty() {
        text.push_str(&format!(" Cost per image: {}.", costs.join("; ")));
    }
    text.push_str("\n\n");
    if let Some(search) = &study.search {
        text.push_str(&format!("**Learning rates.** {}\n\n", inline(&page_search::method(study, search))));
    }
    text
}

/// What all runs share of their resolved specifications, and what differs only by name.
fn training(results: &StudyResults) -> String {
    let specifications: Vec<_> = results.runs.iter().filter_map(|run| run.specification.as_ref()).collect();
    let Some(first) = specifications.first() else { return String::new() };
    let mut text = String::from("**Data and training.** Settings that all runs share:");
    let mut varying: BTreeSet<String> = BTreeSet::new();
    type Section = fn(&allconv_record::RunSpecification) -> &toml::Table;
    let sections: [(&str, Section); 3] = [
        ("data", |specification| &specification.data),
        ("net", |specification| &specification.net),
        ("train", |specification| &specification.train),
    ];
    for (name, read) in sections {
        for (key, value) in read(first) {
            if specifications.iter().all(|specification| read(specification).get(key) == Some(value)) {
                text.push_str(&format!(" {},", setting(&format!("{name}.{key} = {value}"))));
            } else {
                varying.insert(setting(&format!("{name}.{key}")));
            }
        }
    }
    text.pop();
    let varying: Vec<String> = varying.into_iter().collect();
    text.push_str(&if varying.is_empty() {
        ".".to_string()
    } else {
        format!("; the arms differ in {}.", varying.join(", "))
    });
    text.push_str("\n\n");
    text
}

/// A setting as code, however many backticks stand in it.
fn setting(text: &str) -> String {
    let text = visible(text).replace('\n', " ");
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    if longest == 0 {
        return format!("`{text}`");
    }
    let fence = "`".repeat(longest + 1);
    format!("{fence} {text} {fence}")
}

fn statistics(study: &StudyFile, results: &StudyResults) -> String {
    let mut text = format!(
        "**Statistics.** Fixed before the runs: {} at α = {}, {}p values over {}",
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
        ". Below {} intervals are given and no verdict. Runs that diverge or get stuck are counted, listed and not repeated.\n",
        counted(results.statistics.seeds_needed as usize, "pair")
    ));
    text
}

fn limitations(study: &StudyFile, results: &StudyResults) -> String {
    let mut text = String::from("\n## Limitations\n\n");
    if let Some(caveat) = &study.caveat {
        text.push_str(&format!("{}\n\n", inline(caveat)));
    }
    for disclosure in &study.disclosures {
        text.push_str(&format!("{}\n\n", inline(disclosure)));
    }
    for warning in &results.warnings {
        text.push_str(&format!("{}\n\n", inline(warning)));
    }
    text.push_str("One machine and one program made all runs; seeds stand for chance in training, not for other data or other implementations.\n");
    text
}
