//! The list of stages while an architecture writes it: convolutions at the chosen width, and the slot.

use crate::description::{DescriptionError, NetworkSpec};
use crate::downsample::{DownsampleConfig, Slot};
use crate::stage::{ActivationKind, Border, ConvolutionSpec, StageSpec};

/// Collects stages; every convolution is followed by the net's activation.
pub(crate) struct StageBuilder<'a> {
    spec: &'a NetworkSpec,
    activation: ActivationKind,
    stages: Vec<StageSpec>,
    channels: usize,
}

impl<'a> StageBuilder<'a> {
    pub(crate) fn new(spec: &'a NetworkSpec, activation: ActivationKind) -> Self {
        Self { spec, activation, stages: Vec::new(), channels: 0 }
    }

    /// Appends dropout at `rate`, or at the description's `dropout` where that is given.
    ///
    /// A rate of 0 keeps its stage, so that parameter names do not depend on rates.
    pub(crate) fn dropout(&mut self, rate: f64) {
        let rate = self.spec.dropout.unwrap_or(rate);
        self.stages.push(StageSpec::Dropout { rate });
    }

    /// Appends dropout of the input at `rate`, or at the description's `input_dropout` where that is given.
    pub(crate) fn input_dropout(&mut self, rate: f64) {
        let rate = self.spec.input_dropout.unwrap_or(rate);
        self.stages.push(StageSpec::Dropout { rate });
    }

    /// Appends a square convolution to the paper's `channels`, and the activation.
    pub(crate) fn convolution(&mut self, channels: usize, kernel: usize, stride: usize, border: Border) {
        self.channels = self.spec.channels(channels);
        let convolution = ConvolutionSpec::square(self.channels, kernel, stride, border);
        self.stages.push(StageSpec::Convolution(convolution));
        self.stages.push(StageSpec::Activation(self.activation));
    }

    /// Appends the operator of the slot: the description's, or `default`.
    pub(crate) fn downsample(&mut self, default: DownsampleConfig) -> Result<(), DescriptionError> {
        let operator = self.spec.downsample.clone().unwrap_or(default);
        operator.place(&mut Slot::new(&mut self.stages, self.channels, self.activation))
    }

    /// Appends the 1×1 convolution to the classes (with the activation if `last_relu`), and the global average.
    pub(crate) fn finish(mut self, classes: usize, last_relu: bool) -> Vec<StageSpec> {
        let convolution = ConvolutionSpec::square(classes, 1, 1, Border::NONE);
        self.stages.push(StageSpec::Convolution(convolution));
        if self.spec.last_relu.unwrap_or(last_relu) {
            self.stages.push(StageSpec::Activation(self.activation));
        }
        self.stages.push(StageSpec::GlobalAverage);
        self.stages
    }
}
