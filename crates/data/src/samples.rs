//! The values of a picture's channels, of 8 or 16 bits.

use crate::pairs::{centred, pixel_value};

/// Bits of each value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// 0 to 255.
    Eight,
    /// 0 to 65535.
    Sixteen,
}

/// Values `[height, width, channels]`, all of one depth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Samples {
    /// Of 8 bits.
    Eight(Vec<u8>),
    /// Of 16 bits.
    Sixteen(Vec<u16>),
}

impl Samples {
    /// Returns `count` values, all 0.
    pub fn zeros(depth: Depth, count: usize) -> Samples {
        match depth {
            Depth::Eight => Samples::Eight(vec![0; count]),
            Depth::Sixteen => Samples::Sixteen(vec![0; count]),
        }
    }

    /// Returns the values nearest to outputs of a network, where −1/2 is the smallest and 1/2 the largest.
    pub fn of_outputs(outputs: &[f32], depth: Depth) -> Samples {
        match depth {
            Depth::Eight => Samples::Eight(outputs.iter().map(|output| pixel_value(*output)).collect()),
            Depth::Sixteen => {
                let value = |output: &f32| ((f64::from(*output) + 0.5) * 65_535.0).round() as u16;
                Samples::Sixteen(outputs.iter().map(value).collect())
            }
        }
    }

    /// Returns their depth.
    pub fn depth(&self) -> Depth {
        match self {
            Samples::Eight(_) => Depth::Eight,
            Samples::Sixteen(_) => Depth::Sixteen,
        }
    }

    /// Returns their number.
    pub fn len(&self) -> usize {
        match self {
            Samples::Eight(values) => values.len(),
            Samples::Sixteen(values) => values.len(),
        }
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends `count` values from `first` on to the inputs of a network: −1/2 is the smallest and 1/2 the largest.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn append_inputs(&self, first: usize, count: usize, inputs: &mut Vec<f32>) {
        match self {
            Samples::Eight(values) => {
                inputs.extend(values[first..first + count].iter().map(|value| centred(*value)));
            }
            Samples::Sixteen(values) => {
                let input = |value: &u16| (f64::from(*value) / 65_535.0 - 0.5) as f32;
                inputs.extend(values[first..first + count].iter().map(input));
            }
        }
    }

    /// Replaces `count` values from `first` on by those of `other` from `other_first` on.
    ///
    /// # Panics
    /// If the depths differ, or one has fewer.
    pub fn copy_from(&mut self, first: usize, other: &Samples, other_first: usize, count: usize) {
        match (self, other) {
            (Samples::Eight(own), Samples::Eight(other)) => {
                own[first..first + count].copy_from_slice(&other[other_first..other_first + count]);
            }
            (Samples::Sixteen(own), Samples::Sixteen(other)) => {
                own[first..first + count].copy_from_slice(&other[other_first..other_first + count]);
            }
            (own, other) => panic!("values of {:?} among those of {:?}", other.depth(), own.depth()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_restored_from_inputs() {
        for samples in [Samples::Eight((0..=255).collect()), Samples::Sixteen((0..=65_535).collect())] {
            let mut inputs = Vec::new();
            samples.append_inputs(0, samples.len(), &mut inputs);
            assert_eq!((inputs[0], inputs[samples.len() - 1]), (-0.5, 0.5));
            assert_eq!(Samples::of_outputs(&inputs, samples.depth()), samples);
        }
        assert_eq!(Samples::of_outputs(&[-0.7, 0.8], Depth::Sixteen), Samples::Sixteen(vec![0, 65_535]));
    }
}
