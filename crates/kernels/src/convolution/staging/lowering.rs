//! The interface of a convolution algorithm that works on staged bands.

use super::shape::{Channels, StageShape};
use super::tiling::Tiling;
use crate::convolution::product::Operands;
use crate::engine::Engine;
use crate::memory::Scratch;

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

/// A band of the output that is written without a stage.
pub(crate) struct OutputBand<'a> {
    pub(crate) images: usize,
    /// Rows of each image.
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) channels: Channels,
    /// As in [`ForwardOperands`](super::ForwardOperands).
    pub(crate) spread: [usize; 2],
    /// Bias of the group, zero-padded to whole blocks.
    pub(crate) bias: &'a [f32],
    /// Whether the activation is ReLU, or none.
    pub(crate) rectify: bool,
    /// Whole pixels, all rows and images.
    pub(crate) output: &'a mut [f32],
}

/// Lengths of a band of the input and of a band of the output's gradient.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BandLengths {
    pub(crate) input: usize,
    pub(crate) gradient: usize,
}

/// The bands of an algorithm: how the maps are cut, and the sizes of staged and lifted bands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bands {
    pub(crate) tiling: Tiling,
    /// What the elements of the operands of products are.
    pub(crate) operands: Operands,
    /// Shape of a staged band of the input.
    pub(crate) input_stage: StageShape,
    /// Shape of a staged band of the output, or of its gradient.
    pub(crate) output_stage: StageShape,
    /// Shape of a staged band of the input's gradient.
    pub(crate) input_gradient_stage: StageShape,
    /// Whether a lifted band is the stage itself, so that staging writes it in place.
    pub(crate) lifted_is_stage: bool,
    /// Values of a lifted band.
    pub(crate) lifted: BandLengths,
    /// Elements of a band as it is multiplied.
    pub(crate) multiplied: BandLengths,
    /// Elements of a band as it is kept for the weight gradient: values, or pairs of them.
    pub(crate) kept: BandLengths,
    /// Elements of temporary memory in [`Lowering::multiply`] and [`Lowering::input_gradient`].
    pub(crate) workspace: usize,
}

/// A convolution algorithm on channel-blocked bands of one channel group.
///
/// *Lifting* takes a staged input or gradient to the form in which the algorithm multiplies: transformed tiles for
/// Winograd, the stage itself for direct convolution. Lifted bands are kept until the weight gradient has read them.
///
/// Where operands are [pairs](Operands::Pairs), a band is lifted to pairs of neighbours in memory, which are channels of a pixel, for the
/// output and the input's gradient, and to pairs of tiles or pixels for the weight gradient.
pub(crate) trait Lowering: Sync {
    /// Returns the bands that it works on.
    fn bands(&self) -> &Bands;
    /// Packs the weights of the group, `[C_out/groups, C_in/groups, KH, KW]`, for [`Self::multiply`].
    fn pack_forward<'e>(&self, engine: &'e Engine, weight: &[f32]) -> Scratch<'e>;
    /// Packs the weights of the group for [`Self::input_gradient`].
    fn pack_adjoint<'e>(&self, engine: &'e Engine, weight: &[f32]) -> Scratch<'e>;
    /// Lifts a band of the input.
    fn lift_input(&self, stage: &[f32], operands: LiftedBand<'_>);
    /// Lifts a band of the output's gradient.
    fn lift_gradient(&self, stage: &[f32], operands: LiftedBand<'_>);
    /// Computes a band of the output from a lifted band of the input.
    fn multiply(&self, weights: &[f32], lifted: &[f32], workspace: &mut [f32], output: &mut [f32]);
    /// Returns whether [`Self::multiply_into_map`] can compute a band of so many output rows: one of whole tiles and blocks.
    fn fills_map(&self, rows: usize, spread: [usize; 2]) -> bool;
    /// Returns whether [`Self::multiply_into_map`] takes the map itself.
    fn reads_map(&self) -> bool {
        false
    }
    /// Computes [`Self::multiply`] without a stage in between.
    fn multiply_into_map(
        &self,
        weights: &[f32],
        operand: ForwardOperand<'_>,
        workspace: &mut [f32],
        band: OutputBand<'_>,
    );
    /// Adds the contribution of a lifted band of the output's gradient to the input's gradient.
    fn input_gradient(&self, weights: &[f32], lifted: &[f32], workspace: &mut [f32], gradient: &mut [f32]);
    /// Returns the number of elements of one of the pieces of the weight gradient that are summed in parallel, and the number of pieces.
    fn weight_pieces(&self) -> (usize, usize);
    /// Adds the contributions of the bands kept to one piece of the weight gradient, in order.
    fn weight_gradient(&self, piece: usize, inputs: &[f32], dz: &[f32], gradient: &mut [f32]);
    /// Turns the summed pieces into the weight gradient of the group, `[C_out/groups, C_in/groups, KH, KW]`.
    fn finish_weight_gradient(&self, pieces: &[f32], gradient: &mut [f32]);
}
