//! The backward pass of a blocked lowering.
//!
//! Slots are worked on in parallel, the bands of a slot in order: a band of the input's gradient overlaps the next one
//! by a few rows, which are carried over. After every group of bands the weight gradient is summed, its pieces in parallel and the
//! bands in order.

use rayon::prelude::*;

use super::groups::Kept;
use super::stage::{Channels, StageInput, StageSlope};
use super::write::WriteInputGradient;
use super::{LiftedBand, Lowering};
use crate::convolution::product::Operands;
use crate::cpu::{LANES, dispatch};
use crate::elementwise::PreparedEpilogue;
use crate::engine::Engine;

/// Operands of the backward pass of one channel group.
pub(crate) struct BackwardOperands<'a> {
    pub(crate) input_channels: Channels,
    pub(crate) y: &'a [f32],
    pub(crate) dy: &'a [f32],
    pub(crate) output_channels: Channels,
    pub(crate) epilogue: &'a PreparedEpilogue,
    pub(crate) dx: Option<&'a mut [f32]>,
    /// The input and the weight gradient of the group, unless only the input's gradient is wanted.
    pub(crate) weight_gradient: Option<WeightGradient<'a>>,
    /// The bias gradient of the group.
    pub(crate) dbias: Option<&'a mut [f32]>,
}

/// What the weight gradient reads and where it goes.
pub(crate) struct WeightGradient<'a> {
    pub(crate) x: &'a [f32],
    /// `[C_out/groups, C_in/groups, KH, KW]` of the group.
    pub(crate) dweight: &'a mut [f32],
}

/// What one task owns while it lifts the bands of a slot.
struct SlotTask<'a> {
    slot: usize,
    inputs: &'a mut [f32],
    slopes: &'a mut [f32],
    carried: &'a mut [f32],
    sums: &'a mut [f32],
    dx: Option<&'a mut [f32]>,
}

/// Computes the gradients of one channel group.
pub(crate) fn backward<L: Lowering>(engine: &Engine, lowering: &L, operands: BackwardOperands<'_>) {
    let tiling = lowering.tiling();
    let BackwardOperands { input_channels, y, dy, output_channels, epilogue, mut dx, weight_gradient, dbias } =
        operands;
    let (x, dweight) = weight_gradient.map(|WeightGradient { x, dweight }| (x, dweight)).unzip();
    let scratch = engine.scratch();
    let mut kept = Kept::new(engine, lowering);
    let carried_len = carried_len(lowering);
    // Sums, and the row under way.
    let sums_len = 2 * lowering.output_stage().blocks * LANES;
    let mut sums = scratch.take(sums_len * tiling.slots);
    sums.fill(0.0);
    let geometry = &tiling.geometry;
    let slot_in = tiling.images * geometry.height_in * geometry.width_in * input_channels.total;
    let shared = Shared { engine, lowering, x, input_channels, y, dy, output_channels, epilogue };
    let mut carried = scratch.take(kept.slots_together * carried_len);
    for group in kept.groups(tiling) {
        let mut gradients: Vec<Option<&mut [f32]>> = match dx.as_deref_mut() {
            Some(dx) => dx.chunks_mut(slot_in).skip(group.first_slot).take(group.slots).map(Some).collect(),
            None => (0..group.slots).map(|_| None).collect(),
        };
        let bands = group.bands.clone();
        // Shared out one by one, as everywhere in here: a thread that is done takes over what another has not begun.
        let tasks = kept
            .inputs
            .par_chunks_mut(bands.len() * lowering.kept_input_len())
            .zip(kept.slopes.par_chunks_mut(bands.len() * lowering.kept_slope_len()))
            .zip(carried.par_chunks_mut(carried_len))
            .zip(sums[group.first_slot * sums_len..].par_chunks_mut(sums_len))
            .zip(gradients.par_iter_mut())
            .enumerate()
            .with_max_len(1);
        tasks.for_each(|(slot, ((((inputs, slopes), carried), sums), dx))| {
            let (slot, dx) = (group.first_slot + slot, dx.as_deref_mut());
            shared.lift_slot(bands.clone(), SlotTask { slot, inputs, slopes, carried, sums, dx });
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

/// Elements carried from one band of the input's gradient to the next; at least one, as chunks cannot be empty.
fn carried_len<L: Lowering>(lowering: &L) -> usize {
    let shape = lowering.input_gradient_stage();
    (shape.images * shape.blocks * lowering.tiling().carried_rows() * shape.row_len()).max(1)
}

/// What all tasks read.
struct Shared<'a, L> {
    engine: &'a Engine,
    lowering: &'a L,
    x: Option<&'a [f32]>,
    input_channels: Channels,
    y: &'a [f32],
    dy: &'a [f32],
    output_channels: Channels,
    epilogue: &'a PreparedEpilogue,
}

impl<L: Lowering> Shared<'_, L> {
    /// Lifts the given bands of a slot, and writes the input's gradient as far as it is complete.
    fn lift_slot(&self, bands: std::ops::Range<usize>, task: SlotTask<'_>) {
        let Self { engine, lowering, .. } = self;
        let (tiling, isa, scratch) = (lowering.tiling(), engine.isa(), engine.scratch());
        let images = tiling.images_of(task.slot);
        let SlotTask { slot, inputs, slopes, carried, sums, mut dx } = task;
        let of_slot = |map: &'_ [f32], image_len: usize| {
            let start = slot * tiling.images * image_len;
            start..(start + images * image_len).min(map.len())
        };
        let image_in = tiling.geometry.height_in * tiling.geometry.width_in * self.input_channels.total;
        let image_out = tiling.height_out * tiling.width_out * self.output_channels.total;
        let x = self.x.map(|x| &x[of_slot(x, image_in)]);
        let range = of_slot(self.y, image_out);
        let first_element = range.start;
        let (y, dy) = (&self.y[range.clone()], &self.dy[range]);
        let kept = inputs.chunks_exact_mut(lowering.kept_input_len());
        let kept = kept.zip(slopes.chunks_exact_mut(lowering.kept_slope_len()));
        let in_place = lowering.lifted_is_stage();
        for (band, (input, slope)) in bands.zip(kept) {
            let sums = &mut *sums;
            let mut fill_slope = |stage: &mut [f32]| {
                let (shape, channels, epilogue) =
                    (lowering.output_stage(), self.output_channels, self.epilogue);
                let slope =
                    StageSlope { tiling, shape, channels, band, epilogue, first_element, y, dy, sums, stage };
                dispatch(isa, slope);
            };
            let mut multiplied = None;
            if in_place {
                fill_slope(slope);
            } else {
                let mut stage = scratch.take(lowering.output_stage().len());
                fill_slope(&mut stage);
                let pairs = lowering.operands() == Operands::Pairs;
                if pairs && dx.is_some() {
                    multiplied = Some(scratch.take(lowering.multiplied_slope_len()));
                }
                let kept = (!pairs || x.is_some()).then_some(&mut *slope);
                lowering.lift_slope(&stage, LiftedBand { multiplied: multiplied.as_deref_mut(), kept });
            }
            if let Some(dx) = dx.as_deref_mut() {
                self.write_input_gradient(band, multiplied.as_deref().unwrap_or(slope), carried, dx);
            }
            drop(multiplied);
            if let Some(images) = x {
                let fill_input = |stage: &mut [f32]| {
                    let (shape, channels) = (lowering.input_stage(), self.input_channels);
                    dispatch(
                        isa,
                        StageInput {
                            tiling,
                            shape,
                            channels,
                            band,
                            rows: 0..tiling.geometry.height_in,
                            images,
                            stage,
                        },
                    );
                };
                if in_place {
                    fill_input(input);
                } else {
                    let mut stage = scratch.take(lowering.input_stage().len());
                    fill_input(&mut stage);
                    lowering.lift_input(&stage, LiftedBand { multiplied: None, kept: Some(input) });
                }
            }
        }
    }

    /// Adds a band to the input's gradient: rows that are complete go to `dx`, the others are carried over.
    fn write_input_gradient(&self, band: usize, slope: &[f32], carried: &mut [f32], dx: &mut [f32]) {
        let Self { engine, lowering, .. } = self;
        let (tiling, scratch) = (lowering.tiling(), engine.scratch());
        let shape = lowering.input_gradient_stage();
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
        lowering.input_gradient(slope, &mut scratch.take(lowering.workspace_len()), &mut stage);
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
