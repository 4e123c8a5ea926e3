//! The builder of a list of stages: convolutions at the chosen width, and the slot.

use allconv_operators::{Border, ConvolutionSpec, InitialWeights};

use super::layout::SharedSettings;
use crate::error::DescriptionError;
use crate::norm::Norm;
use crate::slot::Slot;
use crate::stage::{ActivationKind, StageSpec};

/// Collects the stages of a resolved description; every convolution is followed by the net's normalisation, if it has one,
/// and its activation.
pub(crate) struct StageBuilder<'a> {
    shared: &'a SharedSettings<'a>,
    activation: ActivationKind,
    norm: Norm,
    stages: Vec<StageSpec>,
    channels: usize,
    dilation: usize,
    convolutions: usize,
}

impl<'a> StageBuilder<'a> {
    pub(crate) fn new(shared: &'a SharedSettings<'a>, activation: ActivationKind) -> Self {
        Self {
            shared,
            activation,
            norm: Norm::None,
            stages: Vec::new(),
            channels: 0,
            dilation: 1,
            convolutions: 0,
        }
    }

    /// Returns the same builder for a net whose convolutions are followed by `norm`.
    pub(crate) fn normalised(self, norm: Norm) -> Self {
        Self { norm, ..self }
    }

    /// Appends dropout at the description's rate, or at `table_rate` where the description leaves it to the table.
    ///
    /// A rate of 0 keeps its stage, so that parameter names do not depend on rates.
    pub(crate) fn dropout(&mut self, table_rate: f64) {
        let rate = self.shared.dropout.unwrap_or(table_rate);
        self.stages.push(StageSpec::Dropout { rate });
    }

    /// Appends dropout of the input at the description's rate.
    pub(crate) fn input_dropout(&mut self) {
        self.stages.push(StageSpec::Dropout { rate: self.shared.input_dropout });
    }

    /// Appends a square convolution to the paper's `channels`, the normalisation and the activation.
    pub(crate) fn convolution(&mut self, channels: usize, kernel: usize, stride: usize, border: Border) {
        self.channels = self.shared.channels(channels as f64, self.convolutions);
        self.convolutions += 1;
        let convolution =
            ConvolutionSpec::square(self.channels, kernel, stride, border).dilated(self.dilation);
        self.stages.push(StageSpec::Convolution(convolution));
        self.stages.extend(self.norm.stage(self.channels, InitialWeights::Drawn));
        self.stages.push(StageSpec::Activation(self.activation));
    }

    /// Appends the operator in the description's slot; returns whether there is one.
    pub(crate) fn downsample(&mut self) -> Result<bool, DescriptionError> {
        let Some(operator) = self.shared.downsample else { return Ok(false) };
        let slot = Slot::new(&mut self.stages, self.channels, self.activation).normalised(self.norm);
        self.dilation *= slot.place(operator)?;
        Ok(true)
    }

    /// Appends the 1×1 convolution to the classes (with the activation if `last_relu`), and the global average.
    pub(crate) fn finish(mut self, classes: usize) -> Vec<StageSpec> {
        let initial = self
            .shared
            .last_scale
            .map_or(InitialWeights::Drawn, |scale| InitialWeights::Scaled(scale as f32));
        let convolution = ConvolutionSpec::square(classes, 1, 1, Border::NONE);
        self.stages.push(StageSpec::Convolution(ConvolutionSpec { initial, ..convolution }));
        if self.shared.last_relu {
            self.stages.push(StageSpec::Activation(self.activation));
        }
        self.stages.push(StageSpec::GlobalAverage);
        self.stages
    }
}
