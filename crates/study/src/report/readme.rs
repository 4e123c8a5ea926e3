//! The `README.md` of a published study.

use allconv_document::{Block, Document, Text};

use crate::results::StudyResults;
use crate::sections::{
    answers, arms, choice, claims, factors, gap, opening, reproduction, runs, search, secondary, trend,
};

/// The document; most figures, and tables that open, are left to the page.
pub(super) fn readme(results: &StudyResults) -> Document {
    let study = &results.study;
    let mut blocks = vec![
        Block::Paragraph(Text::plain(&study.question)),
        Block::paragraph(format!("{}.", opening::progress(results))),
    ];
    blocks.extend(opening::notes(results));
    blocks.extend(opening::blocks(results));
    blocks.extend(claims::blocks(results));
    if !results.comparisons.is_empty() {
        blocks.push(Block::heading(2, if results.claims.is_empty() { "Answer" } else { "Comparisons" }));
        blocks.extend(answers::blocks(results));
    }
    blocks.extend(arms::blocks(results).into_iter().filter(|block| !block.is_supplement()));
    blocks.extend(arms::forward_passes(results));
    blocks.extend(gap::blocks(results));
    blocks.extend(choice::blocks(results));
    blocks.extend(trend::blocks(results));
    blocks.extend(factors::blocks(results));
    blocks.extend(secondary::planned(results));
    blocks.extend(search::blocks(results));
    blocks.extend(runs::lost(results));
    blocks.extend(reproduction::blocks(results));
    blocks.push(Block::paragraph(format!(
        "The study file is `{}.toml`; the finished runs, without checkpoints, lie in `runs/`; `results.json` holds every number above and more.",
        study.name
    )));
    Document {
        title: Text::plain(&study.name),
        origin: "Written by `allconv study publish`; do not edit by hand.".to_owned(),
        blocks,
        ..Document::default()
    }
}
