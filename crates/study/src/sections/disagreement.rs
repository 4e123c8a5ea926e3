//! The test examples on which the arms disagree most, as images where the data set is available.

use allconv_document::{Block, GalleryItem, Size, Text};

use super::classes::class_name;
use crate::results::{Disagreement, StudyResults};

/// Largest number of arms with a line each below an image; of more, the best and the worst are listed.
const MOST_LINES: usize = 6;

/// Class names of the data set and the images of the examples, in the order of the disagreements.
#[derive(Debug, Default)]
pub(crate) struct Pictures {
    pub(crate) class_names: Vec<String>,
    pub(crate) png: Vec<Option<Vec<u8>>>,
}

/// The examples; empty when no two arms recorded outcomes, or they never disagree.
pub(crate) fn blocks(results: &StudyResults, pictures: &Pictures) -> Vec<Block> {
    if results.disagreements.is_empty() {
        return Vec::new();
    }
    let absent = match pictures.png.iter().any(Option::is_some) {
        true => "",
        false => {
            " The data set was not available when this page was written, so that the examples are named by their position in the test split."
        }
    };
    let text = format!(
        "Test examples with the largest difference between the arm that is right most often and the one that is right least often, over seeds. Chosen \
         after the fact: they show what kind of image separates the arms, not how often.{absent}"
    );
    let items = results.disagreements.iter().enumerate();
    let items = items.map(|(position, example)| item(results, pictures, (position, example))).collect();
    vec![
        Block::heading(2, "Where the arms disagree"),
        Block::paragraph(text),
        Block::Gallery(Size::Small, items),
    ]
}

fn item(
    results: &StudyResults,
    pictures: &Pictures,
    (position, example): (usize, &Disagreement),
) -> GalleryItem {
    let class = |class: u16| class_name(&pictures.class_names, usize::from(class));
    let label = class(example.label);
    let vote = |arm: usize| {
        let (right, runs) = example.right[arm];
        let said = example.predicted[arm].map(class).filter(|said| *said != label);
        let said = said.map(|said| Text::soft(&format!(", says {said}"))).unwrap_or_default();
        Text::series(arm, &results.arms[arm].name) + Text::plain(&format!(": {right} of {runs}")) + said
    };
    let head = Text::strong(&label) + Text::soft(&format!(" no. {}", example.sample));
    GalleryItem {
        png: pictures.png.get(position).cloned().flatten(),
        description: format!("Test example {}, a {label}", example.sample),
        lines: std::iter::once(head).chain(shown(example).into_iter().map(vote)).collect(),
    }
}

/// The arms whose votes are shown: all of a few, else the two most and the two least often right.
fn shown(example: &Disagreement) -> Vec<usize> {
    let mut arms: Vec<usize> = (0..example.right.len()).filter(|arm| example.right[*arm].1 > 0).collect();
    if arms.len() <= MOST_LINES {
        return arms;
    }
    let share = |arm: usize| example.right[arm].0 as f64 / example.right[arm].1 as f64;
    arms.sort_by(|a, b| share(*b).total_cmp(&share(*a)).then(a.cmp(b)));
    let last = arms.split_off(arms.len() - 2);
    arms.truncate(2);
    arms.extend(last);
    arms
}
