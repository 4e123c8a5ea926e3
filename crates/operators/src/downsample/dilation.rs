//! Dilation of what follows instead of reduction: the control that keeps the resolution.

use serde::{Deserialize, Serialize};

use super::promises::Promises;
use super::settings::{check_cells, two};
use super::slot::{Operator, Slot};
use crate::card::Card;
use crate::description::DescriptionError;

/// Reduces nothing and dilates every later convolution. [`Dilation::CARD`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dilation {
    /// Factor on the dilation of every later convolution, 1 to 64. Default 2.
    #[serde(default = "two")]
    pub factor: usize,
}

impl Default for Dilation {
    fn default() -> Self {
        Self { factor: two() }
    }
}

impl Operator for Dilation {
    const NAME: &'static str = "dilation";
    const REVISION: u32 = 1;
    const CARD: Card = Card {
        statement: "Reduces nothing; every later convolution of the net sees as far as it would after a reduction.",
        formula: "y = x; later kernels W[u] are applied at distance factor·u, borders in proportion",
        shape: "[n, c, h, w]",
        boundary: "none is needed",
        cost: "none here; later layers cost factor² times as much as after a reduction",
        source: "Yu and Koltun, arXiv 1511.07122; the à-trous algorithm, Holschneider et al., 1990",
        note: "With `decimation` in its place the later layers compute a subset of the same values.",
    };

    fn examples() -> Vec<Self> {
        vec![Self::default()]
    }

    fn promises(&self) -> Promises {
        Promises { linear: true, shifts_by_stride: true, shifts_by_one: true, ..Promises::pooling(1) }
    }

    fn check(&self) -> Result<(), DescriptionError> {
        check_cells(Self::NAME, "factor", self.factor)
    }

    fn place(&self, slot: &mut Slot<'_>) -> Result<(), DescriptionError> {
        slot.dilate_what_follows(self.factor);
        Ok(())
    }
}
