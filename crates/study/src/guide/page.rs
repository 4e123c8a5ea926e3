//! The page of the guide: findings with their certainty and regime, then the evidence by task, then screenings.

use allconv_document::{Block, Cell, Column, Document, Format, Table, Text};

use super::groups::{COSTS, CostKind, Group, front, groups, is_order_shown};
use super::known;
use super::operators::{compares_operators, operators};
use crate::file::{Better, StudyFile};
use crate::metric::{Task, find_metric};
use crate::results::{ArmResult, PracticalChances, StudyResults};
use crate::sections::{cells, claims, gap, metric_name, opening};

const ABOUT: &str = "Every number comes from reproducible runs; every table links its study. The page covers only what these studies \
                     measured: read the regime of a study before you carry an answer into your own network.";

const FITTED: &str = "Fitted: whether less than half of the test error is there on the training images already. Training errors with an asterisk were \
                      measured while training, with dropout and augmentation, and are too large. “Fits worse”: the training error is larger; \
                      “generalises worse”: the gap from there to the test error is; both by their 95\u{a0}% intervals, uncorrected. More training may \
                      remove the first, and will not remove the second.";

/// The tasks in the order of the page, with the question that an engineer asks.
const SITUATIONS: [(Task, &str, &str); 4] = [
    (Task::Classification, "Classifiers", "What does downsampling do in a classifier?"),
    (
        Task::Restoration,
        "Super-resolution and restoration",
        "What do operators do in a network that restores images?",
    ),
    (Task::Segmentation, "Segmentation", "What do pairs of operators do in a U-Net?"),
    (Task::Any, "Other questions", "What else was compared?"),
];

/// The page. Links lead from `docs/` into the folder of results.
pub(super) fn page(published: &[StudyResults]) -> Document {
    let (about, others): (Vec<&StudyResults>, Vec<&StudyResults>) =
        published.iter().partition(|results| compares_operators(&results.study));
    let (decided, screened): (Vec<&StudyResults>, Vec<&StudyResults>) =
        about.into_iter().partition(|results| results.statistics.verdict_possible);
    let mut blocks = head();
    blocks.extend(known(&decided));
    for (task, title, question) in SITUATIONS {
        let of_task: Vec<&&StudyResults> =
            decided.iter().filter(|results| task_of(&results.study) == task).collect();
        if of_task.is_empty() && task == Task::Any {
            continue;
        }
        blocks.extend([Block::heading(2, title), Block::paragraph(question)]);
        if of_task.is_empty() {
            blocks.push(Block::paragraph(
                "No published study of this question has enough seeds for a verdict.",
            ));
        }
        blocks.extend(of_task.into_iter().flat_map(|results| study_section(results)));
    }
    blocks.extend(screenings(&screened));
    if !others.is_empty() {
        let names = Text::joined(others.iter().map(|results| link(&results.study)), ", ");
        blocks.extend([
            Block::heading(2, "Studies that compare something else"),
            Block::Paragraph(Text::plain("Their arms share their operators: ") + names + "."),
        ]);
    }
    let origin =
        "Written by `allconv study guide` from the committed results under `docs/results`; do not edit.";
    Document { title: "Which operator?".into(), origin: origin.to_owned(), blocks, ..Document::default() }
}

/// How to read the page.
fn head() -> Vec<Block> {
    let rules = [
        "It begins with what is known, how surely, and in which regime. Studies with too few seeds for a verdict come last and give no advice: the best \
         of many means is partly the luckiest."
            .into(),
        Text::from("Differences are arm − baseline for the same seed, with 95\u{a0}% t intervals over seeds, all on one test set. ")
            + Text::emphasis("n")
            + " is the number of seeds.",
        Text::emphasis("Shown") + " is what the study's corrected test says at its α. " + Text::emphasis("Undecided")
            + " is not equality. A claim " + Text::emphasis("holds here") + " or " + Text::emphasis("fails here")
            + ": in the regime of the study.",
        Text::emphasis("Worse, within, better")
            + " say how probable it is that the difference is worse than the study's margin, within it, or better than it, given these seeds and a flat prior.",
        Text::emphasis("Front")
            + " lists the arms that no cheaper arm beats in the mean, without intervals; " + Text::strong("?→")
            + " marks where the order of two neighbours is not shown.",
        "Costs are relative to the baseline: ×0.50 is half of it. They are counted per image; memory is measured in training. Times are shown where \
         `study bench` measured them in turn: those of runs that share a machine with other work cannot be compared."
            .into(),
    ];
    let operators = Text::from("What an operator computes is described in ")
        + Text::link("operators.md", "operators.md")
        + ".";
    vec![
        Block::paragraph(ABOUT),
        Block::paragraph("How to read it:"),
        Block::List(rules.into()),
        Block::Paragraph(operators),
    ]
}

fn task_of(study: &StudyFile) -> Task {
    find_metric(&study.primary.metric).map_or(Task::Any, |metric| metric.task)
}

fn link(study: &StudyFile) -> Text {
    Text::link(&study.name, &format!("results/{}/README.md", study.name))
}

/// A row for each study, with its question and whether its networks fitted their training images.
fn studies<'a>(order: &[&'a StudyResults]) -> allconv_document::Rows<&'a StudyResults> {
    Table::of(order.iter().copied())
        .column(Column::prose("Study"), |results| link(&results.study) + ": " + &results.study.question)
        .column(Column::text("Fitted?").unit("training / test error"), |results| known::fitted(results))
}

/// One row for each study with a verdict, those with the most seeds first.
fn known(decided: &[&StudyResults]) -> Vec<Block> {
    let heading = Block::heading(2, "What is known");
    if decided.is_empty() {
        return vec![heading, Block::paragraph("No published study has enough seeds for a verdict.")];
    }
    let mut order = decided.to_vec();
    order.sort_by_key(|results| std::cmp::Reverse(results.study.seeds.count));
    let table = studies(&order)
        .column(Column::prose("What was found"), |results| known::found(results))
        .column(Column::prose("How surely"), |results| known::strength(results))
        .column(Column::prose("Not known"), |results| known::not_known(results))
        .table();
    vec![heading, Block::Table(table), Block::paragraph(FITTED)]
}

/// The studies without a verdict: one table of what they are, then their numbers.
fn screenings(screened: &[&StudyResults]) -> Vec<Block> {
    if screened.is_empty() {
        return Vec::new();
    }
    let table = studies(screened)
        .column(Column::prose("What was found"), |results| known::screened(results))
        .column(Column::number("n"), |results| u64::from(results.study.seeds.count))
        .table();
    let words = "Too few seeds for a verdict. What looks best here is a reason for a study with more seeds, not for a choice.";
    let mut blocks = vec![Block::heading(2, "Screenings"), Block::paragraph(words), Block::Table(table)];
    blocks.extend(screened.iter().flat_map(|results| study_section(results)));
    blocks
}

fn study_section(results: &StudyResults) -> Vec<Block> {
    let study = &results.study;
    let mut blocks =
        vec![Block::Heading(3, Text::plain(&study.question)), Block::Paragraph(link(study) + ".")];
    blocks.extend(study.caveat.iter().map(|caveat| Block::note("Regime.", caveat)));
    blocks.extend(study.disclosures.iter().map(|sentence| Block::note("Disclosed.", sentence)));
    blocks.extend(opening::blocks(results));
    if !results.claims.is_empty() {
        blocks.extend([Block::paragraph("What was claimed beforehand:"), claims::verdicts(results)]);
    }
    let has_verdict = results.statistics.verdict_possible;
    if has_verdict {
        blocks.extend(gap::blocks(results).into_iter().map(|block| match block {
            Block::Heading(_, text) => Block::Heading(4, text),
            other => other,
        }));
    }
    for group in groups(results) {
        let baseline = Text::code(&results.arms[group.baseline].name);
        blocks.push(Block::Paragraph(Text::plain("Against ") + baseline + ":"));
        blocks.push(Block::Table(evidence(results, &group)));
        blocks.extend(front_line(results, &group).filter(|_| has_verdict));
    }
    blocks
}

/// Returns the front in the mean; `None` where it is a single arm.
fn front_line(results: &StudyResults, group: &Group) -> Option<Block> {
    let front = front(results, group, COSTS[0]);
    if front.len() < 2 {
        return None;
    }
    let mut steps = Text::default();
    for (position, arm) in front.iter().enumerate() {
        if position > 0 {
            let is_shown = is_order_shown(results, front[position - 1], *arm);
            steps = steps + if is_shown { " → " } else { " ?→ " };
        }
        let described = &results.arms[*arm];
        let mean = described.summary.map_or("–".to_owned(), |summary| results.unit.value(summary.mean));
        let cost = ratio(results, COSTS[0], (*arm, group.baseline));
        let cost = cost.map_or("–".to_owned(), |cost| Format::Times.write(cost));
        steps = steps + Text::code(&described.name) + format!(" ({cost}, {mean})");
    }
    let words = format!("Front of MACs and {}: ", metric_name(&results.study));
    Some(Block::Paragraph(Text::plain(&words) + steps + "."))
}

/// Returns a cost of an arm relative to the baseline's.
fn ratio(results: &StudyResults, cost: CostKind, (arm, baseline): (usize, usize)) -> Option<f64> {
    let (own, base) = ((cost.read)(&results.arms[arm])?, (cost.read)(&results.arms[baseline])?);
    (base > 0.0).then_some(own / base)
}

/// The arms of a group with their operators, best first where there are verdicts.
fn evidence(results: &StudyResults, group: &Group) -> Table {
    let (study, unit) = (&results.study, results.unit);
    let has_verdict = results.statistics.verdict_possible;
    let chances = |arm: usize| results.comparison(arm).and_then(|found| found.practical);
    let has_chances = has_verdict && group.arms.iter().any(|arm| chances(*arm).is_some());
    let chance = |name: &str| has_chances.then(|| Column::number(name));
    let shown = |arm: usize, read: fn(PracticalChances) -> f64| {
        chances(arm).map_or_else(Cell::empty, |found| Cell::number(read(found), Format::Chance))
    };
    let mut table = Table::of(ordered(results, group))
        .column(Column::text("Arm"), |arm| Cell::code(&results.arms[*arm].name))
        .column(Column::prose("Operator"), |arm| Cell::plain(&operators(study, &study.arms[*arm])))
        .column(has_verdict.then(|| Column::text("Verdict")), |arm| {
            results.comparison(*arm).map_or_else(Cell::empty, |found| found.verdict.label().into())
        })
        .column(Column::number(&metric_name(study)).unit(unit.symbol()), |arm| {
            cells::spread(unit, results.arms[*arm].summary)
        })
        .column(Column::number("n"), |arm| results.arms[*arm].values.len())
        .column(Column::number("Difference").unit(unit.difference_symbol()), |arm| {
            let difference =
                |found: &crate::results::ComparisonResult| cells::signed(unit, found.mean_difference);
            results.comparison(*arm).map_or_else(|| "baseline".into(), difference)
        })
        .column(Column::number("95\u{a0}% interval"), |arm| {
            let interval =
                |found: &crate::results::ComparisonResult| cells::signed_interval(unit, found.interval);
            results.comparison(*arm).map_or_else(Cell::empty, interval)
        })
        .column(chance("Worse"), |arm| shown(*arm, |all| all.worse))
        .column(chance("Within"), |arm| shown(*arm, |all| all.within))
        .column(chance("Better"), |arm| shown(*arm, |all| all.better));
    let is_known = |cost: &&CostKind| group.arms.iter().any(|arm| (cost.read)(&results.arms[*arm]).is_some());
    for cost in COSTS.iter().filter(is_known) {
        table = table.column(Column::number(cost.name), |arm| {
            ratio(results, *cost, (*arm, group.baseline)).map(|ratio| Cell::number(ratio, Format::Times))
        });
    }
    table.table()
}

/// Best first, so that the table can be read from its top; as in the study without a verdict, where nothing is best.
fn ordered(results: &StudyResults, group: &Group) -> Vec<usize> {
    let mut order = group.arms.clone();
    if results.statistics.verdict_possible {
        let mean = |arm: &ArmResult| arm.summary.map_or(f64::INFINITY, |summary| summary.mean);
        order.sort_by(|a, b| {
            let ascending = mean(&results.arms[*a]).total_cmp(&mean(&results.arms[*b])).then(a.cmp(b));
            if results.study.primary.better == Better::Lower { ascending } else { ascending.reverse() }
        });
    }
    order
}
