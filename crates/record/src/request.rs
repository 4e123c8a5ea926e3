//! Requests of runs, and the trait that turns them into resolved specifications.

use serde::{Deserialize, Serialize};

use crate::{Cost, RunSpecification, SplitName, StageShape, canonical_json};

/// The request of one run: the sections of the study file after arms and base were combined, without defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Seed of every random stream of the run.
    pub seed: u64,
    /// `[data]` as written.
    pub data: toml::Table,
    /// `[net]` as written.
    pub net: toml::Table,
    /// `[train]` as written.
    pub train: toml::Table,
}

impl Request {
    /// Hash of the request, by which reports find the runs that answer it: 64 hexadecimal digits.
    ///
    /// The names of study and arm are not part of it: the same request under another name is the same request.
    pub fn hash(&self) -> String {
        let value = serde_json::to_value(self).unwrap_or_default();
        blake3::hash(canonical_json(&value).as_bytes()).to_hex().to_string()
    }
}

/// A request with every default written out, its shapes and its cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// The specification to run.
    pub specification: RunSpecification,
    /// Output shape of every stage.
    pub shapes: Vec<StageShape>,
    /// Cost per image.
    pub cost: Cost,
    /// Presentations: training images that the run will show to the network.
    pub presentations: u64,
    /// Presentations at its beginning that are the same in a longer run with the same settings, which can take the steps over.
    pub shared_presentations: u64,
    /// Optimiser steps that the run will make.
    pub steps: u64,
    /// Estimated peak memory of the run, in bytes.
    pub memory_bytes: u64,
    /// Every metric that the run records, with the split it is measured on: the names that a study may use. One that is not defined
    /// on the run's own split (the overlap of a class that a fold does not hold) may still be missing from its journal.
    pub metrics: Vec<(SplitName, String)>,
}

/// Why a request cannot be run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}: {message}", path.join("."))]
pub struct ResolveError {
    /// Where in the request, e.g. `["net", "downsample", "max_pol"]`; empty when the cause is not a single field.
    pub path: Vec<String>,
    /// The mistake, with the limit or the choices.
    pub message: String,
    /// The nearest valid name, if the value looks like a misspelling.
    pub suggestion: Option<String>,
    /// Whether the cause is the data rather than the request (exit code 65).
    pub bad_data: bool,
}

/// Turns requests into specifications. Implemented by a crate with the registries, used by crates without tensors.
pub trait Resolve {
    /// Resolves one request.
    ///
    /// # Errors
    /// [`ResolveError`] naming the field that is wrong or not supported.
    fn resolve(&self, request: &Request) -> Result<Resolved, ResolveError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_in_which_fields_are_written_does_not_change_the_hash() {
        let request =
            |data: toml::Table| Request { seed: 0, data, net: toml::Table::new(), train: toml::Table::new() };
        let first = request(toml::toml! { a = 1
        b = 2 });
        let second = request(toml::toml! { b = 2
        a = 1 });
        assert_eq!(first.hash(), second.hash());
        assert_ne!(first.hash(), Request { seed: 1, ..first.clone() }.hash());
    }

    #[test]
    fn the_message_begins_with_the_path() {
        let error = ResolveError {
            path: vec!["train".into(), "epochs".into()],
            message: "must be at least 1, is 0".into(),
            suggestion: None,
            bad_data: false,
        };
        assert_eq!(error.to_string(), "train.epochs: must be at least 1, is 0");
    }
}
