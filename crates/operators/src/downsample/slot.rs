//! The slot of a network: the place where an operator appends its stages.

use super::DownsampleConfig;
use super::promises::Promises;
use crate::architectures::Norm;
use crate::card::Card;
use crate::description::DescriptionError;
use crate::stage::{ActivationKind, ConvolutionSpec, InitialWeights, StageSpec};
use crate::switches::SwitchKind;

/// The stages before the slot, to which an operator appends its own.
pub struct Slot<'a> {
    stages: &'a mut Vec<StageSpec>,
    channels: usize,
    activation: ActivationKind,
    norm: Norm,
    dilation: usize,
}

impl<'a> Slot<'a> {
    /// A slot behind `stages`, which end in `channels` channels, in a net with this activation.
    pub fn new(stages: &'a mut Vec<StageSpec>, channels: usize, activation: ActivationKind) -> Self {
        Self { stages, channels, activation, norm: Norm::None, dilation: 1 }
    }

    /// The same slot in a net whose convolutions are followed by `norm`.
    #[must_use]
    pub fn normalised(self, norm: Norm) -> Self {
        Self { norm, ..self }
    }

    /// Channels that enter the slot.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Appends a stage that does not mix channels by learned weights: no activation follows.
    pub fn push(&mut self, stage: StageSpec) {
        self.stages.push(stage);
    }

    /// Appends a convolution, and the net's normalisation and activation, since it mixes channels by learned weights.
    pub fn push_convolution(&mut self, convolution: ConvolutionSpec) {
        self.push_linear_convolution(convolution);
        self.stages.push(StageSpec::Activation(self.activation));
    }

    /// Appends a convolution and the net's normalisation, without activation.
    pub fn push_linear_convolution(&mut self, convolution: ConvolutionSpec) {
        self.stages.push(StageSpec::Convolution(convolution));
        self.stages.extend(self.norm.stage(convolution.channels_out, InitialWeights::Drawn));
    }

    /// Asks for every later convolution of the net to be dilated by `factor`, on top of what it is.
    pub fn dilate_what_follows(&mut self, factor: usize) {
        self.dilation *= factor;
    }

    /// The factor by which later convolutions are to be dilated.
    pub fn dilation(&self) -> usize {
        self.dilation
    }

    /// The convolution whose activation (with normalisation and dropout, if any) the slot follows.
    pub fn preceding_convolution(&mut self) -> Option<&mut ConvolutionSpec> {
        self.stages
            .iter_mut()
            .rev()
            .find(|stage| {
                !matches!(
                    stage,
                    StageSpec::Activation(_) | StageSpec::Dropout { .. } | StageSpec::Normalise(_)
                )
            })
            .and_then(|stage| match stage {
                StageSpec::Convolution(convolution) => Some(convolution),
                _ => None,
            })
    }
}

/// What every value of the slot says about itself.
pub trait Operator: Clone + Into<DownsampleConfig> {
    /// Its name, as in a study file.
    const NAME: &'static str;

    /// Raised by whoever changes the values that the operator computes: runs before and after are then told apart.
    const REVISION: u32;

    /// What it is, in words.
    const CARD: Card;

    /// Its default, and each setting worth a test of its own.
    fn examples() -> Vec<Self>;

    /// What holds for it with these settings.
    fn promises(&self) -> Promises;

    /// Refuses settings that are out of range.
    ///
    /// # Errors
    ///
    /// The field, its value and the range.
    fn check(&self) -> Result<(), DescriptionError>;

    /// What it hands over to the upsampling operator that undoes it.
    fn switches(&self) -> SwitchKind {
        SwitchKind::None
    }

    /// Appends its stages to the slot: one stage of its own, unless it is made of others.
    ///
    /// # Errors
    ///
    /// A place where it cannot stand.
    fn place(&self, slot: &mut Slot<'_>) -> Result<(), DescriptionError> {
        slot.push(StageSpec::Downsample(self.clone().into()));
        Ok(())
    }
}
