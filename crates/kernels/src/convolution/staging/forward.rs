//! The forward pass of a blocked lowering: bands in parallel, each by one task from input to output.

use rayon::prelude::*;

use super::lowering::{ForwardOperand, LiftedBand, Lowering, OutputBand};
use super::shape::Channels;
use super::stage::StageInput;
use super::write::WriteOutput;
use crate::cpu::{LANES, dispatch};
use crate::elementwise::PreparedEpilogue;
use crate::engine::Engine;

/// Operands of the forward pass of one channel group.
pub(crate) struct ForwardOperands<'a> {
    /// Packed by [`Lowering::pack_forward`].
    pub(crate) weights: &'a [f32],
    pub(crate) x: &'a [f32],
    pub(crate) input_channels: Channels,
    pub(crate) bias: Option<&'a [f32]>,
    pub(crate) epilogue: &'a PreparedEpilogue,
    pub(crate) y: &'a mut [f32],
    pub(crate) output_channels: Channels,
    /// Rows and columns of `y` that the channels of an output pixel are spread over, row by row, in runs of whole blocks: `[1, 1]` but
    /// for a transposed convolution.
    pub(crate) spread: [usize; 2],
}

/// One band of the output.
pub(super) struct Band<'a> {
    slot: usize,
    band: usize,
    first_element: usize,
    pub(super) output: &'a mut [f32],
}

/// Computes `y`.
pub(crate) fn forward(engine: &Engine, lowering: &dyn Lowering, operands: ForwardOperands<'_>) {
    let ForwardOperands { weights, x, input_channels, bias, epilogue, y, output_channels, spread } = operands;
    let mut padded_bias = engine.scratch().take(lowering.bands().output_stage.blocks * LANES);
    padded_bias.fill(0.0);
    if let Some(bias) = bias {
        let own = &bias[output_channels.first..output_channels.first + output_channels.count];
        padded_bias[..own.len()].copy_from_slice(own);
    }
    let bias = &padded_bias[..];
    let shared =
        Shared { engine, lowering, weights, x, input_channels, bias, epilogue, output_channels, spread };
    let bands = bands(lowering, y, output_channels.total);
    bands.into_par_iter().with_max_len(1).for_each(|band| shared.compute(band));
}

/// The operands that all tasks read.
struct Shared<'a> {
    engine: &'a Engine,
    lowering: &'a dyn Lowering,
    weights: &'a [f32],
    x: &'a [f32],
    input_channels: Channels,
    /// Bias of the group, zero-padded to whole blocks.
    bias: &'a [f32],
    epilogue: &'a PreparedEpilogue,
    output_channels: Channels,
    spread: [usize; 2],
}

impl Shared<'_> {
    /// Computes a band of the output.
    fn compute(&self, unit: Band<'_>) {
        let Self { engine, lowering, weights, input_channels, output_channels, spread, .. } = *self;
        let (tiling, scratch) = (&lowering.bands().tiling, engine.scratch());
        let images_of_slot = tiling.images_of(unit.slot);
        let image_in = tiling.geometry.height_in * tiling.geometry.width_in * input_channels.total;
        let map = &self.x[unit.slot * tiling.images * image_in..][..images_of_slot * image_in];
        let (images, columns) = (if tiling.bands == 1 { images_of_slot } else { 1 }, tiling.width_out);
        let rows = unit.output.len() / (images * columns * output_channels.total);
        let into_map = self.epilogue.rectifies().filter(|_| lowering.fills_map(rows, spread));
        let output_band = |rectify, output| {
            let (channels, bias) = (output_channels, self.bias);
            OutputBand { images, rows, columns, channels, spread, bias, rectify, output }
        };
        if let Some(rectify) = into_map.filter(|_| lowering.reads_map()) {
            let row_len = tiling.geometry.width_in * input_channels.total;
            let map = &map[unit.band * tiling.row_step * row_len + input_channels.first..];
            let band = output_band(rectify, unit.output);
            return lowering.multiply_into_map(weights, ForwardOperand::Map(map), &mut [], band);
        }
        let mut lifted = scratch.take(lowering.bands().multiplied.input);
        // Where the staged input is lifted, its memory is written to again by the products, while it is still in the cache.
        let stage_len = if lowering.bands().lifted_is_stage { 0 } else { lowering.bands().input_stage.len() };
        let mut workspace = scratch.take(lowering.bands().workspace.max(stage_len));
        self.lift(unit.band, map, &mut lifted, &mut workspace[..stage_len]);
        if let Some(rectify) = into_map {
            let (operand, band) = (ForwardOperand::Lifted(&lifted), output_band(rectify, unit.output));
            return lowering.multiply_into_map(weights, operand, &mut workspace, band);
        }
        let mut stage = scratch.take(lowering.bands().output_stage.len());
        lowering.multiply(weights, &lifted, &mut workspace, &mut stage);
        let output = WriteOutput {
            tiling,
            shape: lowering.bands().output_stage,
            channels: output_channels,
            epilogue: self.epilogue,
            bias: self.bias,
            first_element: unit.first_element,
            spread,
            stage: &stage,
            output: unit.output,
        };
        dispatch(engine.isa(), output);
    }

    /// Stages a band of the images of a slot and lifts it; `stage` is empty where a lifted band is the stage itself.
    fn lift(&self, band: usize, images: &[f32], lifted: &mut [f32], stage: &mut [f32]) {
        let lowering = self.lowering;
        let (tiling, shape, channels) =
            (&lowering.bands().tiling, lowering.bands().input_stage, self.input_channels);
        let rows = 0..tiling.geometry.height_in;
        let in_place = lowering.bands().lifted_is_stage;
        let target = if in_place { &mut *lifted } else { &mut *stage };
        let input = StageInput { tiling, shape, channels, band, rows, images, stage: target };
        dispatch(self.engine.isa(), input);
        if !in_place {
            lowering.lift_input(stage, LiftedBand { multiplied: Some(lifted), kept: None });
        }
    }
}

/// Returns the output cut into bands: they are contiguous, in order.
pub(super) fn bands<'a>(lowering: &dyn Lowering, y: &'a mut [f32], channels: usize) -> Vec<Band<'a>> {
    let tiling = &lowering.bands().tiling;
    let (row, total) = (tiling.width_out * channels, y.len());
    let mut rest = y;
    let mut units = Vec::with_capacity(tiling.slots * tiling.bands);
    for slot in 0..tiling.slots {
        for band in 0..tiling.bands {
            let rows = if tiling.bands == 1 {
                tiling.images_of(slot) * tiling.height_out
            } else {
                tiling.rows_out.min(tiling.height_out - band * tiling.rows_out)
            };
            let first_element = total - rest.len();
            let (output, left) = rest.split_at_mut(rows * row);
            rest = left;
            units.push(Band { slot, band, first_element, output });
        }
    }
    units
}
