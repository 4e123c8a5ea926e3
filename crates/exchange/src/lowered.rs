//! Networks as graphs of nodes, which the formats that compute write.

use allconv_inspect::TrainedNetwork;
use allconv_nets::{Parameter, Walk};
use allconv_operators::lowering::{Graph, Value};
use allconv_train::NamedTensors;

use crate::preprocessing::lowered_preprocessing;
use crate::{Export, Pixels};

/// A network as a graph.
pub(crate) struct Lowered {
    pub(crate) graph: Graph,
    pub(crate) images: Value,
    pub(crate) output: Value,
}

impl Lowered {
    /// Returns the stages of `walk` with these parameters; the output is that of the last stage.
    pub(crate) fn of_walk(walk: &Walk, parameters: &[Parameter]) -> Self {
        let values = parameters.iter().map(|parameter| (parameter.path.clone(), double(&parameter.values)));
        let mut graph = Graph::new(values.collect());
        let images = graph.input(walk.input);
        let output = walk.lower(&mut graph, images);
        Self { graph, images, output }
    }

    /// Returns a trained network with its preprocessing where `export` asks for it; the output is a map, or logits `[n, classes]`.
    pub(crate) fn of_export(export: &Export<'_>, weights: &NamedTensors) -> Self {
        let trained: &TrainedNetwork = export.trained;
        let walk = trained.subject().walk();
        let values = weights.iter().map(|(name, tensor)| (name.clone(), double(&tensor.values)));
        let mut graph = Graph::new(values.collect());
        let images = graph.input(walk.input);
        let x = match export.pixels {
            Pixels::Prepared => images,
            Pixels::Levels => lowered_preprocessing(&mut graph, images, trained),
        };
        let map = walk.lower(&mut graph, x);
        graph.enter("output", "");
        let output = if trained.returns_pictures() { map } else { graph.reshape(map, &[0, -1]) };
        Self { graph, images, output }
    }
}

fn double(values: &[f32]) -> Vec<f64> {
    values.iter().map(|value| f64::from(*value)).collect()
}
