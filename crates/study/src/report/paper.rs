//! `paper.md`: a draft of methods and results, every number from the study.

use allconv_document::{Block, Document, Text};

use crate::results::StudyResults;
use crate::sections::{
    answers, arms, choice, claims, factors, figures, gap, methods, opening, reproduction, runs, search,
    secondary, trend,
};

/// The draft.
pub(super) fn paper(results: &StudyResults) -> Document {
    let mut blocks = methods::blocks(results);
    blocks.push(Block::heading(2, "Results"));
    blocks.push(Block::paragraph(format!("{}.", opening::progress(results))));
    blocks.extend(opening::blocks(results));
    blocks.extend(claims::blocks(results));
    blocks.push(Block::heading(2, "Comparisons"));
    blocks.extend(answers::blocks(results));
    blocks.push(figures::main(results));
    let arms = arms::blocks(results).into_iter().skip(1);
    blocks.extend(arms.filter(|block| !block.is_supplement()));
    blocks.extend(gap::blocks(results));
    blocks.extend(choice::blocks(results));
    blocks.extend(trend::blocks(results));
    blocks.extend(factors::blocks(results));
    blocks.extend(secondary::planned(results));
    blocks.extend(search::blocks(results));
    blocks.extend(runs::lost(results));
    blocks.extend(methods::limitations(results));
    blocks.extend(reproduction::blocks(results));
    blocks.extend(reproduction::study_file(results));
    Document {
        title: Text::plain(&results.study.question),
        origin: "Written by `allconv study report`; a draft to edit elsewhere, this file is written again."
            .to_owned(),
        blocks,
        ..Document::default()
    }
}
