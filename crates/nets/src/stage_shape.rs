//! What one stage does to one image: shapes, parameters and costs, without a tensor.

use allconv_operators::{Bias, ConvolutionSpec, Enlargement, SwitchKind, Window};

use crate::stage::{NormaliseKind, StageSpec};
use crate::stage_name::StageName;

/// Bytes of one stored activation.
const BYTES_PER_VALUE: u64 = 4;

/// What one stage does to one image.
#[derive(Clone, Debug, PartialEq)]
pub struct StageShape {
    /// The stage.
    pub stage: StageSpec,
    /// What its parameters are called.
    pub name: StageName,
    /// Channels, rows and columns that enter.
    pub input: [usize; 3],
    /// Channels, rows and columns that leave.
    pub output: [usize; 3],
    /// Number of learned parameters.
    pub parameters: u64,
    /// Multiplications by a learned weight (each with an addition) for one image; additions of biases, comparisons
    /// and averages are not counted.
    pub macs: u64,
    /// Bytes in f32 that training keeps of this stage for one image. Activations and dropout run fused into the stage
    /// before them and keep nothing.
    pub activation_bytes: u64,
    /// Side of the square of input pixels that one output value sees, borders aside; of several paths the largest.
    pub receptive_field: usize,
    /// Input pixels between neighbouring output values; below 1 where a map is finer than the input.
    pub jump: f64,
}

impl StageShape {
    /// Its name and kind in words, as tables show it: `features.1 conv 3×3`.
    pub fn label(&self) -> String {
        format!("{} {}", self.name.path, self.stage.label())
    }
}

/// Channels, rows and columns that leave a stage without branches, or why it cannot process the map.
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
            let side = |side, axis| {
                convolution.side_out(side, axis).ok_or_else(|| {
                    format!(
                        "its kernel of {} cells is longer than the {} cells it finds, border included",
                        convolution.extent(axis),
                        side + border.before + border.after
                    )
                })
            };
            Ok([convolution.channels_out, side(height, 0)?, side(width, 1)?])
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

/// What one position behind a stage without branches reads of the map before it.
pub(crate) fn window(stage: &StageSpec, input @ [_, height, width]: [usize; 3]) -> Window {
    match stage {
        StageSpec::Convolution(convolution) => Window {
            extent: convolution.extent(0).max(convolution.extent(1)),
            stride: convolution.stride[0].max(convolution.stride[1]),
        },
        StageSpec::Downsample(operator) => operator.window(input),
        StageSpec::GlobalAverage => Window { extent: height.max(width), stride: 1 },
        // The statistics of a group see the whole map; like the borders they are left aside.
        _ => Window { extent: 1, stride: 1 },
    }
}

/// The number of learned parameters of a stage.
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

/// Multiplications by learned weights for one image.
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

/// Bytes in f32 that training keeps of the output of a stage that is not fused into the one before it.
pub(crate) fn activation_bytes(stage: &StageSpec, input: [usize; 3], output: [usize; 3]) -> u64 {
    BYTES_PER_VALUE
        * match stage {
            StageSpec::KeepEnlarged { factor } => values(input) * (factor * factor) as u64,
            StageSpec::Keep | StageSpec::Exchange | StageSpec::Target(_) => 0,
            _ => values(output),
        }
}

/// Whether `stage` keeps nothing of its own behind `before`.
pub(crate) fn fuses(before: &StageSpec, stage: &StageSpec) -> bool {
    let follows = matches!(stage, StageSpec::Activation(_) | StageSpec::Dropout { .. });
    let apart = matches!(before, StageSpec::Add { .. } | StageSpec::Concatenate);
    follows && !apart
}

/// The enlargement of an operator whose cost is asked for; switches do not matter to it.
fn enlargement(input: [usize; 3], output: [usize; 3]) -> Enlargement {
    Enlargement { input, output, switches: SwitchKind::None }
}

fn values(shape: [usize; 3]) -> u64 {
    shape.iter().map(|&side| side as u64).product()
}
