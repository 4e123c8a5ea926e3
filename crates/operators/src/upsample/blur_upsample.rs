//! Blur-up: zeros between the positions, then a binomial low-pass filter.

use super::properties::Properties;
use super::upsampling::{Destination, Enlargement, SizeRule, Upsampling};
use crate::axis_maps::{EdgePadding, set_apart};
use crate::lowering::lowered_map;
use crate::operations::{SeparableMap, activated, separable};
use crate::prelude::*;

/// Sets positions apart by zeros and blurs. [`BlurUpsample::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BlurUpsample {
    /// Taps of the filter along each axis, 1 to 7. Default 4.
    pub taps: usize,
    /// The values that the filter reads beyond the edges. Default: the map mirrored.
    pub padding: EdgePadding,
}

impl Default for BlurUpsample {
    fn default() -> Self {
        Self { taps: 4, padding: EdgePadding::default() }
    }
}

impl Settings for BlurUpsample {
    const DESCRIPTION: Description = Description {
        name: "blur_upsample",
        kind: Kind::Filter,
        revision: 1,
        statement: "Positions are set apart by zeros and blurred by a binomial low-pass filter.",
        formula: "z[2i, 2j] = x[i,j], 0 elsewhere; y[c,i,j] = 4·Σ over u, v < taps of a[u]·a[v]·z[c, i + u − floor(taps/2), …], \
                  a[j] = binomial(taps − 1, j)/2^(taps − 1)",
        shape: "[n, c, h', w'] with ceil(h'/2) = h, ceil(w'/2) = w",
        boundary: "floor(taps/2) positions before and the rest after, read by `padding`; reflect where height or width is not longer than its \
                   border reads as replicate",
        cost: "about taps multiplications; no weights",
        source: "Zhang, arXiv 1904.11486 (its adjoint)",
        note: "With zero or circular padding 4 times the transposed `blur_pool`. One tap only sets positions apart.",
    };

    fn examples() -> Vec<Self> {
        let of = |taps, padding| Self { taps, padding };
        vec![
            Self::default(),
            of(2, EdgePadding::Zero),
            of(3, EdgePadding::Circular),
            of(4, EdgePadding::Circular),
            of(5, EdgePadding::Replicate),
            of(7, EdgePadding::Reflect),
            of(1, EdgePadding::Zero),
        ]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_taps("taps", self.taps)
    }
}

impl Upsampling for BlurUpsample {
    fn properties(&self) -> Properties {
        // Two taps read one position before the first, where the last of a doubled size and its mirror image are zeros.
        let zero_before = matches!(self.padding, EdgePadding::Zero | EdgePadding::Reflect);
        let inside = self.taps == 1 || (self.taps == 2 && zero_before);
        Properties {
            gain: (self.taps > 1).then_some(1.0),
            shifts_with_the_input: self.padding == EdgePadding::Circular || inside,
            ..Properties::FIXED
        }
    }

    fn usual_partner(&self) -> &'static str {
        "blur_pool"
    }

    fn size_rule(&self) -> SizeRule {
        SizeRule::Factor(2)
    }

    fn positions_read(&self, _enlargement: &Enlargement) -> usize {
        // Every second tap reads a zero.
        self.taps.div_ceil(2)
    }

    fn compute(
        &self,
        x: Tensor<4>,
        to: &Destination<'_>,
        _parameters: &Parameters,
        pass: &Pass<'_>,
    ) -> Tensor<4> {
        let [rows, columns] = to.size;
        let [_, _, height, width] = x.dims();
        let along = |sizes| set_apart(sizes, 0, self.taps, self.padding, 2.0);
        let map = SeparableMap::new(along([height, rows]), along([width, columns]));
        activated(separable(x, map, pass.engine), to.activation)
    }

    fn lower(&self, graph: &mut Graph, x: Value, to: &LoweredDestination) -> Value {
        let ([_, height, width], [_, rows, columns]) = (graph.map_shape(x), to.output);
        let along = |sizes| set_apart(sizes, 0, self.taps, self.padding, 2.0);
        lowered_map(graph, x, &SeparableMap::new(along([height, rows]), along([width, columns])))
    }
}
