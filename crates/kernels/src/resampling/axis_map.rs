//! A linear map of one axis of an image.

/// A sparse matrix that maps one axis of an image: output `i` is the sum of `weight · input[position]` over its terms.
#[derive(Clone, Debug, PartialEq)]
pub struct AxisMap {
    inputs: usize,
    outputs: Vec<Vec<(usize, f64)>>,
}

impl AxisMap {
    /// Creates the map whose output `i` sums the terms `(position, weight)` of `outputs[i]`. Terms of weight 0 are dropped.
    ///
    /// # Panics
    ///
    /// When a position is not below `inputs`.
    #[must_use]
    pub fn new(inputs: usize, outputs: Vec<Vec<(usize, f64)>>) -> Self {
        assert!(
            outputs.iter().flatten().all(|(position, _)| *position < inputs),
            "a term reads beyond {inputs} positions"
        );
        let outputs = outputs
            .into_iter()
            .map(|terms| terms.into_iter().filter(|(_, weight)| *weight != 0.0).collect())
            .collect();
        Self { inputs, outputs }
    }

    /// Returns the number of positions that enter.
    #[must_use]
    pub const fn inputs(&self) -> usize {
        self.inputs
    }

    /// Returns the number of positions that leave.
    #[must_use]
    pub const fn outputs(&self) -> usize {
        self.outputs.len()
    }

    /// Returns the terms of output `index`: (position, weight).
    #[must_use]
    pub fn terms(&self, index: usize) -> &[(usize, f64)] {
        &self.outputs[index]
    }

    /// Returns the map of the gradient: inputs and outputs exchanged.
    #[must_use]
    pub fn transposed(&self) -> Self {
        let mut outputs = vec![Vec::new(); self.inputs];
        for (index, terms) in self.outputs.iter().enumerate() {
            for (position, weight) in terms {
                outputs[*position].push((index, *weight));
            }
        }
        Self { inputs: self.outputs.len(), outputs }
    }

    /// Returns the matrix in row-major order, `[outputs, inputs]`; weights of repeated terms are added.
    #[must_use]
    pub fn dense(&self) -> Vec<f64> {
        let mut matrix = vec![0.0; self.outputs.len() * self.inputs];
        for (index, terms) in self.outputs.iter().enumerate() {
            for (position, weight) in terms {
                matrix[index * self.inputs + position] += weight;
            }
        }
        matrix
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transposed_map_exchanges_inputs_and_outputs() {
        let columns = AxisMap::new(3, vec![vec![(0, -1.0), (1, 1.0)], vec![(1, -1.0), (2, 1.0)]]);
        assert_eq!(columns.dense(), [-1.0, 1.0, 0.0, 0.0, -1.0, 1.0]);
        assert_eq!(columns.transposed().dense(), [-1.0, 0.0, 1.0, -1.0, 0.0, 1.0]);
        assert_eq!(columns.transposed().transposed(), columns);
    }
}
