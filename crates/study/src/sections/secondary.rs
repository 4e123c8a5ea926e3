//! The section of the other metrics: a table for each, arms as rows.

use allconv_document::{Block, Cell, Column, Table, Text, Weight};

use super::sentence::{capitalised, split_name, title};
use super::{cells, figure_results};
use crate::file::StudyFile;
use crate::metric::{MetricUnit, find_metric, metric_label};
use crate::results::{SecondaryArm, SecondaryMetric, StudyResults};
use crate::text::counted;

/// Metrics up to which all tables are open from the start.
const MOST_OPEN: usize = 4;

/// Largest number of further metrics with a figure; planned ones come first.
const MOST_FIGURES: usize = 12;

/// Every metric with its figure and table; empty when nothing but the primary metric was measured.
pub(crate) fn blocks(results: &StudyResults) -> Vec<Block> {
    if results.secondary.is_empty() {
        return Vec::new();
    }
    let mut blocks = vec![Block::heading(2, "Other measurements"), Block::paragraph(method(results))];
    for (position, metric) in results.secondary.iter().enumerate() {
        let mut shown = Vec::new();
        if position < MOST_FIGURES {
            let figures = vec![figure_results::secondary(results, metric)];
            shown.push(Block::Figures { figures, caption: Text::default(), is_chosen: false });
        }
        shown.push(Block::Table(table(results, metric)));
        let is_open = metric.is_claimed || results.secondary.len() <= MOST_OPEN;
        let summary = heading(&results.study, metric).into();
        blocks.push(Block::Details { summary, is_open, blocks: shown });
    }
    blocks
}

/// The metrics that the study plans claims about; empty for a study that plans none.
pub(crate) fn planned(results: &StudyResults) -> Vec<Block> {
    let planned: Vec<&SecondaryMetric> =
        results.secondary.iter().filter(|metric| metric.is_claimed).collect();
    if planned.is_empty() {
        return Vec::new();
    }
    let mut blocks = vec![Block::heading(2, "Other planned measurements"), Block::paragraph(method(results))];
    for metric in planned {
        blocks.push(Block::heading(3, heading(&results.study, metric)));
        blocks.push(Block::Table(table(results, metric)));
    }
    blocks
}

fn method(results: &StudyResults) -> String {
    let study = &results.study;
    let split = split_name(study.primary.split);
    let claimed = results.secondary.iter().filter(|metric| metric.is_claimed).count();
    let mut text = format!(
        "What else was measured on the {split} split at the end of every run: means over seeds, differences arm − baseline for the same seed, 95\u{a0}% t intervals, each for itself."
    );
    if claimed > 0 {
        text.push_str(&format!(
            " The study file plans claims about {claimed} of these metrics: their p, of paired t tests, are Holm-corrected over all {} of planned metrics, a family apart from the primary metric's.",
            counted(study.secondary.len() * study.comparison_count(), "comparison")
        ));
    }
    if claimed < results.secondary.len() {
        text.push_str(" Metrics without p were not planned as claims; the most extreme of many numbers always looks like one.");
    }
    text
}

/// `Test shift agreement (%), higher is better`.
fn heading(study: &StudyFile, metric: &SecondaryMetric) -> String {
    let better = find_metric(&metric.name).and_then(|metric| metric.better);
    let words = format!("{} {}", split_name(study.primary.split), metric_label(&metric.name));
    title(&words, MetricUnit::of(&metric.name), better)
}

/// The table of a metric.
pub(crate) fn table(results: &StudyResults, metric: &SecondaryMetric) -> Table {
    let unit = MetricUnit::of(&metric.name);
    let (symbol, difference_symbol) = (unit.symbol(), unit.difference_symbol());
    let meaning = find_metric(&metric.name).map(|known| format!("{}.", capitalised(known.meaning)));
    let is_baseline = |arm: &&SecondaryArm| results.arms[arm.arm_index].is_baseline;
    let compared = |arm: &&SecondaryArm, cell: Cell| {
        if arm.difference.is_none() && is_baseline(arm) { Cell::empty() } else { cell }
    };
    Table::of(&metric.arms)
        .column(Column::text("Arm"), |arm| cells::arm(results, arm.arm_index))
        .column(Column::number("Mean ± sd").unit(symbol), |arm| cells::spread(unit, arm.summary))
        .column(Column::number("n"), |arm| arm.values.len())
        .column(Column::number("95\u{a0}% interval").unit(symbol), |arm| cells::interval(unit, arm.interval))
        .column(Column::number("Difference").unit(difference_symbol), |arm| {
            if arm.difference.is_none() && is_baseline(arm) {
                return Cell::plain("baseline").weighed(Weight::Soft);
            }
            cells::signed(unit, arm.difference.map(|difference| difference.mean))
        })
        .column(Column::number("95\u{a0}% interval").unit(difference_symbol), |arm| {
            compared(arm, cells::signed_interval(unit, arm.difference.and_then(|found| found.interval)))
        })
        .column(metric.is_claimed.then(|| Column::number("p").unit("holm")), |arm| {
            compared(arm, cells::p(arm.difference.and_then(|found| found.corrected_p)))
        })
        .baseline(is_baseline)
        .captioned(meaning.unwrap_or_default())
}
