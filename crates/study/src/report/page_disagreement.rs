//! The test examples on which the arms disagree most, as pictures where the data set is at hand.

use maud::{Markup, html};

use super::base64::base64;
use super::figure::arm_classes;
use super::page_classes::class_name;
use crate::results::{Disagreement, StudyResults};

/// Arms up to which each has a line below a picture; of more, the best and the worst are named.
const MOST_LINES: usize = 6;

/// What is known of the data set: class names and the pictures of the examples, in the order of the disagreements.
#[derive(Debug, Default)]
pub(crate) struct Pictures {
    pub(crate) class_names: Vec<String>,
    pub(crate) png: Vec<Option<Vec<u8>>>,
}

/// The section; empty when no two arms recorded outcomes, or they never disagree.
pub(crate) fn section(results: &StudyResults, pictures: &Pictures) -> Markup {
    let has_pictures = pictures.png.iter().any(Option::is_some);
    html! {
        @if !results.disagreements.is_empty() {
            section {
                h2 { "Where the arms disagree" }
                p {
                    "Test examples with the largest difference between the arm that is right most often and the one that is right least often, over seeds. Chosen after the fact: they show what kind of picture separates the arms, not how often."
                    @if !has_pictures { " The data set was not at hand when this page was written, so that the examples are named by their position in the test split." }
                }
                ul.gallery {
                    @for (position, example) in results.disagreements.iter().enumerate() {
                        li { (card(results, pictures, position, example)) }
                    }
                }
            }
        }
    }
}

fn card(results: &StudyResults, pictures: &Pictures, position: usize, example: &Disagreement) -> Markup {
    let label = class_name(&pictures.class_names, usize::from(example.label));
    html! {
        @if let Some(Some(png)) = pictures.png.get(position) {
            img alt={ "Test example " (example.sample) ", a " (label) } src={ "data:image/png;base64," (base64(png)) };
        }
        p.label { strong { (label) } " " span.soft { "no. " (example.sample) } }
        @for arm in shown(example) {
            @let (right, runs) = example.right[arm];
            @let said = example.predicted[arm].map(|class| class_name(&pictures.class_names, usize::from(class)));
            p.vote {
                span class=(arm_classes(arm)) { span.swatch {} }
                (results.arms[arm].name) ": " (right) " of " (runs)
                @if let Some(said) = said.filter(|said| *said != label) { span.soft { ", says " (said) } }
            }
        }
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
