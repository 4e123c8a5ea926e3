//! The nodes of a graph as nodes of ONNX, and what else a graph of ONNX holds.

use allconv_operators::lowering::{
    Binary, Compare, Graph, Node, Op, PadFill, Reduce, ShuffleOrder, Unary, Value,
};

use super::protobuf::Message;

/// Numbers of the element types.
const FLOAT: i64 = 1;
const INT64: i64 = 7;

/// A graph of ONNX under construction: nodes and fixed tensors.
pub(super) struct OnnxGraph<'a> {
    graph: &'a Graph,
    nodes: Vec<Message>,
    initializers: Vec<Message>,
    input: &'a str,
}

/// An attribute of a node.
enum Attribute {
    Number(&'static str, i64),
    Float(&'static str, f64),
    Text(&'static str, &'static str),
    Numbers(&'static str, Vec<i64>),
}

/// The kind of a node in ONNX, the inputs behind those of the graph, and the attributes.
type Words = (&'static str, Vec<String>, Vec<Attribute>);

impl Attribute {
    fn message(&self) -> Message {
        // AttributeProto: name = 1, f = 2, i = 3, s = 4, ints = 8, type = 20 (FLOAT = 1, INT = 2, STRING = 3, INTS = 7).
        let named = |name: &str| Message::default().text(1, name);
        match self {
            Attribute::Number(name, value) => named(name).number(3, *value).number(20, 2),
            Attribute::Float(name, value) => named(name).float(2, *value as f32).number(20, 1),
            Attribute::Text(name, text) => named(name).text(4, text).number(20, 3),
            Attribute::Numbers(name, values) => named(name).numbers(8, values.iter().copied()).number(20, 7),
        }
    }
}

fn long(values: &[usize]) -> Vec<i64> {
    values.iter().map(|value| *value as i64).collect()
}

/// Returns the name of a value.
pub(super) fn value_name(value: Value) -> String {
    format!("v{}", value.index())
}

/// Returns a tensor of 32-bit floats.
fn float_tensor(name: &str, shape: &[usize], values: impl Iterator<Item = f32>) -> Message {
    // TensorProto: dims = 1, data_type = 2, name = 8, raw_data = 9.
    let bytes: Vec<u8> = values.flat_map(f32::to_le_bytes).collect();
    Message::default().numbers(1, long(shape)).number(2, FLOAT).text(8, name).bytes(9, &bytes)
}

/// Returns a list of whole numbers.
fn number_tensor(name: &str, values: &[i64]) -> Message {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    Message::default().number(1, values.len() as i64).number(2, INT64).text(8, name).bytes(9, &bytes)
}

/// The size of an axis.
pub(super) enum Size {
    /// One size alone.
    Fixed(usize),
    /// Any size, by this name.
    Any(&'static str),
}

/// Returns the name, the type and the sizes of an input or an output.
pub(super) fn value_info(name: &str, sizes: &[Size]) -> Message {
    // ValueInfoProto: name = 1, type = 2; TypeProto: tensor_type = 1; Tensor: elem_type = 1, shape = 2; TensorShapeProto: dim = 1;
    // Dimension: dim_value = 1, dim_param = 2.
    let shape = sizes.iter().fold(Message::default(), |shape, size| {
        let dimension = match size {
            Size::Fixed(size) => Message::default().number(1, *size as i64),
            Size::Any(name) => Message::default().text(2, name),
        };
        shape.message(1, &dimension)
    });
    let tensor = Message::default().number(1, FLOAT).message(2, &shape);
    Message::default().text(1, name).message(2, &Message::default().message(1, &tensor))
}

impl<'a> OnnxGraph<'a> {
    /// Translates the nodes of `graph`; `input` is the name of the images, and `parameters` gives the values of a parameter.
    pub(super) fn new(graph: &'a Graph, input: &'a str, parameters: &dyn Fn(&str) -> Vec<f32>) -> Self {
        let mut onnx = Self { graph, nodes: Vec::new(), initializers: Vec::new(), input };
        for node in graph.nodes() {
            onnx.translate(node, parameters);
        }
        onnx
    }

    /// Returns the GraphProto with this input and this output.
    pub(super) fn message(self, name: &str, input: &Message, output: &Message) -> Message {
        // GraphProto: node = 1, name = 2, initializer = 5, input = 11, output = 12.
        let graph = self.nodes.iter().fold(Message::default(), |graph, node| graph.message(1, node));
        let graph = graph.text(2, name);
        let graph = self.initializers.iter().fold(graph, |graph, tensor| graph.message(5, tensor));
        graph.message(11, input).message(12, output)
    }

    /// Adds a node that gives `value` the name `name`.
    pub(super) fn rename(&mut self, value: Value, name: &str) {
        let message = Message::default().text(1, &self.name(value)).text(2, name).text(3, name);
        self.nodes.push(message.text(4, "Identity"));
    }

    /// Returns the name of a value in the graph of ONNX.
    fn name(&self, value: Value) -> String {
        match &self.graph.nodes()[value.index()].op {
            Op::Input => self.input.to_owned(),
            Op::Parameter(path) => path.clone(),
            _ => value_name(value),
        }
    }

    /// Adds a list of whole numbers for the node that gives `value`, and returns its name.
    fn numbers(&mut self, value: Value, what: &str, numbers: &[i64]) -> String {
        let name = format!("{}.{what}", value_name(value));
        self.initializers.push(number_tensor(&name, numbers));
        name
    }

    fn translate(&mut self, node: &Node, parameters: &dyn Fn(&str) -> Vec<f32>) {
        let shape = self.graph.shape(node.output);
        match &node.op {
            Op::Input => {}
            Op::Parameter(path) => {
                self.initializers.push(float_tensor(path, shape, parameters(path).into_iter()));
            }
            Op::Constant(values) => {
                let values = values.iter().map(|value| *value as f32);
                self.initializers.push(float_tensor(&value_name(node.output), shape, values));
            }
            _ => {
                let (kind, further, attributes) = self.words(node);
                let inputs = node.inputs.iter().map(|input| self.name(*input)).chain(further);
                let mut message = inputs.fold(Message::default(), |message, input| message.text(1, &input));
                message = message.text(2, &value_name(node.output));
                if let Op::Sort(_) = node.op {
                    message = message.text(2, &format!("{}.places", value_name(node.output)));
                }
                // NodeProto: input = 1, output = 2, name = 3, op_type = 4, attribute = 5, doc_string = 6.
                message = message.text(3, &format!("{kind}.{}", node.output.index())).text(4, kind);
                message = attributes.iter().fold(message, |message, one| message.message(5, &one.message()));
                self.nodes.push(message.text(6, &node.scope));
            }
        }
    }

    /// Returns the words of a node.
    fn words(&mut self, node: &Node) -> Words {
        let plain = |kind| (kind, Vec::new(), Vec::new());
        let along = |kind, axis: usize| (kind, Vec::new(), vec![Attribute::Number("axis", axis as i64)]);
        let output = node.output;
        match &node.op {
            Op::Input | Op::Parameter(_) | Op::Constant(_) => unreachable!("these are no nodes"),
            Op::Convolution { .. } | Op::TransposedConvolution { .. } => windowed(&node.op),
            Op::MaxPool { .. } | Op::AveragePool { .. } => windowed(&node.op),
            Op::Unary(function) => match function {
                Unary::LeakyRelu(slope) => ("LeakyRelu", Vec::new(), vec![Attribute::Float("alpha", *slope)]),
                _ => plain(unary_kind(*function)),
            },
            Op::Binary(function) => plain(binary_kind(*function)),
            Op::Compare(Compare::Equal) => plain("Equal"),
            Op::Compare(Compare::Greater) => plain("Greater"),
            Op::Select => plain("Where"),
            Op::Reduce(reduction, axes) => self.reduction(output, *reduction, axes),
            Op::ArgMax(axis) => {
                let attributes =
                    vec![Attribute::Number("axis", *axis as i64), Attribute::Number("keepdims", 1)];
                ("ArgMax", Vec::new(), attributes)
            }
            Op::IsNumber(number) => {
                ("Equal", vec![self.numbers(output, "number", &[*number as i64])], Vec::new())
            }
            Op::Concatenate(axis) => along("Concat", *axis),
            Op::MatMul => plain("MatMul"),
            Op::Softmax(axis) => along("Softmax", *axis),
            Op::BatchNormalisation { epsilon } => {
                ("BatchNormalization", Vec::new(), vec![Attribute::Float("epsilon", *epsilon)])
            }
            moving => self.moved(output, moving),
        }
    }

    /// Returns the words of a node that moves elements without changing them.
    fn moved(&mut self, output: Value, op: &Op) -> Words {
        match op {
            Op::Sort(axis) => {
                let count = self.graph.shape(output)[*axis] as i64;
                let attributes = vec![
                    Attribute::Number("axis", *axis as i64),
                    Attribute::Number("largest", 0),
                    Attribute::Number("sorted", 1),
                ];
                ("TopK", vec![self.numbers(output, "count", &[count])], attributes)
            }
            Op::Gather { axis, places } => {
                let places = self.numbers(output, "places", &long(places));
                ("Gather", vec![places], vec![Attribute::Number("axis", *axis as i64)])
            }
            Op::Slice { axis, start, left_out, step } => {
                let end = if *left_out == 0 { i64::MAX } else { -(*left_out as i64) };
                let bounds =
                    [("start", *start as i64), ("end", end), ("axis", *axis as i64), ("step", *step as i64)];
                let bounds = bounds.map(|(what, bound)| self.numbers(output, what, &[bound]));
                ("Slice", bounds.to_vec(), Vec::new())
            }
            Op::PadChannels { before, behind } => {
                let pads = long(&[0, *before, 0, 0, 0, *behind, 0, 0]);
                ("Pad", vec![self.numbers(output, "pads", &pads)], vec![Attribute::Text("mode", "constant")])
            }
            Op::Pad { pads: [top, left, bottom, right], fill } => {
                let pads = long(&[0, 0, *top, *left, 0, 0, *bottom, *right]);
                let mut further = vec![self.numbers(output, "pads", &pads)];
                let mode = match fill {
                    PadFill::Number(number) => {
                        let name = format!("{}.fill", value_name(output));
                        self.initializers.push(float_tensor(&name, &[], std::iter::once(*number as f32)));
                        further.push(name);
                        "constant"
                    }
                    PadFill::Reflect => "reflect",
                    PadFill::Edge => "edge",
                };
                ("Pad", further, vec![Attribute::Text("mode", mode)])
            }
            Op::Reshape(target) => ("Reshape", vec![self.numbers(output, "shape", target)], Vec::new()),
            Op::Transpose(order) => ("Transpose", Vec::new(), vec![Attribute::Numbers("perm", long(order))]),
            Op::Expand(shape) => ("Expand", vec![self.numbers(output, "shape", &long(shape))], Vec::new()),
            Op::DepthToSpace { factor, order } => {
                let mode = match order {
                    ShuffleOrder::ChannelMajor => "CRD",
                    ShuffleOrder::PhaseMajor => "DCR",
                };
                let attributes =
                    vec![Attribute::Number("blocksize", *factor as i64), Attribute::Text("mode", mode)];
                ("DepthToSpace", Vec::new(), attributes)
            }
            other => unreachable!("{other:?} computes"),
        }
    }

    /// Returns the words of a reduction: before opset 18 the axes are an input of sums and an attribute of the others.
    fn reduction(&mut self, output: Value, reduction: Reduce, axes: &[usize]) -> Words {
        let keep = Attribute::Number("keepdims", 1);
        let kind = match reduction {
            Reduce::Sum => {
                return ("ReduceSum", vec![self.numbers(output, "axes", &long(axes))], vec![keep]);
            }
            Reduce::Mean => "ReduceMean",
            Reduce::Maximum => "ReduceMax",
        };
        (kind, Vec::new(), vec![Attribute::Numbers("axes", long(axes)), keep])
    }
}

/// Returns the words of convolutions and pools.
fn windowed(op: &Op) -> Words {
    let numbers = |name, values: &[usize]| Attribute::Numbers(name, long(values));
    let (kind, attributes) = match op {
        Op::Convolution { stride, pads, dilation, groups } => (
            "Conv",
            vec![
                numbers("strides", stride),
                numbers("pads", pads),
                numbers("dilations", dilation),
                Attribute::Number("group", *groups as i64),
            ],
        ),
        Op::TransposedConvolution { stride, pads, output_padding, groups } => (
            "ConvTranspose",
            vec![
                numbers("strides", stride),
                numbers("pads", pads),
                numbers("output_padding", output_padding),
                // The default by the standard; not every program knows it.
                numbers("dilations", &[1; 2]),
                Attribute::Number("group", *groups as i64),
            ],
        ),
        Op::MaxPool { kernel, stride, pads } => (
            "MaxPool",
            vec![
                numbers("kernel_shape", &[*kernel; 2]),
                numbers("strides", &[*stride; 2]),
                numbers("pads", pads),
            ],
        ),
        Op::AveragePool { kernel, stride, pads } => (
            "AveragePool",
            vec![
                numbers("kernel_shape", &[*kernel; 2]),
                numbers("strides", &[*stride; 2]),
                numbers("pads", pads),
                Attribute::Number("count_include_pad", 0),
            ],
        ),
        other => unreachable!("{other:?} has no window"),
    };
    (kind, Vec::new(), attributes)
}

fn unary_kind(function: Unary) -> &'static str {
    match function {
        Unary::Abs => "Abs",
        Unary::Exp => "Exp",
        Unary::Log => "Log",
        Unary::Sqrt => "Sqrt",
        Unary::Relu => "Relu",
        Unary::LeakyRelu(_) => "LeakyRelu",
        Unary::Sigmoid => "Sigmoid",
        Unary::Softplus => "Softplus",
    }
}

fn binary_kind(function: Binary) -> &'static str {
    match function {
        Binary::Add => "Add",
        Binary::Subtract => "Sub",
        Binary::Multiply => "Mul",
        Binary::Divide => "Div",
        Binary::Maximum => "Max",
        Binary::Minimum => "Min",
        Binary::Power => "Pow",
    }
}
