//! The registry of downsampling operators: what may stand in the slot of a network.
//!
//! Adding an operator means one new file and its line in [`slot_values!`](self), and, if it computes something that
//! no other stage computes, its line in the list of modules too. Everything else walks [`DownsampleConfig::examples`].
//!
//! # The rule of the slot
//!
//! An operator of stride `s` maps a side `h ≥ 1` to `ceil(h / s)`, whatever its kernel. One that mixes channels by
//! learned weights is followed by the net's activation, the others are not; then comes dropout.

mod average_pool;
mod conv_pool;
mod folded_stride;
mod max_pool;
mod pixel_unshuffle;
mod slot;
mod strided_conv;
#[cfg(test)]
mod tests;

use allconv_kernels::Engine;
use burn::module::Module;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

pub use average_pool::{AveragePool, AveragePoolModule, Divisor};
pub use conv_pool::ConvPool;
pub use folded_stride::FoldedStride;
pub use max_pool::{MaxPool, MaxPoolModule};
pub use pixel_unshuffle::{PixelUnshuffle, PixelUnshuffleModule, Projection};
pub use slot::{Operator, Slot};
pub use strided_conv::StridedConv;

use crate::description::DescriptionError;
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

        impl DownsampleConfig {
            /// Its name, as in a study file.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$operator(_) => $operator::NAME,)+ }
            }

            /// Its numerics revision; see [`Operator::REVISION`].
            pub fn revision(&self) -> u32 {
                match self { $(Self::$operator(_) => $operator::REVISION,)+ }
            }

            /// The names of all operators, in the order of the registry.
            pub const NAMES: &[&str] = &[$($operator::NAME,)+];

            /// Every operator with each setting worth a test of its own: what tests and tables walk.
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
    /// A convolution with a stride: All-CNN.
    StridedConv,
    /// The stride given to the convolution before the slot: Strided-CNN.
    FoldedStride,
    /// A convolution, then max pooling: ConvPool-CNN.
    ConvPool,
    /// Each block of pixels becomes channels.
    PixelUnshuffle,
}

/// Defines the operators that compute something of their own: the enum of their modules and what a stage asks of them.
macro_rules! computing_operators {
    ($($operator:ident => $module:ident,)+) => {
        /// The modules of the operators that are not made of other stages.
        #[derive(Module, Debug)]
        pub enum Downsample {
            $(
                #[doc = concat!("See [`", stringify!($operator), "`].")]
                $operator($module),
            )+
        }

        impl Downsample {
            /// `[n, c, h, w]` to the operator's output shape.
            pub fn forward(&self, x: Tensor<4>, engine: &Engine) -> Tensor<4> {
                match self { $(Self::$operator(module) => module.forward(x, engine),)+ }
            }
        }

        impl DownsampleConfig {
            /// The module of an operator that computes.
            pub(crate) fn module(&self) -> Downsample {
                match self {
                    $(Self::$operator(config) => Downsample::$operator(config.module()),)+
                    _ => panic!("`{}` is made of other stages and has no module", self.name()),
                }
            }

            fn computing(&self) -> Option<&dyn ComputingOperator> {
                match self {
                    $(Self::$operator(config) => Some(config),)+
                    _ => None,
                }
            }
        }
    };
}

computing_operators! {
    MaxPool => MaxPoolModule,
    AveragePool => AveragePoolModule,
    PixelUnshuffle => PixelUnshuffleModule,
}

/// What the shape walk asks of an operator that computes something of its own.
pub trait ComputingOperator {
    /// Channels, rows and columns that leave for those that enter (all at least 1), or why they cannot.
    ///
    /// # Errors
    ///
    /// The reason, as the end of a sentence.
    fn output_shape(&self, input: [usize; 3]) -> Result<[usize; 3], String>;

    /// The input cells that one output cell reads.
    fn window(&self) -> Window;

    /// Number of learned values for an input of `channels`.
    fn parameters(&self, channels: usize) -> u64 {
        let _ = channels;
        0
    }

    /// Multiplications by learned weights for one image.
    fn macs(&self, input: [usize; 3]) -> u64 {
        let _ = input;
        0
    }
}

impl DownsampleConfig {
    pub(crate) fn output_shape(&self, input: [usize; 3]) -> Result<[usize; 3], String> {
        self.stage().output_shape(input)
    }

    pub(crate) fn window(&self) -> Window {
        self.stage().window()
    }

    pub(crate) fn parameters(&self, channels: usize) -> u64 {
        self.stage().parameters(channels)
    }

    pub(crate) fn macs(&self, input: [usize; 3]) -> u64 {
        self.stage().macs(input)
    }

    fn stage(&self) -> &dyn ComputingOperator {
        let name = self.name();
        self.computing()
            .unwrap_or_else(|| panic!("`{name}` is made of other stages and cannot be a stage itself"))
    }
}
