//! The f32 convolutions: every channel group goes through the algorithm that the plan names.

use crate::blocked::{self, BackwardOperands, Channels, ForwardOperands, Lowering, WeightGradient};
use crate::convolution::{BackwardJob, ForwardJob};
use crate::depthwise;
use crate::direct::{Direct, Passes};
use crate::engine::Engine;
use crate::epilogue::Epilogue;
use crate::geometry::ConvGeometry;
use crate::plan::{Algorithm, plan};
use crate::winograd::Winograd;

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
    fn run(self, engine: &Engine, lowering: &impl Lowering);
}

impl Pass for ForwardOperands<'_> {
    fn run(self, engine: &Engine, lowering: &impl Lowering) {
        blocked::forward(engine, lowering, self);
    }
}

impl Pass for BackwardOperands<'_> {
    fn run(self, engine: &Engine, lowering: &impl Lowering) {
        blocked::backward(engine, lowering, self);
    }
}

/// Prepares the weights of one group for `algorithm` and runs the pass.
fn run(
    engine: &Engine,
    algorithm: Algorithm,
    geometry: &ConvGeometry,
    weight: &[f32],
    passes: Passes,
    pass: impl Pass,
) {
    let size = output_size(geometry);
    match algorithm {
        Algorithm::Winograd(scheme) => {
            pass.run(engine, &Winograd::new(engine, scheme, geometry, size, weight, passes));
        }
        // Depthwise has passes of its own; only the input gradient alone (a transposed convolution) comes here.
        Algorithm::Direct | Algorithm::Depthwise => {
            pass.run(engine, &Direct::new(engine, geometry, size, weight, passes));
        }
    }
}

/// The forward pass.
pub(crate) fn forward(engine: &Engine, job: ForwardJob<'_, f32>) {
    let geometry = job.geometry;
    let algorithm = plan(&geometry, engine).forward;
    if algorithm == Algorithm::Depthwise {
        return depthwise::forward(engine, job);
    }
    let epilogue = job.epilogue.prepare();
    for (group, weight) in job.weight.chunks_exact(geometry.weight_len() / geometry.groups).enumerate() {
        let [input_channels, output_channels] = channels(&geometry, group);
        let operands = ForwardOperands {
            x: job.x,
            input_channels,
            bias: job.bias,
            epilogue: &epilogue,
            y: &mut *job.y,
            output_channels,
        };
        run(engine, algorithm, &geometry, weight, Passes::Forward, operands);
    }
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
        run(engine, algorithm, &geometry, weight, passes, operands);
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
        run(engine, algorithm, geometry, weight, Passes::InputGradient, operands);
    }
}
