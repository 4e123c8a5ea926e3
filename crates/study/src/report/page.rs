//! `index.html`: all results of a study on one page.

use allconv_document::{Block, Document, Text};

use crate::results::StudyResults;
use crate::sections::{
    Pictures, answers, arms, best_first, choice, claims, classes, comparisons, disagreement, factors,
    figures, gap, opening, pictures, reproduction, runs, search, secondary, trend,
};

/// Largest number of comparisons whose sentences are shown at once.
const MOST_ANSWERS_OPEN: usize = 12;

/// The page.
pub(super) fn page(results: &StudyResults, examples: &Pictures) -> Document {
    let study = &results.study;
    let mut blocks = opening::notes(results);
    blocks.extend(opening::regime(results));
    blocks.extend(claims::blocks(results));
    blocks.extend(answers::counts(results));
    blocks.push(figures::main(results));
    blocks.extend(best_first(results, arms::blocks(results)));
    blocks.extend(arms::forward_passes(results));
    blocks.push(Block::heading(2, "In words"));
    let answers = answers::blocks(results);
    if results.comparisons.len() > MOST_ANSWERS_OPEN {
        blocks.push(Block::closed("Every comparison in a sentence", answers));
    } else {
        blocks.extend(answers);
    }
    blocks.extend(opening::basis(results));
    blocks.extend(gap::blocks(results));
    blocks.extend(choice::blocks(results));
    blocks.extend(trend::blocks(results));
    blocks.extend(pictures::blocks(results));
    blocks.extend(factors::blocks(results));
    blocks.extend(figures::curves(results));
    blocks.extend(comparisons::blocks(results));
    blocks.extend(secondary::blocks(results));
    blocks.extend(figures::costs(results));
    blocks.extend(classes::blocks(results, &examples.class_names));
    blocks.extend(disagreement::blocks(results, examples));
    blocks.extend(search::blocks(results));
    blocks.extend(runs::blocks(results));
    blocks.extend(reproduction::blocks(results));
    blocks.extend(reproduction::study_file(results));
    Document {
        title: Text::plain(&study.question),
        kicker: Text::plain("allconv study ")
            + Text::code(&study.name)
            + format!(" · {}", opening::progress(results)),
        origin: format!(
            "Written by allconv {} from the study file and its run directories; the same input gives the same bytes.",
            env!("CARGO_PKG_VERSION")
        ),
        blocks,
    }
}
