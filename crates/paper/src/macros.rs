//! What the commands of a paper stand for: `\val` and those that set sentences, lists, tables and figures of a study.

use crate::claims_text;
use crate::figure::{Figure, alone, float};
use crate::figure_forest::forest;
use crate::figure_trend::trend;
use crate::library::{Library, Standing, Study};
use crate::resolve::{find_study, resolve};
use crate::study_table::table;
use crate::study_text;
use crate::value::Value;

/// A command that a paper can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Macro {
    /// A number or a word: `\val{KEY}`.
    Val,
    /// A table of the arms: `\restable{STUDY}`.
    Table,
    /// A figure of the differences: `\resfigure{STUDY}`.
    Figure,
    /// The claims as registered: `\regclaims{STUDY}`.
    Registered,
    /// The claims as decided: `\claimtable{STUDY}`.
    Decided,
    /// How far the study is: `\studystate{STUDY}`.
    State,
    /// Its caveat: `\studycaveat{STUDY}`.
    Caveat,
    /// Departures from its plan: `\studydisclosures{STUDY}`.
    Disclosures,
    /// Its question: `\studyquestion{STUDY}`.
    Question,
}

impl Macro {
    /// All of them.
    pub(crate) const ALL: [Macro; 9] = [
        Macro::Val,
        Macro::Table,
        Macro::Figure,
        Macro::Registered,
        Macro::Decided,
        Macro::State,
        Macro::Caveat,
        Macro::Disclosures,
        Macro::Question,
    ];

    /// Its name in LaTeX, without the backslash.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Macro::Val => "val",
            Macro::Table => "restable",
            Macro::Figure => "resfigure",
            Macro::Registered => "regclaims",
            Macro::Decided => "claimtable",
            Macro::State => "studystate",
            Macro::Caveat => "studycaveat",
            Macro::Disclosures => "studydisclosures",
            Macro::Question => "studyquestion",
        }
    }

    /// How the lock file names what the command stands for: a key as it is, everything else behind the command's name.
    pub(crate) fn cell(self, argument: &str) -> String {
        if self == Macro::Val { argument.to_owned() } else { format!("{} {argument}", self.name()) }
    }
}

/// What a command stands for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expansion {
    /// Its text, runs and standing.
    pub(crate) value: Value,
    /// Files that the text reads, by path below the paper's folder.
    pub(crate) files: Vec<(String, String)>,
}

/// Computes what a command stands for.
///
/// # Errors
/// A sentence when the key or the study does not exist.
pub(crate) fn expand(library: &Library, command: Macro, argument: &str) -> Result<Expansion, String> {
    if command == Macro::Val {
        return Ok(Expansion { value: resolve(library, argument)?, files: Vec::new() });
    }
    let study = find_study(library, argument)?;
    let of_runs = |text: String| Expansion { value: Value::of_study(study, Some(text)), files: Vec::new() };
    let of_file = |text: String| Expansion { value: Value::of_file(text), files: Vec::new() };
    Ok(match command {
        Macro::Val | Macro::Table => of_runs(table(study)),
        Macro::Figure => figure(study),
        Macro::Registered => of_file(claims_text::registered(study)),
        Macro::Decided => of_runs(claims_text::decided(study)),
        Macro::State => of_runs(study_text::state(study)),
        Macro::Caveat => of_file(study_text::caveat(study)),
        Macro::Disclosures => of_file(study_text::disclosures(study)),
        Macro::Question => of_file(study_text::question(study)),
    })
}

/// The study's figure: along the length of training where it has one, else the differences of its arms.
fn figure(study: &Study) -> Expansion {
    let Some(Figure { picture, caption }) = trend(study).or_else(|| forest(study)) else {
        return Expansion { value: Value::of_study(study, Some(String::new())), files: Vec::new() };
    };
    let name = study.name();
    let unfinished = if study.standing() == Standing::Final { "" } else { "\\textbf{Unfinished.} " };
    let text = float(name, &format!("{unfinished}{caption}"));
    let files = vec![
        (format!("generated/figures/{name}.tex"), picture),
        (format!("generated/figures/{name}-alone.tex"), alone(name)),
    ];
    Expansion { value: Value::of_study(study, Some(text)), files }
}
