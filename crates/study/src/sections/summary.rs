//! The results of a study in brief: the arms with the best first, the verdicts, the runs without a result.

use allconv_document::{Block, Cell, Column, Content, Table};

use super::sentence::{capitalised, metric_name};
use super::{cells, claims, runs};
use crate::file::Better;
use crate::results::{ArmResult, StudyResults};

/// Name and version of the table's JSON schema.
const SCHEMA: &str = "allconv.study_arms/1";

/// The table of arms, the claims and the runs without a result; empty where no run has finished.
pub fn summary(results: &StudyResults) -> Vec<Block> {
    if results.runs.iter().all(|run| run.value.is_none()) {
        return runs::lost(results).into_iter().collect();
    }
    let mut blocks = vec![Block::Table(summary_table(results))];
    blocks.extend((!results.claims.is_empty()).then(|| claims::verdicts(results)));
    blocks.extend(runs::lost(results));
    blocks
}

/// One row for each arm, the best first: its mean, its difference to the baseline, the verdict.
pub fn summary_table(results: &StudyResults) -> Table {
    let unit = results.unit;
    let lost = results.arms.iter().any(|arm| arm.lost > 0).then(|| Column::number("Lost").unit("runs"));
    let rows = Table::of(best_first_order(results).into_iter().map(|arm| (arm, &results.arms[arm])))
        .column(Column::text("Arm"), |(_, arm)| Cell::code(&arm.name))
        .column(
            Column::number(&capitalised(&metric_name(&results.study))).unit(unit.symbol()).key("value"),
            |(_, arm)| cells::spread(unit, arm.summary),
        )
        .column(Column::number("n"), |(_, arm)| arm.values.len())
        .column(lost, |(_, arm)| arm.lost)
        .column(Column::number("Difference").unit(unit.difference_symbol()), |(arm, _)| {
            results.comparison(*arm).map(|found| cells::signed(unit, found.mean_difference))
        })
        .column(
            Column::number("95\u{a0}% interval").unit(unit.difference_symbol()).key("interval"),
            |(arm, _)| results.comparison(*arm).map(|found| cells::signed_interval(unit, found.interval)),
        )
        .column(Column::text("Verdict"), |(arm, _)| match results.comparison(*arm) {
            Some(found) => Content::Badge(cells::badge(found.verdict)).into(),
            None => Cell::plain("baseline"),
        });
    Table { schema: SCHEMA.to_owned(), ..rows.table() }
}

/// Returns the blocks with the rows of their tables of arms sorted, the best first.
pub(crate) fn best_first(results: &StudyResults, blocks: Vec<Block>) -> Vec<Block> {
    let order = best_first_order(results);
    let sorted = |block: Block| match block {
        Block::Table(table) if table.rows.len() == order.len() => {
            let rows = order.iter().map(|&arm| table.rows[arm].clone()).collect();
            Block::Table(Table { rows, ..table })
        }
        Block::Details { summary, is_open, blocks } => {
            Block::Details { summary, is_open, blocks: best_first(results, blocks) }
        }
        other => other,
    };
    blocks.into_iter().map(sorted).collect()
}

/// Returns the positions of the arms, the best mean first, those without a value last.
pub(super) fn best_first_order(results: &StudyResults) -> Vec<usize> {
    let key = |arm: &ArmResult| match (arm.summary, results.study.primary.better) {
        (None, _) => f64::INFINITY,
        (Some(summary), Better::Lower) => summary.mean,
        (Some(summary), Better::Higher) => -summary.mean,
    };
    let mut order: Vec<usize> = (0..results.arms.len()).collect();
    order.sort_by(|&one, &other| key(&results.arms[one]).total_cmp(&key(&results.arms[other])));
    order
}
