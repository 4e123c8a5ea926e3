//! A linear map of one axis of an image.

/// A sparse matrix that maps one axis of an image: output `i` is the sum of `weight · input[cell]` over its terms.
#[derive(Clone, Debug, PartialEq)]
pub struct AxisMap {
    inputs: usize,
    outputs: Vec<Vec<(usize, f64)>>,
}

impl AxisMap {
    /// The map whose output `i` sums the terms `(cell, weight)` of `outputs[i]`. Terms of weight 0 are dropped.
    ///
    /// # Panics
    ///
    /// When a cell is not below `inputs`.
    #[must_use]
    pub fn new(inputs: usize, outputs: Vec<Vec<(usize, f64)>>) -> Self {
        assert!(
            outputs.iter().flatten().all(|(cell, _)| *cell < inputs),
            "a term reads beyond {inputs} cells"
        );
        let outputs = outputs
            .into_iter()
            .map(|terms| terms.into_iter().filter(|(_, weight)| *weight != 0.0).collect())
            .collect();
        Self { inputs, outputs }
    }

    /// Cells that enter.
    #[must_use]
    pub const fn inputs(&self) -> usize {
        self.inputs
    }

    /// Cells that leave.
    #[must_use]
    pub const fn outputs(&self) -> usize {
        self.outputs.len()
    }

    /// The terms of output `index`: (cell, weight).
    #[must_use]
    pub fn terms(&self, index: usize) -> &[(usize, f64)] {
        &self.outputs[index]
    }

    /// The map of the gradient: inputs and outputs exchanged.
    #[must_use]
    pub fn transposed(&self) -> Self {
        let mut outputs = vec![Vec::new(); self.inputs];
        for (index, terms) in self.outputs.iter().enumerate() {
            for (cell, weight) in terms {
                outputs[*cell].push((index, *weight));
            }
        }
        Self { inputs: self.outputs.len(), outputs }
    }

    /// The matrix in row-major order, `[outputs, inputs]`; weights of repeated terms are added.
    #[must_use]
    pub fn dense(&self) -> Vec<f64> {
        let mut matrix = vec![0.0; self.outputs.len() * self.inputs];
        for (index, terms) in self.outputs.iter().enumerate() {
            for (cell, weight) in terms {
                matrix[index * self.inputs + cell] += weight;
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
