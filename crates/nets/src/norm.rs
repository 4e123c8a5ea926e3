//! The normalisation after convolutions, as a setting of an architecture.

use allconv_operators::{Bias, InitialWeights};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::stage::{NormaliseKind, NormaliseSpec, StageSpec};

/// The largest number of groups of channels.
const GROUPS: usize = 8;

/// The normalisation after the convolutions of a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Norm {
    /// Nothing.
    #[default]
    None,
    /// Batch normalisation.
    Batch,
    /// Group normalisation in the largest number of groups, at most 8, that divides the channels.
    Group,
}

impl From<NormaliseKind> for Norm {
    fn from(kind: NormaliseKind) -> Self {
        match kind {
            NormaliseKind::Batch => Self::Batch,
            NormaliseKind::Group { .. } => Self::Group,
        }
    }
}

impl Norm {
    pub(crate) fn is_none(&self) -> bool {
        *self == Self::None
    }

    pub(crate) fn is_batch(&self) -> bool {
        *self == Self::Batch
    }

    /// Returns whether a convolution right before it adds a bias: its shift takes the place of one.
    pub(crate) fn bias_before(self) -> Bias {
        if self == Self::None { Bias::Added } else { Bias::None }
    }

    /// Returns the normalisation of a map of `channels`, with the initial scale `scale`; `None` where there is none.
    pub(crate) fn stage(self, channels: usize, scale: InitialWeights) -> Option<StageSpec> {
        let kind = match self {
            Self::None => return None,
            Self::Batch => NormaliseKind::Batch,
            Self::Group => {
                let divides = |groups: &usize| channels.is_multiple_of(*groups);
                NormaliseKind::Group { groups: (1..=GROUPS).rev().find(divides).unwrap_or(1) }
            }
        };
        Some(StageSpec::Normalise(NormaliseSpec { kind, scale }))
    }
}
