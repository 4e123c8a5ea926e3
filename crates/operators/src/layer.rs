//! An operator with its parameters, as a Burn module.

use std::any::Any;
use std::fmt::Debug;

use burn::module::{
    Content, Devices, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor, Param,
};
use burn::tensor::{Device, Tensor};

use crate::parameter_source::{ParameterSource, ParameterSpec};

/// The parameters of an operator by name, in the order in which it declares them.
#[derive(Clone, Debug, Default)]
pub struct Parameters(Vec<(String, RankedParameter)>);

/// A parameter of any rank that operators have.
#[derive(Module, Debug)]
enum RankedParameter {
    One(Param<Tensor<1>>),
    Two(Param<Tensor<2>>),
    Three(Param<Tensor<3>>),
    Four(Param<Tensor<4>>),
}

impl RankedParameter {
    fn new(spec: &ParameterSpec, source: &ParameterSource<'_>) -> Self {
        let ParameterSpec { name, shape, start } = spec;
        let start = *start;
        match shape[..] {
            [a] => Self::One(source.parameter(name, [a], start)),
            [a, b] => Self::Two(source.parameter(name, [a, b], start)),
            [a, b, c] => Self::Three(source.parameter(name, [a, b, c], start)),
            [a, b, c, d] => Self::Four(source.parameter(name, [a, b, c, d], start)),
            _ => panic!("a parameter has one to four sizes, not {shape:?}"),
        }
    }

    fn as_any(&self) -> &dyn Any {
        match self {
            Self::One(parameter) => parameter,
            Self::Two(parameter) => parameter,
            Self::Three(parameter) => parameter,
            Self::Four(parameter) => parameter,
        }
    }
}

impl Parameters {
    fn new(specs: &[ParameterSpec], source: &ParameterSource<'_>) -> Self {
        Self(specs.iter().map(|spec| (spec.name.clone(), RankedParameter::new(spec, source))).collect())
    }

    /// Returns the value of the parameter `name`.
    ///
    /// # Panics
    ///
    /// When the operator does not declare a parameter of this name with `D` sizes.
    pub fn get<const D: usize>(&self, name: &str) -> Tensor<D> {
        let found = self.0.iter().find(|(known, _)| known == name);
        match found.and_then(|(_, parameter)| parameter.as_any().downcast_ref::<Param<Tensor<D>>>()) {
            Some(parameter) => parameter.val(),
            None => panic!("the operator declares no parameter `{name}` with {D} sizes"),
        }
    }

    fn each(self, mut change: impl FnMut(&str, RankedParameter) -> RankedParameter) -> Self {
        let changed = self.0.into_iter().map(|(name, parameter)| {
            let parameter = change(&name, parameter);
            (name, parameter)
        });
        Self(changed.collect())
    }
}

/// An operator with its parameters: a stage of a network, or an operator measured alone.
#[derive(Clone, Debug)]
pub struct OperatorLayer<O> {
    operator: O,
    parameters: Parameters,
}

impl<O> OperatorLayer<O> {
    /// Creates `operator` with the initial parameters that `source` gives.
    pub(crate) fn new(operator: O, specs: &[ParameterSpec], source: &ParameterSource<'_>) -> Self {
        Self { operator, parameters: Parameters::new(specs, source) }
    }

    /// Returns the operator.
    pub fn operator(&self) -> &O {
        &self.operator
    }

    /// Returns its parameters.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn each(self, change: impl FnMut(&str, RankedParameter) -> RankedParameter) -> Self {
        Self { operator: self.operator, parameters: self.parameters.each(change) }
    }
}

/// The name of the container of a parameter in Burn.
const CONTAINER: &str = "Operator";

impl<O: Clone + Debug + Send> Module for OperatorLayer<O> {
    fn collect_devices(&self, devices: Devices) -> Devices {
        self.parameters.0.iter().fold(devices, |devices, (_, parameter)| parameter.collect_devices(devices))
    }

    fn fork(self, device: &Device) -> Self {
        self.each(|_, parameter| parameter.fork(device))
    }

    fn to_device(self, device: &Device) -> Self {
        self.each(|_, parameter| parameter.to_device(device))
    }

    fn train(self) -> Self {
        self.each(|_, parameter| parameter.train())
    }

    fn valid(&self) -> Self {
        self.clone().each(|_, parameter| parameter.valid())
    }

    fn materialize(self) -> Self {
        self.each(|_, parameter| parameter.materialize())
    }

    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        for (name, parameter) in &self.parameters.0 {
            visitor.enter_module(name, CONTAINER);
            parameter.visit(visitor);
            visitor.exit_module(name, CONTAINER);
        }
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        self.each(|name, parameter| {
            mapper.enter_module(name, CONTAINER);
            let parameter = parameter.map(mapper);
            mapper.exit_module(name, CONTAINER);
            parameter
        })
    }
}

impl<O: Debug> ModuleDisplayDefault for OperatorLayer<O> {
    fn content(&self, content: Content) -> Option<Content> {
        content.set_top_level_type(&format!("{:?}", self.operator)).optional()
    }
}

impl<O: Debug> ModuleDisplay for OperatorLayer<O> {}
