//! Pooling windows in a graph: their borders, their positions, the maximum and the mean.

use super::graph::{Binary, Graph, PadFill, Unary, Value};
use crate::operations::{Divisor, PoolBorder, PoolWindow};

impl Graph {
    /// Returns the border around `x` with which every window of `window` lies inside.
    fn window_border(&mut self, x: Value, window: PoolWindow) -> [usize; 4] {
        let [_, height, width] = self.map_shape(x);
        let before = window.before();
        let after = match window.border {
            PoolBorder::CutOff | PoolBorder::Centred => [window.extent() - 1 - before; 2],
            PoolBorder::Padded { padding, ceil: false } => [padding; 2],
            PoolBorder::Padded { ceil: true, .. } => {
                self.fix_size();
                [window.overhang(height), window.overhang(width)]
            }
        };
        [before, before, after[0], after[1]]
    }

    /// Adds the elements at each place of every window, places in row-major order; `beyond` stands for what lies beyond the map.
    pub(crate) fn window_places(&mut self, x: Value, window: PoolWindow, beyond: f64) -> Vec<Value> {
        let border = self.window_border(x, window);
        let padded = self.pad(x, border, PadFill::Number(beyond));
        let along = |place: usize| {
            let start = place * window.dilation;
            [start, window.extent() - 1 - start, window.stride]
        };
        let mut places = Vec::with_capacity(window.kernel * window.kernel);
        for row in 0..window.kernel {
            let rows = self.slice(padded, 2, along(row));
            places.extend((0..window.kernel).map(|column| self.slice(rows, 3, along(column))));
        }
        places
    }

    /// Adds the maximum of each window.
    pub(crate) fn window_maximum(&mut self, x: Value, window: PoolWindow) -> Value {
        if window.dilation == 1 {
            let border = self.window_border(x, window);
            return self.max_pool(x, window.kernel, window.stride, border);
        }
        // Not every program reads the dilation of a pool.
        let places = self.window_places(x, window, f64::NEG_INFINITY);
        self.folded(Binary::Maximum, &places)
    }

    /// Adds the mean of each window.
    pub(crate) fn window_mean(&mut self, x: Value, window: PoolWindow, divisor: Divisor) -> Value {
        let [_, height, width] = self.map_shape(x);
        let border = self.window_border(x, window);
        if divisor == Divisor::Elements {
            return self.average_pool(x, window.kernel, window.stride, border);
        }
        let padded = self.pad(x, border, PadFill::Number(0.0));
        let mean = self.average_pool(padded, window.kernel, window.stride, [0; 4]);
        let (rows, columns) = (window.counts_with_border(height), window.counts_with_border(width));
        if rows.iter().chain(&columns).all(|count| *count == window.kernel) {
            return mean;
        }
        self.fix_size();
        let area = (window.kernel * window.kernel) as f64;
        let factors = outer(&rows, &columns, |row, column| area / (row * column) as f64);
        let factors = self.constant(factors, &[1, 1, rows.len(), columns.len()]);
        self.binary(Binary::Multiply, mean, factors)
    }

    /// Adds the number of positions of each window that lie inside the map.
    pub(crate) fn position_counts(&mut self, x: Value, window: PoolWindow) -> Value {
        let [_, height, width] = self.map_shape(x);
        let (rows, columns) = (window.counts(height), window.counts(width));
        self.fix_size();
        let counts = outer(&rows, &columns, |row, column| (row * column) as f64);
        self.constant(counts, &[1, 1, rows.len(), columns.len()])
    }

    /// Replaces the elements of places that lie beyond the map by 0.
    pub(crate) fn zero_beyond(&mut self, places: &[Value], x: Value, window: PoolWindow) -> Vec<Value> {
        let [_, height, width] = self.map_shape(x);
        let (rows, columns) = (window.places(height), window.places(width));
        self.fix_size();
        let inside = |places: &[Vec<usize>], place: usize| {
            places.iter().map(|inside| usize::from(inside.contains(&place))).collect::<Vec<_>>()
        };
        let masked = |(index, value): (usize, &Value)| {
            let (row, column) = (index / window.kernel, index % window.kernel);
            let (tall, wide) = (inside(&rows, row), inside(&columns, column));
            if !tall.contains(&0) && !wide.contains(&0) {
                return *value;
            }
            let mask = outer(&tall, &wide, |row, column| (row * column) as f64);
            let mask = self.constant(mask, &[1, 1, rows.len(), columns.len()]);
            self.binary(Binary::Multiply, *value, mask)
        };
        places.iter().enumerate().map(masked).collect()
    }

    /// Adds the mean of each window with the softmax of its values as weights.
    pub(crate) fn soft_mean(&mut self, x: Value, window: PoolWindow) -> Value {
        let largest = self.window_maximum(x, window);
        // The exponential of what lies beyond the map is 0.
        let powers = self.window_places(x, window, f64::NEG_INFINITY).into_iter().map(|place| {
            let below = self.binary(Binary::Subtract, place, largest);
            self.unary(Unary::Exp, below)
        });
        let weights: Vec<Value> = powers.collect();
        let places = self.window_places(x, window, 0.0);
        self.weighted_mean(&places, &weights)
    }

    /// Adds `Σ value · weight / Σ weight`.
    fn weighted_mean(&mut self, places: &[Value], weights: &[Value]) -> Value {
        let terms =
            places.iter().zip(weights).map(|(place, weight)| self.binary(Binary::Multiply, *place, *weight));
        let terms: Vec<Value> = terms.collect();
        let (terms, weights) = (self.sum(&terms), self.sum(weights));
        self.binary(Binary::Divide, terms, weights)
    }

    /// Adds `largest + ln(mean of exp(sharpness · (value − largest))) / sharpness`.
    pub(crate) fn log_sum_exp(&mut self, x: Value, window: PoolWindow, sharpness: f64) -> Value {
        let largest = self.window_maximum(x, window);
        let powers = self.window_places(x, window, f64::NEG_INFINITY).into_iter().map(|place| {
            let below = self.binary(Binary::Subtract, place, largest);
            let scaled = self.with_number(Binary::Multiply, below, sharpness);
            self.unary(Unary::Exp, scaled)
        });
        let powers: Vec<Value> = powers.collect();
        let (sum, counts) = (self.sum(&powers), self.position_counts(x, window));
        let mean = self.binary(Binary::Divide, sum, counts);
        let logarithm = self.unary(Unary::Log, mean);
        let scaled = self.with_number(Binary::Divide, logarithm, sharpness);
        self.binary(Binary::Add, largest, scaled)
    }

    /// Adds the mean of each window with the exponentials of the similarity of its values and their mean as weights.
    pub(crate) fn similarity_mean(&mut self, x: Value, window: PoolWindow) -> Value {
        let mean = self.window_mean(x, window, Divisor::Elements);
        let sizes = self.unary(Unary::Abs, x);
        let largest = self.window_maximum(sizes, window);
        let scale = self.one_for_zero(largest);
        let mean = self.binary(Binary::Divide, mean, scale);
        let square = self.binary(Binary::Multiply, mean, mean);
        let places = self.window_places(x, window, 0.0);
        let weights = places.iter().map(|place| {
            let place = self.binary(Binary::Divide, *place, scale);
            let own = self.binary(Binary::Multiply, place, place);
            let sizes = self.binary(Binary::Add, own, square);
            let sizes = self.one_for_zero(sizes);
            let product = self.binary(Binary::Multiply, place, mean);
            let twice = self.with_number(Binary::Multiply, product, 2.0);
            let similarity = self.binary(Binary::Divide, twice, sizes);
            self.unary(Unary::Exp, similarity)
        });
        let weights: Vec<Value> = weights.collect();
        let weights = self.zero_beyond(&weights, x, window);
        self.weighted_mean(&places, &weights)
    }

    /// Adds the mean of the positive values of each window with themselves as weights.
    pub(crate) fn square_mean(&mut self, x: Value, window: PoolWindow) -> Value {
        let positive = self.unary(Unary::Relu, x);
        let largest = self.window_maximum(positive, window);
        let scale = self.one_for_zero(largest);
        let places = self.window_places(positive, window, 0.0);
        let shares = places.into_iter().map(|place| self.binary(Binary::Divide, place, scale));
        let shares: Vec<Value> = shares.collect();
        let squares = shares.iter().map(|share| self.binary(Binary::Multiply, *share, *share));
        let squares: Vec<Value> = squares.collect();
        let (squares, sum) = (self.sum(&squares), self.sum(&shares));
        let divisor = self.one_for_zero(sum);
        let mean = self.binary(Binary::Divide, squares, divisor);
        self.binary(Binary::Multiply, scale, mean)
    }

    /// Adds the p-norm of each window, or with `mean` the p-th root of the mean of the powers; `p` has one value a channel or one.
    pub(crate) fn p_norm(&mut self, x: Value, p: Value, window: PoolWindow, form: Powers) -> Value {
        let sizes = self.unary(Unary::Abs, x);
        let largest = self.window_maximum(sizes, window);
        let scale = self.one_for_zero(largest);
        let places = self.window_places(sizes, window, 0.0);
        let powers = places.into_iter().map(|place| {
            let share = self.binary(Binary::Divide, place, scale);
            self.binary(Binary::Power, share, p)
        });
        let powers: Vec<Value> = powers.collect();
        let mut sum = self.sum(&powers);
        if form == Powers::Mean {
            let counts = self.position_counts(x, window);
            sum = self.binary(Binary::Divide, sum, counts);
        }
        // The root of a sum of 0 has no derivative; the largest value is 0 there.
        let sum = self.one_for_zero(sum);
        let exponent = self.reciprocal(p);
        let root = self.binary(Binary::Power, sum, exponent);
        self.binary(Binary::Multiply, largest, root)
    }
}

/// What is taken of the powers of a window.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Powers {
    /// Their sum.
    Sum,
    /// Their mean.
    Mean,
}

/// Returns `of` each pair, rows before columns.
pub(super) fn outer(rows: &[usize], columns: &[usize], of: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    rows.iter().flat_map(|row| columns.iter().map(|column| of(*row, *column)).collect::<Vec<_>>()).collect()
}
