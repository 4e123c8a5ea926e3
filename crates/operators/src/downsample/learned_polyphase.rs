//! Learned polyphase sampling (LPS): a small net scores the phases, each image keeps the best.

use allconv_kernels::{Activation, AxisMap, Elementwise, Epilogue};
use burn::tensor::TensorData;

use super::polyphase::{LEARNED_ORDER, kept_phases, phases, strongest};
use super::properties::Properties;
use super::reduction::Reduction;
use crate::axis_maps::EdgePadding;
use crate::lowering::{Reduce, Unary};
use crate::operations::{ConvolutionSettings, SeparableMap, convolution, elementwise, rectifier, separable};
use crate::prelude::*;
use crate::signal_rules::ReluRule;
use crate::switches::{KeptPhases, PhaseWeights};

/// Keeps the polyphase component that a small net scores highest. [`LearnedPolyphase::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LearnedPolyphase {
    /// Channels of the scoring net, up to 4096. Default: as many as enter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<usize>,
    /// Temperature of the soft choice in training, above 0 and at most 100. Default 1.
    pub temperature: f64,
}

impl Default for LearnedPolyphase {
    fn default() -> Self {
        Self { hidden: None, temperature: 1.0 }
    }
}

impl Settings for LearnedPolyphase {
    const DESCRIPTION: Description = Description {
        name: "learned_polyphase",
        kind: Kind::Selection,
        revision: 3,
        statement: "Each image keeps the one of its four polyphase components that a small shared net scores highest.",
        formula: "score of P = mean of conv3(relu(conv3(P))), circular; evaluation: y = P_argmax; training: y = Σ z·P, \
                  z = softmax((score + Gumbel noise)/temperature)",
        shape: "[n, c, ceil(h/2), ceil(w/2)]; any h, w ≥ 1",
        boundary: "an odd height or width first gets one position from its other end; the net reads circularly",
        cost: "9·(c·k + k²) multiply–accumulates for each input position, k hidden channels; 9·(c·k + k²) + 2k parameters",
        source: "Rojas-Gomez et al., arXiv 2210.08001",
        note: "Exactly equivariant to circular shifts of maps of even height and width in evaluation. Phase order (0,0), (0,1), (1,0), (1,1), not \
               that of `adaptive_polyphase`.",
    };

    fn examples() -> Vec<Self> {
        vec![Self::default(), Self { hidden: Some(2), temperature: 0.5 }]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_range("hidden", self.hidden.unwrap_or(1), 1..=4096, "from 1 to 4096")?;
        let range = (std::ops::Bound::Excluded(0.0), std::ops::Bound::Included(100.0));
        check_range("temperature", self.temperature, range, "above 0 and at most 100")
    }
}

impl Reduction for LearnedPolyphase {
    fn properties(&self) -> Properties {
        Properties {
            channel_wise: false,
            differs_in_training: true,
            shifts_by_stride: true,
            shifts_by_one: true,
            ..Properties::pooling(2)
        }
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        Window { extent: 2, stride: 2 }
    }

    fn parameters(&self, [channels, _, _]: [usize; 3]) -> Vec<ParameterSpec> {
        let hidden = self.hidden.unwrap_or(channels);
        vec![
            ParameterSpec::new("first_weight", [hidden, channels, 3, 3], Start::Drawn),
            ParameterSpec::new("first_bias", [hidden], Start::Filled(0.0)),
            ParameterSpec::new("second_weight", [hidden, hidden, 3, 3], Start::Drawn),
            ParameterSpec::new("second_bias", [hidden], Start::Filled(0.0)),
        ]
    }

    fn macs(&self, input: [usize; 3]) -> u64 {
        let hidden = self.hidden.unwrap_or(input[0]);
        let [channels, rows, columns] = divided(input, 2);
        (4 * rows * columns * 9 * hidden * (channels + hidden)) as u64
    }

    fn compute(&self, x: Tensor<4>, parameters: &Parameters, pass: &Pass<'_>) -> Tensor<4> {
        self.compute_with_switches(x, parameters, pass).0
    }

    fn lower(&self, graph: &mut Graph, x: Value) -> Value {
        self.lower_with_switches(graph, x).0
    }

    fn lower_with_switches(&self, graph: &mut Graph, x: Value) -> (Value, LoweredSwitches) {
        let channels = graph.map_shape(x)[0];
        let hidden = self.hidden.unwrap_or(channels);
        let candidates = graph.phases(x, LEARNED_ORDER);
        let [first_weight, second_weight] = [("first_weight", channels), ("second_weight", hidden)]
            .map(|(name, inputs)| graph.parameter(name, &[hidden, inputs, 3, 3]));
        let [first_bias, second_bias] =
            ["first_bias", "second_bias"].map(|name| graph.parameter(name, &[hidden]));
        let convolved = |graph: &mut Graph, x, weight, bias| {
            let padded = graph.edged(x, [1; 4], EdgePadding::Circular);
            graph.convolution(&[padded, weight, bias], [1; 2], [0; 4], [1; 2], 1)
        };
        let scores = candidates.map(|candidate| {
            let first = convolved(graph, candidate, first_weight, first_bias);
            let first = graph.unary(Unary::Relu, first);
            let second = convolved(graph, first, second_weight, second_bias);
            graph.reduce(Reduce::Mean, second, &[1, 2, 3])
        });
        let scores = graph.concatenate(&scores, 1);
        let kept = graph.arg_max(scores, 1);
        (graph.chosen_of(&candidates, kept), LoweredSwitches::Phases { kept, order: LEARNED_ORDER })
    }

    fn switches(&self) -> SwitchKind {
        SwitchKind::Phases
    }

    fn compute_with_switches(
        &self,
        x: Tensor<4>,
        parameters: &Parameters,
        pass: &Pass<'_>,
    ) -> (Tensor<4>, Switches) {
        let candidates = phases(x.clone(), LEARNED_ORDER);
        let scores = scores(candidates.clone(), parameters, pass);
        let Some(draws) = pass.draws else {
            let kept = strongest(scores);
            return (kept_phases(x, LEARNED_ORDER, &kept, pass.engine), switches(PhaseWeights::Whole(kept)));
        };
        let [count, batch] = scores.dims();
        let mut stream = draws.stream();
        let noise: Vec<f64> = (0..count * batch).map(|_| stream.gumbel()).collect();
        let options = (&candidates.device(), candidates.dtype());
        let noise: Tensor<2> = Tensor::from_data(TensorData::new(noise, [count, batch]), options);
        let scores = (scores + noise) / self.temperature;
        // Softmax over the phases; a shift by the largest score only avoids overflow.
        let powers = scores.clone() - scores.detach().max_dim(0);
        let powers = elementwise(Elementwise::Exponential, powers, pass.engine);
        let weights = powers.clone() / powers.sum_dim(0);
        let y = (candidates * weights.clone().reshape([count, batch, 1, 1, 1])).sum_dim(0).squeeze_dim(0);
        (y, switches(PhaseWeights::Mixed(weights)))
    }
}

/// Returns a score for each phase of each image, `[4, n]`.
fn scores(candidates: Tensor<5>, parameters: &Parameters, pass: &Pass<'_>) -> Tensor<2> {
    let [count, batch, channels, rows, columns] = candidates.dims();
    let flat = candidates.reshape([count * batch, channels, rows, columns]);
    let convolved = |x: Tensor<4>, layer: &str, activation: Activation| {
        let weight = parameters.get(&format!("{layer}_weight"));
        circular(x, weight, parameters.get(&format!("{layer}_bias")), activation, pass)
    };
    let first = match pass.rules.relu {
        ReluRule::Backpropagation => convolved(flat, "first", Activation::Relu),
        rule => rectifier(convolved(flat, "first", Activation::Identity), 0.0, rule),
    };
    let second = convolved(first, "second", Activation::Identity);
    let mean: Tensor<2> = second.flatten::<2>(1, 3).mean_dim(1);
    mean.reshape([count, batch])
}

fn switches(weights: PhaseWeights) -> Switches {
    Switches::Phases(KeptPhases { weights, order: LEARNED_ORDER })
}

/// Returns a 3×3 convolution that reads circularly.
fn circular(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    activation: Activation,
    pass: &Pass<'_>,
) -> Tensor<4> {
    let [_, _, height, width] = x.dims();
    let around = |size: usize| {
        AxisMap::new(size, (0..size + 2).map(|position| vec![((position + size - 1) % size, 1.0)]).collect())
    };
    let padded = separable(x, SeparableMap::new(around(height), around(width)), pass.engine);
    let epilogue = Epilogue { activation, dropout: None };
    let settings = ConvolutionSettings { epilogue, ..ConvolutionSettings::PLAIN };
    convolution(padded, weight, bias, settings, pass.engine)
}
