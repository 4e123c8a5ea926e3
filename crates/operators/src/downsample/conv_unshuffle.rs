//! A convolution to fewer channels, then pixel unshuffle: reverse pixel shuffle as image restoration uses it.

use super::downsampling::{Downsampling, Following, Part};
use super::pixel_unshuffle::PixelUnshuffle;
use super::properties::Properties;
use crate::convolution_spec::{Border, ConvolutionSpec};
use crate::prelude::*;

/// A convolution at full resolution whose outputs become the phases of the result. [`ConvUnshuffle::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ConvUnshuffle {
    /// Height and width of the convolution's kernel, 1 to 64. Default 3.
    pub kernel: usize,
    /// Height and width of a block, 1 to 64. Default 2.
    pub factor: usize,
    /// Ratio of output channels to input channels, 1 to 64. Default 1; Restormer's is 2.
    #[serde(skip_serializing_if = "is_one")]
    pub expansion: usize,
    /// Whether the net's activation follows, as after every learned mixture of channels. Default true; Restormer's is false.
    #[serde(skip_serializing_if = "is_yes")]
    pub activation: bool,
}

impl Default for ConvUnshuffle {
    fn default() -> Self {
        Self { kernel: 3, factor: 2, expansion: 1, activation: true }
    }
}

impl Settings for ConvUnshuffle {
    const DESCRIPTION: Description = Description {
        name: "conv_unshuffle",
        kind: Kind::Rearrangement,
        revision: 1,
        statement: "A convolution with stride 1 to fewer channels and the net's activation, then each block of factor × factor positions \
                    becomes channels.",
        formula: "y = pixel_unshuffle(f(b + W ∗ x)), W to ceil(c·expansion/r²) channels, r = factor; ∗ keeps the size; without \
                  `activation` f is the identity",
        shape: "[n, r²·ceil(c·expansion/r²), ceil(h/r), ceil(w/r)]; any h, w ≥ 1",
        boundary: "zeros for the convolution; for the unshuffle zeros below and to the right where the factor does not divide height or width",
        cost: "about c·expansion·kernel² multiply–accumulates for an output position, as many as `strided_conv`; 1/r² of its parameters",
        source: "Zamir et al., Restormer, arXiv 2111.09881 (its code: 3×3, expansion 2, no activation, no bias)",
        note: "The r² phases share one kernel: it is a strided convolution with a kernel of kernel + r − 1 taps whose weights are tied. \
               Unshuffling before the convolution is another operator, see `pixel_unshuffle`. Its usual upsampling operator is \
               `pixel_shuffle = { expand = 3 }`.",
    };

    fn examples() -> Vec<Self> {
        vec![
            Self::default(),
            Self { kernel: 1, ..Self::default() },
            Self { expansion: 2, activation: false, ..Self::default() },
        ]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_size("kernel", self.kernel)?;
        check_size("factor", self.factor)?;
        check_range("expansion", self.expansion, 1..=64, "from 1 to 64")
    }
}

impl Downsampling for ConvUnshuffle {
    fn properties(&self) -> Properties {
        Properties {
            gain: None,
            linear: !self.activation,
            // A kernel of one position reads nothing beyond an edge.
            shifts_by_stride: self.kernel == 1,
            channel_wise: false,
            ..Properties::pooling(self.factor)
        }
    }

    fn parts(&self, channels: usize) -> Vec<Part> {
        let channels = (channels * self.expansion).div_ceil(self.factor * self.factor);
        let convolution = ConvolutionSpec::square(channels, self.kernel, 1, Border::same(self.kernel));
        let following = if self.activation { Following::Activation } else { Following::Normalisation };
        let unshuffle = PixelUnshuffle { factor: self.factor, ..PixelUnshuffle::default() };
        vec![Part::Convolution(convolution, following), Part::reduction(unshuffle)]
    }
}
