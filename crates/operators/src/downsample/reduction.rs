//! The interface of downsampling operators that compute by themselves.

use std::any::Any;
use std::ops::Deref;
use std::sync::Arc;

use burn::tensor::Tensor;

use super::downsampling::{Downsampling, Part};
use super::properties::Properties;
use crate::layer::{OperatorLayer, Parameters};
use crate::lowering::{Graph, LoweredSwitches, Value};
use crate::operator::{Operator, Settings};
use crate::parameter_source::{ParameterSource, ParameterSpec};
use crate::pass::Pass;
use crate::shape::{Window, divided};
use crate::switches::{SwitchKind, Switches};

/// A downsampling operator that computes what no other stage computes. It is determined by its settings and the parameters that it
/// declares.
///
/// [`Self::lower`] states the formula of [`Self::compute`] over the nodes of the graph that an export writes.
pub trait Reduction: Operator {
    /// Returns the properties that it has with these settings.
    fn properties(&self) -> Properties;

    /// Returns the input positions that one output position reads, on a map of these channels, rows and columns.
    fn window(&self, input: [usize; 3]) -> Window;

    /// Returns the channels, rows and columns that leave for those that enter (all at least 1), or why they cannot. By default the rule of
    /// the slot: height and width divided by the window's stride and rounded up.
    ///
    /// # Errors
    ///
    /// The reason, as the end of a sentence.
    fn output_shape(&self, input: [usize; 3]) -> Result<[usize; 3], String> {
        Ok(divided(input, self.window(input).stride))
    }

    /// Returns the parameters that it has for an input of these channels, rows and columns.
    fn parameters(&self, input: [usize; 3]) -> Vec<ParameterSpec> {
        let _ = input;
        Vec::new()
    }

    /// Returns the number of multiplications by learned weights for one image.
    fn macs(&self, input: [usize; 3]) -> u64 {
        let _ = input;
        0
    }

    /// Reduces `[n, c, h, w]` to the operator's output shape.
    fn compute(&self, x: Tensor<4>, parameters: &Parameters, pass: &Pass<'_>) -> Tensor<4>;

    /// Adds the nodes that compute it from the map `x` in evaluation.
    fn lower(&self, graph: &mut Graph, x: Value) -> Value;

    /// Returns the kind of switches that it gives to the upsampling operator that undoes it.
    fn switches(&self) -> SwitchKind {
        SwitchKind::None
    }

    /// Computes [`Self::compute`], and the switches.
    fn compute_with_switches(
        &self,
        x: Tensor<4>,
        parameters: &Parameters,
        pass: &Pass<'_>,
    ) -> (Tensor<4>, Switches) {
        (self.compute(x, parameters, pass), Switches::None)
    }

    /// Lowers it as [`Self::lower`] does, and returns the switches of the operator that undoes it as well.
    fn lower_with_switches(&self, graph: &mut Graph, x: Value) -> (Value, LoweredSwitches) {
        (self.lower(graph, x), LoweredSwitches::None)
    }

    /// Returns what [`Downsampling::max_windows`] says.
    fn max_windows(&self) -> Option<[usize; 2]> {
        None
    }

    /// Returns what [`Downsampling::parts`] says: itself, and what a setting adds.
    fn parts(&self, channels: usize) -> Vec<Part>
    where
        Self: Sized + Clone,
    {
        let _ = channels;
        vec![Part::reduction(self.clone())]
    }
}

impl<R: Reduction + Settings> Downsampling for R {
    fn properties(&self) -> Properties {
        Reduction::properties(self)
    }

    fn parts(&self, channels: usize) -> Vec<Part> {
        Reduction::parts(self, channels)
    }

    fn switches(&self) -> SwitchKind {
        Reduction::switches(self)
    }

    fn max_windows(&self) -> Option<[usize; 2]> {
        Reduction::max_windows(self)
    }
}

/// A downsampling operator that computes by itself, as a stage of a network holds it.
#[derive(Clone, Debug)]
pub struct Reducer(Arc<dyn Reduction>);

impl Deref for Reducer {
    type Target = dyn Reduction;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl PartialEq for Reducer {
    fn eq(&self, other: &Self) -> bool {
        let other: &dyn Any = &*other.0;
        self.0.equals(other)
    }
}

impl<R: Reduction> From<R> for Reducer {
    fn from(operator: R) -> Self {
        Self(Arc::new(operator))
    }
}

impl Reducer {
    /// Returns the number of learned parameters for an input of these channels, rows and columns.
    pub fn parameter_count(&self, input: [usize; 3]) -> u64 {
        ParameterSpec::count(&self.parameters(input))
    }

    /// Returns the operator with its parameters, for an input of these channels, rows and columns.
    pub fn layer(&self, input: [usize; 3], source: &ParameterSource<'_>) -> OperatorLayer<Self> {
        OperatorLayer::new(self.clone(), &self.parameters(input), source)
    }
}

impl OperatorLayer<Reducer> {
    /// Reduces `[n, c, h, w]` to the operator's output shape.
    pub fn forward(&self, x: Tensor<4>, pass: &Pass<'_>) -> Tensor<4> {
        self.operator().compute(x, self.parameters(), pass)
    }

    /// Computes [`Self::forward`], and the switches.
    pub fn forward_with_switches(&self, x: Tensor<4>, pass: &Pass<'_>) -> (Tensor<4>, Switches) {
        self.operator().compute_with_switches(x, self.parameters(), pass)
    }
}
