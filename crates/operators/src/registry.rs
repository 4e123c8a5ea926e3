//! The registry of operators: every operator of either direction, one line each.

use std::ops::Deref;

use burn::tensor::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::description::Description;
use crate::downsample::*;
use crate::error::OperatorError;
use crate::layer::OperatorLayer;
use crate::operator::Settings;
use crate::parameter_source::{ParameterSource, ParameterSpec};
use crate::pass::Pass;
use crate::upsample::*;

/// Defines, for each direction, the enum of its operators, which reads and writes a study file, and the registry of all.
macro_rules! registry {
    ($(
        $(#[$documentation:meta])*
        $config:ident is dyn $interface:ident, direction $direction:ident {
            $($operator:ident,)+
        }
    )+) => {
        $(
            $(#[$documentation])*
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
            #[serde(rename_all = "snake_case")]
            pub enum $config {
                $(#[doc = concat!("See [`", stringify!($operator), "`].")] $operator($operator),)+
            }

            impl Deref for $config {
                type Target = dyn $interface;

                fn deref(&self) -> &Self::Target {
                    match self { $(Self::$operator(operator) => operator,)+ }
                }
            }

            $(impl From<$operator> for $config {
                fn from(operator: $operator) -> Self {
                    Self::$operator(operator)
                }
            })+

            impl $config {
                /// The names of all operators of this direction, in the order of the registry.
                pub const NAMES: &[&str] = &[$($operator::DESCRIPTION.name,)+];

                /// Returns every operator with its default and other settings that tests cover, defaults first.
                pub fn examples() -> Vec<Self> {
                    let mut examples = Vec::new();
                    $(examples.extend($operator::examples().into_iter().map(Self::$operator));)+
                    examples
                }
            }
        )+

        /// The description of every operator, those that reduce before those that enlarge.
        pub static OPERATORS: &[(Direction, Description)] =
            &[$($((Direction::$direction, $operator::DESCRIPTION),)+)+];
    };
}

registry! {
    /// A downsampling operator, for the slot of a network, with its settings.
    DownsampleConfig is dyn Downsampling, direction Down {
        MaxPool,
        AveragePool,
        PNormPool,
        LearnedPNormPool,
        GemPool,
        LogSumExpPool,
        MedianPool,
        RankAveragePool,
        StochasticPool,
        MixedPool,
        GatedPool,
        MaxAveragePool,
        FractionalMaxPool,
        StridedConv,
        FoldedStride,
        ConvPool,
        DepthwiseConv,
        Decimation,
        PixelUnshuffle,
        ConvUnshuffle,
        PatchMerging,
        BlurPool,
        MaxBlurPool,
        AverageBlurPool,
        ConvBlurPool,
        AntialiasedResize,
        AdaptivePolyphase,
        LearnedPolyphase,
        SoftPool,
        AdaPool,
        LocalImportancePool,
        HaarLowPass,
        HaarWavelet,
        SpectralPool,
        DiffStride,
        Dilation,
    }

    /// An upsampling operator with its settings.
    UpsampleConfig is dyn Upsampling, direction Up {
        MaxUnpool,
        BlurUpsample,
        InverseHaar,
        SpectralUpsample,
        PolyphaseUnpool,
        PixelShuffle,
        TransposedConv,
        ResizeConv,
        Carafe,
    }
}

/// Whether an operator reduces or enlarges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// It reduces: a [`DownsampleConfig`].
    Down,
    /// It enlarges: an [`UpsampleConfig`].
    Up,
}

impl DownsampleConfig {
    /// Returns the examples of the operator called `name`, its default first.
    ///
    /// # Errors
    ///
    /// [`OperatorError::Unknown`], with the nearest name.
    pub fn named(name: &str) -> Result<Vec<Self>, OperatorError> {
        let examples = Self::examples().into_iter().filter(|example| example.name() == name).collect();
        some_called(name, examples)
    }
}

impl UpsampleConfig {
    /// Returns the examples of the operator called `name`, its default first.
    ///
    /// # Errors
    ///
    /// [`OperatorError::Unknown`], with the nearest name.
    pub fn named(name: &str) -> Result<Vec<Self>, OperatorError> {
        let examples = Self::examples().into_iter().filter(|example| example.name() == name).collect();
        some_called(name, examples)
    }

    /// Returns the number of learned parameters.
    pub fn parameter_count(&self, enlargement: &Enlargement) -> u64 {
        ParameterSpec::count(&self.parameters(enlargement))
    }

    /// Returns the operator with its parameters. It works on maps of any height and width that [`Self::check_shape`] accepts.
    pub fn layer(&self, enlargement: &Enlargement, source: &ParameterSource<'_>) -> OperatorLayer<Self> {
        OperatorLayer::new(self.clone(), &self.parameters(enlargement), source)
    }
}

impl OperatorLayer<UpsampleConfig> {
    /// Enlarges `x` `[n, c, h, w]` to a map of the height and width of the destination, activated.
    ///
    /// # Panics
    ///
    /// When the operator needs other switches, or `x` and the destination are none that [`UpsampleConfig::check_shape`] accepts.
    pub fn forward(&self, x: Tensor<4>, to: &Destination<'_>, pass: &Pass<'_>) -> Tensor<4> {
        let operator = self.operator();
        let [_, _, height, width] = x.dims();
        for (entering, leaving) in [height, width].into_iter().zip(to.size) {
            if let Err(reason) = operator.size_rule().check(entering, leaving) {
                panic!("`{}`: {reason}", operator.name());
            }
        }
        operator.compute(x, to, self.parameters(), pass)
    }
}

/// Returns the examples of the operator called `name`; where there are none, the error names the nearest operator of either direction.
fn some_called<C>(name: &str, examples: Vec<C>) -> Result<Vec<C>, OperatorError> {
    if !examples.is_empty() {
        return Ok(examples);
    }
    let known = OPERATORS.iter().map(|(_, description)| description.name);
    let nearest = known.min_by_key(|known| strsim::levenshtein(name, known)).unwrap_or_default();
    Err(OperatorError::Unknown { name: name.to_owned(), nearest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_unique() {
        for (index, (_, description)) in OPERATORS.iter().enumerate() {
            let name = description.name;
            assert!(OPERATORS[..index].iter().all(|(_, other)| other.name != name), "{name}");
        }
        assert_eq!(OPERATORS.len(), DownsampleConfig::NAMES.len() + UpsampleConfig::NAMES.len());
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_nearest_of_either_direction() {
        let error = DownsampleConfig::named("pixelshuffle").unwrap_err().to_string();
        assert!(error.contains("`pixel_shuffle`"), "{error}");
    }
}
