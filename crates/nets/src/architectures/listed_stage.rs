//! The stages of a network that is written as a list in a study file.

use allconv_operators::{Bias, Border, ConvolutionSpec, OutOfRange, check_range};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::norm::Norm;

/// A stage of a list: its name, or a table of its name and settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ListedStage {
    /// A convolution.
    Convolution(ListedConvolution),
    /// The convolution 1×1 to as many channels as there are classes, followed by ReLU if the description's `last_relu` is set.
    Classes,
    /// Batch or group normalisation.
    Normalisation(Norm),
    /// `max(x, 0)`.
    Relu,
    /// `x` where positive, `slope · x` elsewhere.
    LeakyRelu {
        /// Factor on negative values, above 0 and at most 1.
        slope: f64,
    },
    /// Dropout.
    Dropout {
        /// Probability of dropping a value, in [0, 1).
        rate: f64,
    },
    /// The operator in the description's slot.
    Slot,
    /// The map passes, and is kept.
    Keep,
    /// The map kept last; this one is kept in its place.
    Exchange,
    /// The map kept last plus this one.
    Add,
    /// The channels of the map kept last, then those of this one.
    Concatenate,
    /// The mean over all positions.
    GlobalAverage,
}

/// The settings of a convolution of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListedConvolution {
    /// Number of output channels, 1 to 65536.
    pub channels: usize,
    /// Height and width of the kernel, 1 to 64. Default 3.
    #[serde(default = "three", skip_serializing_if = "is_three")]
    pub kernel: usize,
    /// Positions between outputs, 1 to 64. Default 1.
    #[serde(default = "single", skip_serializing_if = "is_single")]
    pub stride: usize,
    /// Zeros on all four edges, 0 to 64. Default: as many as keep height and width, but for the stride.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub padding: Option<usize>,
    /// Groups of channels that are not mixed; must divide the channels on both sides. Default 1.
    #[serde(default = "single", skip_serializing_if = "is_single")]
    pub groups: usize,
    /// Whether a bias is added. Default true.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub bias: bool,
}

fn three() -> usize {
    3
}

fn is_three(value: &usize) -> bool {
    *value == three()
}

fn single() -> usize {
    1
}

fn is_single(value: &usize) -> bool {
    *value == single()
}

fn yes() -> bool {
    true
}

fn is_yes(value: &bool) -> bool {
    *value
}

impl ListedConvolution {
    fn check(&self) -> Result<(), OutOfRange> {
        check_range("channels", self.channels, 1..=65_536, "from 1 to 65536")?;
        check_range("kernel", self.kernel, 1..=64, "from 1 to 64")?;
        check_range("stride", self.stride, 1..=64, "from 1 to 64")?;
        check_range("padding", self.padding.unwrap_or(0), 0..=64, "from 0 to 64")?;
        check_range("groups", self.groups, 1..=self.channels, "at least 1 and at most the channels")
    }

    /// The same in the terms of the stages.
    pub(super) fn spec(&self) -> ConvolutionSpec {
        let Self { channels, kernel, stride, padding, groups, bias } = *self;
        let border = padding.map_or(Border::same(kernel), |zeros| Border { before: zeros, after: zeros });
        let bias = if bias { Bias::Added } else { Bias::None };
        ConvolutionSpec { groups, bias, ..ConvolutionSpec::square(channels, kernel, stride, border) }
    }
}

impl ListedStage {
    /// Refuses settings that are out of range.
    pub(super) fn check(&self) -> Result<(), OutOfRange> {
        match self {
            Self::Convolution(convolution) => {
                convolution.check().map_err(|error| error.within("convolution"))
            }
            Self::Normalisation(Norm::None) => {
                let range = "`batch` or `group`, or no stage at all";
                Err(OutOfRange::new("normalisation", "`none`", range))
            }
            Self::LeakyRelu { slope } => {
                check_range("leaky_relu.slope", *slope, f64::MIN_POSITIVE..=1.0, "above 0 and at most 1")
            }
            Self::Dropout { rate } => check_range("dropout.rate", *rate, 0.0..1.0, "at least 0 and below 1"),
            _ => Ok(()),
        }
    }

    /// Whether as many channels leave as enter, whatever the rest of the list.
    pub(super) fn keeps_channels(&self) -> bool {
        match self {
            Self::Normalisation(_)
            | Self::Relu
            | Self::LeakyRelu { .. }
            | Self::Dropout { .. }
            | Self::Add
            | Self::GlobalAverage => true,
            Self::Convolution(_)
            | Self::Classes
            | Self::Slot
            | Self::Keep
            | Self::Exchange
            | Self::Concatenate => false,
        }
    }
}
