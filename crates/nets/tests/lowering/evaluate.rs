//! A plain evaluation of graphs: every node by its definition, one element at a time, in double precision.

use std::collections::BTreeMap;

use allconv_operators::lowering::{
    BATCH, Binary, Compare, Graph, Node, Op, PadFill, Reduce, ShuffleOrder, Unary, Value,
};

/// A value with its shape, row-major.
#[derive(Clone, Debug)]
pub(crate) struct Array {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f64>,
}

impl Array {
    /// Returns the array whose element at each index is `of` it.
    fn of(shape: Vec<usize>, mut of: impl FnMut(&[usize]) -> f64) -> Array {
        let count = shape.iter().product();
        let mut index = vec![0; shape.len()];
        let mut values = Vec::with_capacity(count);
        for _ in 0..count {
            values.push(of(&index));
            for axis in (0..shape.len()).rev() {
                index[axis] += 1;
                if index[axis] < shape[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
        Array { shape, values }
    }

    /// Returns the element at an index of a shape to which the array is broadcast.
    fn at(&self, index: &[usize]) -> f64 {
        let skipped = index.len() - self.shape.len();
        let place = index[skipped..]
            .iter()
            .zip(&self.shape)
            .fold(0, |place, (index, size)| place * size + if *size == 1 { 0 } else { *index });
        self.values[place]
    }

    /// Returns the element of a map at a position that may lie outside, where there is none.
    fn inside(&self, image: usize, channel: usize, row: isize, column: isize) -> Option<f64> {
        let (height, width) = (self.shape[2] as isize, self.shape[3] as isize);
        let is_inside = (0..height).contains(&row) && (0..width).contains(&column);
        is_inside.then(|| self.at(&[image, channel, row as usize, column as usize]))
    }
}

/// Returns the value `wanted` of a graph for these images and parameters.
pub(crate) fn evaluate(
    graph: &Graph,
    images: &Array,
    parameters: &BTreeMap<String, Array>,
    wanted: Value,
) -> Array {
    let mut known: Vec<Array> = Vec::new();
    for node in graph.nodes() {
        let inputs: Vec<&Array> = node.inputs.iter().map(|input| &known[input.index()]).collect();
        let array = match &node.op {
            Op::Input => images.clone(),
            Op::Parameter(path) => parameters[path].clone(),
            _ => node_value(graph, node, &inputs, images.shape[0]),
        };
        let with_batch = |size: &usize| if *size == BATCH { images.shape[0] } else { *size };
        let shape: Vec<usize> = graph.shape(node.output).iter().map(with_batch).collect();
        assert_eq!(array.shape, shape, "{node:?}");
        known.push(array);
    }
    known[wanted.index()].clone()
}

fn node_value(graph: &Graph, node: &Node, inputs: &[&Array], batch: usize) -> Array {
    let with_batch = |size: &usize| if *size == BATCH { batch } else { *size };
    let shape: Vec<usize> = graph.shape(node.output).iter().map(with_batch).collect();
    let truth = |truth: bool| f64::from(u8::from(truth));
    match &node.op {
        Op::Input | Op::Parameter(_) => unreachable!(),
        Op::Constant(values) => Array { shape, values: values.clone() },
        Op::Convolution { stride, pads, dilation, groups } => {
            convolution(inputs, shape, [*stride, *dilation], *pads, *groups)
        }
        Op::TransposedConvolution { stride, pads, groups, .. } => {
            transposed(inputs, shape, *stride, *pads, *groups)
        }
        Op::MaxPool { kernel, stride, pads } => {
            pooled(inputs[0], shape, [*kernel, *stride], *pads, |values| {
                values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
            })
        }
        Op::AveragePool { kernel, stride, pads } => {
            pooled(inputs[0], shape, [*kernel, *stride], *pads, |values| {
                values.iter().sum::<f64>() / values.len() as f64
            })
        }
        Op::Pad { pads, fill } => padded(inputs[0], shape, *pads, *fill),
        Op::PadChannels { before, .. } => Array::of(shape, |index| {
            let channel = index[1].checked_sub(*before).filter(|channel| *channel < inputs[0].shape[1]);
            channel.map_or(0.0, |channel| inputs[0].at(&[index[0], channel, index[2], index[3]]))
        }),
        Op::Unary(function) => Array::of(shape, |index| unary(*function, inputs[0].at(index))),
        Op::Binary(function) => {
            Array::of(shape, |index| binary(*function, inputs[0].at(index), inputs[1].at(index)))
        }
        Op::Compare(Compare::Equal) => {
            Array::of(shape, |index| truth(inputs[0].at(index) == inputs[1].at(index)))
        }
        Op::Compare(Compare::Greater) => {
            Array::of(shape, |index| truth(inputs[0].at(index) > inputs[1].at(index)))
        }
        Op::IsNumber(number) => Array::of(shape, |index| truth(inputs[0].at(index) == *number as f64)),
        Op::Select => {
            Array::of(shape, |index| inputs[if inputs[0].at(index) == 1.0 { 1 } else { 2 }].at(index))
        }
        Op::Reduce(reduction, axes) => reduced(inputs[0], shape, *reduction, axes),
        Op::ArgMax(axis) => Array::of(shape, |index| {
            let line = line(inputs[0], index, *axis);
            let largest = line.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            line.iter().position(|value| *value == largest).unwrap() as f64
        }),
        Op::Sort(axis) => Array::of(shape, |index| {
            let mut line = line(inputs[0], index, *axis);
            line.sort_by(f64::total_cmp);
            line[index[*axis]]
        }),
        Op::Gather { axis, places } => moved(inputs[0], shape, *axis, |place| places[place]),
        Op::Slice { axis, start, step, .. } => moved(inputs[0], shape, *axis, |place| start + place * step),
        Op::Concatenate(axis) => Array::of(shape, |index| {
            let mut index = index.to_vec();
            let part = inputs.iter().find(|input| {
                let size = input.shape[*axis];
                let is_here = index[*axis] < size;
                index[*axis] -= if is_here { 0 } else { size };
                is_here
            });
            part.unwrap().at(&index)
        }),
        Op::Reshape(_) => Array { shape, values: inputs[0].values.clone() },
        Op::Transpose(order) => Array::of(shape, |index| {
            let mut from = vec![0; index.len()];
            order.iter().zip(index).for_each(|(axis, place)| from[*axis] = *place);
            inputs[0].at(&from)
        }),
        Op::MatMul => Array::of(shape, |index| {
            let (mut left, mut right) = (index.to_vec(), index.to_vec());
            let last = index.len() - 1;
            let term = |inner: usize| {
                (left[last], right[last - 1]) = (inner, inner);
                matrix_at(inputs[0], &left) * matrix_at(inputs[1], &right)
            };
            (0..*inputs[0].shape.last().unwrap()).map(term).sum()
        }),
        Op::Softmax(axis) => Array::of(shape, |index| {
            let sum: f64 = line(inputs[0], index, *axis).into_iter().map(f64::exp).sum();
            inputs[0].at(index).exp() / sum
        }),
        Op::Expand(_) => Array::of(shape, |index| inputs[0].at(index)),
        Op::DepthToSpace { factor, order } => {
            let channels = shape[1];
            Array::of(shape, |index| {
                let [image, channel, row, column] = [index[0], index[1], index[2], index[3]];
                let place = row % factor * factor + column % factor;
                let from = match order {
                    ShuffleOrder::ChannelMajor => channel * factor * factor + place,
                    ShuffleOrder::PhaseMajor => place * channels + channel,
                };
                inputs[0].at(&[image, from, row / factor, column / factor])
            })
        }
        Op::BatchNormalisation { epsilon } => Array::of(shape, |index| {
            let [weight, bias, mean, variance] = [1, 2, 3, 4].map(|input| inputs[input].values[index[1]]);
            (inputs[0].at(index) - mean) / (variance + epsilon).sqrt() * weight + bias
        }),
    }
}

/// Returns the element of a matrix, or of matrices broadcast along further axes.
fn matrix_at(array: &Array, index: &[usize]) -> f64 {
    let skipped = index.len().saturating_sub(array.shape.len());
    let place =
        index[skipped..].iter().zip(&array.shape).fold(0, |place, (index, size)| place * size + index);
    array.values[place]
}

/// Returns the elements along an axis through an index.
fn line(array: &Array, index: &[usize], axis: usize) -> Vec<f64> {
    let mut index = index.to_vec();
    let element = |place: usize| {
        index[axis] = place;
        array.at(&index)
    };
    (0..array.shape[axis]).map(element).collect()
}

/// Returns the array whose place along an axis comes from another.
fn moved(array: &Array, shape: Vec<usize>, axis: usize, from: impl Fn(usize) -> usize) -> Array {
    Array::of(shape, |index| {
        let mut index = index.to_vec();
        index[axis] = from(index[axis]);
        array.at(&index)
    })
}

fn convolution(
    inputs: &[&Array],
    shape: Vec<usize>,
    [stride, dilation]: [[usize; 2]; 2],
    pads: [usize; 4],
    groups: usize,
) -> Array {
    let (x, weight) = (inputs[0], inputs[1]);
    let (per_group, rows, columns) = (weight.shape[1], weight.shape[2], weight.shape[3]);
    let outputs = shape[1] / groups;
    Array::of(shape, |index| {
        let mut sum = inputs.get(2).map_or(0.0, |bias| bias.values[index[1]]);
        for channel in 0..per_group {
            for row in 0..rows {
                for column in 0..columns {
                    let at = |axis: usize, tap: usize| {
                        (index[axis + 2] * stride[axis] + tap * dilation[axis]) as isize - pads[axis] as isize
                    };
                    let from = index[1] / outputs * per_group + channel;
                    let value = x.inside(index[0], from, at(0, row), at(1, column)).unwrap_or(0.0);
                    sum += value * weight.at(&[index[1], channel, row, column]);
                }
            }
        }
        sum
    })
}

fn transposed(
    inputs: &[&Array],
    shape: Vec<usize>,
    stride: [usize; 2],
    pads: [usize; 4],
    groups: usize,
) -> Array {
    let (x, weight) = (inputs[0], inputs[1]);
    let (per_group, rows, columns) = (weight.shape[1], weight.shape[2], weight.shape[3]);
    let inputs_per_group = x.shape[1] / groups;
    Array::of(shape, |index| {
        let mut sum = inputs.get(2).map_or(0.0, |bias| bias.values[index[1]]);
        let group = index[1] / per_group;
        for row in 0..rows {
            for column in 0..columns {
                let from = |axis: usize, tap: usize| {
                    let place = (index[axis + 2] + pads[axis]).checked_sub(tap)?;
                    (place % stride[axis] == 0).then_some((place / stride[axis]) as isize)
                };
                let (Some(row_from), Some(column_from)) = (from(0, row), from(1, column)) else { continue };
                for channel in group * inputs_per_group..(group + 1) * inputs_per_group {
                    let value = x.inside(index[0], channel, row_from, column_from).unwrap_or(0.0);
                    sum += value * weight.at(&[channel, index[1] % per_group, row, column]);
                }
            }
        }
        sum
    })
}

fn pooled(
    x: &Array,
    shape: Vec<usize>,
    [kernel, stride]: [usize; 2],
    pads: [usize; 4],
    of: impl Fn(&[f64]) -> f64,
) -> Array {
    Array::of(shape, |index| {
        let place = |axis: usize, tap: usize| (index[axis + 2] * stride + tap) as isize - pads[axis] as isize;
        let taps = (0..kernel * kernel)
            .filter_map(|tap| x.inside(index[0], index[1], place(0, tap / kernel), place(1, tap % kernel)));
        of(&taps.collect::<Vec<_>>())
    })
}

fn padded(x: &Array, shape: Vec<usize>, pads: [usize; 4], fill: PadFill) -> Array {
    let read = |place: isize, size: usize| {
        let last = size as isize - 1;
        match fill {
            PadFill::Reflect if place < 0 => -place,
            PadFill::Reflect if place > last => 2 * last - place,
            PadFill::Edge => place.clamp(0, last),
            _ => place,
        }
    };
    Array::of(shape, |index| {
        let row = read(index[2] as isize - pads[0] as isize, x.shape[2]);
        let column = read(index[3] as isize - pads[1] as isize, x.shape[3]);
        match (x.inside(index[0], index[1], row, column), fill) {
            (Some(value), _) => value,
            (None, PadFill::Number(number)) => number,
            (None, fill) => panic!("{fill:?} reads ({row}, {column}) of {:?}", x.shape),
        }
    })
}

fn reduced(x: &Array, shape: Vec<usize>, reduction: Reduce, axes: &[usize]) -> Array {
    let mut sums =
        Array::of(shape.clone(), |_| if reduction == Reduce::Maximum { f64::NEG_INFINITY } else { 0.0 });
    let mut count = 0;
    Array::of(x.shape.clone(), |index| {
        let place = index.iter().enumerate().fold(0, |place, (axis, index)| {
            place * shape[axis] + if axes.contains(&axis) { 0 } else { *index }
        });
        let value = x.at(index);
        count += usize::from(place == 0);
        let sum = &mut sums.values[place];
        *sum = if reduction == Reduce::Maximum { sum.max(value) } else { *sum + value };
        value
    });
    if reduction == Reduce::Mean {
        sums.values.iter_mut().for_each(|value| *value /= count as f64);
    }
    sums
}

fn unary(function: Unary, x: f64) -> f64 {
    match function {
        Unary::Abs => x.abs(),
        Unary::Exp => x.exp(),
        Unary::Log => x.ln(),
        Unary::Sqrt => x.sqrt(),
        Unary::Relu => x.max(0.0),
        Unary::LeakyRelu(slope) => {
            if x > 0.0 {
                x
            } else {
                slope * x
            }
        }
        Unary::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Unary::Softplus => x.exp().ln_1p(),
    }
}

fn binary(function: Binary, a: f64, b: f64) -> f64 {
    match function {
        Binary::Add => a + b,
        Binary::Subtract => a - b,
        Binary::Multiply => a * b,
        Binary::Divide => a / b,
        Binary::Maximum => a.max(b),
        Binary::Minimum => a.min(b),
        Binary::Power => a.powf(b),
    }
}
