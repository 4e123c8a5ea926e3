//! Values of keys: what stands in the text, and which runs it rests on.

use crate::key::suggestion;
use crate::library::{Standing, Study};

/// The value of a key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Value {
    /// As LaTeX shows it; `None` where there is no value yet.
    pub(crate) text: Option<String>,
    /// Groups of runs that it rests on: `STUDY/ARM`, or `STUDY` for all of a study.
    pub(crate) of: Vec<String>,
    /// Whether runs that are still to be made may change it.
    pub(crate) standing: Standing,
}

/// The sentence about a quantity that the subject does not have.
pub(crate) fn unknown_quantity(subject: &str, quantity: &str, known: &[&str]) -> String {
    format!("{subject} has no quantity `{quantity}`{}", suggestion(quantity, known.iter().copied()))
}

impl Value {
    /// A value that rests on the runs of some arms.
    pub(crate) fn of_arms(study: &Study, arms: &[usize], text: Option<String>) -> Value {
        let of = arms.iter().map(|arm| study.group(*arm)).collect();
        Value { text, of, standing: study.standing() }
    }

    /// A value that rests on all runs of a study, as every corrected p value does.
    pub(crate) fn of_study(study: &Study, text: Option<String>) -> Value {
        Value { text, of: vec![study.name().to_owned()], standing: study.standing() }
    }

    /// A value that the study file gives and no run can change.
    pub(crate) fn of_file(text: String) -> Value {
        Value { text: Some(text), of: Vec::new(), standing: Standing::Final }
    }
}
