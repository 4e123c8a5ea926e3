//! Adaptive polyphase sampling (APS): each image keeps the phase with the largest norm.

use super::polyphase::{ADAPTIVE_ORDER, kept_phases, phases, strongest};
use super::properties::Properties;
use super::reduction::Reduction;
use crate::axis_maps::{EdgePadding, blur};
use crate::lowering::{Binary, Reduce, Unary};
use crate::operations::{SeparableMap, channels_first, channels_last, separable};
use crate::prelude::*;
use crate::switches::{KeptPhases, PhaseWeights};

/// Keeps the polyphase component with the largest norm. [`AdaptivePolyphase::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AdaptivePolyphase {
    /// The norm by which a phase is chosen. Default: Euclidean.
    pub norm: PhaseNorm,
    /// Taps of a circular blur before the choice takes effect, 1 to 7; 1 is none. Default 1.
    #[serde(skip_serializing_if = "is_one")]
    pub blur_taps: usize,
}

/// The norm of a polyphase component, over all its channels and positions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PhaseNorm {
    /// The root of the sum of squares.
    #[default]
    L2,
    /// The sum of absolute values.
    L1,
    /// The largest absolute value.
    Linf,
}

impl PhaseNorm {
    /// Returns a number for each phase of each image, `[4, n]`, that increases with the norm.
    fn of_phases(self, x: Tensor<4>) -> Tensor<2> {
        // First over the channels of each position, in the memory order of maps, which leaves little to do for the phases.
        let x = channels_last(x);
        let elements = match self {
            Self::L2 => x.square().sum_dim(3),
            Self::L1 => x.abs().sum_dim(3),
            Self::Linf => x.abs().max_dim(3),
        };
        let elements: Tensor<3> = phases(channels_first(elements), ADAPTIVE_ORDER).flatten(2, 4);
        let norms = match self {
            Self::L2 | Self::L1 => elements.sum_dim(2),
            Self::Linf => elements.max_dim(2),
        };
        norms.squeeze_dim(2)
    }
}

impl Default for AdaptivePolyphase {
    fn default() -> Self {
        Self { norm: PhaseNorm::default(), blur_taps: 1 }
    }
}

impl Settings for AdaptivePolyphase {
    const DESCRIPTION: Description = Description {
        name: "adaptive_polyphase",
        kind: Kind::Selection,
        revision: 3,
        statement: "Each image keeps the one of its four polyphase components whose norm over all channels is largest.",
        formula: "y = P_k, k = argmax ‖P_k‖ over P_ab[i,j] = x[·, 2i+a, 2j+b]; ties: the first of (0,0), (1,0), (0,1), (1,1)",
        shape: "[n, c, ceil(h/2), ceil(w/2)]; any h, w ≥ 1",
        boundary: "an odd height or width first gets one position from its other end; the blur reads circularly",
        cost: "a norm of the whole map and data movement; no weights",
        source: "Chaman and Dokmanić, arXiv 2011.14214",
        note: "Exactly equivariant to circular shifts of maps of even height and width, and only to those. The norm is taken before the blur. One \
               choice for all channels; in a residual block both branches need the same.",
    };

    fn examples() -> Vec<Self> {
        vec![
            Self::default(),
            Self { norm: PhaseNorm::L1, blur_taps: 3 },
            Self { norm: PhaseNorm::Linf, ..Self::default() },
        ]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_taps("blur_taps", self.blur_taps)
    }
}

impl Reduction for AdaptivePolyphase {
    fn properties(&self) -> Properties {
        Properties {
            channel_wise: false,
            shifts_by_stride: true,
            shifts_by_one: true,
            ..Properties::pooling(2)
        }
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        // One position of either phase, and the blur around it.
        Window { extent: self.blur_taps + 1, stride: 2 }
    }

    fn compute(&self, x: Tensor<4>, parameters: &Parameters, pass: &Pass<'_>) -> Tensor<4> {
        self.compute_with_switches(x, parameters, pass).0
    }

    fn lower(&self, graph: &mut Graph, x: Value) -> Value {
        self.lower_with_switches(graph, x).0
    }

    fn lower_with_switches(&self, graph: &mut Graph, x: Value) -> (Value, LoweredSwitches) {
        let sizes = match self.norm {
            PhaseNorm::L2 => graph.binary(Binary::Multiply, x, x),
            PhaseNorm::L1 | PhaseNorm::Linf => graph.unary(Unary::Abs, x),
        };
        let reduction = if self.norm == PhaseNorm::Linf { Reduce::Maximum } else { Reduce::Sum };
        let phases = graph.phases(sizes, ADAPTIVE_ORDER);
        let norms = phases.map(|phase| graph.reduce(reduction, phase, &[1, 2, 3]));
        let norms = graph.concatenate(&norms, 1);
        let kept = graph.arg_max(norms, 1);
        let blurred = graph.blurred(x, self.blur_taps, 1, EdgePadding::Circular);
        let candidates = graph.phases(blurred, ADAPTIVE_ORDER);
        (graph.chosen_of(&candidates, kept), LoweredSwitches::Phases { kept, order: ADAPTIVE_ORDER })
    }

    fn switches(&self) -> SwitchKind {
        SwitchKind::Phases
    }

    fn compute_with_switches(
        &self,
        x: Tensor<4>,
        _parameters: &Parameters,
        pass: &Pass<'_>,
    ) -> (Tensor<4>, Switches) {
        let [_, _, height, width] = x.dims();
        let kept = strongest(self.norm.of_phases(x.clone().detach()));
        let blurred = if self.blur_taps == 1 {
            x
        } else {
            let along = |size| blur(size, self.blur_taps, 1, EdgePadding::Circular);
            separable(x, SeparableMap::new(along(height), along(width)), pass.engine)
        };
        let y = kept_phases(blurred, ADAPTIVE_ORDER, &kept, pass.engine);
        (y, Switches::Phases(KeptPhases { weights: PhaseWeights::Whole(kept), order: ADAPTIVE_ORDER }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{evaluated, grid, image};

    #[test]
    fn worked_example_of_the_reference() {
        assert_eq!(evaluated(&AdaptivePolyphase::default(), grid(4, 4)), [6.0, 8.0, 14.0, 16.0]);
    }

    #[test]
    fn ties_go_to_the_first_phase_in_the_published_order() {
        assert_eq!(evaluated(&AdaptivePolyphase::default(), image(2, 2, &[0., 3., -3., 1.])), [-3.0]);
    }
}
