//! The forward pass of a blocked lowering: bands in parallel, each by one task from input to output.

use rayon::prelude::*;

use super::stage::{Channels, StageInput};
use super::write::WriteOutput;
use super::{ForwardOperand, LiftedBand, Lowering};
use crate::cpu::{LANES, dispatch};
use crate::elementwise::PreparedEpilogue;
use crate::engine::Engine;

/// Operands of the forward pass of one channel group.
pub(crate) struct ForwardOperands<'a> {
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

/// A band of the output that is written without a stage.
pub(crate) struct OutputBand<'a> {
    pub(crate) images: usize,
    /// Rows of each image.
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) channels: Channels,
    /// As in [`ForwardOperands`].
    pub(crate) spread: [usize; 2],
    /// Bias of the group, zero-padded to whole blocks.
    pub(crate) bias: &'a [f32],
    /// Whether the activation is ReLU, or none.
    pub(crate) rectify: bool,
    /// Whole pixels, all rows and images.
    pub(crate) output: &'a mut [f32],
}

/// One band of the output.
pub(super) struct Band<'a> {
    slot: usize,
    band: usize,
    first_element: usize,
    pub(super) output: &'a mut [f32],
}

/// Computes `y`.
pub(crate) fn forward<L: Lowering>(engine: &Engine, lowering: &L, operands: ForwardOperands<'_>) {
    let tiling = lowering.tiling();
    let ForwardOperands { x, input_channels, bias, epilogue, y, output_channels, spread } = operands;
    let (input_shape, output_shape) = (lowering.input_stage(), lowering.output_stage());
    let image_in = tiling.geometry.height_in * tiling.geometry.width_in * input_channels.total;
    let mut padded_bias = engine.scratch().take(output_shape.blocks * LANES);
    padded_bias.fill(0.0);
    if let Some(bias) = bias {
        let own = &bias[output_channels.first..output_channels.first + output_channels.count];
        padded_bias[..own.len()].copy_from_slice(own);
    }
    let bias = &padded_bias[..];
    bands(lowering, y, output_channels.total).into_par_iter().with_max_len(1).for_each(|unit| {
        let images = &x[unit.slot * tiling.images * image_in..][..tiling.images_of(unit.slot) * image_in];
        let scratch = engine.scratch();
        let of_slot = tiling.images_of(unit.slot);
        let (images_here, columns) = (if tiling.bands == 1 { of_slot } else { 1 }, tiling.width_out);
        let rows = unit.output.len() / (images_here * columns * output_channels.total);
        let into_map = epilogue.rectifies().filter(|_| lowering.fills_map(rows, spread));
        let output_band = |rectify, output| {
            let (images, channels) = (images_here, output_channels);
            OutputBand { images, rows, columns, channels, spread, bias, rectify, output }
        };
        if let Some(rectify) = into_map.filter(|_| lowering.reads_map()) {
            let row_len = tiling.geometry.width_in * input_channels.total;
            let map = &images[unit.band * tiling.row_step * row_len + input_channels.first..];
            let band = output_band(rectify, unit.output);
            return lowering.multiply_into_map(ForwardOperand::Map(map), &mut [], band);
        }
        let mut lifted = scratch.take(lowering.multiplied_input_len());
        let stage_input = |stage: &mut [f32]| {
            let (shape, channels, band, rows) =
                (input_shape, input_channels, unit.band, 0..tiling.geometry.height_in);
            dispatch(engine.isa(), StageInput { tiling, shape, channels, band, rows, images, stage });
        };
        // Where the staged input is lifted, its memory is written to again by the products, while it is still in the cache.
        let stage_len = if lowering.lifted_is_stage() { 0 } else { input_shape.len() };
        let mut workspace = scratch.take(lowering.workspace_len().max(stage_len));
        if lowering.lifted_is_stage() {
            stage_input(&mut lifted);
        } else {
            let stage = &mut workspace[..stage_len];
            stage_input(stage);
            lowering.lift_input(stage, LiftedBand { multiplied: Some(&mut lifted), kept: None });
        }
        if let Some(rectify) = into_map {
            let band = output_band(rectify, unit.output);
            return lowering.multiply_into_map(ForwardOperand::Lifted(&lifted), &mut workspace, band);
        }
        let mut stage = scratch.take(output_shape.len());
        lowering.multiply(&lifted, &mut workspace, &mut stage);
        let Band { first_element, output, .. } = unit;
        let (shape, channels) = (output_shape, output_channels);
        dispatch(
            engine.isa(),
            WriteOutput {
                tiling,
                shape,
                channels,
                epilogue,
                bias,
                first_element,
                spread,
                stage: &stage,
                output,
            },
        );
    });
}

/// The output cut into bands: they are contiguous, in order.
pub(super) fn bands<'a, L: Lowering>(lowering: &L, y: &'a mut [f32], channels: usize) -> Vec<Band<'a>> {
    let tiling = lowering.tiling();
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
