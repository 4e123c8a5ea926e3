//! The parameters of a module by name: reading them and their gradients, changing them in place.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor, TensorData};

use crate::host::to_host;

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

/// The names of the modules that a traversal is in.
#[derive(Default)]
struct ParameterPath {
    names: Vec<String>,
}

impl ParameterPath {
    /// Adds a name to the path, unless it is the variant of an enum, which PyTorch's names do not have.
    fn enter(&mut self, name: &str, container: &str) {
        if !container.starts_with("Enum:") {
            self.names.push(name.to_owned());
        }
    }

    fn leave(&mut self, container: &str) {
        if !container.starts_with("Enum:") {
            self.names.pop();
        }
    }

    fn join(&self) -> String {
        self.names.join(".")
    }
}

/// Returns all parameters of a module in its order.
pub fn parameters_of(module: &impl Module) -> Vec<Parameter> {
    let mut reader = Reader { path: ParameterPath::default(), parameters: Vec::new() };
    module.visit(&mut reader);
    reader.parameters
}

/// Takes the gradient of every parameter of a module out of `gradients`, in its order.
///
/// A parameter that the loss did not depend on is left out, and so are values without a gradient.
pub fn gradients_of(module: &impl Module, gradients: &mut Gradients) -> Vec<Parameter> {
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
        self.parameters.push(Parameter { path: self.path.join(), shape, values: to_host(value) });
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
            self.taken.push(Parameter { path: self.path.join(), shape, values: to_host(gradient) });
        }
    }
}

/// Returns the same module with all parameters in f64, for f64 maps.
pub fn in_double_precision<M: Module>(module: M) -> M {
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

/// Returns the same module, the values of each parameter changed in place by `rule`, which is given its name.
///
/// On the CPU, values that are not shared are changed without a copy.
///
/// # Panics
///
/// When `rule` changes the number of values.
pub fn replaced<M: Module>(module: M, rule: impl FnMut(&str, &mut Vec<f32>)) -> M {
    module.map(&mut Replacer { path: ParameterPath::default(), rule })
}

struct Replacer<F> {
    path: ParameterPath,
    rule: F,
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
            let mut values = to_host(value);
            let count = values.len();
            (self.rule)(&path, &mut values);
            assert_eq!(values.len(), count, "the number of values of `{path}` must not change");
            let value = Tensor::from_data(TensorData::new(values, shape), (&device, dtype));
            if tracked { value.require_grad() } else { value }
        })
    }
}
