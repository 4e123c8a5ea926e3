//! Dilation of later convolutions instead of reduction: the control that keeps the resolution.

use super::downsampling::{Downsampling, Part};
use super::properties::Properties;
use crate::prelude::*;

/// Keeps the resolution and dilates every later convolution. [`Dilation::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Dilation {
    /// Factor on the dilation of every later convolution, 1 to 64. Default 2.
    pub factor: usize,
}

impl Default for Dilation {
    fn default() -> Self {
        Self { factor: 2 }
    }
}

impl Settings for Dilation {
    const DESCRIPTION: Description = Description {
        name: "dilation",
        kind: Kind::Selection,
        revision: 1,
        statement: "Keeps the resolution; every later convolution of the net has the receptive field that it would have after a reduction.",
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

    fn check(&self) -> Result<(), OutOfRange> {
        check_size("factor", self.factor)
    }
}

impl Downsampling for Dilation {
    fn properties(&self) -> Properties {
        Properties { linear: true, shifts_by_stride: true, shifts_by_one: true, ..Properties::pooling(1) }
    }

    fn parts(&self, _channels: usize) -> Vec<Part> {
        vec![Part::Dilation(self.factor)]
    }
}
