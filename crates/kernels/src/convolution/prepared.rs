//! A planned convolution with its weights, which computes both passes.

use std::sync::OnceLock;

use super::element::Convolve;
use super::forward_weights::ForwardWeights;
use super::operands::{ConvBackward, ConvForward, Lengths};
use super::plan::Convolution;
use crate::memory::check_len;

/// A [`Convolution`] with its weights `[C_out, C_in/groups, KH, KW]`.
///
/// The first forward pass brings the weights into the form in which the planned algorithm multiplies by them (packed, transformed,
/// rounded); later ones use that form again. A layer whose weights outlive the value keeps the form in a
/// [`WeightCache`](super::WeightCache).
pub struct PreparedConvolution<'a, T: Convolve> {
    pub(super) convolution: &'a Convolution,
    pub(super) weight: &'a [T],
    pub(super) forward: OnceLock<ForwardWeights<'a>>,
}

impl Convolution {
    /// Binds the convolution to its weights, `[C_out, C_in/groups, KH, KW]`.
    ///
    /// # Panics
    /// When the slice has the wrong length.
    pub fn prepare<'a, T: Convolve>(&'a self, weight: &'a [T]) -> PreparedConvolution<'a, T> {
        check_len("weight", weight.len(), self.geometry().weight_len());
        PreparedConvolution { convolution: self, weight, forward: OnceLock::new() }
    }

    /// Returns the number of elements of each operand.
    fn lengths(&self) -> Lengths {
        let geometry = self.geometry();
        let [height, width] = geometry.output_size();
        Lengths {
            input: geometry.input_len(),
            output: geometry.batch * height * width * geometry.channels_out,
            weight: geometry.weight_len(),
            bias: geometry.channels_out,
        }
    }
}

impl<T: Convolve> PreparedConvolution<'_, T> {
    /// Computes `y = epilogue(x * weight + bias)`; see [`ConvGeometry`](super::ConvGeometry).
    ///
    /// # Panics
    /// When a slice has the wrong length.
    pub fn forward(&self, operands: ConvForward<'_, T>) {
        operands.check(self.convolution.lengths());
        let weights = self.forward.get_or_init(|| T::pack(self.convolution, self.weight));
        T::forward(self.convolution, self.weight, weights, operands);
    }

    /// Computes the gradients of [`Self::forward`].
    ///
    /// # Panics
    /// As [`Self::forward`].
    pub fn backward(&self, operands: ConvBackward<'_, T>) {
        operands.check(self.convolution.lengths());
        T::backward(self.convolution, self.weight, operands);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convolution::ConvGeometry;
    use crate::elementwise::{Activation, Dropout, Epilogue};
    use crate::engine::Engine;
    use crate::windows::Padding;
    use allconv_random::{philox4x32, unit_f32};

    const TWO_BY_TWO: ConvGeometry = ConvGeometry {
        batch: 1,
        height_in: 2,
        width_in: 3,
        channels_in: 1,
        channels_out: 1,
        kernel: [2, 2],
        stride: [1, 1],
        padding: Padding::NONE,
        dilation: [1, 1],
        groups: 1,
    };

    fn noise(len: usize, stream: u32) -> Vec<f64> {
        (0..len)
            .map(|i| {
                f64::from(unit_f32(philox4x32([stream, 0], [u32::try_from(i).unwrap_or(0), 0, 0, 0])[0]))
                    - 0.5
            })
            .collect()
    }

    #[test]
    fn a_two_by_two_kernel_by_hand() {
        let mut y = [0.0; 2];
        let (x, weight) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [1.0, 10.0, 100.0, 1000.0]);
        let convolution = Convolution::plan(&Engine::detect(), &TWO_BY_TWO);
        let epilogue = Epilogue::IDENTITY;
        convolution.prepare(&weight).forward(ConvForward { x: &x, bias: Some(&[0.5]), epilogue, y: &mut y });
        assert_eq!(y, [5421.5, 6532.5]);
    }

    #[test]
    fn backward_is_the_derivative_of_forward_in_every_operand() {
        let geometry = ConvGeometry {
            batch: 2,
            height_in: 5,
            width_in: 4,
            channels_in: 4,
            channels_out: 6,
            kernel: [3, 2],
            stride: [2, 1],
            padding: Padding { top: 2, bottom: 1, left: 0, right: 1 },
            dilation: [1, 2],
            groups: 2,
        };
        let convolution = Convolution::plan(&Engine::detect(), &geometry);
        let epilogue = Epilogue {
            activation: Activation::LeakyRelu { slope: 0.2 },
            dropout: Some(Dropout { rate: 0.3, key: 5 }),
        };
        let outputs = geometry.output_len().unwrap_or(0);
        let operands = [noise(geometry.input_len(), 0), noise(geometry.weight_len(), 1), noise(6, 2)];
        let dy = noise(outputs, 3);
        let forward = |[x, weight, bias]: &[Vec<f64>; 3]| {
            let mut y = vec![0.0; outputs];
            convolution.prepare(weight).forward(ConvForward { x, bias: Some(bias), epilogue, y: &mut y });
            y
        };
        let y = forward(&operands);
        let mut gradients = operands.clone().map(|operand| vec![0.0; operand.len()]);
        let ([x, weight, _], [dx, dweight, dbias]) = (&operands, &mut gradients);
        let (dx, dbias) = (Some(&mut dx[..]), Some(&mut dbias[..]));
        convolution.prepare(weight).backward(ConvBackward {
            x,
            y: &y,
            dy: &dy,
            epilogue,
            dx,
            dweight,
            dbias,
        });
        let h = 1e-6;
        for (operand, gradient) in gradients.iter().enumerate() {
            for (element, analytic) in gradient.iter().enumerate() {
                let loss = |step: f64| {
                    let mut moved = operands.clone();
                    moved[operand][element] += step;
                    forward(&moved).iter().zip(&dy).map(|(y, dy)| y * dy).sum::<f64>()
                };
                let numeric = (loss(h) - loss(-h)) / (2.0 * h);
                // Central differences of a piecewise linear function are exact up to rounding, 1e-16/h.
                assert!(
                    (numeric - analytic).abs() < 1e-7,
                    "operand {operand} element {element}: {numeric} against {analytic}"
                );
            }
        }
    }

    #[test]
    #[should_panic(expected = "weight has 3 elements, its shape asks for 4")]
    fn a_slice_of_the_wrong_length_is_refused() {
        let _ = Convolution::plan(&Engine::detect(), &TWO_BY_TWO).prepare(&[0.0_f32; 3]);
    }
}
