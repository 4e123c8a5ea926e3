//! Details of the verdicts: all tests, effect sizes, agreement per test example, all arms at once.

use allconv_document::number::{p_equation, p_value};
use allconv_document::{Block, Cell, Column, Content, Decimal, Format, Table, Text};

use super::sentence::{correction_name, test_name};
use super::{cells, images, pairs};
use crate::check::smallest_exact_p;
use crate::metric::{MetricUnit, metric_label};
use crate::results::{
    ComparisonResult, OverallResult, PracticalChances, SequentialResult, StudyResults, Verdict,
};
use crate::text::counted;

/// All tables; empty for a study of one arm.
pub(crate) fn blocks(results: &StudyResults) -> Vec<Block> {
    if results.comparisons.is_empty() {
        return Vec::new();
    }
    let mut blocks = vec![
        Block::Heading(
            2,
            Text::plain("Comparisons with ") + Text::code(&results.study.compare.baseline.name()),
        ),
        Block::paragraph(method(results)),
        Block::Table(tests(results)),
        Block::heading(3, "Size of the differences"),
        Block::Table(sizes(results)),
    ];
    blocks.extend(per_example(results));
    blocks.extend(images::blocks(results));
    blocks.extend(results.overall.iter().flat_map(|overall| all_arms(results, overall)));
    blocks.extend(pairs::blocks(results));
    blocks
}

fn method(results: &StudyResults) -> String {
    let statistics = &results.statistics;
    let mut text = format!(
        "Fixed in the study file before the runs: {}, α = {} over {}, {}p values",
        test_name(statistics.test),
        statistics.alpha,
        counted(statistics.comparisons, "comparison"),
        correction_name(statistics.correction)
    );
    if let Some(margin) = results.study.compare.equivalence_margin {
        let name = results.unit.difference_name();
        text.push_str(&format!(
            "; equivalence margin ±{} {name}, by two one-sided t tests, corrected among themselves: a second family, so that the chance of any false verdict over both is at most 2α",
            results.unit.value(margin)
        ));
    }
    if let Some(sequential) = &results.sequential {
        text.push_str(&looks(sequential));
    }
    text.push_str(&format!(
        ". A verdict needs {} pairs; fewer are too few for one.",
        statistics.seeds_needed
    ));
    text
}

/// Returns the looks of a sequential study, as a continuation of a clause.
pub(crate) fn looks(sequential: &SequentialResult) -> String {
    let list: Vec<String> = sequential
        .looks
        .iter()
        .map(|look| format!("{} seeds (level {:.4})", look.seeds, look.level))
        .collect();
    let now = match (sequential.has_stopped, sequential.current()) {
        (true, Some(look)) => {
            format!("the study stopped after {} seeds, when every comparison was decided", look.seeds)
        }
        (false, Some(look)) if sequential.is_over() => format!("all {} seeds were needed", look.seeds),
        (_, Some(look)) => format!("the last look so far was after {} seeds", look.seeds),
        (_, None) => "no look was taken so far".to_owned(),
    };
    format!(
        "; group-sequential: looks after {}, α spent after O'Brien and Fleming and added up by Bonferroni's inequality, so that the chance of a false claim \
         over all looks is at most α for differences, and as much for equivalences; {now}. Intervals are not adjusted for the looks: the estimates of studies that \
         stopped early are too large, by how much is unknown for small effects",
        list.join(", ")
    )
}

fn tests(results: &StudyResults) -> Table {
    let p = |p: Option<f64>| cells::verdict_p(results, p);
    let margin = results.study.compare.equivalence_margin;
    Table::of(&results.comparisons)
        .column(Column::text("Arm"), |found| cells::arm(results, found.arm_index))
        .column(Column::text("Verdict"), |found| Content::Badge(cells::badge(found.verdict)))
        .column(Column::number("Difference").unit("p, corrected"), |found| p(found.corrected_p))
        .column(margin.map(|_| Column::number("Equivalence").unit("p, corrected")), |found| {
            p(found.corrected_equivalence_p)
        })
        .column(Column::number("Paired t").unit("p"), |found| p(found.paired_t_p))
        .column(Column::number("Sign flips").unit("p, exact"), |found| p(found.permutation_p))
        .column(Column::number("Sign flips").unit("p, corrected"), |found| {
            let shown = p(found.corrected_permutation_p);
            if !found.tests_disagree {
                return shown;
            }
            found.corrected_permutation_p.map(|p| format!("{} !", p_value(p))).into()
        })
        .column(Column::number("Wilcoxon").unit("p, exact"), |found| p(found.wilcoxon_p))
        .captioned(format!(
            "The study's own test is the one that counts. The three paired tests are given uncorrected, so that a reader sees whether it matters which \
             was chosen.{}",
            disagreement(results)
        ))
}

/// Returns the comparisons on which the t test and the sign flips disagree, as a continuation of a sentence.
fn disagreement(results: &StudyResults) -> String {
    let named: Vec<&str> = results
        .comparisons
        .iter()
        .filter(|comparison| comparison.tests_disagree)
        .map(|comparison| comparison.arm.as_str())
        .collect();
    let statistics = &results.statistics;
    let smallest = smallest_exact_p(statistics.n) * statistics.comparisons as f64;
    if statistics.verdict_possible && statistics.folds.is_none() && smallest > statistics.alpha {
        return format!(
            " With {} and {} no sign flips can reach α: their smallest corrected p is {}.",
            counted(statistics.n as usize, "seed"),
            counted(statistics.comparisons, "comparison"),
            p_value(smallest.min(1.0))
        );
    }
    if named.is_empty() {
        return String::new();
    }
    format!(
        " Marked with !: t test and sign flips disagree about α for {}; differences that are skewed make the t test too sure.",
        named.join(", ")
    )
}

fn sizes(results: &StudyResults) -> Table {
    let margin = results.study.compare.equivalence_margin;
    let ratio = Format::Decimal(Decimal::after(2));
    let decided = |found: &ComparisonResult, read: fn(PracticalChances) -> f64| {
        let practical = found.practical.filter(|_| found.verdict != Verdict::Interim);
        practical.map(|chances| Cell::number(read(chances), Format::Chance))
    };
    let of_margin = |heading: &str, unit: &str| margin.map(|_| Column::number(heading).unit(unit));
    let words = match margin {
        Some(_) => {
            " Worse, within, better: how probable each is about the margin, given these seeds and a flat prior; of many arms the most extreme looks \
             surer than it is. Seeds needed: to show a true difference as large as the margin with 80\u{a0}% power at the spread seen, before correction."
        }
        None => "",
    };
    Table::of(&results.comparisons)
        .column(Column::text("Arm"), |found| cells::arm(results, found.arm_index))
        .column(Column::number("Pairs"), |found| found.n())
        .column(Column::number("Effect size g"), |found| {
            found.effect.map(|effect| Cell::number(effect.value, ratio))
        })
        .column(Column::number("95\u{a0}% interval"), |found| {
            cells::interval_as(found.effect.map(|effect| effect.interval), ratio)
        })
        .column(Column::number("Better run"), |found| {
            found.probability_of_improvement.map(|share| Cell::number(share, Format::Fraction))
        })
        .column(of_margin("Worse", "than the margin"), |found| decided(found, |chances| chances.worse))
        .column(of_margin("Within", "the margin"), |found| decided(found, |chances| chances.within))
        .column(of_margin("Better", "than the margin"), |found| decided(found, |chances| chances.better))
        .column(of_margin("Seeds needed", ""), |found| found.seeds_for_margin.map(u64::from))
        .captioned(format!(
            "Effect size g: the mean difference in standard deviations of the differences (Hedges). Better run: how probably a random run of the arm is \
             better than one of the baseline.{words}"
        ))
}

/// The examples on which only one arm is right; empty without outcomes.
fn per_example(results: &StudyResults) -> Vec<Block> {
    let rows: Vec<_> = results
        .comparisons
        .iter()
        .filter_map(|found| Some((found.arm_index, found.examples.as_ref()?)))
        .collect();
    if rows.is_empty() {
        return Vec::new();
    }
    let (unit, count) = (MetricUnit::Percent, Format::Decimal(Decimal::after(1)));
    let table = Table::of(rows)
        .column(Column::text("Arm"), |(arm, _)| cells::arm(results, *arm))
        .column(Column::number("Examples"), |(_, found)| found.examples)
        .column(Column::number("Only arm right"), |(_, found)| Cell::number(found.only_arm_right, count))
        .column(Column::number("Only baseline right"), |(_, found)| {
            Cell::number(found.only_baseline_right, count)
        })
        .column(Column::number("Error difference").unit("pp"), |(_, found)| {
            cells::signed(unit, Some(found.difference))
        })
        .column(Column::number("95\u{a0}% interval").unit("over examples"), |(_, found)| {
            cells::signed_interval(unit, found.interval)
        })
        .captioned(
            "Counts of test examples are means over seeds. The bootstrap interval is over test examples for these trained nets; it says nothing about \
             retraining them.",
        );
    vec![Block::heading(3, "On the same test examples"), Block::Table(table)]
}

fn all_arms(results: &StudyResults, overall: &OverallResult) -> Vec<Block> {
    let friedman = &overall.friedman;
    let mut order: Vec<usize> = (0..results.arms.len()).collect();
    order.sort_by(|&a, &b| friedman.mean_ranks[a].total_cmp(&friedman.mean_ranks[b]));
    let words = format!(
        "Friedman's test over the ranks within each of {} complete seeds: χ² = {:.2}, {}. Two arms differ after Nemenyi at α = {} when their mean ranks \
         lie more than {:.2} apart. Rank 1 is the lowest {}.",
        friedman.blocks,
        friedman.statistic,
        p_equation(friedman.p),
        results.study.compare.alpha,
        overall.critical_difference,
        metric_label(&results.study.primary.metric)
    );
    let table = Table::of(order)
        .column(Column::text("Arm"), |arm| cells::arm(results, *arm))
        .column(Column::number("Mean rank"), |arm| {
            Cell::number(friedman.mean_ranks[*arm], Format::Decimal(Decimal::after(2)))
        })
        .table();
    vec![Block::heading(3, "All arms at once"), Block::paragraph(words), Block::Table(table)]
}
