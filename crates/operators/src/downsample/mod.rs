//! The registry of downsampling operators: what may stand in the slot of a network.
//!
//! Adding an operator means one new file, its line in [`slot_values!`](self) and, if it computes something that no other
//! stage computes, its line in [`computing_operators!`](self). Everything else walks [`DownsampleConfig::examples`].
//!
//! # The rule of the slot
//!
//! Unless its card says otherwise, an operator of stride `s` maps a side `h ≥ 1` to `ceil(h / s)`, whatever its kernel.
//! One that mixes channels by learned weights is followed by the net's activation, the others are not; then comes dropout.

mod ada_pool;
mod adaptive_polyphase;
mod antialiased_resize;
mod average_blur_pool;
mod average_pool;
mod blur_pool;
mod computing;
mod conv_blur_pool;
mod conv_pool;
mod conv_unshuffle;
mod decimation;
mod depthwise_conv;
mod diff_stride;
mod dilation;
mod folded_stride;
mod fourier;
mod fractional_max_pool;
mod gated_pool;
mod gem_pool;
mod haar_low_pass;
mod haar_wavelet;
mod learned_p_norm_pool;
mod learned_polyphase;
mod local_importance_pool;
mod log_sum_exp_pool;
mod max_average_pool;
mod max_blur_pool;
mod max_pool;
mod median_pool;
mod mixed_pool;
mod p_norm_pool;
mod patch_merging;
mod pixel_unshuffle;
mod polyphase;
mod promises;
pub(crate) mod settings;
mod sharing;
mod slot;
mod soft_pool;
mod spectral_pool;
mod stochastic_pool;
mod strided_conv;
#[cfg(test)]
mod tests;
mod windowed;

use burn::module::Module;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

pub use ada_pool::AdaPool;
pub use adaptive_polyphase::{AdaptivePolyphase, PhaseNorm};
pub use antialiased_resize::AntialiasedResize;
pub use average_blur_pool::AverageBlurPool;
pub use average_pool::{AveragePool, Divisor};
pub use blur_pool::BlurPool;
pub use computing::{ComputingOperator, FixedOperator, LearnedOperator};
pub use conv_blur_pool::ConvBlurPool;
pub use conv_pool::ConvPool;
pub use conv_unshuffle::ConvUnshuffle;
pub use decimation::Decimation;
pub use depthwise_conv::DepthwiseConv;
pub use diff_stride::DiffStride;
pub use dilation::Dilation;
pub use folded_stride::FoldedStride;
pub use fractional_max_pool::{FractionalMaxPool, RegionDraw, Regions};
pub use gated_pool::GatedPool;
pub use gem_pool::GemPool;
pub(crate) use haar_low_pass::HAAR_BANDS;
pub use haar_low_pass::HaarLowPass;
pub use haar_wavelet::HaarWavelet;
pub use learned_p_norm_pool::LearnedPNormPool;
pub use learned_polyphase::LearnedPolyphase;
pub use local_importance_pool::{ImportanceGate, LocalImportancePool};
pub use log_sum_exp_pool::LogSumExpPool;
pub use max_average_pool::{Combine, MaxAveragePool};
pub use max_blur_pool::MaxBlurPool;
pub use max_pool::MaxPool;
pub use median_pool::{EvenMedian, MedianPool};
pub use mixed_pool::MixedPool;
pub use p_norm_pool::{NormForm, PNormPool};
pub use patch_merging::PatchMerging;
pub use pixel_unshuffle::{PhaseOrder, PixelUnshuffle, Projection};
pub use promises::Promises;
pub use sharing::Sharing;
pub use slot::{Operator, Slot};
pub use soft_pool::SoftPool;
pub use spectral_pool::SpectralPool;
pub use stochastic_pool::StochasticPool;
pub use strided_conv::StridedConv;

pub use crate::axis_maps::{EdgePadding, ResizeFilter};
pub use crate::card::Card;
use crate::description::{DescriptionError, unknown_operator};
use crate::parameter_source::ParameterSource;
use crate::pass::Pass;
use crate::switches::{SwitchKind, Switches};
use crate::walk::Window;

/// Defines the enum of all values of the slot from one line per operator: `Variant(Config)`.
macro_rules! slot_values {
    ($($(#[$documentation:meta])* $operator:ident,)+) => {
        /// An operator for the slot of a network, with its settings.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum DownsampleConfig {
            $($(#[$documentation])* $operator($operator),)+
        }

        $(impl From<$operator> for DownsampleConfig {
            fn from(config: $operator) -> Self {
                Self::$operator(config)
            }
        })+

        impl DownsampleConfig {
            /// Its name, as in a study file.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$operator(_) => $operator::NAME,)+ }
            }

            /// Its numerics revision; see [`Operator::REVISION`].
            pub fn revision(&self) -> u32 {
                match self { $(Self::$operator(_) => $operator::REVISION,)+ }
            }

            /// The operator in words.
            pub fn card(&self) -> Card {
                match self { $(Self::$operator(_) => $operator::CARD,)+ }
            }

            /// What holds for it with these settings.
            pub fn promises(&self) -> Promises {
                match self { $(Self::$operator(config) => config.promises(),)+ }
            }

            /// What it hands over to the upsampling operator that undoes it.
            pub fn switches(&self) -> SwitchKind {
                match self { $(Self::$operator(config) => config.switches(),)+ }
            }

            /// The names of all operators, in the order of the registry.
            pub const NAMES: &[&str] = &[$($operator::NAME,)+];

            /// Every operator with each setting worth a test of its own, defaults first: what tests and tables walk.
            pub fn examples() -> Vec<Self> {
                let mut examples = Vec::new();
                $(examples.extend($operator::examples().into_iter().map(Self::$operator));)+
                examples
            }

            /// Refuses settings that are out of range.
            ///
            /// # Errors
            ///
            /// The field, its value and the range.
            pub fn check(&self) -> Result<(), DescriptionError> {
                match self { $(Self::$operator(config) => config.check(),)+ }
            }

            /// Puts the operator behind the stages of `slot`.
            ///
            /// # Errors
            ///
            /// Settings out of range, or a place where the operator cannot stand.
            pub fn place(&self, slot: &mut Slot<'_>) -> Result<(), DescriptionError> {
                self.check()?;
                match self { $(Self::$operator(config) => config.place(slot),)+ }
            }
        }
    };
}

slot_values! {
    /// The maximum of each window.
    MaxPool,
    /// The mean of each window.
    AveragePool,
    /// The p-norm of each window.
    PNormPool,
    /// The p-norm of each window, p learned.
    LearnedPNormPool,
    /// The generalised mean of each window.
    GemPool,
    /// A smooth maximum of each window.
    LogSumExpPool,
    /// The middle value of each window.
    MedianPool,
    /// A cell drawn from each window.
    StochasticPool,
    /// A learned mixture of maximum and mean.
    MixedPool,
    /// A mixture of maximum and mean that depends on the window.
    GatedPool,
    /// Maximum and mean together.
    MaxAveragePool,
    /// The maximum over windows at fractional distances.
    FractionalMaxPool,
    /// A convolution with a stride: All-CNN.
    StridedConv,
    /// The stride given to the convolution before the slot: Strided-CNN.
    FoldedStride,
    /// A convolution, then max pooling: ConvPool-CNN.
    ConvPool,
    /// A strided convolution of each channel alone.
    DepthwiseConv,
    /// One cell in stride² is kept.
    Decimation,
    /// Each block of pixels becomes channels.
    PixelUnshuffle,
    /// A convolution to fewer channels, then each block of pixels becomes channels.
    ConvUnshuffle,
    /// Blocks become channels, normalised and mixed to twice the channels.
    PatchMerging,
    /// A binomial low-pass filter, then decimation.
    BlurPool,
    /// Max pooling, blurred.
    MaxBlurPool,
    /// Average pooling, blurred.
    AverageBlurPool,
    /// A convolution, blurred.
    ConvBlurPool,
    /// An image filter as wide as an output cell.
    AntialiasedResize,
    /// The phase with the largest norm.
    AdaptivePolyphase,
    /// The phase that a small net prefers.
    LearnedPolyphase,
    /// The mean weighted by the exponentials of the cells.
    SoftPool,
    /// SoftPool mixed with a mean weighted by likeness.
    AdaPool,
    /// The mean weighted by learned importance.
    LocalImportancePool,
    /// The low-pass band of the Haar transform.
    HaarLowPass,
    /// All bands of the Haar transform.
    HaarWavelet,
    /// Low frequencies.
    SpectralPool,
    /// Low frequencies below a learned bound.
    DiffStride,
    /// No reduction: later convolutions are dilated.
    Dilation,
}

/// Defines what stages and the walk ask of the operators that compute something of their own: those without parameters,
/// and those whose parameters live in a module.
macro_rules! computing_operators {
    (fixed: $($fixed:ident,)+; learned: $($learned:ident,)*) => {
        /// The modules of the operators that are not made of other stages.
        #[derive(Module, Debug)]
        pub enum Downsample {
            /// Any operator without parameters.
            Fixed(FixedDownsample),
            $(
                #[doc = concat!("See [`", stringify!($learned), "`].")]
                $learned(<$learned as LearnedOperator>::Module),
            )*
        }

        impl Downsample {
            /// `[n, c, h, w]` to the operator's output shape.
            pub fn forward(&self, x: Tensor<4>, pass: &Pass<'_>) -> Tensor<4> {
                match self {
                    Self::Fixed(module) => module.forward(x, pass),
                    $(Self::$learned(module) => module.forward(x, pass),)*
                }
            }

            /// [`Self::forward`], and what the upsampling operator that undoes it needs.
            pub fn forward_with_switches(&self, x: Tensor<4>, pass: &Pass<'_>) -> (Tensor<4>, Switches) {
                match self {
                    Self::Fixed(module) => module.config.fixed().compute_with_switches(x, pass),
                    Self::LearnedPolyphase(module) => module.forward_with_switches(x, pass),
                    other => (other.forward(x, pass), Switches::None),
                }
            }
        }

        impl DownsampleConfig {
            /// The module of an operator that computes, for an input of these channels, rows and columns.
            pub(crate) fn module(&self, input: [usize; 3], source: &ParameterSource<'_>) -> Downsample {
                match self {
                    $(Self::$learned(config) => Downsample::$learned(config.module(input, source)),)*
                    fixed => Downsample::Fixed(FixedDownsample { config: fixed.clone() }),
                }
            }

            fn computing(&self) -> &dyn ComputingOperator {
                match self {
                    $(Self::$fixed(config) => config,)+
                    $(Self::$learned(config) => config,)*
                    _ => panic!("`{}` is made of other stages and cannot be a stage itself", self.name()),
                }
            }

            fn fixed(&self) -> &dyn FixedOperator {
                match self {
                    $(Self::$fixed(config) => config,)+
                    _ => panic!("`{}` does not compute without a module of its own", self.name()),
                }
            }
        }
    };
}

computing_operators! {
    fixed: MaxPool, AveragePool, PNormPool, LogSumExpPool, MedianPool, StochasticPool, MaxAveragePool, FractionalMaxPool,
        Decimation, PixelUnshuffle, BlurPool, AntialiasedResize, AdaptivePolyphase, SoftPool, HaarLowPass, HaarWavelet,
        SpectralPool,;
    learned: LearnedPNormPool, GemPool, MixedPool, GatedPool, PatchMerging, LearnedPolyphase, AdaPool, LocalImportancePool,
        DiffStride,
}

/// An operator without parameters as a module.
#[derive(Module, Debug)]
pub struct FixedDownsample {
    #[module(skip)]
    config: DownsampleConfig,
}

impl FixedDownsample {
    /// `[n, c, h, w]` to the operator's output shape.
    pub fn forward(&self, x: Tensor<4>, pass: &Pass<'_>) -> Tensor<4> {
        self.config.fixed().compute(x, pass)
    }
}

impl DownsampleConfig {
    /// The examples of the operator called `name`, its default first.
    ///
    /// # Errors
    ///
    /// [`DescriptionError::UnknownOperator`], with the nearest name.
    pub fn named(name: &str) -> Result<Vec<Self>, DescriptionError> {
        let examples: Vec<Self> =
            Self::examples().into_iter().filter(|example| example.name() == name).collect();
        if examples.is_empty() {
            return Err(unknown_operator(name));
        }
        Ok(examples)
    }

    pub(crate) fn output_shape(&self, input: [usize; 3]) -> Result<[usize; 3], String> {
        self.computing().output_shape(input)
    }

    pub(crate) fn window(&self, input: [usize; 3]) -> Window {
        self.computing().window(input)
    }

    pub(crate) fn parameters(&self, input: [usize; 3]) -> u64 {
        self.computing().parameters(input)
    }

    pub(crate) fn macs(&self, input: [usize; 3]) -> u64 {
        self.computing().macs(input)
    }
}
