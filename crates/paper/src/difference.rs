//! What two lock files say differently.

use std::collections::{BTreeMap, BTreeSet};

use crate::lock::{Lock, LockedRun};

/// What kind of thing differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DifferenceKind {
    /// A study file says something else.
    StudyFile,
    /// A run is missing, or new.
    Run,
    /// The specification of a run is another.
    Specification,
    /// The outcomes of a run are others.
    Outcomes,
    /// The weights of a run are others.
    Weights,
    /// A number, sentence, table or figure is another.
    Number,
    /// The sources hold something that is refused.
    Text,
    /// A generated file is not what `build` writes.
    Generated,
}

impl DifferenceKind {
    /// One or two words for people.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            DifferenceKind::StudyFile => "study file",
            DifferenceKind::Run => "run",
            DifferenceKind::Specification => "specification",
            DifferenceKind::Outcomes => "outcomes",
            DifferenceKind::Weights => "weights",
            DifferenceKind::Number => "number",
            DifferenceKind::Text => "text",
            DifferenceKind::Generated => "generated file",
        }
    }
}

/// Something that is not as it was when the paper was built.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// What kind of thing.
    pub kind: DifferenceKind,
    /// Which one.
    pub subject: String,
    /// How it differs, as half a sentence.
    pub message: String,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}: {}", self.kind.label(), self.subject, self.message)
    }
}

impl Difference {
    pub(crate) fn new(
        kind: DifferenceKind,
        subject: impl Into<String>,
        message: impl Into<String>,
    ) -> Difference {
        Difference { kind, subject: subject.into(), message: message.into() }
    }
}

/// Differences of studies and runs.
pub(crate) fn of_runs(locked: &Lock, now: &Lock) -> Vec<Difference> {
    let mut differences = Vec::new();
    let absent = ("paper.toml names it no more", "the lock does not know it; build the paper again");
    for (name, (then, now)) in paired(&locked.studies, &now.studies) {
        match (then, now) {
            (Some(then), Some(now)) if then.file_sha256 != now.file_sha256 => {
                differences.push(Difference::new(
                    DifferenceKind::StudyFile,
                    name,
                    "was changed since the paper was built",
                ));
            }
            (Some(_), None) => differences.push(Difference::new(DifferenceKind::StudyFile, name, absent.0)),
            (None, Some(_)) => differences.push(Difference::new(DifferenceKind::StudyFile, name, absent.1)),
            _ => {}
        }
    }
    let none = BTreeMap::new();
    for (group, (then, now)) in paired(&locked.runs, &now.runs) {
        for (name, (then, now)) in paired(then.unwrap_or(&none), now.unwrap_or(&none)) {
            let subject = format!("{group}/{name}");
            match (then, now) {
                (Some(then), Some(now)) => differences.extend(of_run(&subject, then, now)),
                (Some(_), None) => {
                    differences.push(Difference::new(DifferenceKind::Run, subject, "is missing"))
                }
                _ => differences.push(Difference::new(
                    DifferenceKind::Run,
                    subject,
                    "is new; build the paper again",
                )),
            }
        }
    }
    differences
}

fn of_run(subject: &str, then: &LockedRun, now: &LockedRun) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut compare = |kind: DifferenceKind, then: Option<&str>, now: Option<&str>| {
        if then != now {
            let short = |hash: Option<&str>| {
                hash.map_or_else(|| "none".to_owned(), |hash| hash.chars().take(12).collect())
            };
            differences.push(Difference::new(
                kind,
                subject,
                format!("hash {}, in the lock {}", short(now), short(then)),
            ));
        }
    };
    compare(DifferenceKind::Specification, Some(&then.specification), Some(&now.specification));
    compare(DifferenceKind::Outcomes, Some(&then.outcomes), Some(&now.outcomes));
    compare(DifferenceKind::Weights, then.weights.as_deref(), now.weights.as_deref());
    differences
}

/// Differences of numbers, sentences, tables and figures.
pub(crate) fn of_cells(locked: &Lock, now: &Lock) -> Vec<Difference> {
    let mut differences = Vec::new();
    for (name, (then, now)) in paired(&locked.cells, &now.cells) {
        let message = match (then, now) {
            (Some(then), Some(now)) if then.text != now.text => {
                format!("is {}, in the lock {}", now.text, then.text)
            }
            (Some(then), Some(now)) if then.of != now.of => {
                format!("rests on {}, in the lock on {}", now.of.join(", "), then.of.join(", "))
            }
            (Some(_), Some(_)) => continue,
            (Some(_), None) => "no source uses it".to_owned(),
            _ => "the lock does not know it; build the paper again".to_owned(),
        };
        differences.push(Difference::new(DifferenceKind::Number, name, message));
    }
    if locked.constants != now.constants {
        let message = format!("are {:?}, in the lock {:?}", now.constants, locked.constants);
        differences.push(Difference::new(DifferenceKind::Text, "constants", message));
    }
    differences
}

/// The values of two maps by their keys.
fn paired<'a, T>(
    first: &'a BTreeMap<String, T>,
    second: &'a BTreeMap<String, T>,
) -> impl Iterator<Item = (&'a str, (Option<&'a T>, Option<&'a T>))> {
    let keys: BTreeSet<&String> = first.keys().chain(second.keys()).collect();
    keys.into_iter().map(|key| (key.as_str(), (first.get(key), second.get(key))))
}
