//! `allconv paper`: make, build and verify a paper whose numbers are keys into published runs.

use std::path::PathBuf;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use allconv_paper::{
    Built, Choice, InitOptions, LatexOutcome, Paper, Retrained, Retraining, build, init, retrain, verify,
    write_pdf,
};
use anyhow::Context;
use serde_json::json;

use super::opened_study::PUBLISHED;
use super::paper_trainer::Trainer;
use crate::arguments::{PaperBuildArguments, PaperCommand, PaperInitArguments, PaperVerifyArguments};
use crate::{exit, output};
use allconv_document::Table;

/// Runs the command.
pub(crate) fn run(command: &PaperCommand) -> anyhow::Result<u8> {
    match command {
        PaperCommand::Init(arguments) => make(arguments),
        PaperCommand::Build(arguments) => build_paper(arguments),
        PaperCommand::Verify(arguments) => verify_paper(arguments),
    }
}

fn make(arguments: &PaperInitArguments) -> anyhow::Result<u8> {
    let runs = [arguments.out.clone(), PathBuf::from(PUBLISHED)];
    for path in init(&InitOptions { folder: &arguments.to, studies: &arguments.studies, runs: &runs })? {
        output::print_line(path.display())?;
    }
    output::note(format_args!("next: allconv paper build {}", arguments.to.display()));
    Ok(exit::OK)
}

fn build_paper(arguments: &PaperBuildArguments) -> anyhow::Result<u8> {
    let paper = Paper::open(&arguments.folder)?;
    let built = build(&paper)?;
    tell(&built);
    output::print_line(built.lock.display())?;
    match write_pdf(&paper, &built)? {
        LatexOutcome::NoLatex => output::note("latexmk is not installed: no PDF was written"),
        LatexOutcome::Written { pdf, figures, overfull } => {
            for line in overfull {
                output::note(format_args!("warning: {line}"));
            }
            for path in std::iter::once(pdf).chain(figures) {
                output::print_line(path.display())?;
            }
        }
    }
    Ok(exit::OK)
}

fn tell(built: &Built) {
    output::note(format_args!(
        "{} numbers, sentences, tables and figures from {} runs; {} rest on studies that are not finished",
        built.cells, built.runs, built.unfinished
    ));
    if !built.constants.is_empty() {
        output::note(format_args!("declared to be no results: {}", built.constants.join(", ")));
    }
    if !built.open_items.is_empty() {
        output::note(format_args!("the checklist waits for answers to {}", built.open_items.join(", ")));
    }
}

fn verify_paper(arguments: &PaperVerifyArguments) -> anyhow::Result<u8> {
    let began = Instant::now();
    let paper = Paper::open(&arguments.folder)?;
    let answer = verify(&paper)?;
    for difference in &answer.differences {
        output::print_line(difference)?;
    }
    output::note(format_args!(
        "{} numbers, sentences, tables and figures derived again from {} runs of {} studies in {:.1} s (weights are recorded of {}): {}",
        answer.cells,
        answer.runs,
        answer.studies,
        began.elapsed().as_secs_f64(),
        answer.runs_with_weights,
        if answer.differences.is_empty() {
            "as in paper.lock".to_owned()
        } else {
            format!("{} differ", answer.differences.len())
        }
    ));
    let is_same = match choice(arguments) {
        None => true,
        Some(choice) => train_again(arguments, &paper, &choice)?,
    };
    Ok(if is_same && answer.differences.is_empty() { exit::OK } else { exit::MISSED })
}

/// Which runs are to be trained again; `None` for none.
fn choice(arguments: &PaperVerifyArguments) -> Option<Choice> {
    if arguments.all {
        return Some(Choice::All);
    }
    if let Some(name) = &arguments.run {
        return Some(Choice::Named(name.clone()));
    }
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().to_string();
    arguments.sample.map(|count| Choice::Sample { count, draw: arguments.draw.clone().unwrap_or_else(now) })
}

/// Trains runs again in a folder of their own, prints what came of each, and says whether all have the same bits.
fn train_again(arguments: &PaperVerifyArguments, paper: &Paper, choice: &Choice) -> anyhow::Result<bool> {
    let folder = tempfile::tempdir().context("cannot make a folder for the runs")?;
    let trainer = Trainer::new(arguments)?;
    if let Choice::Sample { draw, .. } = choice {
        output::note(format_args!("drawn with --draw {draw}"));
    }
    let done = retrain(paper, choice, &trainer, folder.path(), &mut |run| {
        output::note(format_args!("{}: {} ({:.0} s)", run.run, outcome(run), run.seconds));
    })?;
    output::print(&arguments.format.write(&table(&done)))?;
    if let Some((name, reason)) = done.not_makeable.first() {
        let count = done.not_makeable.len();
        output::note(format_args!(
            "{count} runs cannot be trained again by this program, such as {name}: {reason}"
        ));
    }
    let same = done.runs.iter().filter(|run| run.differences.is_empty()).count();
    output::note(format_args!(
        "{same} of {} runs have the same bits, out of {} that could be chosen",
        done.runs.len(),
        done.candidates
    ));
    let asked = if let Choice::Sample { count, .. } = choice { *count } else { 1 };
    if done.runs.len() < asked {
        output::note(format_args!("{asked} were asked for: what was not trained again is not verified"));
    }
    Ok(same == done.runs.len() && done.runs.len() >= asked)
}

/// What came of a run in words.
fn outcome(run: &Retrained) -> String {
    match (run.differences.is_empty(), run.compared_weights) {
        (true, true) => "same outcomes, same weights".to_owned(),
        (true, false) => "same outcomes; weights were not recorded".to_owned(),
        _ => run.differences.join("; "),
    }
}

fn table(done: &Retraining) -> Table {
    let columns = [
        ("run", "Run"),
        ("outcome", "Outcome"),
        ("same", "Same bits"),
        ("cpu", "Processor"),
        ("instruction_set", "Instruction set"),
        ("threads", "Threads"),
        ("seconds", "Seconds"),
    ];
    let mut table = Table::data("allconv.paper.verify/1", &columns);
    for run in &done.runs {
        table.push(vec![
            json!(run.run),
            json!(outcome(run)),
            json!(run.differences.is_empty()),
            json!(run.environment.cpu),
            json!(run.environment.instruction_set),
            json!(run.environment.threads),
            json!(run.seconds.round()),
        ]);
    }
    table
}
