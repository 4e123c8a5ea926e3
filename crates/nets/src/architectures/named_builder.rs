//! The list of stages of a network that is known under names of its own, while an architecture writes it.

use allconv_operators::{Bias, Border, ConvolutionSpec, DownsampleConfig, InitialWeights};

use super::layout::SharedSettings;
use crate::error::DescriptionError;
use crate::norm::Norm;
use crate::slot::Slot;
use crate::stage::{ActivationKind, StageSpec};
use crate::stage_name::StageName;
use crate::walk::walk_stages;

/// A height and width that every operator accepts, where only channels are asked for.
const LARGE: usize = 64;

const ACTIVATION: ActivationKind = ActivationKind::Relu;

/// Collects the stages of a resolved description with their names.
pub(super) struct NamedBuilder<'a> {
    shared: &'a SharedSettings<'a>,
    norm: Norm,
    bias: Bias,
    stages: Vec<StageSpec>,
    names: Vec<StageName>,
    channels: usize,
    dilation: usize,
}

impl<'a> NamedBuilder<'a> {
    /// An empty list, but for the dropout of the input at the description's rate, for a network whose convolutions have this bias and are followed
    /// by `norm`.
    pub(super) fn new(shared: &'a SharedSettings<'a>, norm: Norm, bias: Bias) -> Self {
        let (stages, names) = (Vec::new(), Vec::new());
        let mut net = Self { shared, norm, bias, stages, names, channels: 0, dilation: 1 };
        net.push("input", StageSpec::Dropout { rate: shared.input_dropout });
        net
    }

    /// Channels of the map here; 0 before the first convolution.
    pub(super) fn channels(&self) -> usize {
        self.channels
    }

    /// Goes on as if the map here had this many channels: behind [`StageSpec::Exchange`], and behind zeros that are joined to it.
    pub(super) fn has_channels(&mut self, channels: usize) {
        self.channels = channels;
    }

    /// Appends a stage without parameters.
    pub(super) fn push(&mut self, name: &str, stage: StageSpec) {
        self.names.push(StageName::of_module(name));
        self.stages.push(stage);
    }

    /// Appends a convolution that keeps height and width but for its stride, with the dilation that operators before it have asked for, and the
    /// normalisation, if there is one, under these names.
    pub(super) fn convolution(
        &mut self,
        [name, norm]: [&str; 2],
        channels: usize,
        [kernel, stride]: [usize; 2],
    ) {
        let spec = ConvolutionSpec::square(channels, kernel, stride, Border::same(kernel));
        let spec = ConvolutionSpec { bias: self.bias, ..spec.dilated(self.dilation) };
        self.stages.push(StageSpec::Convolution(spec));
        self.names.push(StageName::of_module(name));
        self.channels = channels;
        if let Some(stage) = self.norm.stage(channels, InitialWeights::Drawn) {
            self.stages.push(stage);
            self.names.push(StageName::of_module(norm));
        }
    }

    pub(super) fn activate(&mut self, name: &str) {
        self.push(name, StageSpec::Activation(ACTIVATION));
    }

    /// Appends dropout at the description's rate, or at `table_rate` where the description leaves it to the table.
    pub(super) fn dropout(&mut self, name: &str, table_rate: f64) {
        self.push(name, StageSpec::Dropout { rate: self.shared.dropout.unwrap_or(table_rate) });
    }

    /// Appends the operator; its parts are called `name.0`, `name.1`, …. Later convolutions take its dilation over.
    pub(super) fn downsample(
        &mut self,
        operator: &DownsampleConfig,
        name: &str,
    ) -> Result<(), DescriptionError> {
        let (_, dilation) = self.place(operator, name)?;
        self.dilation *= dilation;
        Ok(())
    }

    /// Appends the operator on a side branch, whose dilation is not that of the convolutions behind the branch; returns the number of its parts.
    pub(super) fn downsample_aside(
        &mut self,
        operator: &DownsampleConfig,
        name: &str,
    ) -> Result<usize, DescriptionError> {
        self.place(operator, name).map(|(parts, _)| parts)
    }

    /// Appends the operator; returns the number of its parts and the dilation that it asks for.
    fn place(&mut self, operator: &DownsampleConfig, name: &str) -> Result<(usize, usize), DescriptionError> {
        let before = self.stages.len();
        let slot = Slot::new(&mut self.stages, self.channels, ACTIVATION).normalised(self.norm);
        let dilation = slot.place(operator)?;
        let parts = &self.stages[before..];
        self.names.extend((0..parts.len()).map(|part| StageName::of_module(format!("{name}.{part}"))));
        self.channels = walk_stages(parts, [self.channels, LARGE, LARGE])?.output()[0];
        Ok((parts.len(), dilation))
    }

    /// Appends the convolution of a fully connected layer: `kernel` positions high and wide, without a border.
    pub(super) fn linear(&mut self, name: &str, outputs: usize, kernel: usize) {
        self.push_linear(name, outputs, kernel, InitialWeights::Drawn);
    }

    /// Appends the fully connected layer to the classes, with the activation if `last_relu`.
    pub(super) fn classes(&mut self, name: &str, classes: usize) {
        let scaled = |scale| InitialWeights::Scaled(scale as f32);
        self.push_linear(name, classes, 1, self.shared.last_scale.map_or(InitialWeights::Drawn, scaled));
        if self.shared.last_relu {
            self.activate(name);
        }
    }

    fn push_linear(&mut self, name: &str, outputs: usize, kernel: usize, initial: InitialWeights) {
        let spec = ConvolutionSpec::square(outputs, kernel, 1, Border::NONE);
        self.stages.push(StageSpec::Convolution(ConvolutionSpec { initial, ..spec }));
        self.names.push(StageName::of_linear(name));
        self.channels = outputs;
    }

    /// The stages and their names.
    pub(super) fn finish(self) -> (Vec<StageSpec>, Vec<StageName>) {
        (self.stages, self.names)
    }
}
