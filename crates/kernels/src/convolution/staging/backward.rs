//! The backward pass of a blocked lowering.
//!
//! Slots are worked on in parallel, the bands of a slot in order: a band of the input's gradient overlaps the next one
//! by a few rows, which are carried over. After every group of bands the weight gradient is summed, its pieces in parallel and the
//! bands in order.

use rayon::prelude::*;

use super::groups::Kept;
use super::lowering::{LiftedBand, Lowering};
use super::shape::Channels;
use super::stage::{StageGradient, StageInput};
use super::write::WriteInputGradient;
use crate::convolution::product::Operands;
use crate::cpu::{LANES, dispatch};
use crate::elementwise::PreparedEpilogue;
use crate::engine::Engine;
use crate::memory::Scratch;

/// Operands of the backward pass of one channel group.
pub(crate) struct BackwardOperands<'a> {
    pub(crate) input_channels: Channels,
    pub(crate) y: &'a [f32],
    pub(crate) dy: &'a [f32],
    pub(crate) output_channels: Channels,
    pub(crate) epilogue: &'a PreparedEpilogue,
    /// The weights and the input's gradient, unless only the weight gradient is wanted.
    pub(crate) input_gradient: Option<InputGradient<'a>>,
    /// The input and the weight gradient of the group, unless only the input's gradient is wanted.
    pub(crate) weight_gradient: Option<WeightGradient<'a>>,
    /// The bias gradient of the group.
    pub(crate) dbias: Option<&'a mut [f32]>,
}

/// The weights for the input's gradient, and the map that it is written to.
pub(crate) struct InputGradient<'a> {
    /// Packed by [`Lowering::pack_adjoint`]; of a transposed convolution by [`Lowering::pack_forward`].
    pub(crate) weights: &'a [f32],
    /// The whole map.
    pub(crate) dx: &'a mut [f32],
}

/// The input for the weight gradient, and the array that it is written to.
pub(crate) struct WeightGradient<'a> {
    pub(crate) x: &'a [f32],
    /// `[C_out/groups, C_in/groups, KH, KW]` of the group.
    pub(crate) dweight: &'a mut [f32],
}

/// The memory of one task that lifts the bands of a slot.
struct SlotTask<'a> {
    slot: usize,
    inputs: &'a mut [f32],
    dz: &'a mut [f32],
    carried: &'a mut [f32],
    sums: &'a mut [f32],
    dx: Option<&'a mut [f32]>,
}

/// Computes the gradients of one channel group.
pub(crate) fn backward(engine: &Engine, lowering: &dyn Lowering, operands: BackwardOperands<'_>) {
    let tiling = &lowering.bands().tiling;
    let BackwardOperands { input_channels, y, dy, output_channels, epilogue, dbias, .. } = operands;
    let (x, dweight) = operands.weight_gradient.map(|WeightGradient { x, dweight }| (x, dweight)).unzip();
    let (weights, mut dx) =
        operands.input_gradient.map(|InputGradient { weights, dx }| (weights, dx)).unzip();
    let weights = weights.unwrap_or_default();
    let scratch = engine.scratch();
    let mut kept = Kept::new(engine, lowering);
    let carried_len = carried_len(lowering);
    // Sums, and those of the current row.
    let sums_len = 2 * lowering.bands().output_stage.blocks * LANES;
    let mut sums = scratch.take(sums_len * tiling.slots);
    sums.fill(0.0);
    let geometry = &tiling.geometry;
    let slot_in = tiling.images * geometry.height_in * geometry.width_in * input_channels.total;
    let shared = Shared { engine, lowering, weights, x, input_channels, y, dy, output_channels, epilogue };
    let mut carried = scratch.take(kept.slots_together * carried_len);
    for group in kept.groups(tiling) {
        let mut gradients: Vec<Option<&mut [f32]>> = match dx.as_deref_mut() {
            Some(dx) => dx.chunks_mut(slot_in).skip(group.first_slot).take(group.slots).map(Some).collect(),
            None => (0..group.slots).map(|_| None).collect(),
        };
        let bands = group.bands.clone();
        // Distributed one by one, as everywhere here, so that an idle thread takes tasks that another has not begun.
        let tasks = kept
            .inputs
            .par_chunks_mut(bands.len() * lowering.bands().kept.input)
            .zip(kept.dz.par_chunks_mut(bands.len() * lowering.bands().kept.gradient))
            .zip(carried.par_chunks_mut(carried_len))
            .zip(sums[group.first_slot * sums_len..].par_chunks_mut(sums_len))
            .zip(gradients.par_iter_mut())
            .enumerate()
            .with_max_len(1);
        tasks.for_each(|(slot, ((((inputs, dz), carried), sums), dx))| {
            let (slot, dx) = (group.first_slot + slot, dx.as_deref_mut());
            shared.lift_slot(bands.clone(), SlotTask { slot, inputs, dz, carried, sums, dx });
        });
        if dweight.is_some() {
            kept.sum(lowering, group.units());
        }
    }
    if let Some(dweight) = dweight {
        kept.finish(lowering, dweight);
    }
    if let Some(dbias) = dbias {
        dbias.fill(0.0);
        for sums in sums.chunks_exact(sums_len).take(tiling.slots) {
            dbias.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
        }
    }
}

/// Returns the number of elements carried from one band of the input's gradient to the next; at least one, as chunks cannot be empty.
fn carried_len(lowering: &dyn Lowering) -> usize {
    let shape = lowering.bands().input_gradient_stage;
    (shape.images * shape.blocks * lowering.bands().tiling.carried_rows() * shape.row_len()).max(1)
}

/// The operands that all tasks read.
struct Shared<'a> {
    engine: &'a Engine,
    lowering: &'a dyn Lowering,
    /// Those of the input's gradient; empty where it is not wanted.
    weights: &'a [f32],
    x: Option<&'a [f32]>,
    input_channels: Channels,
    y: &'a [f32],
    dy: &'a [f32],
    output_channels: Channels,
    epilogue: &'a PreparedEpilogue,
}

impl Shared<'_> {
    /// Lifts the given bands of a slot, and writes the input's gradient as far as it is complete.
    fn lift_slot(&self, bands: std::ops::Range<usize>, task: SlotTask<'_>) {
        let lowering = self.lowering;
        let SlotTask { slot, inputs, dz, carried, sums, mut dx } = task;
        let kept = inputs.chunks_exact_mut(lowering.bands().kept.input);
        let kept = kept.zip(dz.chunks_exact_mut(lowering.bands().kept.gradient));
        for (band, (input, dz)) in bands.zip(kept) {
            let multiplied = self.lift_gradient([slot, band], sums, dz, dx.is_some());
            if let Some(dx) = dx.as_deref_mut() {
                self.write_input_gradient(band, multiplied.as_deref().unwrap_or(dz), carried, dx);
            }
            drop(multiplied);
            if let Some(x) = self.x {
                self.lift_input([slot, band], x, input);
            }
        }
    }

    /// Returns the elements of the images of a slot, of a map whose images have this length.
    fn of_slot(&self, slot: usize, image_len: usize) -> std::ops::Range<usize> {
        let tiling = &self.lowering.bands().tiling;
        let start = slot * tiling.images * image_len;
        start..start + tiling.images_of(slot) * image_len
    }

    /// Lifts a band of the gradient before the epilogue to `kept`; returns what the input's gradient is computed from, where it is `wanted`
    /// and another operand than that.
    fn lift_gradient(
        &self,
        [slot, band]: [usize; 2],
        sums: &mut [f32],
        kept: &mut [f32],
        wanted: bool,
    ) -> Option<Scratch<'_>> {
        let Self { engine, lowering, epilogue, .. } = *self;
        let (tiling, scratch) = (&lowering.bands().tiling, engine.scratch());
        let (shape, channels) = (lowering.bands().output_stage, self.output_channels);
        let range = self.of_slot(slot, tiling.height_out * tiling.width_out * channels.total);
        let first_element = range.start;
        let (y, dy) = (&self.y[range.clone()], &self.dy[range]);
        let mut fill = |stage: &mut [f32]| {
            let gradient =
                StageGradient { tiling, shape, channels, band, epilogue, first_element, y, dy, sums, stage };
            dispatch(engine.isa(), gradient);
        };
        if lowering.bands().lifted_is_stage {
            fill(kept);
            return None;
        }
        let mut stage = scratch.take(shape.len());
        fill(&mut stage);
        let pairs = lowering.bands().operands == Operands::Pairs;
        let mut multiplied = (pairs && wanted).then(|| scratch.take(lowering.bands().multiplied.gradient));
        let kept = (!pairs || self.x.is_some()).then_some(kept);
        lowering.lift_gradient(&stage, LiftedBand { multiplied: multiplied.as_deref_mut(), kept });
        multiplied
    }

    /// Lifts a band of the input to `kept`.
    fn lift_input(&self, [slot, band]: [usize; 2], x: &[f32], kept: &mut [f32]) {
        let Self { engine, lowering, input_channels: channels, .. } = *self;
        let (tiling, shape) = (&lowering.bands().tiling, lowering.bands().input_stage);
        let (rows, width) = (0..tiling.geometry.height_in, tiling.geometry.width_in);
        let images = &x[self.of_slot(slot, rows.len() * width * channels.total)];
        let fill = |stage: &mut [f32]| {
            dispatch(engine.isa(), StageInput { tiling, shape, channels, band, rows, images, stage });
        };
        if lowering.bands().lifted_is_stage {
            return fill(kept);
        }
        let mut stage = engine.scratch().take(shape.len());
        fill(&mut stage);
        lowering.lift_input(&stage, LiftedBand { multiplied: None, kept: Some(kept) });
    }

    /// Adds a band to the input's gradient: rows that are complete go to `dx`, the others are carried over.
    fn write_input_gradient(&self, band: usize, dz: &[f32], carried: &mut [f32], dx: &mut [f32]) {
        let Self { engine, lowering, .. } = *self;
        let (tiling, scratch) = (&lowering.bands().tiling, engine.scratch());
        let shape = lowering.bands().input_gradient_stage;
        let mut stage = scratch.take(shape.len());
        let carried_block = tiling.carried_rows() * shape.row_len();
        stage.fill(0.0);
        if band > 0 && carried_block > 0 {
            for (block, carried) in
                stage.chunks_exact_mut(shape.block_len()).zip(carried.chunks_exact(carried_block))
            {
                block[..carried_block].copy_from_slice(carried);
            }
        }
        lowering.input_gradient(self.weights, dz, &mut scratch.take(lowering.bands().workspace), &mut stage);
        if carried_block > 0 {
            for (block, carried) in
                stage.chunks_exact(shape.block_len()).zip(carried.chunks_exact_mut(carried_block))
            {
                carried.copy_from_slice(&block[shape.block_len() - carried_block..]);
            }
        }
        let channels = self.input_channels;
        dispatch(
            engine.isa(),
            WriteInputGradient { tiling, shape, channels, band, stage: &stage, images: dx },
        );
    }
}
