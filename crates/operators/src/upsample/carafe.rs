//! CARAFE: each cell a mean of the cells around it, with weights that a small net reads off the map.

use allconv_kernels::Activation;
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::pixel_shuffle::same_size_convolution;
use super::promises::Promises;
use super::settings::{check_cells, check_count};
use super::upsampler::{Enlargement, LearnedUpsampler, SideRule, Upsampler, cut};
use crate::activated::activated;
use crate::card::Card;
use crate::description::{DescriptionError, out_of_range};
use crate::downsample::settings::{three, two};
use crate::ops::reassembled;
use crate::parameter_source::ParameterSource;
use crate::pass::Pass;

/// Means of neighbouring cells, weighted by a small net. [`Carafe::CARD`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Carafe {
    /// By what the sides grow, 1 to 64. Default 2.
    #[serde(default = "two")]
    pub factor: usize,
    /// Side of the neighbourhood in cells, odd, 1 to 15. Default 5.
    #[serde(default = "five")]
    pub kernel: usize,
    /// Kernel of the convolution that makes the weights, in cells, 1 to 64. Default 3.
    #[serde(default = "three")]
    pub encoder_kernel: usize,
    /// Channels of the small net, 1 to 4096. Default 64.
    #[serde(default = "sixty_four")]
    pub hidden: usize,
}

fn five() -> usize {
    5
}

fn sixty_four() -> usize {
    64
}

impl Default for Carafe {
    fn default() -> Self {
        Self { factor: two(), kernel: five(), encoder_kernel: three(), hidden: sixty_four() }
    }
}

impl Upsampler for Carafe {
    const NAME: &'static str = "carafe";
    const REVISION: u32 = 2;
    const CARD: Card = Card {
        statement: "Each cell is a mean of the cells around its origin, with weights that a small net reads off the map.",
        formula: "W = softmax over kernel² of shuffle(conv(conv1×1(x))); y[c,i,j] = Σ over u, v of \
                  W[u,v;i,j]·x[c, floor(i/s) + u − floor(kernel/2), …], s = factor",
        shape: "[n, c, h', w'] with ceil(h'/factor) = h, ceil(w'/factor) = w",
        boundary: "zeros beyond the edges, which take part in the softmax",
        cost: "kernel² multiplications, and (c + (factor·kernel·encoder_kernel)²)·hidden multiply–accumulates for each input cell",
        source: "Wang et al., arXiv 1905.02188",
        note: "Settings, zero borders and one group as in mmcv's CARAFEPack. Equal weights give nearest-neighbour enlargement, \
               box-filtered. One set of weights for all channels: channels are not mixed, and no activation follows.",
    };
    const PARTNER: &'static str = "average_pool";

    fn examples() -> Vec<Self> {
        vec![
            Self { hidden: 64, ..Self::default() },
            Self { factor: 3, kernel: 3, encoder_kernel: 1, hidden: 2 },
        ]
    }

    fn promises(&self) -> Promises {
        Promises { linear: false, channel_wise: false, ..Promises::FIXED }
    }

    fn check(&self) -> Result<(), DescriptionError> {
        const KERNELS: &str = "odd, from 1 to 15";
        check_cells(Self::NAME, "factor", self.factor)?;
        check_count(Self::NAME, "kernel", self.kernel, 15, KERNELS)?;
        if self.kernel.is_multiple_of(2) {
            return Err(out_of_range("upsample.carafe.kernel", self.kernel, KERNELS));
        }
        check_cells(Self::NAME, "encoder_kernel", self.encoder_kernel)?;
        check_count(Self::NAME, "hidden", self.hidden, 4096, "from 1 to 4096")
    }

    fn sides(&self) -> SideRule {
        SideRule::Factor(self.factor)
    }

    fn cells_read(&self, _enlargement: &Enlargement) -> usize {
        self.kernel.max(self.encoder_kernel)
    }

    fn parameters(&self, enlargement: &Enlargement) -> u64 {
        (self.weights(enlargement.input[0]) + self.hidden + self.encoded()) as u64
    }

    fn macs(&self, enlargement: &Enlargement) -> u64 {
        let [channels, rows, columns] = enlargement.input;
        (rows * columns * self.weights(channels)) as u64
    }
}

impl Carafe {
    /// Channels that the net returns: a weight for each neighbour of each cell of a block.
    fn encoded(&self) -> usize {
        (self.factor * self.kernel).pow(2)
    }

    /// Number of weights of the net.
    fn weights(&self, channels: usize) -> usize {
        self.hidden * (channels + self.encoded() * self.encoder_kernel.pow(2))
    }
}

impl LearnedUpsampler for Carafe {
    type Module = CarafeModule;

    fn module(&self, enlargement: &Enlargement, source: &ParameterSource<'_>) -> Self::Module {
        let side = self.encoder_kernel;
        CarafeModule {
            compress_weight: source.drawn("compress_weight", [self.hidden, enlargement.input[0], 1, 1]),
            compress_bias: source.filled([self.hidden], 0.0),
            encode_weight: source.drawn("encode_weight", [self.encoded(), self.hidden, side, side]),
            encode_bias: source.filled([self.encoded()], 0.0),
            config: self.clone(),
        }
    }
}

/// [`Carafe`] with its parameters.
#[derive(Module, Debug)]
pub struct CarafeModule {
    compress_weight: Param<Tensor<4>>,
    compress_bias: Param<Tensor<1>>,
    encode_weight: Param<Tensor<4>>,
    encode_bias: Param<Tensor<1>>,
    #[module(skip)]
    config: Carafe,
}

impl CarafeModule {
    /// `[n, c, h, w]` to a map of `sides`, activated.
    pub fn forward(
        &self,
        x: Tensor<4>,
        sides: [usize; 2],
        activation: Activation,
        pass: &Pass<'_>,
    ) -> Tensor<4> {
        self.config.sides().demand(Carafe::NAME, &x, sides);
        let Carafe { factor, kernel, .. } = self.config;
        let (weight, bias) = (self.compress_weight.val(), self.compress_bias.val());
        let inner = same_size_convolution(x.clone(), weight, bias, Activation::Identity, pass);
        let (weight, bias) = (self.encode_weight.val(), self.encode_bias.val());
        let encoded = same_size_convolution(inner, weight, bias, Activation::Identity, pass);
        let enlarged = reassembled(x, encoded, kernel, factor, pass.engine);
        activated(cut(enlarged, sides), activation)
    }
}
