//! Main effects and interactions of a factorial study.

use allconv_document::{Block, Cell, Column, Content, Table};

use super::cells;
use super::sentence::{correction_name, metric_name};
use crate::results::{EffectResult, FactorialResult, StudyResults};

/// How the effects are corrected.
const FAMILIES: &str = "Main effects and interactions are two families, each corrected by itself; where there is a margin, the equivalences of main effects are a third.";

/// Both tables; empty unless the study crosses factors and has a complete seed.
pub(crate) fn blocks(results: &StudyResults) -> Vec<Block> {
    let Some(factorial) = &results.factorial else { return Vec::new() };
    let has_margin = results.study.compare.equivalence_margin.is_some();
    let equivalence = has_margin.then(|| Column::number("Equivalence").unit("p, corrected"));
    let mut blocks = vec![
        Block::heading(2, "Factors"),
        Block::paragraph(format!("{} {FAMILIES}", method(results, factorial))),
        Block::heading(3, "Main effects"),
        Block::Table(table(results, &factorial.main, equivalence)),
    ];
    if !factorial.interactions.is_empty() {
        blocks.extend([
            Block::heading(3, "Interactions"),
            Block::paragraph(
                "By how much the first difference is larger where the second factor has its other level. Zero means that the two factors add up.",
            ),
            Block::Table(table(results, &factorial.interactions, None)),
        ]);
    }
    blocks
}

fn method(results: &StudyResults, factorial: &FactorialResult) -> String {
    let study = &results.study;
    let factors: Vec<String> = study
        .factors
        .iter()
        .map(|factor| format!("{} ({})", factor.name, factor.levels.join(", ")))
        .collect();
    let mut text = format!(
        "Every combination of {} was run. An effect is computed within each seed, and averaged over the {} of {} seeds in which every arm \
         finished; a main effect is the difference between two levels, averaged over all levels of the other factors. Intervals and p are those \
         of a paired t test over the seeds",
        factors.join(" × "),
        factorial.seeds.len(),
        factorial.planned,
    );
    if results.statistics.verdict_possible {
        text.push_str(&format!(", {}over each table", correction_name(study.compare.correction)));
    }
    text.push_str(&format!(". Differences are of the {}.", metric_name(study)));
    text
}

fn table(results: &StudyResults, effects: &[EffectResult], equivalence: Option<Column>) -> Table {
    let (unit, symbol) = (results.unit, results.unit.difference_symbol());
    Table::of(effects)
        .column(Column::text("Effect"), |effect| Cell::plain(&effect.name))
        .column(Column::text("Verdict"), |effect| Content::Badge(cells::badge(effect.verdict)))
        .column(Column::number("Difference").unit(symbol), |effect| cells::signed(unit, Some(effect.mean)))
        .column(Column::number("95\u{a0}% interval").unit(symbol), |effect| {
            cells::signed_interval(unit, effect.interval)
        })
        .column(Column::number("p").unit(results.study.compare.correction.name()), |effect| {
            cells::verdict_p(results, effect.corrected_p)
        })
        .column(equivalence, |effect| cells::verdict_p(results, effect.corrected_equivalence_p))
        .table()
}
