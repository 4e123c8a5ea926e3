//! Networks as graphs: the stages of a walked list, one after the other, in evaluation.

use allconv_operators::lowering::{Binary, Graph, LoweredDestination, LoweredSwitches, Reduce, Unary, Value};
use allconv_operators::operations::EPSILON;
use allconv_operators::{Bias, ConvolutionSpec, SwitchKind};

use crate::stage::{ActivationKind, NormaliseKind, StageSpec, Target};
use crate::stage_name::WeightForm;
use crate::stage_shape::StageShape;
use crate::targets::switches_taken;
use crate::walk::Walk;

/// A target that no upsampling operator has returned to yet.
struct OpenTarget {
    size: [usize; 2],
    wanted: SwitchKind,
    switches: LoweredSwitches,
}

/// The two stacks of a network that is lowered: kept maps and open targets.
#[derive(Default)]
struct Lowering {
    kept: Vec<Value>,
    targets: Vec<OpenTarget>,
}

impl Walk {
    /// Adds the nodes of all stages in evaluation to a graph, the first of which reads the map `x`; returns the output of the last.
    ///
    /// Parameters have the names of [`Network::parameters`](crate::Network::parameters). Where [`Graph::is_sized`] is false afterwards, the graph holds for any
    /// height and width that [`Self::size_multiple`] divides.
    pub fn lower(&self, graph: &mut Graph, x: Value) -> Value {
        let mut lowering = Lowering::default();
        self.stages.iter().enumerate().fold(x, |x, (index, shape)| {
            graph.enter(shape.label(), &shape.name.path);
            lowering.stage(self, index, graph, x)
        })
    }

    /// Returns the number whose multiples height and width of the input must be for lowered upsampling operators to return to the size of
    /// their targets: 1 without upsampling operators.
    pub fn size_multiple(&self) -> usize {
        let [_, height, _] = self.input;
        let ways_up = self.stages.iter().filter(|shape| matches!(shape.stage, StageSpec::Upsample(_)));
        ways_up.map(|shape| height.div_ceil(shape.input[1])).max().unwrap_or(1)
    }
}

impl Lowering {
    /// Adds the nodes of stage `index`.
    fn stage(&mut self, walk: &Walk, index: usize, graph: &mut Graph, x: Value) -> Value {
        let shape = &walk.stages[index];
        match &shape.stage {
            StageSpec::Convolution(spec) => convolution(graph, x, spec, shape),
            StageSpec::Activation(ActivationKind::Relu) => graph.unary(Unary::Relu, x),
            StageSpec::Activation(ActivationKind::LeakyRelu { slope }) => {
                // The slope of the computation is that of 32 bits.
                graph.unary(Unary::LeakyRelu(f64::from(*slope as f32)), x)
            }
            StageSpec::Dropout { .. } => x,
            StageSpec::Downsample(operator) => match self.targets.last_mut() {
                Some(target) if target.wanted != SwitchKind::None => {
                    let (y, switches) = operator.lower_with_switches(graph, x);
                    target.switches = switches;
                    y
                }
                _ => operator.lower(graph, x),
            },
            StageSpec::Upsample(spec) => {
                let Some(OpenTarget { size: [rows, columns], switches, .. }) = self.targets.pop() else {
                    panic!("an upsampling operator without a target; walked lists have one for each")
                };
                let output = [spec.channels_out, rows, columns];
                spec.operator.lower(graph, x, &LoweredDestination { output, switches })
            }
            StageSpec::Normalise(spec) => normalised(graph, x, spec.kind),
            StageSpec::PadChannels { channels_out } => {
                let missing = channels_out - graph.map_shape(x)[0];
                match missing {
                    0 => x,
                    _ => graph.pad_channels(x, [missing / 2, missing - missing / 2]),
                }
            }
            StageSpec::GlobalAverage => graph.reduce(Reduce::Mean, x, &[2, 3]),
            _ => self.branch(walk, index, graph, x),
        }
    }

    /// Lowers a stage that keeps a map, takes one back or opens a target.
    fn branch(&mut self, walk: &Walk, index: usize, graph: &mut Graph, x: Value) -> Value {
        match &walk.stages[index].stage {
            StageSpec::Keep => {
                self.kept.push(x);
                x
            }
            StageSpec::KeepEnlarged { factor } => {
                let enlarged = graph.bicubic_enlarged(x, *factor);
                self.kept.push(enlarged);
                x
            }
            StageSpec::Exchange => {
                let kept = self.last_kept();
                self.kept.push(x);
                kept
            }
            StageSpec::Concatenate => {
                let kept = self.last_kept();
                graph.concatenate(&[kept, x], 1)
            }
            StageSpec::Add { scale } => {
                let kept = self.last_kept();
                let scaled = match *scale {
                    1.0 => x,
                    scale => graph.with_number(Binary::Multiply, x, scale),
                };
                graph.binary(Binary::Add, kept, scaled)
            }
            StageSpec::Target(target) => {
                self.open_target(walk, index, target, graph.map_shape(x));
                x
            }
            other => unreachable!("{other:?} computes"),
        }
    }

    /// Opens the target at stage `index`, where the map has this shape.
    fn open_target(&mut self, walk: &Walk, index: usize, target: &Target, [_, height, width]: [usize; 3]) {
        let factor = match target {
            Target::Before(_) => 1,
            Target::Enlarged(factor) => *factor,
        };
        let wanted = switches_taken(walk.stages.iter().map(|shape| &shape.stage), index);
        let size = [height * factor, width * factor];
        self.targets.push(OpenTarget { size, wanted, switches: LoweredSwitches::None });
    }

    fn last_kept(&mut self) -> Value {
        match self.kept.pop() {
            Some(map) => map,
            None => panic!("no map is kept; walked lists keep one for each that is taken back"),
        }
    }
}

/// Lowers a convolution; a weight that is given out as that of an `nn.Linear` is reshaped.
fn convolution(graph: &mut Graph, x: Value, spec: &ConvolutionSpec, shape: &StageShape) -> Value {
    let ConvolutionSpec { channels_out, kernel, stride, border, dilation, groups, bias, .. } = *spec;
    let maps = [channels_out, graph.map_shape(x)[0] / groups, kernel[0], kernel[1]];
    let weight = match shape.name.weights {
        WeightForm::Maps => graph.parameter("weight", &maps),
        WeightForm::Linear => {
            let linear = graph.parameter("weight", &[channels_out, maps[1..].iter().product()]);
            graph.reshape(linear, &maps.map(|size| size as i64))
        }
    };
    let mut operands = vec![x, weight];
    if bias == Bias::Added {
        operands.push(graph.parameter("bias", &[channels_out]));
    }
    let pads = [border.before, border.before, border.after, border.after];
    graph.convolution(&operands, stride, pads, dilation, groups)
}

/// Lowers a normalisation in evaluation.
fn normalised(graph: &mut Graph, x: Value, kind: NormaliseKind) -> Value {
    let channels = graph.map_shape(x)[0];
    let [weight, bias] = ["weight", "bias"].map(|name| graph.parameter(name, &[channels]));
    let NormaliseKind::Group { groups } = kind else {
        let [mean, variance] = ["running_mean", "running_var"].map(|name| graph.parameter(name, &[channels]));
        return graph.batch_normalisation([x, weight, bias, mean, variance], EPSILON);
    };
    let grouped = graph.reshape(x, &[0, groups as i64, -1]);
    let mean = graph.reduce(Reduce::Mean, grouped, &[2]);
    let centred = graph.binary(Binary::Subtract, grouped, mean);
    let squares = graph.binary(Binary::Multiply, centred, centred);
    let variance = graph.reduce(Reduce::Mean, squares, &[2]);
    let variance = graph.with_number(Binary::Add, variance, EPSILON);
    let deviation = graph.unary(Unary::Sqrt, variance);
    let [mean, deviation] = [mean, deviation].map(|of_groups| {
        let places = (0..channels).map(|channel| channel / (channels / groups)).collect();
        let of_channels = graph.gather(of_groups, 1, places);
        graph.reshape(of_channels, &[0, channels as i64, 1, 1])
    });
    let [weight, bias] = [weight, bias].map(|values| graph.reshape(values, &[1, channels as i64, 1, 1]));
    let centred = graph.binary(Binary::Subtract, x, mean);
    let normalised = graph.binary(Binary::Divide, centred, deviation);
    let scaled = graph.binary(Binary::Multiply, normalised, weight);
    graph.binary(Binary::Add, scaled, bias)
}
