//! The keys of a study file outside of `[data]`, `[net]` and `[train]`: parsing takes the names that it allows from here, and the schema of
//! study files is written from here.

use super::choices::{Correction, TestKind};
use super::limits;
use super::matching::CostQuantity;
use crate::stats::{SEEDS_FOR_A_VERDICT, Statement};

/// A key of a table of a study file.
#[derive(Debug)]
pub(super) struct Key {
    /// Its name.
    pub(super) name: &'static str,
    /// The values that it can have.
    pub(super) value: KeyValue,
    /// What holds when it is left out; `None` where it must be written.
    pub(super) default: Option<&'static str>,
    /// The meaning, in sentences.
    pub(super) text: &'static str,
}

/// The values of a key.
#[derive(Debug)]
pub(super) enum KeyValue {
    /// A text.
    Text,
    /// A whole number between two limits, both possible.
    Integer(i64, i64),
    /// A number between two limits, both excluded.
    Number(f64, f64),
    /// A number above 0 and at most 1.
    Share,
    /// One of several names.
    Choice(fn() -> Vec<&'static str>),
    /// A list of such values, and its least and its largest length.
    List(&'static KeyValue, [usize; 2]),
    /// A table with these keys.
    Table(&'static [Key]),
    /// A table whose keys are names of the user's own, and how many it has at most.
    Named(&'static KeyValue, usize),
    /// One of several forms.
    OneOf(&'static [KeyValue]),
    /// The sections `data`, `net` and `train`, and further keys.
    Sections(&'static [Key]),
}

/// Returns the names of keys, which are the allowed ones of their table.
pub(super) fn names(keys: &[Key]) -> Vec<&'static str> {
    keys.iter().map(|key| key.name).collect()
}

const fn required(name: &'static str, value: KeyValue, text: &'static str) -> Key {
    Key { name, value, default: None, text }
}

const fn optional(name: &'static str, value: KeyValue, default: &'static str, text: &'static str) -> Key {
    Key { name, value, default: Some(default), text }
}

/// A level of some factors each.
const LEVELS: KeyValue = KeyValue::Named(&KeyValue::Text, limits::MOST_ARMS);

/// Names of arms, or levels of factors.
const ARMS: KeyValue =
    KeyValue::OneOf(&[KeyValue::Text, KeyValue::List(&KeyValue::Text, [1, limits::MOST_ARMS]), LEVELS]);

/// A positive number.
const POSITIVE: KeyValue = KeyValue::Number(0.0, f64::INFINITY);

/// The cost that arms have in common.
const MATCH: KeyValue = KeyValue::Choice(|| CostQuantity::CHOICES.map(|(name, _)| name).to_vec());

/// The keys at the top of the file.
pub(super) static STUDY: [Key; 14] = [
    required("question", KeyValue::Text, "The question that the study answers, the title of its report."),
    optional("caveat", KeyValue::Text, "none", "What limits the answer; shown before any number."),
    optional(
        "disclosures",
        KeyValue::List(&KeyValue::Text, [0, limits::MOST_METRICS]),
        "none",
        "Departures from the plan that happened after it was fixed, a sentence each.",
    ),
    required("primary", KeyValue::Table(&PRIMARY), "The metric of the main comparison."),
    required("compare", KeyValue::Table(&COMPARE), "The comparison of the arms with their baseline."),
    required(
        "seeds",
        KeyValue::Table(&SEEDS),
        "The seeds: every arm is trained once with each. Seeds pair the arms.",
    ),
    optional(
        "secondary",
        KeyValue::List(&KeyValue::Text, [0, limits::MOST_METRICS]),
        "none",
        "Names of further metrics whose comparisons are tested, one family each.",
    ),
    optional(
        "claims",
        KeyValue::Named(&KeyValue::Table(&CLAIM), usize::MAX),
        "none",
        "Claims that are fixed before the runs, by name; the confirmatory family of the study. Excludes `sequential`.",
    ),
    optional(
        "search",
        KeyValue::Table(&SEARCH),
        "none",
        "A search for the learning rate of each arm on the validation split, before the study's runs.",
    ),
    optional(
        "sequential",
        KeyValue::Table(&SEQUENTIAL),
        "none",
        "Interim looks after which the study may end early. Excludes `claims` and `secondary`.",
    ),
    optional(
        "reference",
        KeyValue::Table(&REFERENCE),
        "none",
        "Values from another source that are shown beside the results and not tested.",
    ),
    optional("base", KeyValue::Sections(&[]), "none", "What all arms have in common."),
    optional(
        "arms",
        KeyValue::Named(&KeyValue::Sections(&ARM), limits::MOST_ARMS),
        "needed unless `factors` is given",
        "The arms by name: each key that an arm writes replaces the base's key of that name as a whole.",
    ),
    optional(
        "factors",
        KeyValue::Named(&KeyValue::Named(&KeyValue::Sections(&[]), limits::MOST_ARMS), limits::MOST_ARMS),
        "needed unless `arms` is given",
        "Factors by name, each with at least two levels by name; every combination of levels is an arm.",
    ),
];

/// `[arms.NAME]`, beside the sections.
pub(super) static ARM: [Key; 1] =
    [optional("match", MATCH, "`compare.match`", "The cost in which this arm equals its baseline.")];

/// `primary`.
pub(super) static PRIMARY: [Key; 3] = [
    required("metric", KeyValue::Text, "Name of a metric that the runs record, such as `error` or `psnr_y`."),
    required(
        "split",
        KeyValue::Choice(|| vec!["train", "valid", "test"]),
        "Split on which it is measured; `train` is the clean training error at the end of a run.",
    ),
    required(
        "better",
        KeyValue::Choice(|| vec!["lower", "higher"]),
        "Its good direction, which must agree with what is known of the metric.",
    ),
];

/// `compare`.
pub(super) static COMPARE: [Key; 6] = [
    required(
        "baseline",
        KeyValue::OneOf(&[KeyValue::Text, LEVELS]),
        "The arm that the others are compared with; in a factorial study one level of a factor, as in `{ rule = \"max_pool\" }`.",
    ),
    optional(
        "test",
        KeyValue::Choice(|| TestKind::CHOICES.map(|(name, _)| name).to_vec()),
        "`paired-t`",
        "The test behind the verdicts; a verdict needs 5 seeds.",
    ),
    optional(
        "alpha",
        KeyValue::Number(0.0, limits::LARGEST_ALPHA),
        "0.05",
        "Chance of a false statement over all comparisons of a family.",
    ),
    optional(
        "correction",
        KeyValue::Choice(|| Correction::CHOICES.map(|(name, _)| name).to_vec()),
        "`holm`",
        "Correction for the number of comparisons.",
    ),
    optional(
        "equivalence_margin",
        POSITIVE,
        "no equivalence is tested",
        "Differences smaller than this, in units of the metric (0.01 is one percentage point of error), count as equivalent.",
    ),
    optional(
        "match",
        MATCH,
        "costs may differ",
        "The cost that every arm has in common with its baseline; widths are computed for it.",
    ),
];

/// `seeds`, and the seeds of a search.
pub(super) static SEEDS: [Key; 2] = [
    required("from", KeyValue::Integer(0, i64::MAX - limits::MOST_SEEDS), "The first seed."),
    required("count", KeyValue::Integer(1, limits::MOST_SEEDS), "Number of seeds, one after the other."),
];

/// `[claims.NAME]`.
pub(super) static CLAIM: [Key; 2] = [
    required("text", KeyValue::Text, "The claim, in a sentence."),
    required(
        "contrasts",
        KeyValue::List(&KeyValue::Table(&CONTRAST), [1, limits::MOST_CONTRASTS]),
        "The contrasts that must all hold for the claim.",
    ),
];

/// An element of `contrasts`.
pub(super) static CONTRAST: [Key; 6] = [
    required(
        "of",
        ARMS,
        "An arm, several arms, or levels of factors such as `{ rule = \"all_cnn\" }`: their mean.",
    ),
    required("against", ARMS, "What is subtracted, written the same way."),
    optional("metric", KeyValue::Text, "the primary metric", "The metric, measured on the primary split."),
    required(
        "shows",
        KeyValue::Choice(|| Statement::ALL.map(Statement::name).to_vec()),
        "Where the difference lies: below −margin (`lower`), above the margin (`higher`), inside ±margin (`equivalent`), above −margin \
         (`not_lower`) or below the margin (`not_higher`).",
    ),
    optional(
        "margin",
        POSITIVE,
        "0 for `lower` and `higher`, else `compare.equivalence_margin`",
        "The margin, in units of the metric.",
    ),
    optional("for_each", KeyValue::Text, "none", "A factor: one contrast is made for each of its levels."),
];

/// `search`.
pub(super) static SEARCH: [Key; 4] = [
    required("lr", KeyValue::List(&POSITIVE, [2, limits::MOST_RATES]), "The learning rates that are tried."),
    optional(
        "seeds",
        KeyValue::Table(&SEEDS),
        "seed 1000 alone",
        "Seeds of the search, none of them a seed of the study.",
    ),
    optional(
        "length",
        KeyValue::Share,
        "1",
        "Length of a run of the search as a fraction of the study's runs.",
    ),
    optional(
        "halving",
        KeyValue::Table(&HALVING),
        "every rate is trained to the full length",
        "Successive halving: all rates are tried briefly, the best of them longer.",
    ),
];

/// `search.halving`.
pub(super) static HALVING: [Key; 2] = [
    required("rungs", KeyValue::Integer(2, 10), "Rounds, the last at the full length of the search."),
    required(
        "keep",
        KeyValue::Number(0.0, 1.0),
        "Fraction of the rates that goes on to the next round, and factor between the lengths of two rounds.",
    ),
];

/// `sequential`.
pub(super) static SEQUENTIAL: [Key; 1] = [required(
    "looks",
    KeyValue::List(
        &KeyValue::Integer(SEEDS_FOR_A_VERDICT as i64, limits::MOST_SEEDS),
        [2, limits::MOST_SEEDS as usize],
    ),
    "Numbers of seeds after which the study looks at its results, rising; the last is `seeds.count`.",
)];

/// `reference`.
pub(super) static REFERENCE: [Key; 2] = [
    required("label", KeyValue::Text, "Where the values come from, such as `the paper, table 3`."),
    required(
        "values",
        KeyValue::Named(&KeyValue::Number(f64::NEG_INFINITY, f64::INFINITY), limits::MOST_ARMS),
        "A value for each of some arms, in units of the primary metric.",
    ),
];
