//! The registry of upsampling operators: the ways back up from what a downsampling operator left.
//!
//! Adding an operator means one new file and its line in [`upsamplers!`](self). Everything else walks
//! [`UpsampleConfig::examples`].
//!
//! # The rule
//!
//! An operator takes a map to given sides: those of the map that its paired downsampling operator reduced, odd ones
//! included. Where it needs more than the reduced map, the downsampling operator hands it over as
//! [`Switches`]; [`UpsampleConfig::check_pair`] says which operators can. One that mixes channels by learned
//! weights is followed by the net's activation, the others are not.
//!
//! ```
//! use allconv_nets::{DownsampleConfig, UpsampleConfig};
//!
//! let unpool = &UpsampleConfig::named("max_unpool")?[0];
//! assert!(unpool.check_pair(&DownsampleConfig::named("max_pool")?[0]).is_ok());
//! let refusal = unpool.check_pair(&DownsampleConfig::named("strided_conv")?[0]).unwrap_err();
//! assert!(refusal.to_string().ends_with("it can be paired with max_pool, conv_pool"));
//! # Ok::<(), allconv_nets::DescriptionError>(())
//! ```

mod blur_upsample;
mod carafe;
mod enlarging_maps;
mod inverse_haar;
mod max_unpool;
mod pair;
mod paired;
mod pixel_shuffle;
mod polyphase_unpool;
mod promises;
mod resize_conv;
mod settings;
mod spectral_upsample;
#[cfg(test)]
mod tests;
mod transposed_conv;
mod upsampler;

use allconv_kernels::Activation;
use burn::module::Module;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::activated::activated;
pub use crate::axis_maps::EdgePadding;
pub use crate::card::Card;
use crate::description::{DescriptionError, unknown_operator};
use crate::downsample::DownsampleConfig;
pub use crate::downsample::PhaseOrder;
use crate::parameter_source::ParameterSource;
use crate::pass::Pass;
use crate::switches::{SwitchKind, Switches};
pub use blur_upsample::BlurUpsample;
pub use carafe::{Carafe, CarafeModule};
pub use enlarging_maps::Interpolation;
pub(crate) use enlarging_maps::bicubic_enlargement;
pub use inverse_haar::InverseHaar;
pub use max_unpool::{Duplicates, MaxUnpool};
pub use paired::UpsamplePair;
pub use pixel_shuffle::{PixelShuffle, PixelShuffleModule};
pub use polyphase_unpool::PolyphaseUnpool;
pub use promises::Promises;
pub use resize_conv::{ResizeConv, ResizeConvModule};
pub use spectral_upsample::SpectralUpsample;
pub use transposed_conv::{TransposedConv, TransposedConvModule};
pub use upsampler::{Enlargement, FixedUpsampler, LearnedUpsampler, SideRule, Upsampler};

/// Defines the enum of all upsampling operators and their modules, from one line per operator.
macro_rules! upsamplers {
    (
        fixed: $($(#[$fixed_documentation:meta])* $fixed:ident,)+;
        learned: $($(#[$learned_documentation:meta])* $learned:ident,)+
    ) => {
        /// An upsampling operator with its settings.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum UpsampleConfig {
            $($(#[$fixed_documentation])* $fixed($fixed),)+
            $($(#[$learned_documentation])* $learned($learned),)+
        }

        $(impl From<$fixed> for UpsampleConfig {
            fn from(config: $fixed) -> Self {
                Self::$fixed(config)
            }
        })+

        $(impl From<$learned> for UpsampleConfig {
            fn from(config: $learned) -> Self {
                Self::$learned(config)
            }
        })+

        /// Evaluates an expression over the configuration of whichever operator it is.
        macro_rules! of_each {
            ($value:expr, $operator:ident, $config:ident => $result:expr) => {
                match $value {
                    $(UpsampleConfig::$fixed($config) => { type $operator = $fixed; $result })+
                    $(UpsampleConfig::$learned($config) => { type $operator = $learned; $result })+
                }
            };
        }

        impl UpsampleConfig {
            /// The names of all operators, in the order of the registry.
            pub const NAMES: &[&str] = &[$($fixed::NAME,)+ $($learned::NAME,)+];

            /// Every operator with each setting worth a test of its own, defaults first: what tests and tables walk.
            pub fn examples() -> Vec<Self> {
                let mut examples = Vec::new();
                $(examples.extend($fixed::examples().into_iter().map(Self::$fixed));)+
                $(examples.extend($learned::examples().into_iter().map(Self::$learned));)+
                examples
            }

            /// The module of the operator for this enlargement; its parameters come from `source`.
            ///
            /// The module itself works on maps of any sides that [`Self::check_shape`] accepts.
            pub fn module(&self, enlargement: &Enlargement, source: &ParameterSource<'_>) -> Upsample {
                match self {
                    $(Self::$learned(config) => Upsample::$learned(config.module(enlargement, source)),)+
                    fixed => Upsample::Fixed(FixedUpsample { config: fixed.clone() }),
                }
            }

            fn fixed(&self) -> &dyn FixedUpsampler {
                match self {
                    $(Self::$fixed(config) => config,)+
                    _ => panic!("`{}` does not compute without a module of its own", self.name()),
                }
            }
        }

        /// The modules of the upsampling operators.
        #[derive(Module, Debug)]
        pub enum Upsample {
            /// Any operator without parameters.
            Fixed(FixedUpsample),
            $(
                #[doc = concat!("See [`", stringify!($learned), "`].")]
                $learned(<$learned as LearnedUpsampler>::Module),
            )+
        }

        impl Upsample {
            /// `x` `[n, c, h, w]` to a map of `sides` (rows, columns), activated. `switches` are what the paired downsampling
            /// operator handed over when it reduced a map of these sides; operators that need none ignore them.
            ///
            /// # Panics
            ///
            /// When the operator needs other switches, or `x` and `sides` are none that
            /// [`UpsampleConfig::check_shape`] accepts.
            pub fn forward(
                &self,
                x: Tensor<4>,
                sides: [usize; 2],
                switches: &Switches,
                activation: Activation,
                pass: &Pass<'_>,
            ) -> Tensor<4> {
                match self {
                    Self::Fixed(module) => {
                        module.config.sides().demand(module.config.name(), &x, sides);
                        activated(module.config.fixed().compute(x, sides, switches, pass), activation)
                    }
                    $(Self::$learned(module) => module.forward(x, sides, activation, pass),)+
                }
            }
        }
    };
}

upsamplers! {
    fixed:
        /// Each value back where its window had its maximum.
        MaxUnpool,
        /// Zeros between the cells, then a blur.
        BlurUpsample,
        /// One step of the Haar transform, backwards.
        InverseHaar,
        /// Interpolation by the Fourier series.
        SpectralUpsample,
        /// Each image back on the phase that it kept.
        PolyphaseUnpool,;
    learned:
        /// Channels become blocks of pixels.
        PixelShuffle,
        /// The adjoint of a strided convolution.
        TransposedConv,
        /// Interpolation, then a convolution.
        ResizeConv,
        /// Each cell a mean of the cells around it, weighted by a small net.
        Carafe,
}

/// An operator without parameters as a module.
#[derive(Module, Debug)]
pub struct FixedUpsample {
    #[module(skip)]
    config: UpsampleConfig,
}

impl UpsampleConfig {
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

    /// Its name, as in a study file.
    pub fn name(&self) -> &'static str {
        of_each!(self, O, _config => O::NAME)
    }

    /// Its numerics revision; see [`Upsampler::REVISION`].
    pub fn revision(&self) -> u32 {
        of_each!(self, O, _config => O::REVISION)
    }

    /// The operator in words.
    pub fn card(&self) -> Card {
        of_each!(self, O, _config => O::CARD)
    }

    /// The downsampling operator that the literature pairs it with, or the plainest one where it goes with any, with the first
    /// settings of the registry that it can undo; another one where it can undo none of these.
    pub fn partner(&self) -> DownsampleConfig {
        let (name, partners) = (of_each!(self, O, _config => O::PARTNER), self.partners());
        match partners.iter().find(|partner| partner.name() == name).or(partners.first()) {
            Some(partner) => partner.clone(),
            None => panic!("`{}` can undo no example of the registry", self.name()),
        }
    }

    /// What holds for it with these settings.
    pub fn promises(&self) -> Promises {
        of_each!(self, O, config => O::promises(config))
    }

    /// Refuses settings that are out of range.
    ///
    /// # Errors
    ///
    /// The field, its value and the range.
    pub fn check(&self) -> Result<(), DescriptionError> {
        of_each!(self, O, config => O::check(config))
    }

    /// Whether it mixes channels by learned weights: the net's activation then follows.
    pub fn mixes_channels(&self) -> bool {
        of_each!(self, O, config => O::mixes_channels(config))
    }

    /// How many cells of a row of the input one cell of the output reads at most, borders aside.
    pub fn cells_read(&self, enlargement: &Enlargement) -> usize {
        of_each!(self, O, config => O::cells_read(config, enlargement))
    }

    /// Whether it uses switches of this kind where they are handed over.
    pub fn takes(&self, offered: SwitchKind) -> bool {
        of_each!(self, O, config => O::takes(config, offered))
    }

    /// How many channels must enter for `channels` to leave; `None` where any number can.
    pub fn channels_in(&self, channels: usize, switches: SwitchKind) -> Option<usize> {
        of_each!(self, O, config => O::channels_in(config, channels, switches))
    }

    /// Number of learned values.
    pub fn parameters(&self, enlargement: &Enlargement) -> u64 {
        of_each!(self, O, config => O::parameters(config, enlargement))
    }

    /// Multiplications by learned weights for one image.
    pub fn macs(&self, enlargement: &Enlargement) -> u64 {
        of_each!(self, O, config => O::macs(config, enlargement))
    }

    /// Which sides it returns.
    pub fn sides(&self) -> SideRule {
        of_each!(self, O, config => O::sides(config))
    }

    /// The switches that it cannot do without.
    pub fn needs(&self) -> SwitchKind {
        of_each!(self, O, _config => O::NEEDS)
    }

    fn check_settings_of(&self, downsample: &DownsampleConfig) -> Result<(), String> {
        of_each!(self, O, config => O::check_settings_of(config, downsample))
    }
}
