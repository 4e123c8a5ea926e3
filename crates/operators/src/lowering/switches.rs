//! What a lowered downsampling operator hands over to the upsampling operator that undoes it.

use super::graph::Value;
use crate::operations::PoolWindow;
use crate::switches::SwitchKind;

/// Switches in a graph.
#[derive(Clone, Debug)]
pub enum LoweredSwitches {
    /// None.
    None,
    /// For each window the number of the place of its maximum, `[n, c, rows, columns]`.
    MaxPlaces {
        /// The numbers, in row-major order of the places.
        places: Value,
        /// The windows.
        window: PoolWindow,
    },
    /// For each image the number of the phase that was kept, `[n, 1, 1, 1]`.
    Phases {
        /// The numbers.
        kept: Value,
        /// Row and column of the phases.
        order: [[usize; 2]; 4],
    },
    /// Three bands beside each other.
    Details(Value),
}

impl LoweredSwitches {
    /// Returns their kind.
    pub fn kind(&self) -> SwitchKind {
        match self {
            Self::None => SwitchKind::None,
            Self::MaxPlaces { .. } => SwitchKind::MaxIndices,
            Self::Phases { .. } => SwitchKind::Phases,
            Self::Details(_) => SwitchKind::Details,
        }
    }
}

/// Where a lowered upsampling operator leads.
#[derive(Clone, Debug)]
pub struct LoweredDestination {
    /// Channels, height and width of the result.
    pub output: [usize; 3],
    /// What the way down handed over.
    pub switches: LoweredSwitches,
}
