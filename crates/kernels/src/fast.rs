//! The f32 convolutions: every channel group goes through the algorithm that the plan names.

use crate::blocked::{
    BackwardOperands, Channels, ForwardOperands, backward as run_backward, forward as run_forward,
};
use crate::convolution::{BackwardJob, ForwardJob};
use crate::direct::{Direct, Passes};
use crate::engine::Engine;
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
fn output_size(geometry: &ConvGeometry) -> [usize; 2] {
    let size = (geometry.height_out(), geometry.width_out());
    let (Ok(height), Ok(width)) = size else { panic!("invalid convolution geometry {geometry:?}: {size:?}") };
    [height, width]
}

/// The forward pass.
pub(crate) fn forward(engine: &Engine, job: ForwardJob<'_, f32>) {
    let (geometry, size) = (job.geometry, output_size(&job.geometry));
    let epilogue = job.epilogue.prepare();
    let algorithm = plan(&geometry, engine).forward;
    let weights = job.weight.chunks_exact(geometry.weight_len() / geometry.groups);
    for (group, weight) in weights.enumerate() {
        let [input_channels, output_channels] = channels(&geometry, group);
        let operands = ForwardOperands {
            x: job.x,
            input_channels,
            bias: job.bias,
            epilogue: &epilogue,
            y: &mut *job.y,
            output_channels,
        };
        match algorithm {
            Algorithm::Direct => {
                run_forward(engine, &Direct::new(engine, &geometry, size, weight, Passes::Forward), operands);
            }
            Algorithm::Winograd(scheme) => {
                let winograd = Winograd::new(engine, scheme, &geometry, size, weight, Passes::Forward);
                run_forward(engine, &winograd, operands);
            }
        }
    }
}

/// The backward pass.
pub(crate) fn backward(engine: &Engine, job: BackwardJob<'_, f32>) {
    let (geometry, size) = (job.geometry, output_size(&job.geometry));
    let epilogue = job.epilogue.prepare();
    let algorithm = plan(&geometry, engine).backward;
    let mut gradients = job.gradients;
    let weight_len = geometry.weight_len() / geometry.groups;
    let weights = job.weight.chunks_exact(weight_len).zip(gradients.dweight.chunks_exact_mut(weight_len));
    for (group, (weight, dweight)) in weights.enumerate() {
        let [input_channels, output_channels] = channels(&geometry, group);
        let own = output_channels.first..output_channels.first + output_channels.count;
        let operands = BackwardOperands {
            x: job.x,
            input_channels,
            y: job.y,
            dy: job.dy,
            output_channels,
            epilogue: &epilogue,
            dx: gradients.dx.as_deref_mut(),
            dweight,
            dbias: gradients.dbias.as_deref_mut().map(|dbias| &mut dbias[own]),
        };
        let passes = if operands.dx.is_some() { Passes::Gradients } else { Passes::WeightGradient };
        match algorithm {
            Algorithm::Direct => {
                run_backward(engine, &Direct::new(engine, &geometry, size, weight, passes), operands);
            }
            Algorithm::Winograd(scheme) => {
                run_backward(
                    engine,
                    &Winograd::new(engine, scheme, &geometry, size, weight, passes),
                    operands,
                );
            }
        }
    }
}
