//! The arms side by side: results, differences to the baseline, and what each arm costs.

use allconv_document::number::p_equation;
use allconv_document::{Block, Cell, Column, Content, Format, Rows, Table, Text, Weight};
use allconv_record::Cost;

use super::cells;
use super::sentence::{capitalised, metric_name, with_unit};
use crate::results::{ArmResult, ComparisonResult, StudyResults};
use crate::text::counted;

/// p of equal spreads below which arms are said to spread differently.
const UNEQUAL_FROM: f64 = 0.05;

/// The table of arms, costs, and details per arm.
pub(crate) fn blocks(results: &StudyResults) -> Vec<Block> {
    let mut blocks = vec![Block::heading(2, "Results"), Block::Table(table(results))];
    blocks.extend(pooled_sentence(results).map(Block::remark));
    let matched = results.arms.iter().filter_map(|arm| Some((arm, arm.matched.as_ref()?)));
    let matched: Vec<Text> =
        matched.map(|(arm, matched)| Text::code(&arm.name) + ": " + matched.sentence()).collect();
    if !matched.is_empty() {
        let words =
            "The width of these arms was not chosen but found, so that they cost what their baseline costs.";
        blocks.push(Block::open("Matched in cost", vec![Block::paragraph(words), Block::List(matched)]));
    }
    blocks.push(Block::open("Cost of each arm", vec![Block::Table(costs(results))]));
    let more = vec![Block::Table(robust(results))];
    blocks.push(Block::closed("More per arm: median, intervals, fraction of lost runs", more));
    blocks
}

/// The table of arms.
pub(crate) fn table(results: &StudyResults) -> Table {
    let study = &results.study;
    let (unit, reference) = (results.unit, study.reference.as_ref());
    let compared = |arm: usize, cell: &dyn Fn(&ComparisonResult) -> Cell| {
        results.comparison(arm).map_or_else(Cell::empty, cell)
    };
    let searched = if study.search.is_some() {
        " The learning rate of each arm was searched on the validation split."
    } else {
        ""
    };
    of_arms(results)
        .column(Column::number(&capitalised(&metric_name(study))).unit(unit.symbol()).key("value"), |(_, arm)| {
            cells::spread(unit, arm.summary)
        })
        .column(
            reference.map(|found| Column::number(&found.label).unit(unit.symbol()).key("reference")),
            |(_, arm)| cells::value(unit, arm.reference).weighed(Weight::Soft),
        )
        .column(Column::number("n"), |(_, arm)| arm.values.len())
        .column(Column::number("Difference").unit(unit.difference_symbol()), |(arm, _)| {
            let difference = |found: &ComparisonResult| cells::signed(unit, found.mean_difference);
            let baseline = || Cell::plain("baseline").weighed(Weight::Soft);
            results.comparison(*arm).map_or_else(baseline, difference)
        })
        .column(
            Column::number("95\u{a0}% interval").unit(unit.difference_symbol()).key("interval"),
            |(arm, _)| compared(*arm, &|found| cells::signed_interval(unit, found.interval)),
        )
        .column(Column::number("Spread of all arms").unit("95\u{a0}%").key("pooled_interval"), |(arm, _)| {
            compared(*arm, &|found| cells::signed_interval(unit, found.pooled_interval))
        })
        .column(Column::number("p").unit(study.compare.correction.name()), |(arm, _)| {
            compared(*arm, &|found| cells::verdict_p(results, found.corrected_p))
        })
        .column(Column::number("Lost").unit("runs"), |(_, arm)| arm.lost)
        .column(Column::number("Parameters"), |(_, arm)| cost(arm, Format::Grouped, |cost| cost.parameters))
        .column(Column::number("MACs"), |(_, arm)| cost(arm, Format::Magnitude, |cost| cost.macs))
        .column(study.search.as_ref().map(|_| Column::number("Learning rate")), |(_, arm)| {
            arm.searched_lr.map(|rate| Cell::number(rate, Format::Stored))
        })
        .baseline(|(_, arm)| arm.is_baseline)
        .captioned(format!(
            "Mean ± standard deviation over seeds. Differences are arm − baseline for the same seed; p is corrected. Cost is per image.{searched}"
        ))
}

/// Returns the caption of the table outside the page.
pub(crate) fn caption_alone(results: &StudyResults) -> String {
    let study = &results.study;
    let mut text = format!(
        "{} Mean ± standard deviation over seeds; differences are paired by seed, {} with {} correction over {}.",
        study.question,
        super::sentence::test_name(study.compare.test),
        study.compare.correction.name(),
        counted(results.statistics.comparisons, "comparison")
    );
    if let Some(caveat) = &study.caveat {
        text.push(' ');
        text.push_str(caveat);
    }
    text
}

/// A row for each arm, with its name.
fn of_arms(results: &StudyResults) -> Rows<(usize, &ArmResult)> {
    Table::of(results.arms.iter().enumerate())
        .column(Column::text("Arm"), |(index, _)| cells::arm(results, *index))
}

fn cost(arm: &ArmResult, format: Format, read: fn(&Cost) -> u64) -> Cell {
    arm.cost.as_ref().map(|cost| Cell::number(read(cost) as f64, format)).into()
}

/// What the intervals from the spread of all arms assume, and whether that fits; `None` where there are none.
fn pooled_sentence(results: &StudyResults) -> Option<String> {
    let has_interval = |comparison: &ComparisonResult| comparison.pooled_interval.is_some();
    let pooled = results.pooled.filter(|_| results.comparisons.iter().any(has_interval))?;
    let doubt = if pooled.equal_spread_p <= UNEQUAL_FROM {
        "they do not here, so that the intervals of single differences should be used"
    } else {
        "the test does not reject this here"
    };
    Some(format!(
        "Spread of all arms: the interval from one standard deviation of {} for all arms, with {} degrees of freedom (arm and seed as in a mixed model), so \
         that its width does not depend on the luck of few seeds. It assumes that all arms spread alike (Brown and Forsythe, {}): {doubt}.",
        with_unit(results, results.unit.value(pooled.spread)),
        pooled.degrees_of_freedom,
        p_equation(pooled.equal_spread_p)
    ))
}

/// What each arm costs, counted and measured.
fn costs(results: &StudyResults) -> Table {
    of_arms(results)
        .column(Column::number("Parameters"), |(_, arm)| cost(arm, Format::Grouped, |cost| cost.parameters))
        .column(Column::number("MACs"), |(_, arm)| cost(arm, Format::Magnitude, |cost| cost.macs))
        .column(Column::number("Activations").unit("bytes"), |(_, arm)| {
            cost(arm, Format::Magnitude, |cost| cost.activation_bytes)
        })
        .column(Column::number("Field").unit("pixels"), |(_, arm)| {
            cost(arm, Format::Stored, |cost| cost.receptive_field)
        })
        .column(Column::number("Memory").unit("bytes"), |(_, arm)| {
            arm.peak_memory_bytes.map(|bytes| Cell::number(bytes, Format::Magnitude))
        })
        .captioned(
            "Counted: parameters, multiply-accumulates and activation bytes (all stage outputs, per image). Measured: the most memory in use at once, \
             median over finished runs (blocks of 256 KiB and above, data set included). Times of runs are not compared: they share their machine with \
             whatever else it does.",
        )
}

/// Robust summaries and the fraction of lost runs.
fn robust(results: &StudyResults) -> Table {
    let unit = results.unit;
    let range = |least, most| Content::Interval((least, most), Format::Decimal(unit.decimal()));
    of_arms(results)
        .column(Column::number("Median"), |(_, arm)| {
            cells::value(unit, arm.summary.map(|summary| summary.median))
        })
        .column(Column::number("Interquartile").unit("mean"), |(_, arm)| {
            cells::value(unit, arm.summary.map(|summary| summary.interquartile_mean))
        })
        .column(Column::number("Range"), |(_, arm)| {
            arm.summary.map(|summary| range(summary.least, summary.most))
        })
        .column(Column::number("Mean, 95\u{a0}%").unit("t"), |(_, arm)| cells::interval(unit, arm.interval))
        .column(Column::number("Mean, 95\u{a0}%").unit("bootstrap"), |(_, arm)| {
            cells::interval(unit, arm.bootstrap)
        })
        .column(Column::number("Lost runs"), |(_, arm)| format!("{} of {}", arm.lost, arm.ended))
        .column(Column::number("Lost runs").unit("95\u{a0}% Wilson"), |(_, arm)| {
            cells::interval_as(arm.lost_interval, Format::Fraction)
        })
        .table()
}

/// The times that `study bench` measured; empty where it was not run.
pub(crate) fn forward_passes(results: &StudyResults) -> Vec<Block> {
    let passes =
        || results.arms.iter().enumerate().filter_map(|(arm, found)| Some((arm, found.forward_pass?)));
    let (Some(bench), Some((_, first))) = (&results.bench, passes().next()) else { return Vec::new() };
    let words = format!(
        "Measured by `allconv study bench` on {} with {}, all arms in turns, {}: seconds in terms of the baseline's in the same round, median and \
         range.",
        bench.environment.cpu,
        counted(bench.environment.threads as usize, "thread"),
        counted(first.rounds, "round"),
    );
    let table = Table::of(passes())
        .column(Column::text("Arm"), |(arm, _)| cells::arm(results, *arm))
        .column(Column::number("Forward pass"), |(_, pass)| match pass.ratio {
            Some(ratio) => Cell::number(ratio.median, Format::Times),
            None => Cell::plain("baseline"),
        })
        .column(Column::number("Range"), |(_, pass)| match pass.ratio {
            Some(ratio) => Content::Interval((ratio.least, ratio.most), Format::Times).into(),
            None => Cell::empty(),
        })
        .column(Column::number("Images"), |(_, pass)| pass.images)
        .table();
    vec![Block::heading(2, "Time of a forward pass"), Block::paragraph(words), Block::Table(table)]
}
