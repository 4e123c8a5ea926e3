//! The preprocessing of a run as nodes: from grey levels to what the network sees.

use allconv_data::FittedStep;
use allconv_inspect::TrainedNetwork;
use allconv_operators::lowering::{Binary, Compare, Graph, Reduce, Unary, Value};

/// Adds the preprocessing of `trained` to a graph: grey levels from 0 to 255 in, what the network sees out.
pub(crate) fn lowered_preprocessing(graph: &mut Graph, levels: Value, trained: &TrainedNetwork) -> Value {
    graph.enter("preprocessing", "");
    if trained.returns_pictures() {
        let share = graph.with_number(Binary::Divide, levels, 255.0);
        return graph.with_number(Binary::Subtract, share, 0.5);
    }
    trained.kept().fitted.steps().iter().fold(levels, |x, step| lowered_step(graph, x, step))
}

/// Adds one step of the preprocessing.
fn lowered_step(graph: &mut Graph, x: Value, step: &FittedStep) -> Value {
    match step {
        FittedStep::Standardize(moments) => {
            let mut along = |values: &[f32]| {
                let values: Vec<f64> = values.iter().map(|value| f64::from(*value)).collect();
                let channels = values.len();
                graph.constant(values, &[1, channels, 1, 1])
            };
            let (mean, deviation) = (along(&moments.mean), along(&moments.deviation));
            let centred = graph.binary(Binary::Subtract, x, mean);
            graph.binary(Binary::Divide, centred, deviation)
        }
        FittedStep::GlobalContrast(parameters) => {
            let mean = graph.reduce(Reduce::Mean, x, &[1, 2, 3]);
            let centred = graph.binary(Binary::Subtract, x, mean);
            let squares = graph.binary(Binary::Multiply, centred, centred);
            let sum = graph.reduce(Reduce::Sum, squares, &[1, 2, 3]);
            let norm = graph.unary(Unary::Sqrt, sum);
            let divisor = graph.with_number(Binary::Divide, norm, parameters.scale);
            let least = graph.number(parameters.min_divisor);
            let is_small = graph.compare(Compare::Greater, least, divisor);
            let one = graph.number(1.0);
            let divisor = graph.select(is_small, one, divisor);
            graph.binary(Binary::Divide, centred, divisor)
        }
        FittedStep::Zca(whitening) => {
            let [channels, height, width] = graph.map_shape(x);
            let length = channels * height * width;
            let double = |values: &[f32]| values.iter().map(|value| f64::from(*value)).collect();
            // The matrix is that of values in the order height, width, channels.
            let last = graph.transpose(x, &[0, 2, 3, 1]);
            let flat = graph.reshape(last, &[0, length as i64]);
            let mean = graph.constant(double(&whitening.mean), &[1, length]);
            let matrix = graph.constant(double(&whitening.matrix), &[length, length]);
            let centred = graph.binary(Binary::Subtract, flat, mean);
            let white = graph.matrix_product(centred, matrix);
            let [height, width, channels] = [height, width, channels].map(|size| size as i64);
            let last = graph.reshape(white, &[0, height, width, channels]);
            graph.transpose(last, &[0, 3, 1, 2])
        }
    }
}
