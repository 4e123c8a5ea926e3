//! A network with its description, its weights and their origin.

use std::fmt;
use std::path::{Path, PathBuf};

use allconv_kernels::{Accuracy, Engine, Isa};
use allconv_nets::layers::Stage;
use allconv_nets::{Initialisation, Network, NetworkSpec, Walk, walk, walk_stages};
use allconv_record::RecordError;
use allconv_train::load_tensors;
use burn::module::Module;
use burn::tensor::Device;

use crate::{FittedWeights, InspectError, read_weights};

/// The origin of a network's weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WeightOrigin {
    /// A file, e.g. a checkpoint.
    File(PathBuf),
    /// The initial weights of an untrained network.
    Untrained,
}

impl fmt::Display for WeightOrigin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "weights of {}", path.display()),
            Self::Untrained => write!(formatter, "untrained weights"),
        }
    }
}

/// The kind of a network's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputType {
    /// One class for an image.
    Class,
    /// A class for every pixel.
    Regions,
    /// A picture.
    Picture,
}

/// A network to measure, explain or predict with.
pub struct Subject {
    name: String,
    origin: WeightOrigin,
    initialisation: Initialisation,
    walk: Walk,
    classes: usize,
    output_type: OutputType,
    seed: u64,
    device: Device,
    tracked: Network,
    plain: Network,
    notes: Vec<String>,
}

/// The description of a network without weights.
#[derive(Clone, Debug)]
pub struct Blueprint {
    /// Its name in tables and captions.
    pub name: String,
    /// Its description, resolved.
    pub spec: NetworkSpec,
    /// Channels, rows and columns of an image.
    pub input: [usize; 3],
    /// Number of classes, or of channels of the map that it returns.
    pub classes: usize,
    /// The kind of its output.
    pub output_type: OutputType,
    /// The seed its weights start from.
    pub seed: u64,
    /// Accuracy class of its arithmetic.
    pub accuracy: Accuracy,
}

impl Subject {
    /// Builds the network on `device`, with the weights of a safetensors file or, without one, with initial weights.
    ///
    /// # Errors
    /// [`InspectError::Description`]; [`InspectError::Weights`] when they are those of another network.
    pub fn new(
        blueprint: Blueprint,
        weights: Option<&Path>,
        isa: Isa,
        device: &Device,
    ) -> Result<Subject, InspectError> {
        let Blueprint { name, spec, input, classes, output_type, seed, accuracy } = blueprint;
        let walk = walk(&spec, input, classes)?;
        if let Some(file) = weights {
            check_length(file, &walk, &name)?;
        }
        let engine = Engine::new(isa, accuracy);
        let tracked =
            Network::from_walk(&walk, spec.initialisation, seed, engine, &device.clone().autodiff());
        let untrained = Subject {
            name,
            origin: WeightOrigin::Untrained,
            initialisation: spec.initialisation,
            walk,
            classes,
            output_type,
            seed,
            device: device.clone(),
            plain: tracked.valid(),
            tracked,
            notes: Vec::new(),
        };
        match weights {
            None => Ok(untrained),
            Some(file) => untrained.with_weights(file),
        }
    }

    /// Returns its name in tables and captions.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the origin of its weights.
    pub fn origin(&self) -> &WeightOrigin {
        &self.origin
    }

    /// Returns its stages and their shapes.
    pub fn walk(&self) -> &Walk {
        &self.walk
    }

    /// Returns the kind of its output.
    pub fn output_type(&self) -> OutputType {
        self.output_type
    }

    /// Returns the number of classes, or of channels of the map that it returns.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Returns the seed its weights started from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns what was done to the weights of a file so that they fit, one sentence each.
    pub fn weight_notes(&self) -> &[String] {
        &self.notes
    }

    /// Returns the network on a device with autodiff.
    pub fn tracked(&self) -> &Network {
        &self.tracked
    }

    /// Returns the network for passes without gradients.
    pub fn plain(&self) -> &Network {
        &self.plain
    }

    /// Returns the same network with all values in f64, on a device with autodiff.
    pub fn in_double_precision(&self) -> Network {
        self.tracked.clone().in_double_precision()
    }

    /// Returns the same network with initial weights from `seed`, on a device with autodiff.
    pub fn untrained(&self, seed: u64) -> Network {
        let engine = self.tracked.engine().clone();
        Network::from_walk(&self.walk, self.initialisation, seed, engine, &self.device.clone().autodiff())
    }

    /// Returns the same network with other weights.
    pub(crate) fn with_network(&self, tracked: Network) -> Subject {
        Subject {
            name: self.name.clone(),
            origin: self.origin.clone(),
            initialisation: self.initialisation,
            walk: self.walk.clone(),
            classes: self.classes,
            output_type: self.output_type,
            seed: self.seed,
            device: self.device.clone(),
            plain: tracked.valid(),
            tracked,
            notes: self.notes.clone(),
        }
    }

    /// Returns the same network with the weights of a file.
    ///
    /// # Errors
    /// [`InspectError::Weights`] when they are those of another network.
    pub fn with_weights(&self, file: &Path) -> Result<Subject, InspectError> {
        let mut tracked = self.tracked.clone();
        let names: Vec<String> = tracked.parameters().into_iter().map(|parameter| parameter.path).collect();
        let FittedWeights { tensors, notes } = read_weights(file, &names)?;
        load_tensors(&mut tracked, &tensors).map_err(|error| InspectError::Weights {
            weights: file.to_path_buf(),
            network: self.name.clone(),
            reason: error.to_string(),
        })?;
        Ok(Subject { origin: WeightOrigin::File(file.to_path_buf()), notes, ..self.with_network(tracked) })
    }

    /// Returns the stage before the convolution to the classes, or before a global average in front of it: the last map whose channels are features.
    ///
    /// # Errors
    /// [`InspectError::Request`] for a network without one.
    pub fn last_feature_stage(&self) -> Result<usize, InspectError> {
        let stages = self.tracked.stages();
        let class_convolution = stages.iter().rposition(|stage| matches!(stage, Stage::Convolution(_)));
        let average = stages.iter().position(|stage| matches!(stage, Stage::GlobalAverage(_)));
        let head = class_convolution.map(|last| average.map_or(last, |average| average.min(last)));
        head.and_then(|stage| stage.checked_sub(1)).ok_or_else(|| {
            InspectError::Request("the network has no stage before its last convolution".into())
        })
    }

    /// Returns the stage that stands for the whole network: the last features, or the map that it returns.
    ///
    /// # Errors
    /// [`InspectError::Request`] for a network without one.
    pub fn whole_stage(&self) -> Result<usize, InspectError> {
        match self.output_type {
            OutputType::Class => self.last_feature_stage(),
            OutputType::Regions | OutputType::Picture => Ok(self.walk.stages.len() - 1),
        }
    }

    /// Returns the walk of the same network over images of another size.
    ///
    /// # Errors
    /// [`InspectError::Request`] for a network with parameters for one input size only; [`InspectError::Description`] when a stage
    /// cannot process the image.
    pub(crate) fn walk_over(&self, size: [usize; 2]) -> Result<Walk, InspectError> {
        let stages: Vec<_> = self.walk.stages.iter().map(|stage| stage.stage.clone()).collect();
        let other = walk_stages(&stages, [self.walk.input[0], size[0], size[1]])?;
        let shapes = |walk| {
            let engine = self.plain.engine().clone();
            let network = Network::from_walk(walk, Initialisation::He, 0, engine, &Device::flex());
            network.parameters().into_iter().map(|parameter| parameter.shape).collect::<Vec<_>>()
        };
        match shapes(&other) == shapes(&self.walk) {
            true => Ok(other),
            false => Err(InspectError::Request(
                "this network has parameters for one input size only, and takes no crops".to_owned(),
            )),
        }
    }

    /// Returns the label of a stage, e.g. `features.4 relu`.
    pub fn stage_label(&self, stage: usize) -> String {
        self.walk.stages[stage].label()
    }
}

/// Bytes of a number of the shortest type.
const FEWEST_BYTES: u64 = 2;

/// Refuses a file that is too short for the parameters of the network, before memory is taken for them.
fn check_length(file: &Path, walk: &Walk, network: &str) -> Result<(), InspectError> {
    let found = std::fs::metadata(file).map_err(RecordError::io("read", file))?.len();
    let wanted = walk.parameters().saturating_mul(FEWEST_BYTES);
    match found >= wanted {
        true => Ok(()),
        false => Err(InspectError::Weights {
            weights: file.to_path_buf(),
            network: network.to_owned(),
            reason: format!("it has {found} bytes, and the parameters need {wanted}"),
        }),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use allconv_nets::models;

    impl Subject {
        /// Returns the network of a walk with initial weights.
        pub(crate) fn of_walk(walk: Walk, classes: usize, output_type: OutputType) -> Subject {
            let (device, initialisation, seed) = (Device::flex(), Initialisation::He, 5);
            let tracked =
                Network::from_walk(&walk, initialisation, seed, Engine::detect(), &device.clone().autodiff());
            let (name, origin, plain) = ("test".to_owned(), WeightOrigin::Untrained, tracked.valid());
            let notes = Vec::new();
            Subject {
                name,
                origin,
                initialisation,
                walk,
                classes,
                output_type,
                seed,
                device,
                plain,
                tracked,
                notes,
            }
        }
    }

    /// Returns a narrow model for drawn images of 16×16 pixels in 10 classes, untrained.
    pub(crate) fn subject(model: &str) -> Subject {
        let spec = NetworkSpec { last_relu: Some(false), ..models::named(model).unwrap().with_width(0.1) };
        let blueprint = Blueprint {
            name: model.to_owned(),
            spec: spec.resolved(),
            input: [3, 16, 16],
            classes: 10,
            output_type: OutputType::Class,
            seed: 3,
            accuracy: Accuracy::F32,
        };
        Subject::new(blueprint, None, Isa::detect(), &Device::flex()).unwrap()
    }

    #[test]
    fn the_last_features_are_those_before_the_class_convolution() {
        let subject = subject("all_cnn_c");
        let stage = subject.last_feature_stage().unwrap();
        assert_eq!(subject.walk().stages[stage + 1].output[0], 10);
        assert_eq!(subject.origin(), &WeightOrigin::Untrained);
        assert_eq!(subject.untrained(3).parameters(), subject.tracked().parameters());
        assert_ne!(subject.untrained(4).parameters(), subject.tracked().parameters());
    }

    #[test]
    fn the_last_features_of_a_network_with_a_fully_connected_layer_are_those_before_its_average() {
        let subject = subject("resnet20");
        let stage = subject.last_feature_stage().unwrap();
        assert_eq!(subject.walk().stages[stage].output[1..], [4, 4]);
        assert_eq!(subject.stage_label(stage + 1), "avgpool global average");
    }
}
