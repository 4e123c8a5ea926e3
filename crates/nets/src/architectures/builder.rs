//! The list of stages while an architecture writes it: convolutions at the chosen width, and the slot.

use super::norm::Norm;
use crate::description::{DescriptionError, NetworkSpec};
use crate::downsample::Slot;
use crate::stage::{ActivationKind, Border, ConvolutionSpec, InitialWeights, StageSpec};

/// Collects the stages of a resolved description; every convolution is followed by the net's normalisation, if it has one,
/// and its activation.
pub(crate) struct StageBuilder<'a> {
    spec: &'a NetworkSpec,
    activation: ActivationKind,
    norm: Norm,
    stages: Vec<StageSpec>,
    channels: usize,
    dilation: usize,
    convolutions: usize,
}

impl<'a> StageBuilder<'a> {
    pub(crate) fn new(spec: &'a NetworkSpec, activation: ActivationKind) -> Self {
        Self {
            spec,
            activation,
            norm: Norm::None,
            stages: Vec::new(),
            channels: 0,
            dilation: 1,
            convolutions: 0,
        }
    }

    /// The same builder for a net whose convolutions are followed by `norm`.
    pub(crate) fn normalised(self, norm: Norm) -> Self {
        Self { norm, ..self }
    }

    /// Appends dropout at the description's rate, or at `table_rate` where the description leaves it to the table.
    ///
    /// A rate of 0 keeps its stage, so that parameter names do not depend on rates.
    pub(crate) fn dropout(&mut self, table_rate: f64) {
        let rate = self.spec.dropout.unwrap_or(table_rate);
        self.stages.push(StageSpec::Dropout { rate });
    }

    /// Appends dropout of the input at the description's rate.
    pub(crate) fn input_dropout(&mut self) {
        let rate = self.spec.input_dropout.unwrap_or(0.0);
        self.stages.push(StageSpec::Dropout { rate });
    }

    /// Appends a square convolution to the paper's `channels`, the normalisation and the activation.
    pub(crate) fn convolution(&mut self, channels: usize, kernel: usize, stride: usize, border: Border) {
        self.channels = self.spec.channels(channels, self.convolutions);
        self.convolutions += 1;
        let convolution =
            ConvolutionSpec::square(self.channels, kernel, stride, border).dilated(self.dilation);
        self.stages.push(StageSpec::Convolution(convolution));
        self.stages.extend(self.norm.stage(self.channels, InitialWeights::Drawn));
        self.stages.push(StageSpec::Activation(self.activation));
    }

    /// Appends the operator in the description's slot; says whether there is one.
    pub(crate) fn downsample(&mut self) -> Result<bool, DescriptionError> {
        let Some(operator) = &self.spec.downsample else { return Ok(false) };
        let mut slot = Slot::new(&mut self.stages, self.channels, self.activation).normalised(self.norm);
        operator.place(&mut slot)?;
        self.dilation *= slot.dilation();
        Ok(true)
    }

    /// Appends the 1×1 convolution to the classes (with the activation if `last_relu`), and the global average.
    pub(crate) fn finish(mut self, classes: usize) -> Vec<StageSpec> {
        let initial =
            self.spec.last_scale.map_or(InitialWeights::Drawn, |scale| InitialWeights::Scaled(scale as f32));
        let convolution = ConvolutionSpec::square(classes, 1, 1, Border::NONE);
        self.stages.push(StageSpec::Convolution(ConvolutionSpec { initial, ..convolution }));
        if self.spec.last_relu == Some(true) {
            self.stages.push(StageSpec::Activation(self.activation));
        }
        self.stages.push(StageSpec::GlobalAverage);
        self.stages
    }
}
