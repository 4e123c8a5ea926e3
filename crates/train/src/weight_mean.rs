//! The mean of the weights over the last steps of a run.

use crate::tensors::{NamedTensor, NamedTensors};

/// Prefix of the names of the mean's tensors in a checkpoint, among those of the optimiser.
const PREFIX: &str = "mean/";

/// The mean of the weights after some steps, each counting once.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct WeightMean {
    tensors: NamedTensors,
    count: u64,
}

impl WeightMean {
    /// Adds the weights after one more step: m ← m + (w − m)/n.
    pub(crate) fn add(&mut self, weights: NamedTensors) {
        self.count += 1;
        if self.count == 1 {
            self.tensors = weights;
            return;
        }
        let fraction = 1.0 / self.count as f32;
        for (path, weight) in weights {
            let Some(NamedTensor { values, .. }) = self.tensors.get_mut(&path) else { continue };
            for (mean, value) in values.iter_mut().zip(weight.values) {
                *mean += (value - *mean) * fraction;
            }
        }
    }

    /// Returns the mean; `None` before the first weights.
    pub(crate) fn value(&self) -> Option<&NamedTensors> {
        (self.count > 0).then_some(&self.tensors)
    }

    /// Adds the mean to the tensors of a checkpoint.
    pub(crate) fn write_into(&self, checkpoint: &mut NamedTensors) {
        let named = |(path, tensor): (&String, &NamedTensor)| (format!("{PREFIX}{path}"), tensor.clone());
        checkpoint.extend(self.tensors.iter().map(named));
    }

    /// Takes the mean over `count` steps out of the tensors of a checkpoint.
    pub(crate) fn take_from(checkpoint: &mut NamedTensors, count: u64) -> WeightMean {
        let (mean, rest): (NamedTensors, NamedTensors) =
            std::mem::take(checkpoint).into_iter().partition(|(path, _)| path.starts_with(PREFIX));
        *checkpoint = rest;
        let plain = |(path, tensor): (String, NamedTensor)| (path[PREFIX.len()..].to_owned(), tensor);
        WeightMean { tensors: mean.into_iter().map(plain).collect(), count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(values: [f32; 2]) -> NamedTensors {
        NamedTensors::from([("a".to_owned(), NamedTensor { shape: vec![2], values: values.to_vec() })])
    }

    #[test]
    fn the_mean_follows_a_worked_example_and_is_restored_from_a_checkpoint() {
        let mut mean = WeightMean::default();
        assert_eq!(mean.value(), None);
        mean.add(weights([1.0, 2.0]));
        mean.add(weights([3.0, 6.0]));
        let mut checkpoint = weights([9.0, 9.0]);
        mean.write_into(&mut checkpoint);
        let mut mean = WeightMean::take_from(&mut checkpoint, 2);
        assert_eq!(checkpoint, weights([9.0, 9.0]));
        mean.add(weights([5.0, 10.0]));
        assert_eq!(mean.value(), Some(&weights([3.0, 6.0])));
    }
}
