//! The section of a grid that chooses a setting: the best level of the last factor for each combination of the others.

use std::collections::BTreeMap;

use allconv_document::{Block, Cell, Column, Table, Weight};
use allconv_record::SplitName;

use super::cells;
use super::sentence::metric_name;
use crate::file::Better;
use crate::results::{ArmResult, StudyResults};

/// The arms that differ in the last factor alone, by its level.
struct Row<'a> {
    name: String,
    arms: Vec<&'a ArmResult>,
}

impl Row<'_> {
    fn values(&self) -> impl Iterator<Item = Option<f64>> {
        self.arms.iter().map(|arm| arm.summary.map(|summary| summary.mean))
    }

    /// The best level, once every run of the row has ended.
    fn chosen(&self, better: Better) -> Option<usize> {
        if self.arms.iter().any(|arm| arm.ended < arm.planned) {
            return None;
        }
        let found = self.values().enumerate().filter_map(|(level, value)| Some((level, value?)));
        let best = match better {
            Better::Lower => found.min_by(|a, b| a.1.total_cmp(&b.1)),
            Better::Higher => found.max_by(|a, b| a.1.total_cmp(&b.1)),
        };
        best.map(|(level, _)| level)
    }
}

/// The table; empty for a study with fewer than two factors, and for one whose primary metric is not of validation examples, which alone may
/// choose.
pub(crate) fn blocks(results: &StudyResults) -> Vec<Block> {
    let study = &results.study;
    let [others @ .., last] = study.factors.as_slice() else { return Vec::new() };
    if others.is_empty() || study.primary.split != SplitName::Valid {
        return Vec::new();
    }
    let end_note = format!(
        "Mean {} of each {} within a row; the best is marked once every run of its row has ended. Where it lies at an end of the grid, a better one may lie beyond.",
        metric_name(study),
        last.name
    );
    vec![
        Block::heading(2, format!("The best {} of each row", last.name)),
        Block::paragraph(end_note),
        Block::Table(table(results)),
    ]
}

fn table(results: &StudyResults) -> Table {
    let (study, unit) = (&results.study, results.unit);
    let (last, others) = study.factors.split_last().expect("the caller has seen two factors");
    let better = study.primary.better;
    let mut table = Table::of(rows(results)).column(Column::text("Row"), |row| Cell::code(&row.name));
    for (level, name) in last.levels.iter().enumerate() {
        table = table.column(Column::number(name).unit(unit.symbol()), |row| {
            let value = row.values().nth(level).flatten();
            let weight = if row.chosen(better) == Some(level) { Weight::Chosen } else { Weight::Plain };
            cells::tinted_in_row(cells::value(unit, value).weighed(weight), better, value, row.values())
        });
    }
    let end = last.levels.len() - 1;
    let names: Vec<&str> = others.iter().map(|factor| factor.name.as_str()).collect();
    table
        .column(Column::text("Chosen"), |row| match row.chosen(better) {
            Some(level) if level == 0 || level == end => {
                format!("{}, an end of the grid", last.levels[level])
            }
            Some(level) => last.levels[level].clone(),
            None => "open".to_owned(),
        })
        .captioned(format!("Rows: {}.", names.join(" × ")))
}

fn rows(results: &StudyResults) -> Vec<Row<'_>> {
    let study = &results.study;
    let others = study.factors.len() - 1;
    let mut rows: BTreeMap<&[usize], Row<'_>> = BTreeMap::new();
    for (arm, result) in study.arms.iter().zip(&results.arms) {
        let levels = &arm.levels[..others];
        let names = levels.iter().zip(&study.factors).map(|(level, factor)| factor.levels[*level].as_str());
        let row = rows
            .entry(levels)
            .or_insert_with(|| Row { name: names.collect::<Vec<_>>().join("_"), arms: Vec::new() });
        row.arms.push(result);
    }
    rows.into_values().collect()
}
