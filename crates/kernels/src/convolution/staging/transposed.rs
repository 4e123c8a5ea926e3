//! The backward pass of a transposed convolution.
//!
//! Seen from the convolution whose adjoint it is, the input's gradient is a forward pass and the weight gradient its own, both over the
//! same input: the gradient before the epilogue. A band of that is computed, staged and lifted once for both, and is never in memory
//! as a whole. No band depends on another, so each is a task.

use rayon::prelude::*;

use super::backward::InputGradient;
use super::forward::bands;
use super::groups::Kept;
use super::lowering::{LiftedBand, Lowering};
use super::shape::Channels;
use super::stage::{StageGradient, StageInput};
use super::tiling::signed;
use super::write::WriteOutput;
use crate::convolution::product::Operands;
use crate::cpu::{LANES, dispatch};
use crate::elementwise::{Epilogue, Gradients, PreparedEpilogue};
use crate::engine::Engine;

/// Operands of the backward pass of one channel group. Input and output are those of the convolution: of the transposed one they are the
/// output and the input.
pub(crate) struct TransposedOperands<'a> {
    pub(crate) y: &'a [f32],
    pub(crate) dy: &'a [f32],
    /// That of the transposed convolution.
    pub(crate) epilogue: &'a PreparedEpilogue,
    pub(crate) input_channels: Channels,
    /// The transposed convolution's input.
    pub(crate) x: &'a [f32],
    pub(crate) output_channels: Channels,
    /// The weights and the input's gradient, if it is wanted.
    pub(crate) input_gradient: Option<InputGradient<'a>>,
    /// Of the group.
    pub(crate) dweight: &'a mut [f32],
}

/// Computes the gradients of one channel group.
pub(crate) fn transposed_backward(
    engine: &Engine,
    lowering: &dyn Lowering,
    operands: TransposedOperands<'_>,
) {
    let tiling = &lowering.bands().tiling;
    let TransposedOperands { y, dy, epilogue, input_channels, x, output_channels, input_gradient, dweight } =
        operands;
    let (weights, dx) = input_gradient.map(|InputGradient { weights, dx }| (weights, dx)).unzip();
    let mut no_bias = engine.scratch().take(lowering.bands().output_stage.blocks * LANES);
    no_bias.fill(0.0);
    let shared = Shared {
        engine,
        lowering,
        weights: weights.unwrap_or_default(),
        y,
        dy,
        epilogue,
        input_channels,
        x,
        output_channels,
        no_bias: &no_bias,
        identity: Epilogue::IDENTITY.prepare(),
    };
    let mut dx: Option<Vec<_>> =
        dx.map(|dx| bands(lowering, dx, output_channels.total).into_iter().map(Some).collect());
    let mut kept = Kept::new(engine, lowering);
    for group in kept.groups(tiling) {
        let slots = group.first_slot..group.first_slot + group.slots;
        let units = slots.flat_map(|slot| group.bands.clone().map(move |band| (slot, band)));
        let units: Vec<Unit<'_>> = units
            .map(|(slot, band)| {
                let dx = dx.as_mut().and_then(|dx| dx[slot * tiling.bands + band].take());
                Unit { slot, band, dx: dx.map(|dx| dx.output) }
            })
            .collect();
        let inputs = kept.inputs.par_chunks_mut(lowering.bands().kept.input);
        let dz = kept.dz.par_chunks_mut(lowering.bands().kept.gradient);
        let tasks = units.into_par_iter().zip(inputs).zip(dz).with_max_len(1);
        tasks.for_each(|((unit, input), dz)| shared.lift(unit, input, dz));
        kept.sum(lowering, group.units());
    }
    kept.finish(lowering, dweight);
}

/// A band, and its part of the input's gradient.
struct Unit<'a> {
    slot: usize,
    band: usize,
    dx: Option<&'a mut [f32]>,
}

/// The operands that all tasks read.
struct Shared<'a> {
    engine: &'a Engine,
    lowering: &'a dyn Lowering,
    /// Those of the input's gradient; empty where it is not wanted.
    weights: &'a [f32],
    y: &'a [f32],
    dy: &'a [f32],
    epilogue: &'a PreparedEpilogue,
    input_channels: Channels,
    x: &'a [f32],
    output_channels: Channels,
    /// Of the input's gradient.
    no_bias: &'a [f32],
    identity: PreparedEpilogue,
}

impl Shared<'_> {
    /// Lifts a band of both maps, and multiplies it for the input's gradient.
    fn lift(&self, unit: Unit<'_>, input: &mut [f32], dz: &mut [f32]) {
        let Self { engine, lowering, .. } = *self;
        let scratch = engine.scratch();
        let Unit { slot, band, dx } = unit;
        let pairs = lowering.bands().operands == Operands::Pairs;
        let mut multiplied = None;
        if lowering.bands().lifted_is_stage {
            self.stage_input(slot, band, input);
            self.stage_gradient(slot, band, dz);
        } else {
            let mut stage = scratch.take(lowering.bands().input_stage.len());
            self.stage_input(slot, band, &mut stage);
            if pairs && dx.is_some() {
                multiplied = Some(scratch.take(lowering.bands().multiplied.input));
            }
            let operands = LiftedBand { multiplied: multiplied.as_deref_mut(), kept: Some(&mut *input) };
            lowering.lift_input(&stage, operands);
            drop(stage);
            let mut stage = scratch.take(lowering.bands().output_stage.len());
            self.stage_gradient(slot, band, &mut stage);
            lowering.lift_gradient(&stage, LiftedBand { multiplied: None, kept: Some(dz) });
        }
        if let Some(dx) = dx {
            let operand = multiplied.as_deref().unwrap_or(input);
            let mut stage = scratch.take(lowering.bands().output_stage.len());
            lowering.multiply(
                self.weights,
                operand,
                &mut scratch.take(lowering.bands().workspace),
                &mut stage,
            );
            let output = WriteOutput {
                tiling: &lowering.bands().tiling,
                shape: lowering.bands().output_stage,
                channels: self.output_channels,
                epilogue: &self.identity,
                bias: self.no_bias,
                first_element: 0,
                spread: [1, 1],
                stage: &stage,
                output: dx,
            };
            dispatch(engine.isa(), output);
        }
    }

    /// Fills a stage with a band of the gradient before the epilogue.
    fn stage_input(&self, slot: usize, band: usize, stage: &mut [f32]) {
        let (tiling, isa) = (&self.lowering.bands().tiling, self.engine.isa());
        let (geometry, channels) = (&tiling.geometry, self.input_channels);
        let first = tiling.first_input_row(band);
        let row = |row: isize| usize::try_from(row).unwrap_or(0).min(geometry.height_in);
        let rows = row(first)..row(first + signed(tiling.rows_in));
        let (row_len, images) = (geometry.width_in * channels.total, tiling.images_of(slot));
        let mut gradient = self.engine.scratch().take(images * rows.len() * row_len);
        for (image, dz) in gradient.chunks_exact_mut((rows.len() * row_len).max(1)).enumerate() {
            let image = slot * tiling.images + image;
            let first = (image * geometry.height_in + rows.start) * row_len;
            let (y, dy) = (&self.y[first..first + dz.len()], &self.dy[first..first + dz.len()]);
            dispatch(isa, Gradients { epilogue: *self.epilogue, first, y, dy, dz });
        }
        let shape = self.lowering.bands().input_stage;
        dispatch(isa, StageInput { tiling, shape, channels, band, rows, images: &gradient, stage });
    }

    /// Fills a stage with a band of the transposed convolution's input.
    fn stage_gradient(&self, slot: usize, band: usize, stage: &mut [f32]) {
        let tiling = &self.lowering.bands().tiling;
        let image_len = tiling.height_out * tiling.width_out * self.output_channels.total;
        let first_image = slot * tiling.images;
        let x = &self.x[first_image * image_len..(first_image + tiling.images_of(slot)) * image_len];
        let gradient = StageGradient {
            tiling,
            shape: self.lowering.bands().output_stage,
            channels: self.output_channels,
            band,
            epilogue: &self.identity,
            first_element: 0,
            y: x,
            dy: x,
            sums: &mut [],
            stage,
        };
        dispatch(self.engine.isa(), gradient);
    }
}
