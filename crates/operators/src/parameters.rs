//! Parameters by name: reading, loading, and updating them from gradients.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor, TensorData};

use crate::network::Network;

/// A parameter's value or gradient in host memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name, as in the state dict of the PyTorch twin: `features.N.weight`.
    pub path: String,
    /// Its sizes.
    pub shape: Vec<usize>,
    /// Its elements in row-major order (a convolution's weight: `[c_out, c_in, kh, kw]`).
    pub values: Vec<f32>,
}

/// Why a set of parameters does not fit a network.
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
    /// All parameters in the order of the stages, and with them the running statistics of batch normalisation: what a checkpoint
    /// holds, and a PyTorch state dict but for its `num_batches_tracked`.
    pub fn parameters(&self) -> Vec<Parameter> {
        parameters_of(self)
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
        gradients_of(self, gradients)
    }

    /// The same network with all parameters in f64; inputs must be f64 then too.
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
    pub fn replace(&mut self, rule: impl FnMut(&str, &mut Vec<f32>)) {
        let mut replacer = Replacer { path: ParameterPath::default(), rule };
        // Taken out, so that the values are not shared with `self` while they change.
        replacer.path.enter("features", "Struct:Network");
        self.features = std::mem::take(&mut self.features).map(&mut replacer);
    }
}

/// The names of the modules that a traversal is in.
#[derive(Default)]
pub(crate) struct ParameterPath {
    names: Vec<String>,
}

impl ParameterPath {
    /// The variant of an enum is no name of PyTorch's, and is left out.
    pub(crate) fn enter(&mut self, name: &str, container: &str) {
        if !container.starts_with("Enum:") {
            self.names.push(name.to_owned());
        }
    }

    pub(crate) fn leave(&mut self, container: &str) {
        if !container.starts_with("Enum:") {
            self.names.pop();
        }
    }

    pub(crate) fn join(&self) -> String {
        self.names.join(".")
    }
}

/// The elements of a tensor in host memory, as f32.
fn host_values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    match tensor.into_data().try_into_vec_as::<f32>() {
        Ok(values) => values,
        Err(error) => panic!("a parameter could not be read from its device: {error}"),
    }
}

/// All parameters of a module in its order.
pub(crate) fn parameters_of(module: &impl Module) -> Vec<Parameter> {
    let mut reader = Reader { path: ParameterPath::default(), parameters: Vec::new() };
    module.visit(&mut reader);
    reader.parameters
}

/// See [`Network::gradients`].
pub(crate) fn gradients_of(module: &impl Module, gradients: &mut Gradients) -> Vec<Parameter> {
    let mut taker = GradientTaker { path: ParameterPath::default(), gradients, taken: Vec::new() };
    module.visit(&mut taker);
    taker.taken
}

struct Reader {
    path: ParameterPath,
    parameters: Vec<Parameter>,
}

impl ModuleVisitor for Reader {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.leave(container);
    }

    fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
        let value = parameter.val();
        let shape = value.dims().to_vec();
        self.parameters.push(Parameter { path: self.path.join(), shape, values: host_values(value) });
    }
}

struct GradientTaker<'a> {
    path: ParameterPath,
    gradients: &'a mut Gradients,
    taken: Vec<Parameter>,
}

impl ModuleVisitor for GradientTaker<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.leave(container);
    }

    fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
        if let Some(gradient) = parameter.val().grad_remove(self.gradients) {
            let shape = gradient.dims().to_vec();
            self.taken.push(Parameter { path: self.path.join(), shape, values: host_values(gradient) });
        }
    }
}

/// See [`Network::in_double_precision`].
pub(crate) fn in_double_precision<M: Module>(module: M) -> M {
    module.map(&mut Caster)
}

/// Casts every parameter to f64.
struct Caster;

impl ModuleMapper for Caster {
    fn map_float<const D: usize>(&mut self, parameter: Param<Tensor<D>>) -> Param<Tensor<D>> {
        parameter.map(|value| {
            let tracked = value.is_require_grad();
            let value = value.cast(burn::tensor::DType::F64).detach();
            if tracked { value.require_grad() } else { value }
        })
    }
}

/// Lets `rule` change the values of each parameter that it visits, given its name.
pub(crate) struct Replacer<F> {
    pub(crate) path: ParameterPath,
    pub(crate) rule: F,
}

impl<F: FnMut(&str, &mut Vec<f32>)> ModuleMapper for Replacer<F> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.leave(container);
    }

    fn map_float<const D: usize>(&mut self, parameter: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let path = self.path.join();
        parameter.map(|value| {
            let (shape, device, tracked) = (value.dims(), value.device(), value.is_require_grad());
            let dtype = value.dtype();
            let mut values = host_values(value);
            let count = values.len();
            (self.rule)(&path, &mut values);
            assert_eq!(values.len(), count, "the number of values of `{path}` must not change");
            let value = Tensor::from_data(TensorData::new(values, shape), (&device, dtype));
            if tracked { value.require_grad() } else { value }
        })
    }
}
