//! Comparisons image by image: how often an arm is better than its baseline on the same image, and by how much on each.

use allconv_document::{Block, Cell, Column, Table};

use super::cells;
use crate::file::Better;
use crate::metric::metric_label;
use crate::results::{ComparisonResult, ImageComparison, StudyResults};

/// Rows of the table of images; of more, those on which the arms differ most are shown.
const MOST_ROWS: usize = 40;

/// Rows up to which the table of images is open from the start.
const MOST_OPEN: usize = 15;

/// A comparison with its images.
type Compared<'a> = (&'a ComparisonResult, &'a ImageComparison);

/// Both tables; empty when no run recorded scores per image.
pub(super) fn blocks(results: &StudyResults) -> Vec<Block> {
    let compared: Vec<Compared<'_>> =
        results.comparisons.iter().filter_map(|found| Some((found, found.images.as_ref()?))).collect();
    if compared.is_empty() {
        return Vec::new();
    }
    let images = each_image(results, &compared);
    let is_open = images.rows.len() <= MOST_OPEN;
    vec![
        Block::heading(3, "On the same test images"),
        Block::Table(summary(results, &compared)),
        Block::Details { summary: "Each image".into(), is_open, blocks: vec![Block::Table(images)] },
    ]
}

fn summary(results: &StudyResults, compared: &[Compared<'_>]) -> Table {
    let unit = results.unit;
    Table::of(compared)
        .column(Column::text("Arm"), |(found, _)| cells::arm(results, found.arm_index))
        .column(Column::number("Images"), |(_, images)| images.images)
        .column(Column::number("Seeds"), |(_, images)| images.seeds)
        .column(Column::number("Better on").unit("images"), |(_, images)| images.better)
        .column(Column::number("Difference").unit(unit.difference_symbol()), |(_, images)| {
            cells::signed(unit, Some(images.mean))
        })
        .column(Column::number("95\u{a0}% interval").unit("over images"), |(_, images)| {
            cells::signed_interval(unit, images.interval)
        })
        .captioned(
            "Differences are arm − baseline on the same image for the same seed, averaged over seeds, then over images. The bootstrap interval is over \
             images (from eight on) for these trained nets; it says nothing about retraining them.",
        )
}

fn each_image(results: &StudyResults, compared: &[Compared<'_>]) -> Table {
    let shown = rows(results, compared);
    let (count, all) = (shown.len(), results.scores.images.len());
    let largest = shown
        .iter()
        .flat_map(|image| compared.iter().filter_map(move |(_, images)| images.differences[*image]))
        .fold(0.0_f64, |largest, difference| largest.max(difference.abs()));
    let lower = results.study.primary.better == Better::Lower;
    let mut table = Table::of(shown)
        .column(Column::text("Image"), |image: &usize| Cell::plain(&results.scores.images[*image]));
    for arm in
        (0..results.arms.len()).filter(|arm| compared.iter().any(|(found, _)| found.baseline_index == *arm))
    {
        let column = Column::number(&results.arms[arm].name).unit(results.unit.symbol());
        table = table.column(column, |image| cells::value(results.unit, results.scores.mean(arm, *image)));
    }
    for (found, images) in compared {
        table = table.column(Column::number(&found.arm), |image| {
            let difference = images.differences[*image];
            let cell = cells::signed(results.unit, difference);
            match difference {
                Some(size) => cells::tinted(cell, (size < 0.0) == lower, (size, largest)),
                None => cell,
            }
        });
    }
    let symbol = match results.unit.difference_symbol() {
        "" => String::new(),
        symbol => format!(" ({symbol})"),
    };
    let cut = if count < all {
        format!(" Of {all} images, the {count} on which the arms differ most; `results.json` holds all.")
    } else {
        String::new()
    };
    table.captioned(format!(
        "{} of every image: of the baseline as it is, of the other arms the difference to it{symbol}; means over the seeds.{cut}",
        metric_label(&results.study.primary.metric)
    ))
}

/// The images of the table: all of a few, else those with the largest difference of any arm; in the order of the data.
fn rows(results: &StudyResults, compared: &[Compared<'_>]) -> Vec<usize> {
    let gap = |image: &usize| {
        let differences = compared.iter().filter_map(|(_, images)| images.differences[*image]);
        differences.fold(-1.0_f64, |gap, difference| gap.max(difference.abs()))
    };
    let mut rows: Vec<usize> = (0..results.scores.images.len()).filter(|image| gap(image) >= 0.0).collect();
    if rows.len() > MOST_ROWS {
        rows.sort_by(|a, b| gap(b).total_cmp(&gap(a)).then(a.cmp(b)));
        rows.truncate(MOST_ROWS);
        rows.sort_unstable();
    }
    rows
}
