//! The builder of the stages of a network that returns a map: skips, levels, heads.

use allconv_operators::{
    Border, ConvolutionSpec, InitialWeights, OutOfRange, SizeRule, SwitchKind, UpsampleConfig,
};

use super::layout::SharedSettings;
use crate::error::DescriptionError;
use crate::norm::Norm;
use crate::slot::Slot;
use crate::stage::{ActivationKind, StageSpec, Target, UpsampleSpec};
use crate::walk::walk_stages;

/// A height and width that every operator accepts, where only channels are computed.
const LARGE: usize = 64;

/// Collects the stages of a resolved description.
pub(super) struct DenseBuilder<'a> {
    shared: &'a SharedSettings<'a>,
    norm: Norm,
    stages: Vec<StageSpec>,
    channels: usize,
    convolutions: usize,
    dilations: Vec<usize>,
}

const ACTIVATION: ActivationKind = ActivationKind::Relu;

impl<'a> DenseBuilder<'a> {
    /// Returns an empty list, but for the dropout of the input at the description's rate.
    pub(super) fn new(shared: &'a SharedSettings<'a>, norm: Norm) -> Self {
        let stages = vec![StageSpec::Dropout { rate: shared.input_dropout }];
        Self { shared, norm, stages, channels: 0, convolutions: 0, dilations: vec![1] }
    }

    /// Returns `channels` at the network's width as a whole number, which may be rounded differently in each place.
    pub(super) fn whole(&mut self, channels: f64) -> usize {
        let layer = self.convolutions;
        self.convolutions += 1;
        self.shared.channels(channels, layer)
    }

    /// Returns the channels of the map here; 0 before the first convolution.
    pub(super) fn channels(&self) -> usize {
        self.channels
    }

    pub(super) fn push(&mut self, stage: StageSpec) {
        self.stages.push(stage);
    }

    /// Appends a convolution alone that keeps height and width, with the dilation that the operators before it require.
    pub(super) fn bare_convolution(&mut self, channels: usize, kernel: usize, initial: InitialWeights) {
        let dilation = self.dilations.iter().product();
        let convolution =
            ConvolutionSpec::square(channels, kernel, 1, Border::same(kernel)).dilated(dilation);
        self.push(StageSpec::Convolution(ConvolutionSpec { initial, ..convolution }));
        self.channels = channels;
    }

    /// Appends the normalisation, if there is one.
    pub(super) fn normalise(&mut self, scale: InitialWeights) {
        self.stages.extend(self.norm.stage(self.channels, scale));
    }

    pub(super) fn activate(&mut self) {
        self.push(StageSpec::Activation(ACTIVATION));
    }

    /// Appends a convolution that keeps height and width, normalisation and activation.
    pub(super) fn convolution(&mut self, channels: usize, kernel: usize) {
        self.bare_convolution(channels, kernel, InitialWeights::Drawn);
        self.normalise(InitialWeights::Drawn);
        self.activate();
    }

    /// Appends `body`, and adds its output for the map to the map. A `body` that is to start at zero must set its own initial weights.
    pub(super) fn residual(&mut self, scale: f64, body: impl FnOnce(&mut Self)) {
        self.push(StageSpec::Keep);
        body(self);
        self.push(StageSpec::Add { scale });
    }

    /// Appends the end of a residual branch: a convolution and normalisation that start at zero, the former where there is none of
    /// the latter, whose statistics a map of zeros would make useless.
    pub(super) fn close_branch(&mut self, channels: usize, kernel: usize) {
        let (weights, scale) = match self.norm {
            Norm::None => (InitialWeights::Zero, InitialWeights::Drawn),
            Norm::Batch | Norm::Group => (InitialWeights::Drawn, InitialWeights::Zero),
        };
        self.bare_convolution(channels, kernel, weights);
        self.normalise(scale);
    }

    /// Appends dropout at the description's rate. A rate of 0 keeps its stage, so that parameter names do not depend on rates.
    pub(super) fn dropout(&mut self) {
        self.push(StageSpec::Dropout { rate: self.shared.dropout.unwrap_or(0.0) });
    }

    /// Appends a target: the next level of the network returns to the height and width of this map.
    pub(super) fn target(&mut self) {
        if let Some(operator) = self.shared.downsample {
            self.push(StageSpec::Target(Target::Before(operator.clone())));
        }
    }

    /// Appends the operator in the description's slot.
    pub(super) fn downsample(&mut self) -> Result<(), DescriptionError> {
        let Some(operator) = self.shared.downsample else { return Ok(()) };
        self.dilations.push(Slot::new(&mut self.stages, self.channels, ACTIVATION).place(operator)?);
        Ok(())
    }

    /// Appends the upsampling operator of the last target, to `channels`, with the activation where it mixes channels, and
    /// before it a 1×1 convolution where it needs another number of channels than there are.
    pub(super) fn upsample(&mut self, channels: usize) {
        let (Some(operator), Some(partner)) = (self.shared.upsample, self.shared.downsample) else { return };
        if let Some(needed) = operator.channels_in(channels, partner.switches())
            && needed != self.channels
        {
            self.convolution(needed, 1);
        }
        self.dilations.pop();
        self.enlarge(operator, channels);
        if operator.mixes_channels() {
            self.activate();
        }
    }

    /// Appends the pair of operators alone, for images of `channels` channels: `depth` times down, as often up.
    pub(super) fn alone(&mut self, channels: usize, depth: usize) -> Result<(), DescriptionError> {
        let Some(up) = self.shared.upsample else { return Ok(()) };
        // The output shape of each level, as the operators compute it.
        let mut shapes = vec![channels];
        for _ in 0..depth {
            self.channels = shapes[shapes.len() - 1];
            self.target();
            let before = self.stages.len();
            self.downsample()?;
            let placed = walk_stages(&self.stages[before..], [self.channels, LARGE, LARGE])?;
            shapes.push(placed.output()[0]);
        }
        for level in (0..depth).rev() {
            self.dilations.pop();
            self.enlarge(up, shapes[level]);
            if up.mixes_channels() && level > 0 {
                self.activate();
            }
        }
        Ok(())
    }

    fn enlarge(&mut self, operator: &UpsampleConfig, channels: usize) {
        self.push(StageSpec::Upsample(UpsampleSpec { operator: operator.clone(), channels_out: channels }));
        self.channels = channels;
    }

    /// Appends steps of `operator` that together enlarge height and width `scale` times and keep the channels, without activations.
    ///
    /// # Errors
    ///
    /// A scale that is not a power of the operator's factor.
    pub(super) fn head(&mut self, operator: &UpsampleConfig, scale: usize) -> Result<(), DescriptionError> {
        operator.check()?;
        let channels = self.channels;
        let factor = match operator.size_rule() {
            SizeRule::Factor(factor) => factor,
            SizeRule::NotSmaller => scale,
            SizeRule::Switches => {
                let range =
                    "an operator that needs no switches of a downsampling operator: the head has none";
                return Err(OutOfRange::new("upsample", operator.name(), range).into());
            }
        };
        let mut reached = 1;
        while reached < scale && factor > 1 {
            if let Some(needed) = operator.channels_in(channels, SwitchKind::None)
                && needed != self.channels
            {
                self.bare_convolution(needed, 3, InitialWeights::Drawn);
            }
            self.push(StageSpec::Target(Target::Enlarged(factor)));
            self.enlarge(operator, channels);
            reached *= factor;
        }
        if reached == scale {
            return Ok(());
        }
        let range = "an operator whose factor is the scale, or of which the scale is a power (`factor = 3` for a scale of 3)";
        let found = format!("{} of factor {factor}", operator.name());
        Err(OutOfRange::new("upsample", found, range).into())
    }

    /// Returns the list, ended by a convolution of this kernel to `outputs` channels (with the activation if `last_relu`).
    pub(super) fn finish(mut self, outputs: usize, kernel: usize, initial: InitialWeights) -> Vec<StageSpec> {
        self.bare_convolution(outputs, kernel, initial);
        self.end()
    }

    /// Returns the list unchanged (with the activation if `last_relu`).
    pub(super) fn end(mut self) -> Vec<StageSpec> {
        if self.shared.last_relu {
            self.activate();
        }
        self.stages
    }
}
