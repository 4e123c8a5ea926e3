//! Groups of bands whose lifted operands are kept until the weight gradient has read them.

use std::ops::Range;

use rayon::prelude::*;

use super::lowering::Lowering;
use super::tiling::Tiling;
use crate::engine::Engine;
use crate::memory::Scratch;

/// Slots whose bands are lifted together: enough to keep this many threads busy.
const SLOTS_TOGETHER: usize = 16;
/// Lifted elements kept for the weight gradient, about: 16 MiB, so that they are still in the last-level cache when
/// they are read, and enough of them that summing pays for reading and writing the weight gradient.
const LIFTED_ELEMENTS: usize = 4 << 20;

/// Some bands of some slots: units, slot by slot.
pub(super) struct Group {
    pub(super) first_slot: usize,
    pub(super) slots: usize,
    pub(super) bands: Range<usize>,
}

impl Group {
    /// Returns the number of bands of all slots.
    pub(super) fn units(&self) -> usize {
        self.slots * self.bands.len()
    }
}

/// The operands of a group, and the weight gradient so far. Groups do not depend on the number of threads, so neither do the sums.
pub(super) struct Kept<'e> {
    pub(super) slots_together: usize,
    bands_together: usize,
    /// Lifted bands of the input, unit by unit.
    pub(super) inputs: Scratch<'e>,
    /// Lifted bands of the output's gradient.
    pub(super) dz: Scratch<'e>,
    gradient: Scratch<'e>,
    piece_len: usize,
}

impl<'e> Kept<'e> {
    /// Allocates room for the largest group, and a weight gradient of zeros.
    pub(super) fn new(engine: &'e Engine, lowering: &dyn Lowering) -> Self {
        let (tiling, scratch) = (&lowering.bands().tiling, engine.scratch());
        let slots_together = tiling.slots.min(SLOTS_TOGETHER);
        // Counted before pairing, so that the order of summation does not depend on it.
        let band_len = lowering.bands().lifted.input + lowering.bands().lifted.gradient;
        let bands_together = (LIFTED_ELEMENTS / (slots_together * band_len)).clamp(1, tiling.bands);
        let units = slots_together * bands_together;
        let (piece_len, pieces) = lowering.weight_pieces();
        let mut gradient = scratch.take(piece_len * pieces);
        gradient.fill(0.0);
        Self {
            slots_together,
            bands_together,
            inputs: scratch.take(units * lowering.bands().kept.input),
            dz: scratch.take(units * lowering.bands().kept.gradient),
            gradient,
            piece_len,
        }
    }

    /// Returns all groups, in order.
    pub(super) fn groups(&self, tiling: &Tiling) -> impl Iterator<Item = Group> + use<> {
        let (slots_together, bands_together) = (self.slots_together, self.bands_together);
        let (slots, bands) = (tiling.slots, tiling.bands);
        (0..slots).step_by(slots_together).flat_map(move |first_slot| {
            (0..bands).step_by(bands_together).map(move |first_band| Group {
                first_slot,
                slots: slots_together.min(slots - first_slot),
                bands: first_band..bands.min(first_band + bands_together),
            })
        })
    }

    /// Adds the contribution of so many units to the weight gradient: pieces in parallel, units in order.
    pub(super) fn sum(&mut self, lowering: &dyn Lowering, units: usize) {
        let inputs = &self.inputs[..units * lowering.bands().kept.input];
        let dz = &self.dz[..units * lowering.bands().kept.gradient];
        let pieces = self.gradient.par_chunks_mut(self.piece_len).enumerate().with_max_len(1);
        pieces.for_each(|(piece, gradient)| lowering.weight_gradient(piece, inputs, dz, gradient));
    }

    /// Computes the weight gradient of the group of channels.
    pub(super) fn finish(self, lowering: &dyn Lowering, dweight: &mut [f32]) {
        lowering.finish_weight_gradient(&self.gradient, dweight);
    }
}
