//! `search`: the learning rates that are tried for every arm before the study's runs, and the lengths of these trials.

use super::document::{Document, StudyFileError};
use super::fields::Fields;
use super::keys::{self, names};
use super::limits;
use super::node::{Content, Node};
use super::settings::{Seeds, read_seeds_at};

/// First seed of the search unless the file says otherwise, far from those of the study.
const FIRST_SEED: u64 = 1000;

/// The search for a learning rate: every arm is trained with every rate, and the one with the best primary metric on the
/// validation split is used for the arm's runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// The rates, as written.
    pub lr: Vec<f64>,
    /// Seeds of the search; none of them is a seed of the study.
    pub seeds: Seeds,
    /// Length of a search run as a fraction of the study's runs, in (0, 1].
    pub length: f64,
    /// Successive halving, if the grid is pruned.
    pub halving: Option<Halving>,
}

/// Successive halving: all rates are tried briefly, the best of them longer, and so on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Halving {
    /// Rounds, the last at the full length of the search, at least 2.
    pub rungs: u32,
    /// Fraction of the rates that survives a round, and factor between the lengths of two rounds, in (0, 1).
    pub keep: f64,
}

impl Search {
    /// Rounds of the search; 1 without halving.
    pub fn rungs(&self) -> u32 {
        self.halving.map_or(1, |halving| halving.rungs)
    }

    /// Returns the length of the runs of round `rung` as a fraction of the study's runs.
    pub fn length_of(&self, rung: u32) -> f64 {
        let shortening =
            self.halving.map_or(1.0, |halving| halving.keep.powi((halving.rungs - 1 - rung) as i32));
        self.length * shortening
    }

    /// Rates of `tried` that go on to the next round: at least one.
    pub fn survivors(&self, tried: usize) -> usize {
        let keep = self.halving.map_or(1.0, |halving| halving.keep);
        // Without the small number, 0.3 · 10 would be rounded up to 4.
        ((keep * tried as f64 - 1e-9).ceil() as usize).clamp(1, tried.max(1))
    }

    /// Whether any run of the search is shorter than those of the study.
    pub(super) fn shortens(&self) -> bool {
        self.length < 1.0 || self.halving.is_some()
    }
}

pub(super) fn read_search(document: &Document, node: &Node, study: Seeds) -> Result<Search, StudyFileError> {
    let fields = Fields::of(document, node, "search", &names(&keys::SEARCH))?;
    let seeds = match fields.optional("seeds") {
        Some(node) => read_seeds_at(document, node, "search.seeds")?,
        None => Seeds { from: FIRST_SEED, count: 1 },
    };
    let studied = study.from..study.from + u64::from(study.count);
    if let Some(shared) = seeds.values().find(|seed| studied.contains(seed)) {
        let message = format!(
            "seed {shared} belongs to the search and to the study, whose runs would decide about themselves; set `search.seeds`"
        );
        return Err(document.error(fields.optional("seeds").map_or(&node.key, |node| &node.value), message));
    }
    let share = |name: &str, node: &Node| fields.number_between(name, node, (0.0, 1.0));
    let length = match fields.optional("length") {
        Some(node) if matches!(node.content, Content::Scalar(toml::Value::Integer(1))) => 1.0,
        Some(node) if matches!(node.content, Content::Scalar(toml::Value::Float(1.0))) => 1.0,
        Some(node) => share("search.length", node)?,
        None => 1.0,
    };
    let halving = match fields.optional("halving") {
        Some(node) => {
            let fields = Fields::of(document, node, "search.halving", &names(&keys::HALVING))?;
            let rungs = fields.integer("search.halving.rungs", fields.required("rungs")?, (2, 10))? as u32;
            Some(Halving { rungs, keep: share("search.halving.keep", fields.required("keep")?)? })
        }
        None => None,
    };
    Ok(Search { lr: read_rates(document, &fields)?, seeds, length, halving })
}

fn read_rates(document: &Document, fields: &Fields<'_>) -> Result<Vec<f64>, StudyFileError> {
    let node = fields.required("lr")?;
    let Content::Array(elements) = &node.content else {
        return Err(document.error(&node.value, format!("`search.lr` must be an array, is {}", node.kind())));
    };
    limits::length(document, node, ("search.lr", elements.len()), limits::MOST_RATES)?;
    let mut rates: Vec<f64> = Vec::with_capacity(elements.len());
    for element in elements {
        let rate = fields.number_between("search.lr", element, (0.0, f64::INFINITY))?;
        if rates.contains(&rate) {
            return Err(document.error(&element.value, format!("`search.lr` holds {rate} twice")));
        }
        rates.push(rate);
    }
    if rates.len() < 2 {
        let message = format!("`search.lr` needs at least 2 rates, has {}", rates.len());
        return Err(document.error(&node.value, message));
    }
    Ok(rates)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Search, StudyFileError> {
        let document = Document { name: "a.toml".into(), text: text.into() };
        let root = Node::parse(&document).unwrap();
        read_search(&document, root.child("search").unwrap(), Seeds { from: 0, count: 9 })
    }

    #[test]
    fn halving_lengthens_the_rounds_up_to_the_length_of_the_search() {
        let search =
            read("search = { lr = [1, 0.5, 0.1], length = 0.5, halving = { rungs = 3, keep = 0.5 } }")
                .unwrap();
        let lengths: Vec<f64> = (0..search.rungs()).map(|rung| search.length_of(rung)).collect();
        assert_eq!(lengths, [0.125, 0.25, 0.5]);
        assert_eq!([1, 2, 3, 4, 5].map(|tried| search.survivors(tried)), [1, 1, 2, 2, 3]);
        assert_eq!(search.seeds, Seeds { from: 1000, count: 1 });
    }

    #[test]
    fn wrong_searches_are_refused_with_their_reason() {
        for (text, reason) in [
            ("search = { lr = [0.1] }", "at least 2 rates, has 1"),
            ("search = { lr = [0.1, 0.1] }", "holds 0.1 twice"),
            ("search = { lr = [0.1, -0.1] }", "above 0, is -0.1"),
            ("search = { lr = 0.1 }", "must be an array"),
            ("search = { lr = [1, 2], length = 1.5 }", "between 0 and 1"),
            (
                "search = { lr = [1, 2], seeds = { from = 8, count = 2 } }",
                "seed 8 belongs to the search and to the study",
            ),
            ("search = { lr = [1, 2], halving = { rungs = 1, keep = 0.5 } }", "from 2 to 10, is 1"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.message.contains(reason), "{error}");
        }
    }
}
