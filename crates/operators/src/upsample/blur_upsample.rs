//! Blur-up: zeros between the cells, then a binomial low-pass filter.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::enlarging_maps::set_apart;
use super::promises::Promises;
use super::settings::check_taps;
use super::upsampler::{Enlargement, FixedUpsampler, SideRule, Upsampler};
use crate::axis_maps::EdgePadding;
use crate::card::Card;
use crate::description::DescriptionError;
use crate::ops::{SeparableMap, separable};
use crate::pass::Pass;
use crate::switches::Switches;

/// Sets cells apart by zeros and blurs. [`BlurUpsample::CARD`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlurUpsample {
    /// Taps of the filter along each axis, 1 to 7. Default 4.
    #[serde(default = "four")]
    pub taps: usize,
    /// What the filter reads beyond the edges. Default: the map mirrored.
    #[serde(default)]
    pub padding: EdgePadding,
}

fn four() -> usize {
    4
}

impl Default for BlurUpsample {
    fn default() -> Self {
        Self { taps: four(), padding: EdgePadding::default() }
    }
}

impl Upsampler for BlurUpsample {
    const NAME: &'static str = "blur_upsample";
    const REVISION: u32 = 1;
    const CARD: Card = Card {
        statement: "Cells are set apart by zeros and blurred by a binomial low-pass filter.",
        formula: "z[2i, 2j] = x[i,j], 0 elsewhere; y[c,i,j] = 4·Σ over u, v < taps of a[u]·a[v]·z[c, i + u − floor(taps/2), …], \
                  a[j] = binomial(taps − 1, j)/2^(taps − 1)",
        shape: "[n, c, h', w'] with ceil(h'/2) = h, ceil(w'/2) = w",
        boundary: "floor(taps/2) cells before and the rest after, read by `padding`; reflect on a side no longer than its \
                   border reads as replicate",
        cost: "about taps multiplications; no weights",
        source: "Zhang, arXiv 1904.11486 (its adjoint)",
        note: "With zero or circular padding 4 times the transposed `blur_pool`. One tap only sets cells apart.",
    };
    const PARTNER: &'static str = "blur_pool";

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

    fn promises(&self) -> Promises {
        // Two taps read one cell before the first, where the last of a doubled side and its mirror image are zeros.
        let zero_before = matches!(self.padding, EdgePadding::Zero | EdgePadding::Reflect);
        let inside = self.taps == 1 || (self.taps == 2 && zero_before);
        Promises {
            gain: (self.taps > 1).then_some(1.0),
            shifts_with_the_input: self.padding == EdgePadding::Circular || inside,
            ..Promises::FIXED
        }
    }

    fn check(&self) -> Result<(), DescriptionError> {
        check_taps(Self::NAME, "taps", self.taps)
    }

    fn sides(&self) -> SideRule {
        SideRule::Factor(2)
    }

    fn cells_read(&self, _enlargement: &Enlargement) -> usize {
        // Every second tap meets a zero.
        self.taps.div_ceil(2)
    }
}

impl FixedUpsampler for BlurUpsample {
    fn compute(
        &self,
        x: Tensor<4>,
        [rows, columns]: [usize; 2],
        _switches: &Switches,
        pass: &Pass<'_>,
    ) -> Tensor<4> {
        let [_, _, height, width] = x.dims();
        let along = |sides| set_apart(sides, 0, self.taps, self.padding, 2.0);
        separable(x, SeparableMap::new(along([height, rows]), along([width, columns])), pass.engine)
    }
}
