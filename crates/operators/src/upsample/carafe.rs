//! CARAFE: each position is a mean of the positions around it, with weights that a small net computes from the map.

use allconv_kernels::Activation;

use super::pixel_shuffle::same_size_convolution;
use super::properties::Properties;
use super::upsampling::{Destination, Enlargement, SizeRule, Upsampling, cut, lowered_cut};
use crate::lowering::{Binary, PadFill, ShuffleOrder};
use crate::operations::{activated, reassembled};
use crate::prelude::*;

/// Means of neighbouring positions, weighted by a small net. [`Carafe::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Carafe {
    /// The factor by which height and width grow, 1 to 64. Default 2.
    pub factor: usize,
    /// Height and width of the neighbourhood, odd, 1 to 15. Default 5.
    pub kernel: usize,
    /// Kernel of the convolution that makes the weights, in positions, 1 to 64. Default 3.
    pub encoder_kernel: usize,
    /// Channels of the small net, 1 to 4096. Default 64.
    pub hidden: usize,
}

impl Default for Carafe {
    fn default() -> Self {
        Self { factor: 2, kernel: 5, encoder_kernel: 3, hidden: 64 }
    }
}

impl Settings for Carafe {
    const DESCRIPTION: Description = Description {
        name: "carafe",
        kind: Kind::Convolution,
        revision: 2,
        statement: "Each position is a mean of the positions around its origin, with weights that a small net computes from the map.",
        formula: "W = softmax over kernel² of shuffle(conv(conv1×1(x))); y[c,i,j] = Σ over u, v of \
                  W[u,v;i,j]·x[c, floor(i/s) + u − floor(kernel/2), …], s = factor",
        shape: "[n, c, h', w'] with ceil(h'/factor) = h, ceil(w'/factor) = w",
        boundary: "zeros beyond the edges, which take part in the softmax",
        cost: "kernel² multiplications, and (c + (factor·kernel·encoder_kernel)²)·hidden multiply–accumulates for each input position",
        source: "Wang et al., arXiv 1905.02188",
        note: "Settings, zero borders and one group as in mmcv's CARAFEPack. Equal weights give nearest-neighbour enlargement, \
               box-filtered. One set of weights for all channels: channels are not mixed, and no activation follows.",
    };

    fn examples() -> Vec<Self> {
        vec![
            Self { hidden: 64, ..Self::default() },
            Self { factor: 3, kernel: 3, encoder_kernel: 1, hidden: 2 },
        ]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        const KERNELS: &str = "odd, from 1 to 15";
        check_size("factor", self.factor)?;
        check_range("kernel", self.kernel, 1..=15, KERNELS)?;
        if self.kernel.is_multiple_of(2) {
            return Err(OutOfRange::new("kernel", self.kernel, KERNELS));
        }
        check_size("encoder_kernel", self.encoder_kernel)?;
        check_range("hidden", self.hidden, 1..=4096, "from 1 to 4096")
    }
}

impl Upsampling for Carafe {
    fn properties(&self) -> Properties {
        Properties { linear: false, channel_wise: false, ..Properties::FIXED }
    }

    fn usual_partner(&self) -> &'static str {
        "average_pool"
    }

    fn size_rule(&self) -> SizeRule {
        SizeRule::Factor(self.factor)
    }

    fn positions_read(&self, _enlargement: &Enlargement) -> usize {
        self.kernel.max(self.encoder_kernel)
    }

    fn parameters(&self, enlargement: &Enlargement) -> Vec<ParameterSpec> {
        let (channels, kernel) = (enlargement.input[0], self.encoder_kernel);
        vec![
            ParameterSpec::new("compress_weight", [self.hidden, channels, 1, 1], Start::Drawn),
            ParameterSpec::new("compress_bias", [self.hidden], Start::Filled(0.0)),
            ParameterSpec::new("encode_weight", [self.encoded(), self.hidden, kernel, kernel], Start::Drawn),
            ParameterSpec::new("encode_bias", [self.encoded()], Start::Filled(0.0)),
        ]
    }

    fn macs(&self, enlargement: &Enlargement) -> u64 {
        let [channels, rows, columns] = enlargement.input;
        (rows * columns * self.weights(channels)) as u64
    }

    fn compute(
        &self,
        x: Tensor<4>,
        to: &Destination<'_>,
        parameters: &Parameters,
        pass: &Pass<'_>,
    ) -> Tensor<4> {
        let convolved = |x: Tensor<4>, layer: &str| {
            let weight = parameters.get(&format!("{layer}_weight"));
            let bias = parameters.get(&format!("{layer}_bias"));
            same_size_convolution(x, weight, bias, Activation::Identity, pass)
        };
        let encoded = convolved(convolved(x.clone(), "compress"), "encode");
        let enlarged = reassembled(x, encoded, self.kernel, self.factor, pass.engine);
        activated(cut(enlarged, to.size), to.activation)
    }

    fn lower(&self, graph: &mut Graph, x: Value, to: &LoweredDestination) -> Value {
        let [channels, height, width] = graph.map_shape(x);
        let Self { factor, kernel, encoder_kernel, hidden } = *self;
        let compressed = graph.same_convolution(x, "compress_", hidden, 1);
        let encoded = graph.same_convolution(compressed, "encode_", self.encoded(), encoder_kernel);
        let (block, around) = (factor * factor, kernel / 2);
        let [rows, columns] = [height, width].map(|size| size as i64);
        graph.fix_size();
        let logits = graph.reshape(encoded, &[0, (kernel * kernel) as i64, block as i64, rows, columns]);
        let shares = graph.softmax(logits, 1);
        let padded = graph.pad(x, [around; 4], PadFill::Number(0.0));
        let terms = (0..kernel * kernel).map(|index| {
            let (row, column) = (index / kernel, index % kernel);
            let of_row = graph.slice(padded, 2, [row, 2 * around - row, 1]);
            let neighbour = graph.slice(of_row, 3, [column, 2 * around - column, 1]);
            let neighbour = graph.reshape(neighbour, &[0, channels as i64, 1, rows, columns]);
            let share = graph.gather(shares, 1, vec![index]);
            graph.binary(Binary::Multiply, neighbour, share)
        });
        let terms: Vec<Value> = terms.collect();
        let sum = graph.sum(&terms);
        let joined = graph.reshape(sum, &[0, (channels * block) as i64, rows, columns]);
        let enlarged = graph.depth_to_space(joined, factor, ShuffleOrder::ChannelMajor);
        lowered_cut(graph, enlarged, to)
    }
}

impl Carafe {
    /// Returns the number of channels that the net returns: a weight for each neighbour of each position of a block.
    fn encoded(&self) -> usize {
        (self.factor * self.kernel).pow(2)
    }

    /// Returns the number of weights of the net.
    fn weights(&self, channels: usize) -> usize {
        self.hidden * (channels + self.encoded() * self.encoder_kernel.pow(2))
    }
}
