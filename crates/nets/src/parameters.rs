//! The parameters of a network by name: reading, loading, changing in place, and their gradients.

use std::collections::BTreeMap;

use allconv_operators::parameters::{Parameter, gradients_of, in_double_precision, parameters_of, replaced};
use burn::tensor::Gradients;

use crate::network::Network;
use crate::stage_name::{given_out, named};

/// A set of parameters that does not fit a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// The network has a parameter that the set lacks.
    #[error("parameter `{path}` is missing; the network expects it with shape {shape:?}")]
    Missing {
        /// Name of the parameter.
        path: String,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// The set holds a parameter that the network does not have.
    #[error("parameter `{path}` does not belong to this network; is it of another architecture or slot?")]
    Unexpected {
        /// Name of the parameter.
        path: String,
    },
    /// A parameter has another shape than the network's.
    #[error("parameter `{path}` has shape {found:?} with {values} values; the network expects {expected:?}")]
    Shape {
        /// Name of the parameter.
        path: String,
        /// The shape found.
        found: Vec<usize>,
        /// The number of values found.
        values: usize,
        /// The network's shape.
        expected: Vec<usize>,
    },
}

impl Network {
    /// Returns all parameters in the order of the stages, and with them the running statistics of batch normalisation: what a checkpoint
    /// holds, and a PyTorch state dict but for its `num_batches_tracked`.
    pub fn parameters(&self) -> Vec<Parameter> {
        parameters_of(self).into_iter().map(|parameter| given_out(&self.names, parameter)).collect()
    }

    /// Replaces every parameter by that of the same name.
    ///
    /// # Errors
    ///
    /// The first name that is missing, unexpected, or has another shape; then nothing has been replaced.
    pub fn load_parameters(&mut self, parameters: Vec<Parameter>) -> Result<(), ParameterError> {
        let mut by_path: BTreeMap<String, Parameter> =
            parameters.into_iter().map(|parameter| (parameter.path.clone(), parameter)).collect();
        let own = self.parameters();
        for Parameter { path, shape, values } in &own {
            let given = by_path
                .get(path)
                .ok_or_else(|| ParameterError::Missing { path: path.clone(), shape: shape.clone() })?;
            if given.shape != *shape || given.values.len() != values.len() {
                return Err(ParameterError::Shape {
                    path: path.clone(),
                    found: given.shape.clone(),
                    values: given.values.len(),
                    expected: shape.clone(),
                });
            }
        }
        if let Some(path) = by_path.keys().find(|path| own.iter().all(|own| own.path != **path)) {
            return Err(ParameterError::Unexpected { path: path.clone() });
        }
        self.replace(|path, values| {
            if let Some(parameter) = by_path.remove(path) {
                *values = parameter.values;
            }
        });
        Ok(())
    }

    /// Takes every parameter's gradient out of `gradients`, in the order of the stages.
    ///
    /// A parameter that the loss did not depend on is left out, and so are running statistics, which have no gradient.
    pub fn gradients(&self, gradients: &mut Gradients) -> Vec<Parameter> {
        let gradients = gradients_of(self, gradients).into_iter();
        gradients.map(|gradient| given_out(&self.names, gradient)).collect()
    }

    /// Returns the same network with all parameters in f64; inputs must be f64 then too.
    #[must_use]
    pub fn in_double_precision(self) -> Self {
        in_double_precision(self)
    }

    /// Lets `rule` change the values of each parameter in place, given its name.
    ///
    /// On the CPU values that nothing else holds are changed without a copy.
    ///
    /// # Panics
    ///
    /// When `rule` changes the number of values.
    pub fn replace(&mut self, mut rule: impl FnMut(&str, &mut Vec<f32>)) {
        // Taken out, so that the values are not shared with `self` while they change.
        let features = std::mem::take(&mut self.features);
        let names = &self.names;
        self.features = replaced(features, |path, values| rule(&named(names, path), values));
    }
}
