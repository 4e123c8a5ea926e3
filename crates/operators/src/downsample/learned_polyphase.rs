//! Learned polyphase sampling (LPS): a small net scores the phases, each image keeps the best.

use allconv_kernels::{Activation, AxisMap, Elementwise, Epilogue, Padding};
use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData};
use serde::{Deserialize, Serialize};

use super::computing::divided;
use super::polyphase::{LEARNED_ORDER, kept_phases, phases, strongest};
use super::promises::Promises;
use super::settings::check_range;
use super::slot::Operator;
use super::{ComputingOperator, LearnedOperator};
use crate::card::Card;
use crate::description::DescriptionError;
use crate::ops::{ConvolutionSettings, SeparableMap, convolution, elementwise, rectifier, separable};
use crate::parameter_source::ParameterSource;
use crate::pass::Pass;
use crate::signal_rules::ReluRule;
use crate::switches::{PhaseShares, Shares, SwitchKind, Switches};
use crate::walk::Window;

/// Keeps the polyphase component that a small net scores highest. [`LearnedPolyphase::CARD`] has the definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearnedPolyphase {
    /// Channels of the scoring net, up to 4096. Default: as many as enter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<usize>,
    /// Temperature of the soft choice in training, above 0 and at most 100. Default 1.
    #[serde(default = "unit")]
    pub temperature: f64,
}

fn unit() -> f64 {
    1.0
}

impl Default for LearnedPolyphase {
    fn default() -> Self {
        Self { hidden: None, temperature: unit() }
    }
}

impl Operator for LearnedPolyphase {
    const NAME: &'static str = "learned_polyphase";
    const REVISION: u32 = 3;
    const CARD: Card = Card {
        statement: "Each image keeps that one of its four polyphase components which a small shared net scores highest.",
        formula: "score of P = mean of conv3(relu(conv3(P))), circular; evaluation: y = P_argmax; training: y = Σ z·P, \
                  z = softmax((score + Gumbel noise)/temperature)",
        shape: "[n, c, ceil(h/2), ceil(w/2)]; any h, w ≥ 1",
        boundary: "odd sides first get one cell from their other end; the net reads circularly",
        cost: "9·(c·k + k²) multiply–accumulates for each input cell, k hidden channels; 9·(c·k + k²) + 2k learned values",
        source: "Rojas-Gomez et al., arXiv 2210.08001",
        note: "Exactly equivariant to circular shifts on even sides in evaluation. Phase order (0,0), (0,1), (1,0), (1,1), not \
               that of `adaptive_polyphase`.",
    };

    fn examples() -> Vec<Self> {
        vec![Self::default(), Self { hidden: Some(2), temperature: 0.5 }]
    }

    fn promises(&self) -> Promises {
        Promises {
            channel_wise: false,
            differs_in_training: true,
            shifts_by_stride: true,
            shifts_by_one: true,
            ..Promises::pooling(2)
        }
    }

    fn check(&self) -> Result<(), DescriptionError> {
        check_range(Self::NAME, "hidden", self.hidden.unwrap_or(1), 1..=4096, "from 1 to 4096")?;
        let range = (std::ops::Bound::Excluded(0.0), std::ops::Bound::Included(100.0));
        check_range(Self::NAME, "temperature", self.temperature, range, "above 0 and at most 100")
    }

    fn switches(&self) -> SwitchKind {
        SwitchKind::Phases
    }
}

impl ComputingOperator for LearnedPolyphase {
    fn output_shape(&self, input: [usize; 3]) -> Result<[usize; 3], String> {
        Ok(divided(input, 2))
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        Window { extent: 2, stride: 2 }
    }

    fn parameters(&self, [channels, _, _]: [usize; 3]) -> u64 {
        let hidden = self.hidden.unwrap_or(channels);
        (9 * hidden * (channels + hidden) + 2 * hidden) as u64
    }

    fn macs(&self, input: [usize; 3]) -> u64 {
        let hidden = self.hidden.unwrap_or(input[0]);
        let [channels, rows, columns] = divided(input, 2);
        (4 * rows * columns * 9 * hidden * (channels + hidden)) as u64
    }
}

impl LearnedOperator for LearnedPolyphase {
    type Module = LearnedPolyphaseModule;

    fn module(&self, [channels, _, _]: [usize; 3], source: &ParameterSource<'_>) -> Self::Module {
        let hidden = self.hidden.unwrap_or(channels);
        LearnedPolyphaseModule {
            first_weight: source.drawn("first_weight", [hidden, channels, 3, 3]),
            first_bias: source.filled([hidden], 0.0),
            second_weight: source.drawn("second_weight", [hidden, hidden, 3, 3]),
            second_bias: source.filled([hidden], 0.0),
            temperature: self.temperature,
        }
    }
}

/// [`LearnedPolyphase`] with its parameters.
#[derive(Module, Debug)]
pub struct LearnedPolyphaseModule {
    first_weight: Param<Tensor<4>>,
    first_bias: Param<Tensor<1>>,
    second_weight: Param<Tensor<4>>,
    second_bias: Param<Tensor<1>>,
    temperature: f64,
}

impl LearnedPolyphaseModule {
    /// `[n, c, h, w]` to `[n, c, ceil(h/2), ceil(w/2)]`.
    pub fn forward(&self, x: Tensor<4>, pass: &Pass<'_>) -> Tensor<4> {
        self.forward_with_switches(x, pass).0
    }

    /// [`Self::forward`], and the share of each phase.
    pub fn forward_with_switches(&self, x: Tensor<4>, pass: &Pass<'_>) -> (Tensor<4>, Switches) {
        let candidates = phases(x.clone(), LEARNED_ORDER);
        let scores = self.scores(candidates.clone(), pass);
        let Some(draws) = pass.draws else {
            let kept = strongest(scores);
            return (kept_phases(x, LEARNED_ORDER, &kept, pass.engine), switches(Shares::Whole(kept)));
        };
        let [count, batch] = scores.dims();
        let mut stream = draws.stream();
        let noise: Vec<f64> = (0..count * batch).map(|_| stream.gumbel()).collect();
        let options = (&candidates.device(), candidates.dtype());
        let noise: Tensor<2> = Tensor::from_data(TensorData::new(noise, [count, batch]), options);
        let scores = (scores + noise) / self.temperature;
        // Softmax over the phases; a shift by the largest score changes nothing but overflow.
        let powers = scores.clone() - scores.detach().max_dim(0);
        let powers = elementwise(Elementwise::Exponential, powers, pass.engine);
        let shares = powers.clone() / powers.sum_dim(0);
        let y = (candidates * shares.clone().reshape([count, batch, 1, 1, 1])).sum_dim(0).squeeze_dim(0);
        (y, switches(Shares::Mixed(shares)))
    }

    /// A score for each phase of each image, `[4, n]`.
    fn scores(&self, candidates: Tensor<5>, pass: &Pass<'_>) -> Tensor<2> {
        let [count, batch, channels, rows, columns] = candidates.dims();
        let flat = candidates.reshape([count * batch, channels, rows, columns]);
        let first = match pass.rules.relu {
            ReluRule::Backpropagation => {
                circular(flat, &self.first_weight, &self.first_bias, Activation::Relu, pass)
            }
            rule => {
                let linear = circular(flat, &self.first_weight, &self.first_bias, Activation::Identity, pass);
                rectifier(linear, 0.0, rule)
            }
        };
        let second = circular(first, &self.second_weight, &self.second_bias, Activation::Identity, pass);
        let mean: Tensor<2> = second.flatten::<2>(1, 3).mean_dim(1);
        mean.reshape([count, batch])
    }
}

fn switches(shares: Shares) -> Switches {
    Switches::Phases(PhaseShares { shares, order: LEARNED_ORDER })
}

/// A 3×3 convolution that reads circularly.
fn circular(
    x: Tensor<4>,
    weight: &Param<Tensor<4>>,
    bias: &Param<Tensor<1>>,
    activation: Activation,
    pass: &Pass<'_>,
) -> Tensor<4> {
    let [_, _, height, width] = x.dims();
    let around = |side: usize| {
        AxisMap::new(side, (0..side + 2).map(|cell| vec![((cell + side - 1) % side, 1.0)]).collect())
    };
    let padded = separable(x, SeparableMap::new(around(height), around(width)), pass.engine);
    let settings = ConvolutionSettings {
        stride: [1; 2],
        padding: Padding::NONE,
        dilation: [1; 2],
        groups: 1,
        epilogue: Epilogue { activation, dropout: None },
    };
    convolution(padded, weight.val(), bias.val(), settings, pass.engine)
}
