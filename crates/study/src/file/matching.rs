//! `compare.match` and `arms.NAME.match`: the cost in which an arm equals its baseline.
//!
//! The width of a matched arm is not read but computed. Its request carries the quantity and the baseline's net section as
//! `net.match_cost`, from which the resolver computes the width.

use allconv_record::Cost;

use super::document::StudyFileError;
use super::fields::Fields;
use super::node::Node;

/// The key in the net section of a request for the cost that it must have.
pub(super) const REQUEST_KEY: &str = "match_cost";

/// The cost in which an arm equals its baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CostQuantity {
    /// Multiply–accumulates of one image, forward.
    Macs,
    /// Parameters.
    Parameters,
}

impl CostQuantity {
    pub(super) const CHOICES: [(&'static str, CostQuantity); 2] =
        [("macs", CostQuantity::Macs), ("parameters", CostQuantity::Parameters)];

    /// Returns the name in study files.
    pub fn name(self) -> &'static str {
        Self::CHOICES.iter().find(|(_, quantity)| *quantity == self).map_or("", |(name, _)| name)
    }

    /// Returns the name in sentences.
    pub fn label(self) -> &'static str {
        match self {
            CostQuantity::Macs => "MACs",
            CostQuantity::Parameters => "parameters",
        }
    }

    /// Returns this quantity of a cost.
    pub fn of(self, cost: &Cost) -> u64 {
        match self {
            CostQuantity::Macs => cost.macs,
            CostQuantity::Parameters => cost.parameters,
        }
    }
}

/// A `match` with its position in the file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Match {
    pub(super) quantity: CostQuantity,
    pub(super) node: Node,
}

impl Match {
    /// Returns the value of [`REQUEST_KEY`] in the request of a matched arm.
    pub(super) fn request(&self, baseline_net: toml::Table) -> toml::Value {
        let mut table = toml::Table::new();
        table.insert("quantity".into(), self.quantity.name().into());
        table.insert("net".into(), baseline_net.into());
        table.into()
    }
}

/// The `match` of the table at `path`, if it has one.
pub(super) fn read_match(fields: &Fields<'_>, path: &str) -> Result<Option<Match>, StudyFileError> {
    let Some(node) = fields.optional("match") else { return Ok(None) };
    let quantity = fields.choice(&format!("{path}.match"), node, &CostQuantity::CHOICES)?;
    Ok(Some(Match { quantity, node: node.clone() }))
}

/// The path inside the baseline's sections, for a path inside the baseline's net section of a matched arm's request.
pub(super) fn path_in_baseline(path: &[String]) -> Option<Vec<String>> {
    match path {
        [net, key, inner, rest @ ..] if net == "net" && key == REQUEST_KEY && inner == "net" => {
            Some(std::iter::once(net).chain(rest).cloned().collect())
        }
        _ => None,
    }
}

/// Whether a path is about the request for a cost as a whole.
pub(super) fn is_about_cost(path: &[String]) -> bool {
    matches!(path, [net, key, ..] if net == "net" && key == REQUEST_KEY)
}
