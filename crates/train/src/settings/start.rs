//! `[train] start`: the trained weights that a run begins from, and what stays of them.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The trained weights that a run begins from, as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartRequest {
    /// A safetensors file, or the folder of a run, a checkpoint or an exported network; relative to the folder that the program runs in.
    pub weights: PathBuf,
    /// Modules (`layer1`, `features.1`) or single parameters (`conv1.weight`) that keep their values. Running statistics of batch
    /// normalisation go on all the same, as in PyTorch.
    #[serde(default)]
    pub freeze: Vec<String>,
}

/// The trained weights that a run begins from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartSettings {
    /// SHA-256 of their file.
    pub sha256: String,
    /// See [`StartRequest::freeze`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub freeze: Vec<String>,
    /// Parameters of the network that are not in the file, or are of a last layer of another shape: they are drawn as in any run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drawn: Vec<String>,
    /// Tensors of the file that the network has no place for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unused: Vec<String>,
}

impl fmt::Display for StartSettings {
    /// Writes in one line what is loaded and what is not.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sha256, freeze, drawn, unused } = self;
        write!(f, "begins from the weights of SHA-256 {sha256}")?;
        for (what, names) in [("drawn anew", drawn), ("in the file and not used", unused), ("frozen", freeze)]
        {
            if !names.is_empty() {
                write!(f, "; {what}: {}", names.join(", "))?;
            }
        }
        Ok(())
    }
}
