//! Operators that compute something no other stage computes: what the walk and the network ask of them.

use burn::tensor::Tensor;

use crate::parameter_source::ParameterSource;
use crate::pass::Pass;
use crate::switches::Switches;
use crate::walk::Window;

/// What the shape walk asks of an operator that computes something of its own.
pub trait ComputingOperator {
    /// Channels, rows and columns that leave for those that enter (all at least 1), or why they cannot.
    ///
    /// # Errors
    ///
    /// The reason, as the end of a sentence.
    fn output_shape(&self, input: [usize; 3]) -> Result<[usize; 3], String>;

    /// The input cells that one output cell reads, on a map of these channels, rows and columns.
    fn window(&self, input: [usize; 3]) -> Window;

    /// Number of learned values for an input of these channels, rows and columns.
    fn parameters(&self, input: [usize; 3]) -> u64 {
        let _ = input;
        0
    }

    /// Multiplications by learned weights for one image.
    fn macs(&self, input: [usize; 3]) -> u64 {
        let _ = input;
        0
    }
}

/// A computing operator without parameters: its settings are all there is to know.
pub trait FixedOperator: ComputingOperator {
    /// `[n, c, h, w]` to the operator's output shape.
    fn compute(&self, x: Tensor<4>, pass: &Pass<'_>) -> Tensor<4>;

    /// [`Self::compute`], and what the way back up needs.
    fn compute_with_switches(&self, x: Tensor<4>, pass: &Pass<'_>) -> (Tensor<4>, Switches) {
        (self.compute(x, pass), Switches::None)
    }
}

/// A computing operator with parameters, which live in its module.
pub trait LearnedOperator: ComputingOperator {
    /// The module that holds the parameters.
    type Module;

    /// The module for an input of these channels, rows and columns.
    fn module(&self, input: [usize; 3], source: &ParameterSource<'_>) -> Self::Module;
}

/// The rule of the slot: sides divided by the stride and rounded up.
pub(crate) fn divided([channels, height, width]: [usize; 3], stride: usize) -> [usize; 3] {
    [channels, height.div_ceil(stride), width.div_ceil(stride)]
}
