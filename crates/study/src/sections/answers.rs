//! The section of verdicts: each comparison in a sentence.

use allconv_document::Block;

use super::cells;
use super::sentence::sentence;
use crate::results::StudyResults;

/// One verdict a comparison.
pub(crate) fn blocks(results: &StudyResults) -> Vec<Block> {
    if results.comparisons.is_empty() {
        return vec![Block::paragraph("The study has one arm, so there is nothing to compare.")];
    }
    let verdicts = results.comparisons.iter().map(|comparison| {
        (cells::badge(comparison.verdict), vec![Block::paragraph(sentence(results, comparison))])
    });
    vec![Block::Verdicts(verdicts.collect())]
}
