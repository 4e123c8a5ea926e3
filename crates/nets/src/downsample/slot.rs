//! The slot of a network: the place where an operator appends its stages.

use crate::description::{DescriptionError, out_of_range};
use crate::stage::{ActivationKind, ConvolutionSpec, StageSpec};

/// The stages before the slot, to which an operator appends its own.
pub struct Slot<'a> {
    stages: &'a mut Vec<StageSpec>,
    channels: usize,
    activation: ActivationKind,
}

impl<'a> Slot<'a> {
    /// A slot behind `stages`, which end in `channels` channels, in a net with this activation.
    pub fn new(stages: &'a mut Vec<StageSpec>, channels: usize, activation: ActivationKind) -> Self {
        Self { stages, channels, activation }
    }

    /// Channels that enter the slot.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Appends a stage that does not mix channels by learned weights: no activation follows.
    pub fn push(&mut self, stage: StageSpec) {
        self.stages.push(stage);
    }

    /// Appends a convolution, and the net's activation, since it mixes channels by learned weights.
    pub fn push_convolution(&mut self, convolution: ConvolutionSpec) {
        self.stages.push(StageSpec::Convolution(convolution));
        self.stages.push(StageSpec::Activation(self.activation));
    }

    /// The convolution whose activation (and dropout, if any) the slot follows.
    pub fn preceding_convolution(&mut self) -> Option<&mut ConvolutionSpec> {
        self.stages
            .iter_mut()
            .rev()
            .find(|stage| !matches!(stage, StageSpec::Activation(_) | StageSpec::Dropout { .. }))
            .and_then(|stage| match stage {
                StageSpec::Convolution(convolution) => Some(convolution),
                _ => None,
            })
    }
}

/// What every value of the slot says about itself.
pub trait Operator: Sized {
    /// Its name, as in a study file.
    const NAME: &'static str;

    /// Raised by whoever changes the values that the operator computes: runs before and after are then told apart.
    const REVISION: u32;

    /// Its default, and each setting worth a test of its own.
    fn examples() -> Vec<Self>;

    /// Refuses settings that are out of range.
    ///
    /// # Errors
    ///
    /// The field, its value and the range.
    fn check(&self) -> Result<(), DescriptionError>;

    /// Appends its stages to the slot.
    ///
    /// # Errors
    ///
    /// A place where it cannot stand.
    fn place(&self, slot: &mut Slot<'_>) -> Result<(), DescriptionError>;
}

/// Refuses a kernel or stride of 0, or above 64 cells.
pub(crate) fn check_cells(operator: &str, field: &str, cells: usize) -> Result<(), DescriptionError> {
    if (1..=64).contains(&cells) {
        return Ok(());
    }
    Err(out_of_range(&format!("downsample.{operator}.{field}"), cells, "from 1 to 64"))
}
