//! The stages that a network is a list of, as plain values without tensors.
//!
//! A list is a chain with two stacks. [`StageSpec::Keep`] stores a feature map, [`StageSpec::Concatenate`] and
//! [`StageSpec::Add`] use the one stored last, [`StageSpec::Exchange`] continues with it. [`StageSpec::Target`] names the height and width
//! that the next [`StageSpec::Upsample`] without a target of its own returns to; pairs nest like brackets.

use allconv_operators::{ConvolutionSpec, DownsampleConfig, InitialWeights, Reducer, UpsampleConfig};

/// One stage of a network. Stage `n` owns the parameters `features.n.*`.
#[derive(Clone, Debug, PartialEq)]
pub enum StageSpec {
    /// A convolution, with or without bias.
    Convolution(ConvolutionSpec),
    /// The activation, element by element.
    Activation(ActivationKind),
    /// Inverted dropout: in training a value becomes 0 with probability `rate`, and `value / (1 − rate)` otherwise.
    Dropout {
        /// Probability of dropping a value, in [0, 1). A rate of 0 does nothing.
        rate: f64,
    },
    /// A downsampling operator with a computation of its own.
    Downsample(Reducer),
    /// An upsampling operator: to the height and width of the last open [`StageSpec::Target`], which it closes, with the switches that the
    /// target's operator returned.
    Upsample(UpsampleSpec),
    /// Normalisation to mean 0 and variance 1, then a trainable scale and shift for each channel.
    Normalise(NormaliseSpec),
    /// The map passes, and is kept.
    Keep,
    /// The map passes, and its enlargement is kept: bicubic (Keys' cubic with a = −1/2), half-pixel centres, edge positions repeated.
    KeepEnlarged {
        /// By what height and width grow, at least 1.
        factor: usize,
    },
    /// The map kept last; this one is kept in its place. What follows works on the other branch.
    Exchange,
    /// The channels of the map kept last, then those of this one: `[n, c_kept + c, h, w]`.
    Concatenate,
    /// The map kept last plus `scale` times this one.
    Add {
        /// Factor on this map.
        scale: f64,
    },
    /// The map passes; the next upsampling operator without a target of its own returns to this height and width.
    Target(Target),
    /// Channels of zeros beside those of the map, half of them (rounded down) before and the others behind.
    PadChannels {
        /// Number of output channels.
        channels_out: usize,
    },
    /// The mean over all positions: `[n, c, h, w]` becomes `[n, c]`.
    GlobalAverage,
}

/// The height and width that an upsampling operator returns to.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// Those of this map, which the following stages reduce by this operator.
    Before(DownsampleConfig),
    /// Those of this map times this factor.
    Enlarged(usize),
}

/// The settings of an upsampling operator in a list of stages; its height and width come from its [`Target`].
#[derive(Clone, Debug, PartialEq)]
pub struct UpsampleSpec {
    /// The operator.
    pub operator: UpsampleConfig,
    /// Number of output channels.
    pub channels_out: usize,
}

/// The settings of a normalisation.
///
/// `y[c] = γ[c]·(x[c] − μ)/√(σ² + 1e-5) + β[c]`, μ and σ² (over n, not n − 1) being those of [`NormaliseKind`]'s set of values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormaliseSpec {
    /// The sets of values that are normalised together.
    pub kind: NormaliseKind,
    /// Initial values of the scale γ: [`InitialWeights::Drawn`] is 1 here, and [`InitialWeights::Scaled`] its factor. The shift β starts at
    /// 0.
    pub scale: InitialWeights,
}

/// The sets of values that are normalised together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormaliseKind {
    /// Each channel over the images and positions of a batch; in evaluation the running means of both from training.
    /// Ioffe and Szegedy, arXiv 1502.03167.
    Batch,
    /// A group of channels over the positions of one image. Wu and He, arXiv 1803.08494.
    Group {
        /// Number of groups; must divide the channels.
        groups: usize,
    },
}

/// The activations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ActivationKind {
    /// `max(x, 0)`.
    Relu,
    /// `x` where positive, `slope · x` elsewhere.
    LeakyRelu {
        /// Factor on negative values.
        slope: f64,
    },
}

impl StageSpec {
    /// Returns the name of the stage in tables.
    pub fn label(&self) -> String {
        match self {
            Self::Convolution(convolution) => {
                let [rows, columns] = convolution.kernel;
                let stride = match convolution.stride {
                    [1, 1] => String::new(),
                    [rows, columns] if rows == columns => format!(" /{rows}"),
                    [rows, columns] => format!(" /{rows}×{columns}"),
                };
                let dilation = match convolution.dilation {
                    [1, 1] => String::new(),
                    [rows, _] => format!(" dilated {rows}"),
                };
                let groups = match convolution.groups {
                    1 => String::new(),
                    groups => format!(" in {groups} groups"),
                };
                format!("conv {rows}×{columns}{stride}{dilation}{groups}")
            }
            Self::Activation(ActivationKind::Relu) => "relu".to_owned(),
            Self::Activation(ActivationKind::LeakyRelu { slope }) => format!("leaky relu {slope:.3}"),
            Self::Dropout { rate } => format!("dropout {rate}"),
            Self::Downsample(operator) => operator.name().to_owned(),
            Self::Upsample(spec) => spec.operator.name().to_owned(),
            Self::Normalise(spec) => match spec.kind {
                NormaliseKind::Batch => "batch norm".to_owned(),
                NormaliseKind::Group { groups } => format!("group norm in {groups} groups"),
            },
            Self::Keep => "keep".to_owned(),
            Self::KeepEnlarged { factor } => format!("keep bicubic ×{factor}"),
            Self::Exchange => "exchange".to_owned(),
            Self::Concatenate => "concatenate".to_owned(),
            Self::Add { scale: 1.0 } => "add".to_owned(),
            Self::Add { scale } => format!("add ×{scale}"),
            Self::Target(Target::Before(operator)) => format!("target: before {}", operator.name()),
            Self::Target(Target::Enlarged(factor)) => format!("target: ×{factor}"),
            Self::PadChannels { channels_out } => format!("zeros to {channels_out} channels"),
            Self::GlobalAverage => "global average".to_owned(),
        }
    }
}
