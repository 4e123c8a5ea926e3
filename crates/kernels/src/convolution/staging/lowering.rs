//! The interface of a convolution algorithm that works on staged bands.

use super::forward::OutputBand;
use super::stage::StageShape;
use super::tiling::Tiling;
use crate::convolution::product::Operands;

/// The operands that a band is lifted to. Where they are values, both are the same, and one is enough.
pub(crate) struct LiftedBand<'a> {
    /// That of the output or the input's gradient.
    pub(crate) multiplied: Option<&'a mut [f32]>,
    /// That of the weight gradient.
    pub(crate) kept: Option<&'a mut [f32]>,
}

/// The input of a forward product.
pub(crate) enum ForwardOperand<'a> {
    /// A lifted band.
    Lifted(&'a [f32]),
    /// The map itself, from the first pixel of the band and the first channel of the group on.
    Map(&'a [f32]),
}

/// A convolution algorithm on channel-blocked bands of one channel group.
///
/// *Lifting* takes a staged input or gradient to the form in which the algorithm multiplies: transformed tiles for
/// Winograd, the stage itself for direct convolution. Lifted bands are kept until the weight gradient has read them.
///
/// Where operands are [pairs](Operands::Pairs), a band is lifted to pairs of neighbours in memory, which are channels of a pixel, for the
/// output and the input's gradient, and to pairs of tiles or pixels for the weight gradient.
pub(crate) trait Lowering: Sync {
    /// Whether a lifted band is the stage itself, so that staging writes it in place.
    fn lifted_is_stage(&self) -> bool;
    /// What the elements of the operands are.
    fn operands(&self) -> Operands;
    /// How the maps are cut into bands.
    fn tiling(&self) -> &Tiling;
    /// Shape of a staged band of the input.
    fn input_stage(&self) -> StageShape;
    /// Shape of a staged band of the output, or of its gradient.
    fn output_stage(&self) -> StageShape;
    /// Shape of a staged band of the input's gradient.
    fn input_gradient_stage(&self) -> StageShape;
    /// Values of a lifted band of the input.
    fn lifted_input_len(&self) -> usize;
    /// Values of a lifted band of the output's gradient.
    fn lifted_slope_len(&self) -> usize;
    /// Elements of a band of the input as it is multiplied.
    fn multiplied_input_len(&self) -> usize;
    /// Elements of a band of the output's gradient as it is multiplied.
    fn multiplied_slope_len(&self) -> usize;
    /// Elements of a band of the input as it is kept for the weight gradient: values, or pairs of them.
    fn kept_input_len(&self) -> usize;
    /// Elements of a band of the output's gradient as it is kept for the weight gradient.
    fn kept_slope_len(&self) -> usize;
    /// The weights as they are prepared for the forward pass.
    fn forward_weights(&self) -> &[f32];
    /// Elements of temporary memory in [`Self::multiply`] and [`Self::input_gradient`].
    fn workspace_len(&self) -> usize;
    /// Lifts a band of the input.
    fn lift_input(&self, stage: &[f32], operands: LiftedBand<'_>);
    /// Lifts a band of the output's gradient.
    fn lift_slope(&self, stage: &[f32], operands: LiftedBand<'_>);
    /// Computes a band of the output from a lifted band of the input.
    fn multiply(&self, lifted: &[f32], workspace: &mut [f32], output: &mut [f32]);
    /// Whether [`Self::multiply_into_map`] can compute a band of so many output rows: one of whole tiles and blocks.
    fn fills_map(&self, rows: usize, spread: [usize; 2]) -> bool;
    /// Whether [`Self::multiply_into_map`] takes the map itself.
    fn reads_map(&self) -> bool {
        false
    }
    /// As [`Self::multiply`], but without a stage in between.
    fn multiply_into_map(&self, operand: ForwardOperand<'_>, workspace: &mut [f32], band: OutputBand<'_>);
    /// Adds the gradient of the input that a lifted band of the output's gradient causes.
    fn input_gradient(&self, lifted: &[f32], workspace: &mut [f32], gradient: &mut [f32]);
    /// Elements of one of the pieces of the weight gradient that are summed in parallel, and the number of pieces.
    fn weight_pieces(&self) -> (usize, usize);
    /// Adds to one piece of the weight gradient what the bands kept cause, in order.
    fn weight_gradient(&self, piece: usize, inputs: &[f32], slopes: &[f32], gradient: &mut [f32]);
    /// Turns the summed pieces into the weight gradient of the group, `[C_out/groups, C_in/groups, KH, KW]`.
    fn finish_weight_gradient(&self, pieces: &[f32], gradient: &mut [f32]);
}
