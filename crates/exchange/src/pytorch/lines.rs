//! The nodes of a graph as lines of Python.

use std::collections::BTreeMap;

use allconv_operators::lowering::{
    Binary, Compare, Graph, Node, Op, PadFill, Reduce, ShuffleOrder, Unary, Value,
};

/// Translates nodes one by one.
pub(super) struct Lines<'a> {
    graph: &'a Graph,
    constants: BTreeMap<Value, String>,
}

impl<'a> Lines<'a> {
    /// Returns the lines of `graph`; fixed tensors are numbered in their order.
    pub(super) fn new(graph: &'a Graph) -> Self {
        let tensors =
            graph.nodes().iter().filter(|node| matches!(&node.op, Op::Constant(values) if values.len() > 1));
        let named = |(number, node): (usize, &Node)| (node.output, format!("constant_{number}"));
        Self { graph, constants: tensors.enumerate().map(named).collect() }
    }

    /// Returns the fixed tensors with their names.
    pub(super) fn constants(&self) -> impl Iterator<Item = (String, &'a [usize], &'a [f64])> + use<'a, '_> {
        let graph = self.graph;
        graph.nodes().iter().filter_map(move |node| match &node.op {
            Op::Constant(values) => {
                let name = self.constants.get(&node.output)?;
                Some((name.clone(), graph.shape(node.output), values.as_slice()))
            }
            _ => None,
        })
    }

    /// Returns the name of a value, or the expression that stands for it.
    pub(super) fn name(&self, value: Value) -> String {
        match &self.graph.nodes()[value.index()].op {
            Op::Input => "images".to_owned(),
            Op::Constant(values) if values.len() == 1 => number(values[0]),
            Op::Constant(_) => format!("tensor(\"{}\").to(images.dtype)", self.constants[&value]),
            Op::Parameter(path) => format!("tensor(\"{path}\")"),
            _ => format!("x{}", value.index()),
        }
    }

    /// Returns the line that computes a node; `None` for tensors, which are named where they are used.
    pub(super) fn line(&self, node: &Node) -> Option<String> {
        match &node.op {
            Op::Input | Op::Parameter(_) | Op::Constant(_) => None,
            _ => Some(format!("{} = {}", self.name(node.output), self.expression(node))),
        }
    }

    fn expression(&self, node: &Node) -> String {
        let inputs: Vec<String> = node.inputs.iter().map(|input| self.name(*input)).collect();
        let x = inputs.first().cloned().unwrap_or_default();
        match &node.op {
            Op::Input | Op::Parameter(_) | Op::Constant(_) => unreachable!("tensors have no line"),
            Op::Convolution { .. } | Op::TransposedConvolution { .. } => convolution(&node.op, &inputs),
            Op::MaxPool { .. } | Op::AveragePool { .. } | Op::Pad { .. } | Op::PadChannels { .. } => {
                bordered(&node.op, &x)
            }
            Op::Unary(function) => unary(*function, &x),
            Op::Binary(function) => self.binary(*function, node, &inputs),
            Op::Compare(Compare::Equal) => format!("{x} == {}", inputs[1]),
            Op::Compare(Compare::Greater) => format!("{x} > {}", inputs[1]),
            Op::IsNumber(value) => format!("{x} == {value}"),
            Op::Select => format!("torch.where({x}, {}, {})", inputs[1], inputs[2]),
            Op::Reduce(reduction, axes) => reduced(*reduction, axes, &x),
            Op::ArgMax(axis) => format!("{x}.argmax({axis}, keepdim=True)"),
            Op::Sort(axis) => format!("{x}.sort({axis}).values"),
            Op::Gather { axis, places } => format!("take({x}, {axis}, {places:?})"),
            Op::Slice { axis, start, left_out, step } => {
                let end = if *left_out == 0 { String::new() } else { format!("-{left_out}") };
                let step = if *step == 1 { String::new() } else { format!(":{step}") };
                format!("{x}[{}{start}:{end}{step}]", ":, ".repeat(*axis))
            }
            Op::Concatenate(axis) => format!("torch.cat(({}), dim={axis})", inputs.join(", ")),
            Op::Reshape(target) => {
                let size = |(axis, size): (usize, &i64)| match size {
                    0 => format!("{x}.shape[{axis}]"),
                    size => size.to_string(),
                };
                let sizes: Vec<String> = target.iter().enumerate().map(size).collect();
                format!("{x}.reshape({})", sizes.join(", "))
            }
            Op::Transpose(order) => format!("{x}.permute{}", tuple(order)),
            Op::MatMul => format!("{x} @ {}", inputs[1]),
            Op::Softmax(axis) => format!("{x}.softmax({axis})"),
            Op::Expand(shape) => format!("{x}.expand{}", tuple(shape)),
            Op::DepthToSpace { factor, order: ShuffleOrder::ChannelMajor } => {
                format!("F.pixel_shuffle({x}, {factor})")
            }
            Op::DepthToSpace { factor, order: ShuffleOrder::PhaseMajor } => {
                format!("phases_to_blocks({x}, {factor})")
            }
            Op::BatchNormalisation { epsilon } => {
                let [weight, bias, mean, variance] = [1, 2, 3, 4].map(|index| inputs[index].clone());
                format!("F.batch_norm({x}, {mean}, {variance}, {weight}, {bias}, eps={})", number(*epsilon))
            }
        }
    }

    fn binary(&self, function: Binary, node: &Node, inputs: &[String]) -> String {
        let [a, b] = [&inputs[0], &inputs[1]];
        let is_number = |value: Value| matches!(&self.graph.nodes()[value.index()].op, Op::Constant(values) if values.len() == 1);
        match function {
            Binary::Add => format!("{a} + {b}"),
            Binary::Subtract => format!("{a} - {b}"),
            Binary::Multiply => format!("{a} * {b}"),
            Binary::Divide => format!("{a} / {b}"),
            Binary::Power => format!("{a} ** {b}"),
            Binary::Maximum if is_number(node.inputs[1]) => format!("{a}.clamp(min={b})"),
            Binary::Minimum if is_number(node.inputs[1]) => format!("{a}.clamp(max={b})"),
            // Of equal values the first has the gradient.
            Binary::Maximum => format!("torch.where({a} >= {b}, {a}, {b})"),
            Binary::Minimum => format!("torch.where({a} <= {b}, {a}, {b})"),
        }
    }
}

/// Returns sizes as a tuple.
pub(super) fn tuple(sizes: &[usize]) -> String {
    let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
    match sizes.as_slice() {
        [only] => format!("({only},)"),
        sizes => format!("({})", sizes.join(", ")),
    }
}

/// Returns a number that Python reads to the same bits.
pub(super) fn number(value: f64) -> String {
    if value.is_infinite() {
        return format!("float(\"{}inf\")", if value < 0.0 { "-" } else { "" });
    }
    format!("{value:?}")
}

/// Returns a border in PyTorch's order.
fn borders([top, left, bottom, right]: [usize; 4]) -> String {
    format!("({left}, {right}, {top}, {bottom})")
}

fn padded(x: &str, pads: [usize; 4], value: &str) -> String {
    match pads {
        [0, 0, 0, 0] => x.to_owned(),
        _ => format!("F.pad({x}, {}, value=float(\"{value}\"))", borders(pads)),
    }
}

/// Returns the expression of a pool or of a border.
fn bordered(op: &Op, x: &str) -> String {
    match op {
        Op::MaxPool { kernel, stride, pads } => {
            format!("F.max_pool2d({}, {kernel}, {stride})", padded(x, *pads, "-inf"))
        }
        Op::AveragePool { kernel, stride, pads: [0, 0, 0, 0] } => {
            format!("F.avg_pool2d({x}, {kernel}, {stride})")
        }
        Op::AveragePool { kernel, stride, pads } => {
            format!("mean_inside({x}, {kernel}, {stride}, {})", borders(*pads))
        }
        Op::Pad { pads, fill } => match fill {
            PadFill::Number(value) => format!("F.pad({x}, {}, value={})", borders(*pads), number(*value)),
            PadFill::Reflect => format!("F.pad({x}, {}, mode=\"reflect\")", borders(*pads)),
            PadFill::Edge => format!("F.pad({x}, {}, mode=\"replicate\")", borders(*pads)),
        },
        Op::PadChannels { before, behind } => format!("F.pad({x}, (0, 0, 0, 0, {before}, {behind}))"),
        other => unreachable!("{other:?} is neither a pool nor a border"),
    }
}

fn convolution(op: &Op, inputs: &[String]) -> String {
    let (x, operands) = (&inputs[0], inputs[1..].join(", "));
    let both = |[rows, columns]: [usize; 2]| {
        if rows == columns { rows.to_string() } else { format!("({rows}, {columns})") }
    };
    let option = |name: &str, value: [usize; 2], usual: usize| match value == [usual; 2] {
        true => String::new(),
        false => format!(", {name}={}", both(value)),
    };
    match op {
        Op::Convolution { stride, pads: [top, left, bottom, right], dilation, groups } => {
            let is_even = top == bottom && left == right;
            let x = if is_even { x.clone() } else { padded(x, [*top, *left, *bottom, *right], "0") };
            let padding = if is_even { option("padding", [*top, *left], 0) } else { String::new() };
            let (stride, dilation) = (option("stride", *stride, 1), option("dilation", *dilation, 1));
            let groups = option("groups", [*groups; 2], 1);
            format!("F.conv2d({x}, {operands}{stride}{padding}{dilation}{groups})")
        }
        Op::TransposedConvolution { stride, pads: [top, left, bottom, right], output_padding, groups } => {
            let (stride, groups) = (option("stride", *stride, 1), option("groups", [*groups; 2], 1));
            let further = option("output_padding", *output_padding, 0);
            let until = |cut: &usize| if *cut == 0 { String::new() } else { format!("-{cut}") };
            let cut = match [top, left, bottom, right].iter().all(|cut| **cut == 0) {
                true => String::new(),
                false => format!("[:, :, {top}:{}, {left}:{}]", until(bottom), until(right)),
            };
            format!("F.conv_transpose2d({x}, {operands}{stride}{further}{groups}){cut}")
        }
        other => unreachable!("{other:?} is no convolution"),
    }
}

fn unary(function: Unary, x: &str) -> String {
    match function {
        Unary::Abs => format!("{x}.abs()"),
        Unary::Exp => format!("{x}.exp()"),
        Unary::Log => format!("{x}.log()"),
        Unary::Sqrt => format!("{x}.sqrt()"),
        Unary::Relu => format!("F.relu({x})"),
        Unary::LeakyRelu(slope) => format!("F.leaky_relu({x}, {})", number(slope)),
        Unary::Sigmoid => format!("{x}.sigmoid()"),
        Unary::Softplus => format!("F.softplus({x})"),
    }
}

fn reduced(reduction: Reduce, axes: &[usize], x: &str) -> String {
    let all = tuple(axes);
    match (reduction, axes) {
        (Reduce::Sum, _) => format!("{x}.sum({all}, keepdim=True)"),
        (Reduce::Mean, _) => format!("{x}.mean({all}, keepdim=True)"),
        // Of equal values the first has the gradient.
        (Reduce::Maximum, [axis]) => format!("{x}.max({axis}, keepdim=True).values"),
        (Reduce::Maximum, _) => format!("{x}.amax({all}, keepdim=True)"),
    }
}
