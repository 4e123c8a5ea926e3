//! The slot of a network: the place where the parts of a downsampling operator become stages.

use allconv_operators::{ConvolutionSpec, DownsampleConfig, Following, InitialWeights, OperatorError, Part};

use crate::error::DescriptionError;
use crate::norm::Norm;
use crate::stage::{ActivationKind, StageSpec};

/// The stages before the slot, to which an operator appends its own.
pub struct Slot<'a> {
    stages: &'a mut Vec<StageSpec>,
    channels: usize,
    activation: ActivationKind,
    norm: Norm,
}

impl<'a> Slot<'a> {
    /// Returns a slot after `stages`, which end in `channels` channels, in a net with this activation.
    pub fn new(stages: &'a mut Vec<StageSpec>, channels: usize, activation: ActivationKind) -> Self {
        Self { stages, channels, activation, norm: Norm::None }
    }

    /// Returns the same slot in a net whose convolutions are followed by `norm`.
    #[must_use]
    pub fn normalised(self, norm: Norm) -> Self {
        Self { norm, ..self }
    }

    /// Appends the stages that `operator` is made of, and returns the factor by which every later convolution is to be dilated.
    ///
    /// # Errors
    ///
    /// Settings out of range, or a place that the operator does not support.
    pub fn place(self, operator: &DownsampleConfig) -> Result<usize, DescriptionError> {
        operator.check()?;
        let mut dilation = 1;
        for part in operator.parts(self.channels) {
            match part {
                Part::Reduction(reducer) => self.stages.push(StageSpec::Downsample(reducer)),
                Part::Convolution(convolution, following) => {
                    self.stages.push(StageSpec::Convolution(convolution));
                    if following != Following::Nothing {
                        self.stages.extend(self.norm.stage(convolution.channels_out, InitialWeights::Drawn));
                    }
                    if following == Following::Activation {
                        self.stages.push(StageSpec::Activation(self.activation));
                    }
                }
                Part::FoldedStride(factor) => {
                    let misplaced = || {
                        OperatorError::Misplaced {
                        operator: operator.name(),
                        reason: "it raises the stride of the convolution before it, and there is none, or its map is kept for a \
                                 skip; `strided_conv` brings its own"
                            .to_owned(),
                    }
                    };
                    let convolution = preceding_convolution(self.stages).ok_or_else(misplaced)?;
                    convolution.stride = convolution.stride.map(|stride| stride * factor);
                }
                Part::Dilation(factor) => dilation *= factor,
            }
        }
        Ok(dilation)
    }
}

/// Returns the convolution whose activation (with normalisation and dropout, if any) is last of `stages`.
fn preceding_convolution(stages: &mut [StageSpec]) -> Option<&mut ConvolutionSpec> {
    let follows = |stage: &StageSpec| {
        matches!(stage, StageSpec::Activation(_) | StageSpec::Dropout { .. } | StageSpec::Normalise(_))
    };
    match stages.iter_mut().rev().find(|stage| !follows(stage)) {
        Some(StageSpec::Convolution(convolution)) => Some(convolution),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use allconv_operators::downsample::{FoldedStride, MaxPool};

    use super::*;

    #[test]
    fn a_stride_without_a_convolution_to_fold_it_into_is_refused() {
        let mut stages = Vec::new();
        let mut place =
            |operator: DownsampleConfig| Slot::new(&mut stages, 4, ActivationKind::Relu).place(&operator);
        place(MaxPool::default().into()).unwrap();
        let error = place(FoldedStride::default().into()).unwrap_err();
        assert!(error.to_string().contains("strided_conv"), "{error}");
    }
}
