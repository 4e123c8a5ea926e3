//! The f32 convolutions: every channel group goes through the algorithm that the plan names.

use rayon::prelude::*;

use super::depthwise;
use super::direct::{Direct, Passes};
use super::geometry::ConvGeometry;
use super::plan::{Algorithm, plan};
use super::prepared::{BackwardJob, ForwardJob};
use super::staging as blocked;
use super::transposed::ConvTransposeGeometry;
use super::transposed::{self, TransposedBackwardJob, TransposedJob};
use super::winograd::Winograd;
use crate::convolution::staging::Channels;
use crate::convolution::staging::ForwardOperands;
use crate::convolution::staging::Lowering;
use crate::convolution::staging::TransposedOperands;
use crate::convolution::staging::{BackwardOperands, WeightGradient};
use crate::cpu::LANES;
use crate::elementwise::Epilogue;
use crate::engine::Engine;
use crate::windows::Padding;

/// Channels of a group on the input and on the output side.
fn channels(geometry: &ConvGeometry, group: usize) -> [Channels; 2] {
    [geometry.channels_in, geometry.channels_out].map(|total| {
        let count = total / geometry.groups;
        Channels { total, first: group * count, count }
    })
}

/// Output rows and columns of a valid geometry.
pub(crate) fn output_size(geometry: &ConvGeometry) -> [usize; 2] {
    let size = (geometry.height_out(), geometry.width_out());
    let (Ok(height), Ok(width)) = size else { panic!("invalid convolution geometry {geometry:?}: {size:?}") };
    [height, width]
}

/// What is done with an algorithm that is ready to run: the generic half of a match over algorithms.
trait Pass {
    /// Bands that the batch should have at least.
    const BANDS: usize;

    /// Parts of the output channels that lie apart.
    fn parts(&self) -> usize {
        1
    }

    fn run(self, engine: &Engine, lowering: &impl Lowering);
}

impl Pass for ForwardOperands<'_> {
    // Every output is computed the same in any band, so that a single image can be shared by a few threads.
    const BANDS: usize = 4;

    fn parts(&self) -> usize {
        self.spread[0] * self.spread[1]
    }

    fn run(self, engine: &Engine, lowering: &impl Lowering) {
        blocked::forward(engine, lowering, self);
    }
}

impl Pass for BackwardOperands<'_> {
    // The bands decide the order in which the weight gradient is summed.
    const BANDS: usize = 1;

    fn run(self, engine: &Engine, lowering: &impl Lowering) {
        blocked::backward(engine, lowering, self);
    }
}

impl Pass for TransposedOperands<'_> {
    const BANDS: usize = BackwardOperands::BANDS;

    fn run(self, engine: &Engine, lowering: &impl Lowering) {
        blocked::transposed_backward(engine, lowering, self);
    }
}

/// Copies what an algorithm has prepared for the forward pass.
struct CopyWeights<'a>(&'a mut Vec<f32>);

impl Pass for CopyWeights<'_> {
    const BANDS: usize = 1;

    fn run(self, _engine: &Engine, lowering: &impl Lowering) {
        self.0.extend_from_slice(lowering.forward_weights());
    }
}

/// The weights of one group.
#[derive(Clone, Copy)]
enum GroupWeights<'a> {
    /// `[C_out/groups, C_in/groups, KH, KW]`, and the passes to prepare them for.
    Given(&'a [f32], Passes),
    /// Prepared for the forward pass by [`prepare_forward`].
    Prepared(&'a [f32]),
}

/// Prepares the weights of one group for `algorithm`, if need be, and runs the pass.
fn run<P: Pass>(
    engine: &Engine,
    algorithm: Algorithm,
    geometry: &ConvGeometry,
    weights: GroupWeights<'_>,
    pass: P,
) {
    let size = output_size(geometry);
    match algorithm {
        Algorithm::Winograd(scheme) => {
            let mut winograd = Winograd::new(engine, scheme, geometry, size, P::BANDS);
            match weights {
                GroupWeights::Given(weight, passes) => winograd.prepare(weight, passes),
                GroupWeights::Prepared(weights) => winograd.take_forward(weights),
            }
            pass.run(engine, &winograd);
        }
        // Depthwise has passes of its own; only the input gradient alone (a transposed convolution) comes here.
        Algorithm::Direct | Algorithm::Depthwise => {
            let mut direct = Direct::new(engine, geometry, size, P::BANDS).in_parts(pass.parts());
            match weights {
                GroupWeights::Given(weight, passes) => direct.prepare(engine, weight, passes),
                GroupWeights::Prepared(weights) => direct.take_forward(weights),
            }
            pass.run(engine, &direct);
        }
    }
}

/// The forward pass.
pub(crate) fn forward(engine: &Engine, job: ForwardJob<'_, f32>) {
    let geometry = job.geometry;
    if plan(&geometry, engine).forward == Algorithm::Depthwise {
        let weights = depthwise::weights_by_tap(engine, &geometry, job.weight);
        return depthwise::forward(engine, &weights, job);
    }
    let weight_len = geometry.weight_len() / geometry.groups;
    let groups =
        job.weight.chunks_exact(weight_len).map(|weight| GroupWeights::Given(weight, Passes::Forward));
    forward_groups(engine, groups, job, [1, 1]);
}

/// The forward pass with weights from [`prepare_forward`] for the same geometry, whatever its batch, and the same engine.
pub(crate) fn forward_prepared(engine: &Engine, job: ForwardJob<'_, f32>, prepared: &[Vec<f32>]) {
    if plan(&job.geometry, engine).forward == Algorithm::Depthwise {
        return depthwise::forward(engine, &prepared[0], job);
    }
    forward_groups(engine, prepared.iter().map(|weights| GroupWeights::Prepared(weights)), job, [1, 1]);
}

fn forward_groups<'a>(
    engine: &Engine,
    groups: impl Iterator<Item = GroupWeights<'a>>,
    job: ForwardJob<'_, f32>,
    spread: [usize; 2],
) {
    let geometry = job.geometry;
    let algorithm = plan(&geometry, engine).forward;
    let epilogue = job.epilogue.prepare();
    for (group, weights) in groups.enumerate() {
        let [input_channels, output_channels] = channels(&geometry, group);
        let operands = ForwardOperands {
            x: job.x,
            input_channels,
            bias: job.bias,
            epilogue: &epilogue,
            y: &mut *job.y,
            output_channels,
            spread,
        };
        run(engine, algorithm, &geometry, weights, operands);
    }
}

/// Whether [`paint_squares`] computes this transposed convolution, to the last bit: every input pixel paints a rectangle that no other one
/// touches. With dropout the epilogues round differently.
pub(crate) const fn paints_squares(geometry: &ConvTransposeGeometry, epilogue: &Epilogue) -> bool {
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

/// A transposed convolution that [`paints_squares`], its weights `[C_in, C_out, KH, KW]`: a 1×1 convolution to `KH*KW*C_out` channels, spread
/// over the pixels of the squares.
pub(crate) fn paint_squares(engine: &Engine, job: TransposedJob<'_, f32>) {
    let TransposedJob { geometry, adjoint: _, x, weight, bias, epilogue, y } = job;
    let ConvTransposeGeometry { batch, height_in, width_in, channels_in, channels_out, kernel, .. } =
        geometry;
    let taps = kernel[0] * kernel[1];
    let mut by_tap = engine.scratch().take(weight.len());
    by_tap.par_chunks_exact_mut(channels_in).enumerate().for_each(|(filter, target)| {
        let (tap, channel) = (filter / channels_out, filter % channels_out);
        for (target, weight) in target.iter_mut().zip(weight.chunks_exact(channels_out * taps)) {
            *target = weight[channel * taps + tap];
        }
    });
    let bias = bias.map(|bias| bias.repeat(taps));
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
    let job = ForwardJob { geometry, x, weight: &by_tap, bias: bias.as_deref(), epilogue, y };
    let weights = std::iter::once(GroupWeights::Given(&by_tap, Passes::Forward));
    forward_groups(engine, weights, job, kernel);
}

/// The weights of every group in the form in which the planned forward algorithm multiplies by them.
pub(crate) fn prepare_forward(engine: &Engine, geometry: &ConvGeometry, weight: &[f32]) -> Vec<Vec<f32>> {
    let algorithm = plan(geometry, engine).forward;
    if algorithm == Algorithm::Depthwise {
        return vec![depthwise::weights_by_tap(engine, geometry, weight).to_vec()];
    }
    let groups = weight.chunks_exact(geometry.weight_len() / geometry.groups).map(|weight| {
        let mut prepared = Vec::new();
        let given = GroupWeights::Given(weight, Passes::Forward);
        run(engine, algorithm, geometry, given, CopyWeights(&mut prepared));
        prepared
    });
    groups.collect()
}

/// The backward pass.
pub(crate) fn backward(engine: &Engine, job: BackwardJob<'_, f32>) {
    let geometry = job.geometry;
    let algorithm = plan(&geometry, engine).backward;
    if algorithm == Algorithm::Depthwise {
        return depthwise::backward(engine, job);
    }
    let epilogue = job.epilogue.prepare();
    let mut gradients = job.gradients;
    let weight_len = geometry.weight_len() / geometry.groups;
    let weights = job.weight.chunks_exact(weight_len).zip(gradients.dweight.chunks_exact_mut(weight_len));
    for (group, (weight, dweight)) in weights.enumerate() {
        let [input_channels, output_channels] = channels(&geometry, group);
        let own = output_channels.first..output_channels.first + output_channels.count;
        let operands = BackwardOperands {
            input_channels,
            y: job.y,
            dy: job.dy,
            output_channels,
            epilogue: &epilogue,
            dx: gradients.dx.as_deref_mut(),
            weight_gradient: Some(WeightGradient { x: job.x, dweight }),
            dbias: gradients.dbias.as_deref_mut().map(|dbias| &mut dbias[own]),
        };
        let passes = if operands.dx.is_some() { Passes::InputGradient } else { Passes::WeightGradient };
        run(engine, algorithm, &geometry, GroupWeights::Given(weight, passes), operands);
    }
}

/// The input's gradient alone: `dx` from the gradient `dz` before the epilogue.
pub(crate) fn input_gradient(
    engine: &Engine,
    geometry: &ConvGeometry,
    weight: &[f32],
    dz: &[f32],
    dx: &mut [f32],
) {
    let algorithm = plan(geometry, engine).backward;
    let epilogue = Epilogue::IDENTITY.prepare();
    for (group, weight) in weight.chunks_exact(geometry.weight_len() / geometry.groups).enumerate() {
        let [input_channels, output_channels] = channels(geometry, group);
        let operands = BackwardOperands {
            input_channels,
            y: dz,
            dy: dz,
            output_channels,
            epilogue: &epilogue,
            dx: Some(&mut *dx),
            weight_gradient: None,
            dbias: None,
        };
        run(engine, algorithm, geometry, GroupWeights::Given(weight, Passes::InputGradient), operands);
    }
}

/// The backward pass of a transposed convolution, but for the bias.
pub(crate) fn transposed_backward(engine: &Engine, job: TransposedBackwardJob<'_, f32>) {
    let geometry = job.adjoint;
    let plan = plan(&geometry, engine);
    if plan.forward == Algorithm::Depthwise || plan.forward != plan.backward {
        return transposed::backward_by_passes(engine, job);
    }
    let TransposedBackwardJob { x, weight, y, dy, epilogue, mut dx, dweight, .. } = job;
    let weight_len = geometry.weight_len() / geometry.groups;
    let weights = weight.chunks_exact(weight_len).zip(dweight.chunks_exact_mut(weight_len));
    for (group, (weight, dweight)) in weights.enumerate() {
        let [input_channels, output_channels] = channels(&geometry, group);
        let passes = if dx.is_some() { Passes::Forward } else { Passes::WeightGradient };
        let (epilogue, dx) = (&epilogue, dx.as_deref_mut());
        let operands =
            TransposedOperands { y, dy, epilogue, input_channels, x, output_channels, dx, dweight };
        run(engine, plan.forward, &geometry, GroupWeights::Given(weight, passes), operands);
    }
}
