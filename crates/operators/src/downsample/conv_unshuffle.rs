//! A convolution to fewer channels, then pixel unshuffle: reverse pixel shuffle as image restoration uses it.

use serde::{Deserialize, Serialize};

use super::pixel_unshuffle::PixelUnshuffle;
use super::promises::Promises;
use super::settings::{check_cells, check_range, is_one, is_yes, one, three, two, yes};
use super::slot::{Operator, Slot};
use crate::card::Card;
use crate::description::DescriptionError;
use crate::stage::{Border, ConvolutionSpec, StageSpec};

/// A convolution at full resolution whose outputs become the phases of the result. [`ConvUnshuffle::CARD`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvUnshuffle {
    /// Side of the convolution's kernel in cells, 1 to 64. Default 3.
    #[serde(default = "three")]
    pub kernel: usize,
    /// Side of a block in cells, 1 to 64. Default 2.
    #[serde(default = "two")]
    pub factor: usize,
    /// Channels of the result by those that enter, 1 to 64. Default 1; Restormer's is 2.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub expansion: usize,
    /// Whether the net's activation follows, as after every learned mixture of channels. Default true; Restormer's is false.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub activation: bool,
}

impl Default for ConvUnshuffle {
    fn default() -> Self {
        Self { kernel: three(), factor: two(), expansion: one(), activation: yes() }
    }
}

impl Operator for ConvUnshuffle {
    const NAME: &'static str = "conv_unshuffle";
    const REVISION: u32 = 1;
    const CARD: Card = Card {
        statement: "A convolution with stride 1 to fewer channels and the net's activation, then each block of factor × factor cells \
                    becomes channels.",
        formula: "y = pixel_unshuffle(f(b + W ∗ x)), W to ceil(c·expansion/r²) channels, r = factor; ∗ keeps the size; without \
                  `activation` f is the identity",
        shape: "[n, r²·ceil(c·expansion/r²), ceil(h/r), ceil(w/r)]; any h, w ≥ 1",
        boundary: "zeros for the convolution; for the unshuffle zeros below and to the right of sides that the factor does not divide",
        cost: "about c·expansion·kernel² multiply–accumulates for an output cell, as many as `strided_conv`; 1/r² of its learned values",
        source: "Zamir et al., Restormer, arXiv 2111.09881 (its code: 3×3, expansion 2, no activation, no bias)",
        note: "The r² phases share one kernel: it is a strided convolution with a kernel of kernel + r − 1 cells whose weights are tied. \
               Unshuffle and then convolve is another operator, see `pixel_unshuffle`. The way up that belongs to it is \
               `pixel_shuffle = { expand = 3 }`.",
    };

    fn examples() -> Vec<Self> {
        vec![
            Self::default(),
            Self { kernel: 1, ..Self::default() },
            Self { expansion: 2, activation: false, ..Self::default() },
        ]
    }

    fn promises(&self) -> Promises {
        Promises {
            gain: None,
            linear: !self.activation,
            // A kernel of one cell sees no edge.
            shifts_by_stride: self.kernel == 1,
            channel_wise: false,
            ..Promises::pooling(self.factor)
        }
    }

    fn check(&self) -> Result<(), DescriptionError> {
        check_cells(Self::NAME, "kernel", self.kernel)?;
        check_cells(Self::NAME, "factor", self.factor)?;
        check_range(Self::NAME, "expansion", self.expansion, 1..=64, "from 1 to 64")
    }

    fn place(&self, slot: &mut Slot<'_>) -> Result<(), DescriptionError> {
        let channels = (slot.channels() * self.expansion).div_ceil(self.factor * self.factor);
        let convolution = ConvolutionSpec::square(channels, self.kernel, 1, Border::same(self.kernel));
        match self.activation {
            true => slot.push_convolution(convolution),
            false => slot.push_linear_convolution(convolution),
        }
        let unshuffle = PixelUnshuffle { factor: self.factor, ..PixelUnshuffle::default() };
        slot.push(StageSpec::Downsample(unshuffle.into()));
        Ok(())
    }
}
