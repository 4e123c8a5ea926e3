//! Shapes, parameters and costs of one stage for one image, computed without tensors.

use allconv_operators::{Bias, ConvolutionSpec, Enlargement, SwitchKind, Window};

use crate::stage::{NormaliseKind, StageSpec};
use crate::stage_name::StageName;

/// Bytes of one stored activation.
const BYTES_PER_VALUE: u64 = 4;

/// Shapes, parameters and costs of one stage for one image.
#[derive(Clone, Debug, PartialEq)]
pub struct StageShape {
    /// The stage.
    pub stage: StageSpec,
    /// What its parameters are called.
    pub name: StageName,
    /// Channels, rows and columns of the input.
    pub input: [usize; 3],
    /// Channels, rows and columns of the output.
    pub output: [usize; 3],
    /// Number of parameters.
    pub parameters: u64,
    /// Multiplications by a weight (each with an addition) for one image; additions of biases, comparisons
    /// and averages are not counted.
    pub macs: u64,
    /// Bytes in f32 that training keeps of this stage for one image. Activations and dropout run fused into the stage
    /// before them and keep nothing.
    pub activation_bytes: u64,
    /// Receptive field: height and width of the square of input pixels that one output value depends on, without borders; of several paths
    /// the largest.
    pub receptive_field: usize,
    /// Input pixels between neighbouring output values; below 1 where a map is finer than the input.
    pub jump: f64,
}

impl StageShape {
    /// Returns its name and kind, as tables show it: `features.1 conv 3×3`.
    pub fn label(&self) -> String {
        format!("{} {}", self.name.path, self.stage.label())
    }
}

/// Returns the output shape (channels, rows, columns) of a stage without branches, or why it cannot process the map.
pub(crate) fn output_shape(
    stage: &StageSpec,
    [channels, height, width]: [usize; 3],
) -> Result<[usize; 3], String> {
    match stage {
        StageSpec::Convolution(convolution) => {
            let ConvolutionSpec { border, groups, channels_out, .. } = convolution;
            if channels % groups != 0 || channels_out % groups != 0 {
                return Err(format!(
                    "its {groups} groups do not divide {channels} and {channels_out} channels"
                ));
            }
            let size = |size, axis| {
                convolution.size_out(size, axis).ok_or_else(|| {
                    format!(
                        "its kernel of {} positions is longer than the {} positions it finds, border included",
                        convolution.extent(axis),
                        size + border.before + border.after
                    )
                })
            };
            Ok([convolution.channels_out, size(height, 0)?, size(width, 1)?])
        }
        StageSpec::Downsample(operator) => operator.output_shape([channels, height, width]),
        StageSpec::Normalise(spec) => match spec.kind {
            NormaliseKind::Group { groups } if groups == 0 || channels % groups != 0 => {
                Err(format!("its {groups} groups do not divide {channels} channels"))
            }
            _ => Ok([channels, height, width]),
        },
        StageSpec::PadChannels { channels_out } if *channels_out < channels => {
            Err(format!("it enlarges {channels} channels to {channels_out}, which are fewer"))
        }
        StageSpec::PadChannels { channels_out } => Ok([*channels_out, height, width]),
        StageSpec::GlobalAverage => Ok([channels, 1, 1]),
        StageSpec::Activation(_)
        | StageSpec::Dropout { .. }
        | StageSpec::Upsample(_)
        | StageSpec::Keep
        | StageSpec::KeepEnlarged { .. }
        | StageSpec::Exchange
        | StageSpec::Concatenate
        | StageSpec::Add { .. }
        | StageSpec::Target(_) => Ok([channels, height, width]),
    }
}

/// Returns the window of the input map that one output position of a stage without branches reads.
pub(crate) fn window(stage: &StageSpec, input @ [_, height, width]: [usize; 3]) -> Window {
    match stage {
        StageSpec::Convolution(convolution) => Window {
            extent: convolution.extent(0).max(convolution.extent(1)),
            stride: convolution.stride[0].max(convolution.stride[1]),
        },
        StageSpec::Downsample(operator) => operator.window(input),
        StageSpec::GlobalAverage => Window { extent: height.max(width), stride: 1 },
        // The statistics of a group depend on the whole map; like the borders they are not counted.
        _ => Window { extent: 1, stride: 1 },
    }
}

/// Returns the number of parameters of a stage.
pub(crate) fn parameters(stage: &StageSpec, input: [usize; 3], output: [usize; 3]) -> u64 {
    match stage {
        StageSpec::Convolution(convolution) => {
            let ConvolutionSpec { channels_out, kernel: [rows, columns], groups, bias, .. } = *convolution;
            (channels_out * (input[0] / groups * rows * columns + usize::from(bias == Bias::Added))) as u64
        }
        StageSpec::Downsample(operator) => operator.parameter_count(input),
        StageSpec::Upsample(spec) => spec.operator.parameter_count(&enlargement(input, output)),
        StageSpec::Normalise(_) => 2 * input[0] as u64,
        _ => 0,
    }
}

/// Returns the number of multiplications by weights for one image.
pub(crate) fn macs(stage: &StageSpec, input: [usize; 3], output: [usize; 3]) -> u64 {
    match stage {
        StageSpec::Convolution(convolution) => {
            let per_value = input[0] / convolution.groups * convolution.kernel[0] * convolution.kernel[1];
            values(output) * per_value as u64
        }
        StageSpec::Downsample(operator) => operator.macs(input),
        StageSpec::Upsample(spec) => spec.operator.macs(&enlargement(input, output)),
        StageSpec::Normalise(_) => values(output),
        _ => 0,
    }
}

/// Returns the bytes in f32 that training stores of the output of a stage that is not fused into the one before it.
pub(crate) fn activation_bytes(stage: &StageSpec, input: [usize; 3], output: [usize; 3]) -> u64 {
    BYTES_PER_VALUE
        * match stage {
            StageSpec::KeepEnlarged { factor } => values(input) * (factor * factor) as u64,
            StageSpec::Keep | StageSpec::Exchange | StageSpec::Target(_) => 0,
            _ => values(output),
        }
}

/// Returns whether `stage` stores no output of its own when it follows `before`.
pub(crate) fn fuses(before: &StageSpec, stage: &StageSpec) -> bool {
    let follows = matches!(stage, StageSpec::Activation(_) | StageSpec::Dropout { .. });
    let apart = matches!(before, StageSpec::Add { .. } | StageSpec::Concatenate);
    follows && !apart
}

/// Returns the enlargement of an operator whose cost is computed; it does not depend on switches.
fn enlargement(input: [usize; 3], output: [usize; 3]) -> Enlargement {
    Enlargement { input, output, switches: SwitchKind::None }
}

fn values(shape: [usize; 3]) -> u64 {
    shape.iter().map(|&size| size as u64).product()
}
