//! The graph: values with their shapes, and the nodes that compute them.

/// The size of the first axis of every map: any number of images.
pub const BATCH: usize = 0;

/// A value of a graph, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Value(usize);

impl Value {
    /// Returns its number: values are numbered in the order in which they are computed.
    pub fn index(self) -> usize {
        self.0
    }
}

/// A node: an operation, the values that it reads, and the value that it gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What is computed.
    pub op: Op,
    /// The values that are read.
    pub inputs: Vec<Value>,
    /// The value that is given.
    pub output: Value,
    /// The stage or the operator that it belongs to.
    pub scope: String,
}

/// An operation. Borders are `[top, left, bottom, right]`; reductions keep their axes with size 1.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// The images.
    Input,
    /// Fixed numbers in row-major order.
    Constant(Vec<f64>),
    /// A parameter, by its name among the weights.
    Parameter(String),
    /// A convolution of a map, a weight and a bias, if there is one.
    Convolution {
        /// Positions between outputs.
        stride: [usize; 2],
        /// Zeros around the map.
        pads: [usize; 4],
        /// Positions between taps.
        dilation: [usize; 2],
        /// Groups of channels.
        groups: usize,
    },
    /// A transposed convolution of a map, a weight and a bias, if there is one.
    TransposedConvolution {
        /// Positions between inputs.
        stride: [usize; 2],
        /// Positions that are cut off around the result.
        pads: [usize; 4],
        /// Positions added at the bottom and on the right.
        output_padding: [usize; 2],
        /// Groups of channels.
        groups: usize,
    },
    /// The maximum of square windows; positions of the border are never the maximum.
    MaxPool {
        /// Height and width of the window.
        kernel: usize,
        /// Positions between windows.
        stride: usize,
        /// The border.
        pads: [usize; 4],
    },
    /// The mean of square windows over the positions inside the map.
    AveragePool {
        /// Height and width of the window.
        kernel: usize,
        /// Positions between windows.
        stride: usize,
        /// The border.
        pads: [usize; 4],
    },
    /// The map with a border.
    Pad {
        /// The border.
        pads: [usize; 4],
        /// What it holds.
        fill: PadFill,
    },
    /// The map with channels of zeros.
    PadChannels {
        /// Channels before those of the map.
        before: usize,
        /// Channels behind them.
        behind: usize,
    },
    /// A function of each element.
    Unary(Unary),
    /// A function of the elements of two values, which are broadcast.
    Binary(Binary),
    /// A comparison of the elements of two values, which are broadcast.
    Compare(Compare),
    /// The elements of the second value where the first is true, of the third elsewhere.
    Select,
    /// A reduction over axes.
    Reduce(Reduce, Vec<usize>),
    /// The number of the first largest element along an axis, which keeps size 1.
    ArgMax(usize),
    /// Whether the elements are this whole number.
    IsNumber(usize),
    /// The elements along an axis in ascending order.
    Sort(usize),
    /// The elements at these places of an axis.
    Gather {
        /// The axis.
        axis: usize,
        /// The places.
        places: Vec<usize>,
    },
    /// Every `step`-th element of an axis.
    Slice {
        /// The axis.
        axis: usize,
        /// The first element.
        start: usize,
        /// How many elements before the end of the axis the slice ends.
        left_out: usize,
        /// Elements from one to the next.
        step: usize,
    },
    /// Values beside each other along an axis.
    Concatenate(usize),
    /// Another shape of the same elements: 0 keeps the size of an axis, −1 is the size that is left.
    Reshape(Vec<i64>),
    /// Axes in another order.
    Transpose(Vec<usize>),
    /// The product of matrices in the last two axes.
    MatMul,
    /// The softmax along an axis.
    Softmax(usize),
    /// A value broadcast to a shape.
    Expand(Vec<usize>),
    /// Channels to blocks of positions.
    DepthToSpace {
        /// Height and width of a block.
        factor: usize,
        /// The order of the channels.
        order: ShuffleOrder,
    },
    /// Normalisation by running statistics: of a map, weight, bias, mean and variance.
    BatchNormalisation {
        /// What is added to the variance.
        epsilon: f64,
    },
}

/// What a border holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PadFill {
    /// A number.
    Number(f64),
    /// The map mirrored, its edge not repeated.
    Reflect,
    /// The edge.
    Edge,
}

/// A function of an element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unary {
    /// The size.
    Abs,
    /// The exponential.
    Exp,
    /// The natural logarithm.
    Log,
    /// The square root.
    Sqrt,
    /// The element where it is positive, 0 elsewhere.
    Relu,
    /// The element where it is positive, so many times it elsewhere.
    LeakyRelu(f64),
    /// 1 / (1 + exp(−x)).
    Sigmoid,
    /// ln(1 + exp(x)).
    Softplus,
}

/// A function of two elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    /// The sum.
    Add,
    /// The difference.
    Subtract,
    /// The product.
    Multiply,
    /// The quotient.
    Divide,
    /// The larger.
    Maximum,
    /// The smaller.
    Minimum,
    /// The power.
    Power,
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// The elements are equal.
    Equal,
    /// The first is larger.
    Greater,
}

/// A reduction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduce {
    /// The sum.
    Sum,
    /// The mean.
    Mean,
    /// The maximum.
    Maximum,
}

/// How channels become positions of a block of `r × r`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShuffleOrder {
    /// Channel `c·r² + r·a + b` is row a and column b.
    ChannelMajor,
    /// Channel `(r·a + b)·C + c` is row a and column b.
    PhaseMajor,
}

/// The nodes of a lowered network or operator, in an order in which they can be computed.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    shapes: Vec<Vec<usize>>,
    scope: String,
    path: String,
    is_sized: bool,
    weights: Vec<(String, Vec<f64>)>,
}

impl Graph {
    /// Returns an empty graph; `weights` are the values of the parameters by name, for operators whose nodes depend on them.
    pub fn new(weights: Vec<(String, Vec<f64>)>) -> Self {
        Self { weights, ..Self::default() }
    }

    /// Returns the nodes in the order of computation.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Returns the shape of a value.
    pub fn shape(&self, value: Value) -> &[usize] {
        &self.shapes[value.0]
    }

    /// Returns channels, height and width of a map.
    ///
    /// # Panics
    ///
    /// If the value has not four axes.
    pub fn map_shape(&self, value: Value) -> [usize; 3] {
        match self.shape(value) {
            [_, channels, height, width] => [*channels, *height, *width],
            shape => panic!("{shape:?} is not the shape of a map"),
        }
    }

    /// Names the stage whose nodes follow, and the path of its parameters.
    pub fn enter(&mut self, scope: impl Into<String>, path: impl Into<String>) {
        (self.scope, self.path) = (scope.into(), path.into());
    }

    /// Says that the nodes hold for this height and width of the images alone.
    pub fn fix_size(&mut self) {
        self.is_sized = true;
    }

    /// Returns whether the nodes hold for one height and width of the images alone.
    pub fn is_sized(&self) -> bool {
        self.is_sized
    }

    /// Returns the name among the weights of the parameter `name` of the present stage.
    pub fn parameter_path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Returns the values of the parameter `name` of the present stage.
    ///
    /// # Panics
    ///
    /// If the weights hold no such parameter.
    pub fn parameter_values(&self, name: &str) -> &[f64] {
        let path = self.parameter_path(name);
        match self.weights.iter().find(|(known, _)| *known == path) {
            Some((_, values)) => values,
            None => panic!("the weights hold no `{path}`"),
        }
    }

    /// Adds a node that gives a value of this shape.
    pub(crate) fn add(&mut self, op: Op, inputs: &[Value], shape: Vec<usize>) -> Value {
        let output = Value(self.shapes.len());
        self.shapes.push(shape);
        self.nodes.push(Node { op, inputs: inputs.to_vec(), output, scope: self.scope.clone() });
        output
    }
}
