//! The section of verdicts: each comparison in a sentence.

use allconv_document::{Block, Text};

use super::cells;
use super::sentence::sentence;
use crate::results::{StudyResults, Verdict};
use crate::text::counted;

/// How many comparisons have which verdict, in one line; nothing for a study without comparisons.
pub(crate) fn counts(results: &StudyResults) -> Option<Block> {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for comparison in &results.comparisons {
        let label = comparison.verdict.label();
        match counts.iter_mut().find(|(found, _)| *found == label) {
            Some((_, count)) => *count += 1,
            None => counts.push((label, 1)),
        }
    }
    if counts.is_empty() {
        return None;
    }
    counts.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    let parts: Vec<String> = counts.iter().map(|(label, count)| format!("{label} ({count})")).collect();
    let all = counted(results.comparisons.len(), "comparison");
    let baseline = results.study.compare.baseline.name();
    Some(Block::paragraph(
        Text::strong(&format!("{all} with "))
            + Text::code(&baseline)
            + Text::strong(&format!(": {}.", parts.join(", "))),
    ))
}

/// One verdict a comparison.
pub(crate) fn blocks(results: &StudyResults) -> Vec<Block> {
    if results.comparisons.is_empty() {
        return vec![Block::paragraph("The study has one arm, so there is nothing to compare.")];
    }
    // A single pair shows nothing, not even how much runs differ; its values are in the table.
    let (told, single): (Vec<_>, Vec<_>) = results
        .comparisons
        .iter()
        .partition(|comparison| comparison.differences.len() > 1 || comparison.verdict == Verdict::Lost);
    let told = told.into_iter().map(|comparison| {
        (cells::badge(comparison.verdict), vec![Block::paragraph(sentence(results, comparison))])
    });
    let mut verdicts: Vec<_> = told.collect();
    if let Some(first) = single.first() {
        let text = format!(
            "{} with at most one pair of seeds, which shows nothing: the values are in the table.",
            counted(single.len(), "comparison")
        );
        verdicts.push((cells::badge(first.verdict), vec![Block::paragraph(text)]));
    }
    vec![Block::Verdicts(verdicts)]
}
