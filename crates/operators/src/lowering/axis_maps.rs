//! Linear maps of the axes in a graph: matrices for a fixed height and width, filters for any.

use super::graph::{Graph, PadFill, Value};
use crate::axis_maps::{EdgePadding, binomial, keys_cubic};
use crate::operations::SeparableMap;

/// Maps `x` along both axes: the product with two matrices, for this height and width alone.
pub(crate) fn lowered_map(graph: &mut Graph, x: Value, map: &SeparableMap) -> Value {
    graph.fix_size();
    let rows = graph.constant(map.rows.dense(), &[map.rows.outputs(), map.rows.inputs()]);
    let columns = map.columns.transposed();
    let columns = graph.constant(columns.dense(), &[columns.outputs(), columns.inputs()]);
    let across = graph.matrix_product(x, columns);
    graph.matrix_product(rows, across)
}

/// Adds the sum of `x` mapped by each of the maps.
pub(crate) fn lowered_maps(graph: &mut Graph, x: Value, maps: &[SeparableMap]) -> Value {
    let mapped: Vec<Value> = maps.iter().map(|map| lowered_map(graph, x, map)).collect();
    graph.sum(&mapped)
}

impl Graph {
    /// Adds a border around the map, filled by `padding`.
    pub(crate) fn edged(&mut self, x: Value, pads: [usize; 4], padding: EdgePadding) -> Value {
        let [_, height, width] = self.map_shape(x);
        let [top, left, bottom, right] = pads;
        match padding {
            EdgePadding::Zero => self.pad(x, pads, PadFill::Number(0.0)),
            EdgePadding::Replicate => self.pad(x, pads, PadFill::Edge),
            EdgePadding::Circular => {
                let rows = self.wrapped(x, 2, [top, bottom]);
                self.wrapped(rows, 3, [left, right])
            }
            EdgePadding::Reflect => {
                // An axis no longer than its border reads as replicate; the two axes may differ.
                let fill = |size: usize, border: usize| {
                    if border < size { PadFill::Reflect } else { PadFill::Edge }
                };
                let rows = self.pad(x, [top, 0, bottom, 0], fill(height, top.max(bottom)));
                self.pad(rows, [0, left, 0, right], fill(width, left.max(right)))
            }
        }
    }

    /// Continues the map periodically along one axis, for this size alone.
    fn wrapped(&mut self, x: Value, axis: usize, [before, after]: [usize; 2]) -> Value {
        let size = self.shape(x)[axis];
        let places: Vec<usize> =
            (0..before + size + after).map(|place| (place + size * before - before) % size).collect();
        if places.len() > size {
            self.fix_size();
        }
        self.gather(x, axis, places)
    }

    /// Adds one filter for every channel, the product of its values along rows and columns; no border is added.
    pub(crate) fn channel_filter(&mut self, x: Value, rows: &[f64], columns: &[f64], stride: usize) -> Value {
        let channels = self.map_shape(x)[0];
        let filter: Vec<f64> =
            rows.iter().flat_map(|row| columns.iter().map(move |column| row * column)).collect();
        let weight = self.constant(filter.repeat(channels), &[channels, 1, rows.len(), columns.len()]);
        self.convolution(&[x, weight], [stride; 2], [0; 4], [1; 2], channels)
    }

    /// Adds the binomial filter of so many taps, then every `stride`-th position.
    pub(crate) fn blurred(&mut self, x: Value, taps: usize, stride: usize, padding: EdgePadding) -> Value {
        let before = (taps - 1) / 2;
        let after = taps - 1 - before;
        let padded = self.edged(x, [before, before, after, after], padding);
        let weights = binomial(taps);
        self.channel_filter(padded, &weights, &weights, stride)
    }

    /// Enlarges the map by Keys' cubic filter with a = −1/2, the edge repeated: what [`bicubic_enlargement`](crate::bicubic_enlargement)
    /// gives, for any height and width.
    pub fn bicubic_enlarged(&mut self, x: Value, factor: usize) -> Value {
        // The position o lies at p = (o + 1/2)/factor − 1/2 and reads position j with the weight of |p − j| below 2. A transposed convolution
        // adds x[j] · filter[d] at factor·j + d, so that d = o − factor·j + first.
        let (border, first, taps) = (2, (3 * factor).div_ceil(2), 4 * factor + 1);
        let weight = |tap: usize| {
            let distance = ((tap as f64 - first as f64 + 0.5) / factor as f64 - 0.5).abs();
            if distance < 2.0 { keys_cubic(distance) } else { 0.0 }
        };
        let filter: Vec<f64> = (0..taps).map(weight).collect();
        let padded = self.pad(x, [border; 4], PadFill::Edge);
        let channels = self.map_shape(x)[0];
        let square: Vec<f64> =
            filter.iter().flat_map(|row| filter.iter().map(move |column| row * column)).collect();
        let weight = self.constant(square.repeat(channels), &[channels, 1, taps, taps]);
        let whole = self.transposed_convolution(&[padded, weight], [factor; 2], [0; 4], [0; 2], channels);
        let cut = [border * factor + first, (border - 1) * factor + taps - first, 1];
        let rows = self.slice(whole, 2, cut);
        self.slice(rows, 3, cut)
    }

    /// Adds the phases of 2×2 blocks in this order; odd sizes are continued periodically.
    pub(crate) fn phases(&mut self, x: Value, order: [[usize; 2]; 4]) -> [Value; 4] {
        let [_, height, width] = self.map_shape(x);
        self.fix_size();
        let along = |size: usize, phase: usize| {
            (0..size.div_ceil(2)).map(|place| (2 * place + phase) % size).collect::<Vec<_>>()
        };
        order.map(|[row, column]| {
            let rows = self.gather(x, 2, along(height, row));
            self.gather(rows, 3, along(width, column))
        })
    }

    /// Selects for each image the candidate whose number is `chosen` `[n, 1, 1, 1]`.
    pub(crate) fn chosen_of(&mut self, candidates: &[Value], chosen: Value) -> Value {
        let mut result = candidates[0];
        for (number, candidate) in candidates.iter().enumerate().skip(1) {
            let is_chosen = self.is_number(chosen, number);
            result = self.select(is_chosen, *candidate, result);
        }
        result
    }
}
