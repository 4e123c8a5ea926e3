//! The f32 convolutions: every channel group is computed by the planned algorithm.

use rayon::prelude::*;

use super::depthwise;
use super::direct::Direct;
use super::forward_weights::ForwardWeights;
use super::geometry::ConvGeometry;
use super::operands::{ConvBackward, ConvForward};
use super::plan::{Algorithm, Convolution};
use super::staging::{
    self, BackwardOperands, Channels, ForwardOperands, InputGradient, Lowering, TransposedOperands,
    WeightGradient,
};
use super::transposed::ConvTransposeGeometry;
use super::winograd::Winograd;
use crate::cpu::LANES;
use crate::elementwise::Epilogue;
use crate::engine::Engine;
use crate::windows::Padding;

/// Bands that the batch of a forward pass should have at least: every output is computed the same in any band, so that a single image
/// can be shared by a few threads.
const FORWARD_BANDS: usize = 4;
/// Bands that the batch of a backward pass should have at least: they decide the order in which the weight gradient is summed.
const BACKWARD_BANDS: usize = 1;

/// Returns the channels of a group on the input and on the output side.
fn channels(geometry: &ConvGeometry, group: usize) -> [Channels; 2] {
    [geometry.channels_in, geometry.channels_out].map(|total| {
        let count = total / geometry.groups;
        Channels { total, first: group * count, count }
    })
}

/// Returns whether the convolution has passes of its own.
fn is_depthwise(convolution: &Convolution) -> bool {
    convolution.chosen().algorithm == Algorithm::Depthwise
}

/// Returns the planned algorithm for one group; all groups are alike.
fn lowering(convolution: &Convolution, bands: usize) -> Box<dyn Lowering + '_> {
    let (engine, geometry) = (convolution.engine(), convolution.geometry());
    match convolution.chosen().algorithm {
        Algorithm::Winograd(scheme) => Box::new(Winograd::new(engine, scheme, geometry, bands)),
        // Depthwise has passes of its own; only the input gradient alone (a transposed convolution) comes here.
        Algorithm::Direct | Algorithm::Depthwise => Box::new(Direct::new(engine, geometry, bands)),
    }
}

/// Returns the weights of each group, `[C_out/groups, C_in/groups, KH, KW]`, one after another.
fn group_weights<'w>(geometry: &ConvGeometry, weight: &'w [f32]) -> impl Iterator<Item = &'w [f32]> {
    weight.chunks_exact(geometry.weight_len() / geometry.groups)
}

/// Brings the weights of every group into the form in which the forward pass multiplies by them.
pub(super) fn pack<'a>(convolution: &'a Convolution, weight: &[f32]) -> ForwardWeights<'a> {
    let (engine, geometry) = (convolution.engine(), convolution.geometry());
    if is_depthwise(convolution) {
        return ForwardWeights::made(vec![depthwise::weights_by_tap(engine, geometry, weight)]);
    }
    let lowering = lowering(convolution, FORWARD_BANDS);
    let groups = group_weights(geometry, weight).map(|weight| lowering.pack_forward(engine, weight));
    ForwardWeights::made(groups.collect())
}

/// Computes the forward pass.
pub(super) fn forward(
    convolution: &Convolution,
    weights: &ForwardWeights<'_>,
    operands: ConvForward<'_, f32>,
) {
    if is_depthwise(convolution) {
        return depthwise::forward(convolution, weights.group(0), operands);
    }
    let lowering = lowering(convolution, FORWARD_BANDS);
    let ConvForward { x, bias, epilogue, y } = operands;
    let epilogue = epilogue.prepare();
    for group in 0..convolution.geometry().groups {
        let [input_channels, output_channels] = channels(convolution.geometry(), group);
        let operands = ForwardOperands {
            weights: weights.group(group),
            x,
            input_channels,
            bias,
            epilogue: &epilogue,
            y: &mut *y,
            output_channels,
            spread: [1, 1],
        };
        staging::forward(convolution.engine(), &*lowering, operands);
    }
}

/// Computes the backward pass.
pub(super) fn backward(convolution: &Convolution, weight: &[f32], operands: ConvBackward<'_, f32>) {
    if is_depthwise(convolution) {
        return depthwise::backward(convolution, weight, operands);
    }
    let (engine, geometry) = (convolution.engine(), convolution.geometry());
    let lowering = lowering(convolution, BACKWARD_BANDS);
    let ConvBackward { x, y, dy, epilogue, mut dx, dweight, mut dbias } = operands;
    let epilogue = epilogue.prepare();
    let dweights = dweight.chunks_exact_mut(geometry.weight_len() / geometry.groups);
    for (group, (weight, dweight)) in group_weights(geometry, weight).zip(dweights).enumerate() {
        let [input_channels, output_channels] = channels(geometry, group);
        let own = output_channels.first..output_channels.first + output_channels.count;
        let weights = dx.is_some().then(|| lowering.pack_adjoint(engine, weight));
        let input_gradient = weights.as_deref().zip(dx.as_deref_mut());
        let operands = BackwardOperands {
            input_channels,
            y,
            dy,
            output_channels,
            epilogue: &epilogue,
            input_gradient: input_gradient.map(|(weights, dx)| InputGradient { weights, dx }),
            weight_gradient: Some(WeightGradient { x, dweight }),
            dbias: dbias.as_deref_mut().map(|dbias| &mut dbias[own]),
        };
        staging::backward(engine, &*lowering, operands);
    }
}

/// Computes the input's gradient alone: `dx` from the gradient `dz` before the epilogue.
pub(super) fn input_gradient(convolution: &Convolution, weight: &[f32], dz: &[f32], dx: &mut [f32]) {
    let (engine, geometry) = (convolution.engine(), convolution.geometry());
    let lowering = lowering(convolution, BACKWARD_BANDS);
    let epilogue = Epilogue::IDENTITY.prepare();
    for (group, weight) in group_weights(geometry, weight).enumerate() {
        let [input_channels, output_channels] = channels(geometry, group);
        let weights = lowering.pack_adjoint(engine, weight);
        let operands = BackwardOperands {
            input_channels,
            y: dz,
            dy: dz,
            output_channels,
            epilogue: &epilogue,
            input_gradient: Some(InputGradient { weights: &weights, dx: &mut *dx }),
            weight_gradient: None,
            dbias: None,
        };
        staging::backward(engine, &*lowering, operands);
    }
}

/// Returns whether [`scatter_blocks`] computes this transposed convolution, to the last bit: every input position reaches a rectangle of
/// the output that no other one reaches. With dropout the epilogues round differently.
pub(super) const fn scatters_blocks(geometry: &ConvTransposeGeometry, epilogue: &Epilogue) -> bool {
    let ConvTransposeGeometry { channels_out, kernel, stride, padding, output_padding, groups, .. } =
        *geometry;
    let Padding { top, bottom, left, right } = padding;
    kernel[0] == stride[0]
        && kernel[1] == stride[1]
        && top + bottom + left + right + output_padding[0] + output_padding[1] == 0
        && (geometry.dilation[0] == 1 || kernel[0] == 1)
        && (geometry.dilation[1] == 1 || kernel[1] == 1)
        && groups == 1
        && channels_out.is_multiple_of(LANES)
        && epilogue.dropout.is_none()
}

/// Computes a transposed convolution that [`scatters_blocks`], its weights `[C_in, C_out, KH, KW]`: a 1×1 convolution to `KH*KW*C_out`
/// channels, spread over the positions of the rectangles.
pub(super) fn scatter_blocks(
    geometry: &ConvTransposeGeometry,
    engine: &Engine,
    weight: &[f32],
    operands: ConvForward<'_, f32>,
) {
    let ConvTransposeGeometry { batch, height_in, width_in, channels_in, channels_out, kernel, .. } =
        *geometry;
    let taps = kernel[0] * kernel[1];
    let mut by_tap = engine.scratch().take(weight.len());
    by_tap.par_chunks_exact_mut(channels_in).enumerate().for_each(|(filter, target)| {
        let (tap, channel) = (filter / channels_out, filter % channels_out);
        for (target, weight) in target.iter_mut().zip(weight.chunks_exact(channels_out * taps)) {
            *target = weight[channel * taps + tap];
        }
    });
    let geometry = ConvGeometry {
        batch,
        height_in,
        width_in,
        channels_in,
        channels_out: taps * channels_out,
        kernel: [1, 1],
        stride: [1, 1],
        padding: Padding::NONE,
        dilation: [1, 1],
        groups: 1,
    };
    let lowering = Direct::new(engine, &geometry, FORWARD_BANDS).in_parts(taps);
    let ConvForward { x, bias, epilogue, y } = operands;
    let bias = bias.map(|bias| bias.repeat(taps));
    let [input_channels, output_channels] = channels(&geometry, 0);
    let operands = ForwardOperands {
        weights: &lowering.pack_forward(engine, &by_tap),
        x,
        input_channels,
        bias: bias.as_deref(),
        epilogue: &epilogue.prepare(),
        y,
        output_channels,
        spread: kernel,
    };
    staging::forward(engine, &lowering, operands);
}

/// Returns whether [`transposed_backward`] computes the gradients of the transposed convolution with this adjoint.
pub(super) fn has_transposed_backward(adjoint: &Convolution) -> bool {
    !is_depthwise(adjoint)
}

/// Computes the gradients of input and weight of the transposed convolution with this adjoint.
pub(super) fn transposed_backward(adjoint: &Convolution, weight: &[f32], operands: ConvBackward<'_, f32>) {
    let (engine, geometry) = (adjoint.engine(), adjoint.geometry());
    let lowering = lowering(adjoint, BACKWARD_BANDS);
    let ConvBackward { x, y, dy, epilogue, mut dx, dweight, dbias: _ } = operands;
    let epilogue = epilogue.prepare();
    let dweights = dweight.chunks_exact_mut(geometry.weight_len() / geometry.groups);
    for (group, (weight, dweight)) in group_weights(geometry, weight).zip(dweights).enumerate() {
        let [input_channels, output_channels] = channels(geometry, group);
        let weights = dx.is_some().then(|| lowering.pack_forward(engine, weight));
        let input_gradient = weights.as_deref().zip(dx.as_deref_mut());
        let operands = TransposedOperands {
            y,
            dy,
            epilogue: &epilogue,
            input_channels,
            x,
            output_channels,
            input_gradient: input_gradient.map(|(weights, dx)| InputGradient { weights, dx }),
            dweight,
        };
        staging::transposed_backward(engine, &*lowering, operands);
    }
}
