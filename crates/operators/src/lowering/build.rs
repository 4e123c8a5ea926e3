//! One method a node: it adds the node and finds the shape of its value.

use super::graph::{BATCH, Binary, Compare, Graph, Op, PadFill, Reduce, ShuffleOrder, Unary, Value};
use crate::convolution_spec::Border;

impl Graph {
    /// Adds the images `[n, c, h, w]`.
    pub fn input(&mut self, [channels, height, width]: [usize; 3]) -> Value {
        self.add(Op::Input, &[], vec![BATCH, channels, height, width])
    }

    /// Adds the parameter `name` of the present stage.
    pub fn parameter(&mut self, name: &str, shape: &[usize]) -> Value {
        let path = self.parameter_path(name);
        self.add(Op::Parameter(path), &[], shape.to_vec())
    }

    /// Adds fixed numbers.
    ///
    /// # Panics
    ///
    /// If there are not as many as the shape says.
    pub fn constant(&mut self, values: Vec<f64>, shape: &[usize]) -> Value {
        assert_eq!(values.len(), shape.iter().product::<usize>(), "constants of shape {shape:?}");
        self.add(Op::Constant(values), &[], shape.to_vec())
    }

    /// Adds one fixed number.
    pub fn number(&mut self, value: f64) -> Value {
        self.constant(vec![value], &[1])
    }

    /// Adds a convolution; `operands` are the map, the weight and, if there is one, the bias.
    pub fn convolution(
        &mut self,
        operands: &[Value],
        stride: [usize; 2],
        pads: [usize; 4],
        dilation: [usize; 2],
        groups: usize,
    ) -> Value {
        let [_, height, width] = self.map_shape(operands[0]);
        let (channels, kernel) = match self.shape(operands[1]) {
            [channels, _, rows, columns] => (*channels, [*rows, *columns]),
            shape => panic!("{shape:?} is not the shape of a convolution's weight"),
        };
        let [top, left, bottom, right] = pads;
        let size = |size: usize, border: usize, axis: usize| {
            (size + border - dilation[axis] * (kernel[axis] - 1) - 1) / stride[axis] + 1
        };
        let shape = vec![BATCH, channels, size(height, top + bottom, 0), size(width, left + right, 1)];
        self.add(Op::Convolution { stride, pads, dilation, groups }, operands, shape)
    }

    /// Adds the convolution of stride 1 whose result has the height and width of the map; `name` is the prefix of its parameters.
    pub fn same_convolution(&mut self, x: Value, name: &str, channels: usize, kernel: usize) -> Value {
        let inputs = self.map_shape(x)[0];
        let weight = self.parameter(&format!("{name}weight"), &[channels, inputs, kernel, kernel]);
        let bias = self.parameter(&format!("{name}bias"), &[channels]);
        let Border { before, after } = Border::same(kernel);
        self.convolution(&[x, weight, bias], [1; 2], [before, before, after, after], [1; 2], 1)
    }

    /// Adds a transposed convolution of one group; `operands` are the map, the weight and, if there is one, the bias.
    pub fn transposed_convolution(
        &mut self,
        operands: &[Value],
        stride: [usize; 2],
        pads: [usize; 4],
        output_padding: [usize; 2],
        groups: usize,
    ) -> Value {
        let [_, height, width] = self.map_shape(operands[0]);
        let (channels, kernel) = match self.shape(operands[1]) {
            [_, channels, rows, columns] => (*channels * groups, [*rows, *columns]),
            shape => panic!("{shape:?} is not the shape of a convolution's weight"),
        };
        let [top, left, bottom, right] = pads;
        let size = |size: usize, cut: usize, axis: usize| {
            (size - 1) * stride[axis] + kernel[axis] + output_padding[axis] - cut
        };
        let shape = vec![BATCH, channels, size(height, top + bottom, 0), size(width, left + right, 1)];
        self.add(Op::TransposedConvolution { stride, pads, output_padding, groups }, operands, shape)
    }

    /// Returns the shape of a pooled map that has a border.
    fn pooled(
        &self,
        x: Value,
        kernel: usize,
        stride: usize,
        [top, left, bottom, right]: [usize; 4],
    ) -> Vec<usize> {
        let [channels, height, width] = self.map_shape(x);
        let size = |size: usize| (size - kernel) / stride + 1;
        vec![BATCH, channels, size(height + top + bottom), size(width + left + right)]
    }

    /// Adds the maximum of windows.
    pub fn max_pool(&mut self, x: Value, kernel: usize, stride: usize, pads: [usize; 4]) -> Value {
        let shape = self.pooled(x, kernel, stride, pads);
        self.add(Op::MaxPool { kernel, stride, pads }, &[x], shape)
    }

    /// Adds the mean of windows over the positions inside the map.
    pub fn average_pool(&mut self, x: Value, kernel: usize, stride: usize, pads: [usize; 4]) -> Value {
        let shape = self.pooled(x, kernel, stride, pads);
        self.add(Op::AveragePool { kernel, stride, pads }, &[x], shape)
    }

    /// Adds a border around the map; returns the map itself where there is none.
    pub fn pad(&mut self, x: Value, pads: [usize; 4], fill: PadFill) -> Value {
        if pads == [0; 4] {
            return x;
        }
        let ([channels, height, width], [top, left, bottom, right]) = (self.map_shape(x), pads);
        let shape = vec![BATCH, channels, top + height + bottom, left + width + right];
        self.add(Op::Pad { pads, fill }, &[x], shape)
    }

    /// Adds channels of zeros before and behind those of the map.
    pub fn pad_channels(&mut self, x: Value, [before, behind]: [usize; 2]) -> Value {
        let [channels, height, width] = self.map_shape(x);
        let shape = vec![BATCH, before + channels + behind, height, width];
        self.add(Op::PadChannels { before, behind }, &[x], shape)
    }

    /// Adds a function of each element.
    pub fn unary(&mut self, function: Unary, x: Value) -> Value {
        let shape = self.shape(x).to_vec();
        self.add(Op::Unary(function), &[x], shape)
    }

    /// Adds a function of two values, which are broadcast.
    pub fn binary(&mut self, function: Binary, a: Value, b: Value) -> Value {
        let shape = self.broadcast(&[a, b]);
        self.add(Op::Binary(function), &[a, b], shape)
    }

    /// Adds a function of each element and a number.
    pub fn with_number(&mut self, function: Binary, x: Value, number: f64) -> Value {
        let number = self.number(number);
        self.binary(function, x, number)
    }

    /// Adds the sum of values.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn sum(&mut self, values: &[Value]) -> Value {
        self.folded(Binary::Add, values)
    }

    /// Adds a function of all values, from the first to the last.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn folded(&mut self, function: Binary, values: &[Value]) -> Value {
        let (first, rest) = values.split_first().unwrap_or_else(|| panic!("{function:?} of no values"));
        rest.iter().fold(*first, |result, value| self.binary(function, result, *value))
    }

    /// Adds a comparison of two values, which are broadcast.
    pub fn compare(&mut self, comparison: Compare, a: Value, b: Value) -> Value {
        let shape = self.broadcast(&[a, b]);
        self.add(Op::Compare(comparison), &[a, b], shape)
    }

    /// Compares each element with this number.
    pub fn equals(&mut self, x: Value, number: f64) -> Value {
        let number = self.number(number);
        self.compare(Compare::Equal, x, number)
    }

    /// Selects `yes` where `condition` holds, `no` elsewhere.
    pub fn select(&mut self, condition: Value, yes: Value, no: Value) -> Value {
        let shape = self.broadcast(&[condition, yes, no]);
        self.add(Op::Select, &[condition, yes, no], shape)
    }

    /// Replaces elements that are 0 by 1.
    pub fn one_for_zero(&mut self, x: Value) -> Value {
        let (is_zero, one) = (self.equals(x, 0.0), self.number(1.0));
        self.select(is_zero, one, x)
    }

    /// Adds a reduction over axes, which keep size 1.
    pub fn reduce(&mut self, reduction: Reduce, x: Value, axes: &[usize]) -> Value {
        let mut shape = self.shape(x).to_vec();
        axes.iter().for_each(|axis| shape[*axis] = 1);
        self.add(Op::Reduce(reduction, axes.to_vec()), &[x], shape)
    }

    /// Adds the mean of `largest` and `mean` with the weights σ(`logits`) and 1 − σ(`logits`).
    pub fn mixture(&mut self, logits: Value, largest: Value, mean: Value) -> Value {
        let difference = self.binary(Binary::Subtract, largest, mean);
        let share = self.unary(Unary::Sigmoid, logits);
        let part = self.binary(Binary::Multiply, share, difference);
        self.binary(Binary::Add, mean, part)
    }

    /// Adds the normalisation of a map over `axes`, then `norm_weight` and `norm_bias` of the present stage for each channel.
    pub fn normalised(&mut self, x: Value, axes: &[usize], epsilon: f64) -> Value {
        let channels = self.map_shape(x)[0];
        let mean = self.reduce(Reduce::Mean, x, axes);
        let centred = self.binary(Binary::Subtract, x, mean);
        let squares = self.binary(Binary::Multiply, centred, centred);
        let variance = self.reduce(Reduce::Mean, squares, axes);
        let variance = self.with_number(Binary::Add, variance, epsilon);
        let deviation = self.unary(Unary::Sqrt, variance);
        let normalised = self.binary(Binary::Divide, centred, deviation);
        let [weight, bias] = ["norm_weight", "norm_bias"].map(|name| {
            let values = self.parameter(name, &[channels]);
            self.reshape(values, &[1, channels as i64, 1, 1])
        });
        let scaled = self.binary(Binary::Multiply, normalised, weight);
        self.binary(Binary::Add, scaled, bias)
    }

    /// Adds the number of the first largest element along an axis.
    ///
    /// Programs differ in which of equal elements is the largest: the largest rank is searched for, which is unique.
    pub fn arg_max(&mut self, x: Value, axis: usize) -> Value {
        let mut shape = self.shape(x).to_vec();
        let mut along = vec![1; shape.len()];
        (along[axis], shape[axis]) = (shape[axis], 1);
        let largest = self.reduce(Reduce::Maximum, x, &[axis]);
        let is_largest = self.compare(Compare::Equal, x, largest);
        let ranks = self.constant((1..=along[axis]).rev().map(|rank| rank as f64).collect(), &along);
        let none = self.number(0.0);
        let ranked = self.select(is_largest, ranks, none);
        self.add(Op::ArgMax(axis), &[ranked], shape)
    }

    /// Divides 1 by each element, at once where they are constants: not every program divides two constants as it should.
    pub fn reciprocal(&mut self, x: Value) -> Value {
        if let Op::Constant(values) = &self.nodes()[x.index()].op {
            let (values, shape) = (values.iter().map(|value| 1.0 / value).collect(), self.shape(x).to_vec());
            return self.constant(values, &shape);
        }
        let one = self.number(1.0);
        self.binary(Binary::Divide, one, x)
    }

    /// Compares whole numbers with this one.
    pub fn is_number(&mut self, x: Value, number: usize) -> Value {
        let shape = self.shape(x).to_vec();
        self.add(Op::IsNumber(number), &[x], shape)
    }

    /// Sorts the elements along an axis in ascending order.
    pub fn sort(&mut self, x: Value, axis: usize) -> Value {
        let shape = self.shape(x).to_vec();
        self.add(Op::Sort(axis), &[x], shape)
    }

    /// Gathers the elements at these indices of an axis; returns the value itself where they are all in order.
    pub fn gather(&mut self, x: Value, axis: usize, places: Vec<usize>) -> Value {
        let mut shape = self.shape(x).to_vec();
        if places.iter().copied().eq(0..shape[axis]) {
            return x;
        }
        shape[axis] = places.len();
        self.add(Op::Gather { axis, places }, &[x], shape)
    }

    /// Takes every `step`-th element of an axis from `start` to `left_out` elements before its end.
    pub fn slice(&mut self, x: Value, axis: usize, [start, left_out, step]: [usize; 3]) -> Value {
        let mut shape = self.shape(x).to_vec();
        if [start, left_out, step] == [0, 0, 1] {
            return x;
        }
        shape[axis] = (shape[axis] - start - left_out).div_ceil(step);
        self.add(Op::Slice { axis, start, left_out, step }, &[x], shape)
    }

    /// Concatenates values along an axis; returns the value itself where it is the only one.
    pub fn concatenate(&mut self, values: &[Value], axis: usize) -> Value {
        if let [only] = values {
            return *only;
        }
        let mut shape = self.shape(values[0]).to_vec();
        shape[axis] = values.iter().map(|value| self.shape(*value)[axis]).sum();
        self.add(Op::Concatenate(axis), values, shape)
    }

    /// Reshapes a value: 0 keeps the size of an axis, −1 is the size that is left.
    pub fn reshape(&mut self, x: Value, target: &[i64]) -> Value {
        let from = self.shape(x);
        let elements =
            |shape: &mut dyn Iterator<Item = usize>| shape.filter(|size| *size != BATCH).product::<usize>();
        let all = elements(&mut from.iter().copied());
        let known = |(axis, size): (usize, &i64)| if *size == 0 { from[axis] } else { *size as usize };
        let left =
            all / elements(&mut target.iter().enumerate().filter(|(_, size)| **size >= 0).map(known)).max(1);
        let shape =
            target.iter().enumerate().map(|axis| if *axis.1 < 0 { left } else { known(axis) }).collect();
        self.add(Op::Reshape(target.to_vec()), &[x], shape)
    }

    /// Permutes the axes.
    pub fn transpose(&mut self, x: Value, order: &[usize]) -> Value {
        let shape = order.iter().map(|axis| self.shape(x)[*axis]).collect();
        self.add(Op::Transpose(order.to_vec()), &[x], shape)
    }

    /// Adds the product of matrices in the last two axes.
    pub fn matrix_product(&mut self, a: Value, b: Value) -> Value {
        let (left, right) = (self.shape(a).to_vec(), self.shape(b).to_vec());
        let mut shape = if left.len() >= right.len() { left.clone() } else { right.clone() };
        let axes = shape.len();
        shape[axes - 2] = left[left.len() - 2];
        shape[axes - 1] = right[right.len() - 1];
        self.add(Op::MatMul, &[a, b], shape)
    }

    /// Adds the softmax along an axis.
    pub fn softmax(&mut self, x: Value, axis: usize) -> Value {
        let shape = self.shape(x).to_vec();
        self.add(Op::Softmax(axis), &[x], shape)
    }

    /// Broadcasts a value without images to a shape.
    pub fn expand(&mut self, x: Value, shape: &[usize]) -> Value {
        match self.shape(x) == shape {
            true => x,
            false => self.add(Op::Expand(shape.to_vec()), &[x], shape.to_vec()),
        }
    }

    /// Rearranges channels into blocks of positions.
    pub fn depth_to_space(&mut self, x: Value, factor: usize, order: ShuffleOrder) -> Value {
        let [channels, height, width] = self.map_shape(x);
        let shape = vec![BATCH, channels / (factor * factor), height * factor, width * factor];
        self.add(Op::DepthToSpace { factor, order }, &[x], shape)
    }

    /// Adds normalisation by running statistics; `operands` are the map, weight, bias, mean and variance.
    pub fn batch_normalisation(&mut self, operands: [Value; 5], epsilon: f64) -> Value {
        let shape = self.shape(operands[0]).to_vec();
        self.add(Op::BatchNormalisation { epsilon }, &operands, shape)
    }

    /// Returns the shape of values that are broadcast.
    fn broadcast(&self, values: &[Value]) -> Vec<usize> {
        let axes = values.iter().map(|value| self.shape(*value).len()).max().unwrap_or_default();
        let size = |axis: usize| {
            let along = values.iter().filter_map(|value| {
                let shape = self.shape(*value);
                (axis + shape.len()).checked_sub(axes).map(|axis| shape[axis])
            });
            along.filter(|size| *size != 1).max().unwrap_or(1)
        };
        let has_images = |axis: usize| {
            values.iter().any(|value| self.shape(*value).len() == axes && self.shape(*value)[axis] == BATCH)
        };
        (0..axes).map(|axis| if has_images(axis) { BATCH } else { size(axis) }).collect()
    }
}
