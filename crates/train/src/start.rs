//! The beginning of a run from trained weights: which of them fit the network, and which parameters stay as they are.

use std::path::{Path, PathBuf};

use allconv_files::sha256;
use allconv_nets::{Engine, Initialisation, Network, Parameter, Walk};
use allconv_record::RecordError;
use burn::tensor::Device;

use crate::settings::{StartRequest, StartSettings};
use crate::tensors::{NamedTensors, parse_safetensors, read_bytes};

/// Trained weights with the SHA-256 of their file.
#[derive(Debug)]
pub(crate) struct StartWeights {
    pub(crate) sha256: String,
    pub(crate) tensors: NamedTensors,
}

/// Why a network cannot start from some weights.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StartError {
    #[error(
        "the file has no parameter of the network; it holds {held}, the network has {wanted}: they are those of another architecture"
    )]
    Foreign { held: String, wanted: String },
    #[error(
        "parameter `{path}` has shape {found:?} in the file, and {expected:?} in the network; only the last layer, `{last}`, may differ: are \
         width, architecture and operator those of the weights?"
    )]
    Shape { path: String, found: Vec<usize>, expected: Vec<usize>, last: String },
    #[error("no parameter of the network is called `{name}`, or begins with `{name}.`; there are {known}")]
    UnknownFrozen { name: String, known: String },
    #[error("every parameter of the network is frozen; leave one out")]
    AllFrozen,
}

impl StartError {
    /// The field of `[train]` that it is about.
    pub(crate) fn field(&self) -> &'static str {
        match self {
            Self::Foreign { .. } | Self::Shape { .. } => "start.weights",
            Self::UnknownFrozen { .. } | Self::AllFrozen => "start.freeze",
        }
    }
}

impl StartWeights {
    /// Reads a file, or the file of that name inside of a folder: an exported network, a checkpoint, a run's last one.
    pub(crate) fn read(path: &Path) -> Result<StartWeights, RecordError> {
        let inside = ["model.safetensors", "checkpoints/last/model.safetensors"];
        let found = inside.iter().map(|name| path.join(name)).find(|file| file.is_file());
        let file: PathBuf = found.unwrap_or_else(|| path.to_path_buf());
        let bytes = read_bytes(&file)?;
        Ok(StartWeights { sha256: sha256(&bytes), tensors: parse_safetensors(&file, &bytes)? })
    }

    /// What a run that begins from these weights is, for the network that was walked.
    pub(crate) fn settle_for(
        &self,
        request: &StartRequest,
        walk: &Walk,
    ) -> Result<StartSettings, StartError> {
        let network = Network::from_walk(walk, Initialisation::He, 0, Engine::detect(), &Device::flex());
        self.settle(request, &network.parameters())
    }

    fn settle(&self, request: &StartRequest, network: &[Parameter]) -> Result<StartSettings, StartError> {
        let last = network.last().map_or("", |parameter| module_of(&parameter.path));
        let mut drawn = Vec::new();
        for Parameter { path, shape, .. } in network {
            match self.tensors.get(path) {
                Some(tensor) if tensor.shape == *shape => {}
                Some(tensor) if module_of(path) != last => {
                    return Err(StartError::Shape {
                        path: path.clone(),
                        found: tensor.shape.clone(),
                        expected: shape.clone(),
                        last: last.to_owned(),
                    });
                }
                _ => drawn.push(path.clone()),
            }
        }
        let own = |path: &String| network.iter().any(|parameter| parameter.path == *path);
        let unused: Vec<String> = self.tensors.keys().filter(|path| !own(path)).cloned().collect();
        if drawn.len() == network.len() {
            let held = first_of(self.tensors.keys().map(String::as_str));
            let wanted = first_of(network.iter().map(|parameter| parameter.path.as_str()));
            return Err(StartError::Foreign { held, wanted });
        }
        check_frozen(&request.freeze, network)?;
        Ok(StartSettings { sha256: self.sha256.clone(), freeze: request.freeze.clone(), drawn, unused })
    }

    /// Puts the weights into the network, but for those that the settings say are drawn.
    pub(crate) fn load_into(&self, network: &mut Network, settings: &StartSettings) {
        network.replace(|path, values| {
            if let (Some(tensor), false) =
                (self.tensors.get(path), settings.drawn.iter().any(|drawn| drawn == path))
            {
                values.clone_from(&tensor.values);
            }
        });
    }
}

/// Whether the parameter `path` belongs to one of the frozen modules, or is itself one.
pub(crate) fn is_frozen(freeze: &[String], path: &str) -> bool {
    freeze.iter().any(|name| {
        path.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

fn check_frozen(freeze: &[String], network: &[Parameter]) -> Result<(), StartError> {
    let meets = |name: &String| {
        network.iter().any(|parameter| is_frozen(std::slice::from_ref(name), &parameter.path))
    };
    if let Some(name) = freeze.iter().find(|name| !meets(name)) {
        let mut known: Vec<&str> = network.iter().map(|parameter| module_of(&parameter.path)).collect();
        known.dedup();
        return Err(StartError::UnknownFrozen { name: name.clone(), known: known.join(", ") });
    }
    let trained = network.iter().filter(|parameter| !parameter.path.contains(".running_"));
    match trained.clone().all(|parameter| is_frozen(freeze, &parameter.path)) {
        true => Err(StartError::AllFrozen),
        false => Ok(()),
    }
}

/// The module that a parameter belongs to: its path without the last name.
fn module_of(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(module, _)| module)
}

fn first_of<'a>(mut names: impl Iterator<Item = &'a str>) -> String {
    let first: Vec<String> = names.by_ref().take(3).map(|name| format!("`{name}`")).collect();
    let more = if names.next().is_some() { ", …" } else { "" };
    format!("{}{more}", first.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NamedTensor;
    use allconv_nets::models;

    fn network(name: &str, classes: usize) -> Network {
        let spec = models::named(name).unwrap().with_width(0.05);
        Network::initialise(&spec, [3, 32, 32], classes, 1, Engine::detect(), &Device::flex()).unwrap()
    }

    fn weights(network: &Network) -> StartWeights {
        StartWeights { sha256: String::new(), tensors: crate::network_tensors(network) }
    }

    fn request(freeze: &[&str]) -> StartRequest {
        StartRequest {
            weights: PathBuf::new(),
            freeze: freeze.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn another_number_of_classes_draws_the_last_layer_anew_and_nothing_else() {
        for (name, last) in [("all_cnn_c", "features.19"), ("resnet20", "fc")] {
            let (given, mut own) = (network(name, 10), network(name, 7));
            let (weights, before) = (weights(&given), own.parameters());
            let settings = weights.settle(&request(&[]), &before).unwrap();
            assert_eq!(settings.drawn, [format!("{last}.weight"), format!("{last}.bias")]);
            assert!(settings.unused.is_empty());
            weights.load_into(&mut own, &settings);
            let trained = given.parameters();
            for ((after, before), trained) in own.parameters().iter().zip(&before).zip(&trained) {
                let expected = if settings.drawn.contains(&after.path) { before } else { trained };
                assert_eq!(after, expected);
            }
        }
    }

    #[test]
    fn another_operator_in_the_slot_leaves_its_parameters_out_by_name() {
        let (pooled, strided) = (network("resnet20", 10), network("resnet20", 10));
        let mut weights = weights(&pooled);
        weights
            .tensors
            .insert("layer2.0.reduction.0.weight".into(), NamedTensor { shape: vec![1], values: vec![0.0] });
        weights.tensors.remove("bn1.bias");
        let settings = weights.settle(&request(&[]), &strided.parameters()).unwrap();
        assert_eq!(settings.drawn, ["bn1.bias"]);
        assert_eq!(settings.unused, ["layer2.0.reduction.0.weight"]);
    }

    #[test]
    fn weights_that_cannot_be_those_of_the_network_are_refused() {
        let own = network("resnet20", 10).parameters();
        let foreign = weights(&network("all_cnn_c", 10)).settle(&request(&[]), &own).unwrap_err();
        assert!(foreign.to_string().contains("another architecture"), "{foreign}");
        let mut wide = weights(&network("resnet20", 10));
        wide.tensors.get_mut("conv1.weight").unwrap().shape = vec![9, 3, 3, 3];
        let error = wide.settle(&request(&[]), &own).unwrap_err().to_string();
        assert!(
            error.contains("`conv1.weight`") && error.contains("[9, 3, 3, 3]") && error.contains("`fc`"),
            "{error}"
        );
    }

    #[test]
    fn frozen_modules_are_found_by_name_and_none_else() {
        let own = network("resnet20", 10).parameters();
        let weights = weights(&network("resnet20", 10));
        assert!(weights.settle(&request(&["conv1", "layer1", "fc.bias"]), &own).is_ok());
        let error = weights.settle(&request(&["layer"]), &own).unwrap_err().to_string();
        assert!(error.contains("`layer`") && error.contains("layer1.0.conv1"), "{error}");
        let all = weights.settle(&request(&["conv1", "bn1", "layer1", "layer2", "layer3", "fc"]), &own);
        assert_eq!(all, Err(StartError::AllFrozen));
        let freeze = ["layer1".to_owned()];
        for (path, frozen) in [("layer1.0.conv1.weight", true), ("layer10.0.weight", false), ("layer1", true)]
        {
            assert_eq!(is_frozen(&freeze, path), frozen, "{path}");
        }
    }
}
