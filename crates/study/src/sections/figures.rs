//! The figures of a study with their captions.

use allconv_document::{Block, Text};
use allconv_record::SplitName;

use super::{figure_cost, figure_curves, figure_results};
use crate::results::StudyResults;

/// The main figure: every run, every arm, every difference.
pub(crate) fn main(results: &StudyResults) -> Block {
    let every = "every finished run is a point; the diamond is the arm's mean over seeds, the bar its 95\u{a0}% t interval.";
    let caption = if results.comparisons.is_empty() {
        format!("E{}", &every[1..])
    } else {
        let margin = match results.study.compare.equivalence_margin {
            Some(_) => " The shaded strip is the equivalence margin.",
            None => "",
        };
        format!(
            "Left: differences to the baseline for the same seed (thin marks), their mean and its 95\u{a0}% interval.{margin} Right: {every} Intervals are \
             per comparison; the p values in the sentences are corrected."
        )
    };
    Block::Figures {
        figures: vec![figure_results::figure(results)],
        caption: caption.into(),
        is_chosen: false,
    }
}

/// Learning curves; empty when no run has any.
pub(crate) fn curves(results: &StudyResults) -> Vec<Block> {
    let metric = results.study.primary.metric.as_str();
    let of = |split, metric, name| figure_curves::figure(results, split, metric, name);
    let mut validation = of(SplitName::Valid, metric, "curve-validation");
    if validation.is_none() && metric != "loss" {
        // Without a validation split, the training curve of the same metric is all there is.
        validation = of(SplitName::Train, metric, "curve-training");
    }
    let loss = of(SplitName::Train, "loss", "curve-training-loss");
    let figures: Vec<_> = validation.into_iter().chain(loss).collect();
    if figures.is_empty() {
        return Vec::new();
    }
    let caption = "Lines are means over the finished seeds of an arm, bands reach from the lowest to the highest seed. Dotted lines are single runs that \
                   did not finish.";
    vec![
        Block::heading(2, "Learning curves"),
        Block::Legend {
            caption: "Arms shown in the curves and in the figures of cost".to_owned(),
            names: results.arms.iter().map(|arm| arm.name.clone()).collect(),
        },
        Block::Figures { figures, caption: Text::plain(caption), is_chosen: true },
    ]
}

/// Results against costs; empty when the arms differ in none.
pub(crate) fn costs(results: &StudyResults) -> Vec<Block> {
    let figures = figure_cost::figures(results);
    if figures.is_empty() {
        return Vec::new();
    }
    let caption = "Means with 95\u{a0}% intervals. The dashed line joins the arms that no other arm beats at the same or a lower cost; they are named. Costs on which the \
                   arms do not differ are left out.";
    vec![
        Block::heading(2, "Result against cost"),
        Block::Figures { figures, caption: Text::plain(caption), is_chosen: true },
    ]
}
