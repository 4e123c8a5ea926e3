//! `allconv study`: check, run, status, report and publish a study file.

use std::path::{Path, PathBuf};

use allconv_document::Table;
use allconv_study::stats::look_levels;
use allconv_study::{
    ArmMatch, CheckReport, StudyFile, StudyResults, check, guide, index, needed_runs, plan_claims, publish,
    publish_runs, read_published, take_folder, tensorboard_files, write_report,
};
use allconv_train::RunSettings;
use anyhow::bail;
use serde_json::json;

use super::opened_study::{Opened, PUBLISHED, open};
use super::study_output::{counted, report_of, warn};
use super::{
    study_bench, study_compare, study_new, study_plan, study_run, study_status, study_submit, study_watch,
    study_work,
};
use crate::arguments::{StudyCommand, StudyFileArguments, StudyPublishArguments, StudyReportArguments};
use crate::table::Format;
use crate::{exit, output};

/// Chance of "holds" that `study check` requires for a claim that is true.
const PLANNED_POWER: f64 = 0.8;

/// Runs the command.
pub(crate) fn run(command: StudyCommand) -> anyhow::Result<u8> {
    match command {
        StudyCommand::New(arguments) => study_new::run(&arguments),
        StudyCommand::Run(arguments) => study_run::run(&arguments),
        StudyCommand::Submit(arguments) => study_submit::run(&arguments),
        StudyCommand::Work(arguments) => study_work::run(&arguments),
        StudyCommand::Check(arguments) => check_file(&arguments),
        StudyCommand::Plan(arguments) => study_plan::run(&arguments),
        StudyCommand::Status(arguments) => study_status::run(&arguments),
        StudyCommand::Watch(arguments) => study_watch::run(&arguments),
        StudyCommand::Report(arguments) => report(&arguments),
        StudyCommand::Bench(arguments) => study_bench::run(&arguments),
        StudyCommand::Compare(arguments) => study_compare::run(&arguments),
        StudyCommand::Publish(arguments) => publish_study(&arguments),
        StudyCommand::Guide(arguments) => {
            output::print(&guide(&read_published(&arguments.results)?))?;
            Ok(exit::OK)
        }
    }
}

fn check_file(arguments: &StudyFileArguments) -> anyhow::Result<u8> {
    let opened = open(arguments)?;
    let report = check(&opened.study, &opened.resolver)?;
    let mut columns = vec![
        ("arm", "Arm"),
        ("parameters", "Parameters"),
        ("macs", "MACs per image"),
        ("receptive_field", "Receptive field (px)"),
        ("steps", "Steps a run"),
        ("presentations", "Images shown a run"),
        ("memory_mib", "Memory (MiB)"),
    ];
    let is_matched = report.arms.iter().any(|arm| arm.matched.is_some());
    if is_matched {
        columns.push(("matched", "Matched in cost"));
    }
    let mut table = Table::data("allconv.check/1", &columns);
    for arm in &report.arms {
        let resolved = &arm.resolved;
        let mut row = vec![
            json!(arm.arm),
            json!(resolved.cost.parameters),
            json!(resolved.cost.macs),
            json!(resolved.cost.receptive_field),
            json!(resolved.steps),
            json!(resolved.presentations),
            json!(resolved.memory_bytes.div_ceil(1 << 20)),
        ];
        if is_matched {
            row.push(json!(arm.matched.as_ref().map(ArmMatch::sentence)));
        }
        table.push(row);
    }
    output::print(&arguments.format.write(&table))?;
    if arguments.format == Format::Table {
        for arm in &report.arms {
            let stage = |stage: &allconv_record::StageShape| {
                let [channels, height, width] = stage.shape;
                format!("  {:<28}{channels}×{height}×{width}", stage.stage)
            };
            output::print_line(format_args!(
                "{}\n{}",
                arm.arm,
                arm.resolved.shapes.iter().map(stage).collect::<Vec<_>>().join("\n")
            ))?;
        }
    }
    for arm in &report.arms {
        let start =
            RunSettings::read(&arm.resolved.specification).ok().and_then(|settings| settings.train.start);
        if let Some(start) = start {
            output::note(format_args!("{} {start}", arm.arm));
        }
    }
    warn(&report);
    if report.search_runs > 0 {
        output::note(format_args!(
            "before it a search for learning rates: {}, {} images shown in all",
            counted(report.search_runs, "run"),
            report.search_presentations
        ));
    }
    if let Some(sequential) = &opened.study.sequential {
        let levels = look_levels(opened.study.compare.alpha, &sequential.looks);
        let looks = sequential.looks.iter().zip(levels);
        let looks: Vec<String> = looks.map(|(seeds, level)| format!("{seeds} seeds at {level:.4}")).collect();
        output::note(format_args!(
            "group-sequential, looks after {}; it stops when every comparison is decided",
            looks.join(", ")
        ));
    }
    output::note(format_args!("{}", statistics_line(&report)));
    let claims = &opened.study.claims;
    if !claims.is_empty() {
        let contrasts: usize = claims.iter().map(|claim| claim.contrasts.len()).sum();
        output::note(format_args!(
            "{} about {}, each verdict at {:.4}: a wrong one among all of them has a chance of at most {}",
            counted(claims.len() as u64, "claim"),
            counted(contrasts as u64, "contrast"),
            opened.study.compare.alpha / claims.len() as f64,
            opened.study.compare.alpha
        ));
        let results = StudyResults::collect(&opened.study, &opened.folders())?;
        for claim in plan_claims(&opened.study, &results, PLANNED_POWER) {
            output::note(format_args!("{}", claim.sentence(PLANNED_POWER)));
        }
    }
    Ok(exit::OK)
}

fn statistics_line(report: &CheckReport) -> String {
    let statistics = &report.statistics;
    let smallest = statistics
        .smallest_corrected_p
        .map_or_else(String::new, |p| format!(", smallest attainable corrected p {p:.4}"));
    let verdict = if statistics.verdict_possible {
        "verdicts are possible".to_owned()
    } else {
        format!("too few seeds for a verdict, which takes {}", statistics.seeds_needed)
    };
    let shared = match report.shared_presentations {
        0 => String::new(),
        shared => format!(" ({shared} more are taken over from shorter runs)"),
    };
    format!(
        "{}, {} images shown in all{shared}; {} with n = {} over {} at α = {}, {}{smallest}: {verdict}",
        counted(report.runs, "run"),
        report.presentations,
        statistics.test.name(),
        statistics.n,
        counted(statistics.comparisons as u64, "comparison"),
        statistics.alpha,
        statistics.correction.name(),
    )
}

fn report(arguments: &StudyReportArguments) -> anyhow::Result<u8> {
    let opened = open(&arguments.study)?;
    let folder = match &arguments.to {
        Some(folder) => folder.clone(),
        None => {
            take_folder(&opened.study, &arguments.study.file, opened.folder())?;
            opened.folder().join("report")
        }
    };
    output::print_line(output::link(&make_report(&opened, &folder)?))?;
    if arguments.tensorboard {
        let results = StudyResults::collect(&opened.study, &opened.folders())?;
        write_report(&tensorboard_files(&results), &folder)?;
        output::print_line(format_args!("{}", folder.join("tensorboard").display()))?;
    }
    Ok(exit::OK)
}

/// Writes all files of the report and returns the page's path.
fn make_report(opened: &Opened, folder: &Path) -> anyhow::Result<PathBuf> {
    report_of(opened, &StudyResults::collect(&opened.study, &opened.folders())?, folder)
}

fn publish_study(arguments: &StudyPublishArguments) -> anyhow::Result<u8> {
    let study = StudyFile::read(&arguments.file)?;
    let runs = arguments.runs.clone().unwrap_or_else(|| Path::new("runs").join(&study.name));
    let to = arguments.to.clone().unwrap_or_else(|| Path::new(PUBLISHED).join(&study.name));
    let folders = [runs.clone(), runs.join("runs")];
    if !arguments.partial && !index(&needed_runs(&study, &folders)?, &folders)?.is_complete() {
        bail!(
            "the study in {} is not complete; `allconv study status` shows what is left, --partial publishes what has ended",
            runs.display()
        );
    }
    let mut results = StudyResults::collect(&study, &folders)?;
    if arguments.partial {
        // The published results must follow from the published runs: interrupted runs are not published.
        publish_runs(&results, &to)?;
        results = StudyResults::collect(&study, &[to.join("runs")])?;
    }
    for warning in &results.warnings {
        output::note(format_args!("warning: {warning}"));
    }
    publish(&results, &to)?;
    output::print_line(format_args!("{}", to.display()))?;
    Ok(exit::OK)
}
