//! Polyphase unpooling (APS-U, LPU): each image goes back to the phase that it kept.

use std::sync::Arc;

use super::properties::Properties;
use super::upsampling::{Destination, Enlargement, SizeRule, Upsampling};
use crate::axis_maps::{EdgePadding, set_apart};
use crate::lowering::lowered_map;
use crate::operations::{
    SeparableMap, Together, activated, channels_first, channels_last, separable_together,
};
use crate::prelude::*;
use crate::switches::{KeptPhases, PhaseWeights};

/// Puts each image back on its phase. [`PolyphaseUnpool::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PolyphaseUnpool {
    /// Taps of the circular blur that fills the zeros, 1 to 7; 1 leaves them zeros. Default 3.
    pub blur_taps: usize,
}

impl Default for PolyphaseUnpool {
    fn default() -> Self {
        Self { blur_taps: 3 }
    }
}

impl Settings for PolyphaseUnpool {
    const DESCRIPTION: Description = Description {
        name: "polyphase_unpool",
        kind: Kind::Selection,
        revision: 1,
        statement: "The positions of each image go back to the phase that downsampling kept, and a blur fills the rest.",
        formula: "z[·, 2i+a, 2j+b] = x[·, i, j] for the phase (a, b) kept, 0 elsewhere; y = 4·blur(z), with one tap y = z",
        shape: "[n, c, h', w'] with ceil(h'/2) = h, ceil(w'/2) = w",
        boundary: "circular; of an odd height or width the position beyond the last is the first, as in downsampling",
        cost: "about 16·taps multiplications; no weights",
        source: "Chaman and Dokmanić, arXiv 2105.14065 (APS-U); Rojas-Gomez et al., arXiv 2210.08001 (LPU)",
        note: "Together with the downsampling operator exactly equivariant to circular shifts of maps of even height and width. Where training mixes the \
               phases softly, so does this operator, with the same weights.",
    };

    fn examples() -> Vec<Self> {
        vec![Self::default(), Self { blur_taps: 1 }, Self { blur_taps: 4 }]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_taps("blur_taps", self.blur_taps)
    }
}

impl Upsampling for PolyphaseUnpool {
    fn properties(&self) -> Properties {
        let gain = (self.blur_taps > 1).then_some(1.0);
        Properties { gain, shifts_with_the_input: true, ..Properties::FIXED }
    }

    fn usual_partner(&self) -> &'static str {
        "adaptive_polyphase"
    }

    fn needs(&self) -> SwitchKind {
        SwitchKind::Phases
    }

    fn size_rule(&self) -> SizeRule {
        SizeRule::Factor(2)
    }

    fn positions_read(&self, _enlargement: &Enlargement) -> usize {
        // Every second tap reads a zero.
        self.blur_taps.div_ceil(2)
    }

    fn compute(
        &self,
        x: Tensor<4>,
        to: &Destination<'_>,
        _parameters: &Parameters,
        pass: &Pass<'_>,
    ) -> Tensor<4> {
        let [rows, columns] = to.size;
        let Switches::Phases(KeptPhases { weights, order }) = to.switches else {
            panic!("`polyphase_unpool` needs the phases that were kept, not {:?}", to.switches.kind());
        };
        let [batch, _, height, width] = x.dims();
        let gain = if self.blur_taps == 1 { 1.0 } else { 2.0 };
        let along = |sizes, phase| set_apart(sizes, phase, self.blur_taps, EdgePadding::Circular, gain);
        let maps = order.map(|[row, column]| {
            SeparableMap::new(along([height, rows], row), along([width, columns], column))
        });
        let y = match weights {
            PhaseWeights::Whole(kept) => {
                let kept = Together::ByImage(Arc::new(kept.clone()));
                separable_together(x, maps.to_vec(), kept, pass.engine)
            }
            PhaseWeights::Mixed(weights) => {
                let x = channels_last(x);
                let weight =
                    |phase| -> Tensor<4> { weights.clone().narrow(0, phase, 1).reshape([batch, 1, 1, 1]) };
                let bands = (0..maps.len()).map(|phase| x.clone() * weight(phase));
                let bands = channels_first(Tensor::cat(bands.collect(), 3));
                separable_together(bands, maps.to_vec(), Together::SumOfBands, pass.engine)
            }
        };
        activated(y, to.activation)
    }

    fn lower(&self, graph: &mut Graph, x: Value, to: &LoweredDestination) -> Value {
        let LoweredSwitches::Phases { kept, order } = to.switches else {
            panic!("`polyphase_unpool` needs the phases that were kept, not {:?}", to.switches.kind());
        };
        let ([_, height, width], [_, rows, columns]) = (graph.map_shape(x), to.output);
        let gain = if self.blur_taps == 1 { 1.0 } else { 2.0 };
        let along = |sizes, phase| set_apart(sizes, phase, self.blur_taps, EdgePadding::Circular, gain);
        let candidates = order.map(|[row, column]| {
            let map = SeparableMap::new(along([height, rows], row), along([width, columns], column));
            lowered_map(graph, x, &map)
        });
        graph.chosen_of(&candidates, kept)
    }
}
