//! The epilogue of a convolution: activation and dropout in the same pass, and their gradient.

use super::dropout::{Dropout, DropoutMask, element_index};
use crate::cpu::{Kernel, Simd};
use crate::numbers::Scalar;

/// The function applied to every output of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub enum Activation {
    /// `z`
    #[default]
    Identity,
    /// `max(z, 0)`; its gradient at 0 is 0, as in PyTorch.
    Relu,
    /// `z` if `z > 0`, else `slope * z`; its gradient at 0 is `slope`, as in PyTorch.
    LeakyRelu {
        /// Slope for negative inputs, above 0 (0 would be [`Activation::Relu`]).
        slope: f32,
    },
}

impl Activation {
    /// Returns the factor below zero; above it every activation is `z`.
    pub(crate) const fn negative_slope(self) -> f32 {
        match self {
            Self::Identity => 1.0,
            Self::Relu => 0.0,
            Self::LeakyRelu { slope } => slope,
        }
    }
}

/// Activation, then dropout: `y = dropout(activation(convolution + bias))`.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Epilogue {
    /// The activation.
    pub activation: Activation,
    /// Dropout after the activation; elements are numbered by their flat NHWC index in the output.
    pub dropout: Option<Dropout>,
}

impl Epilogue {
    /// Neither activation nor dropout.
    pub const IDENTITY: Self = Self { activation: Activation::Identity, dropout: None };
    /// ReLU alone.
    pub const RELU: Self = Self { activation: Activation::Relu, dropout: None };

    /// Returns the epilogue with its constants worked out.
    ///
    /// # Panics
    /// When the dropout rate lies outside `[0, 1)` or the slope of leaky ReLU is not positive.
    pub(crate) fn prepare(&self) -> PreparedEpilogue {
        let negative = self.activation.negative_slope();
        if let Activation::LeakyRelu { slope } = self.activation {
            assert!(slope > 0.0 && slope.is_finite(), "leaky ReLU slope {slope} must be positive and finite");
        }
        let scale = self.dropout.map_or(1.0, |dropout| dropout.scale());
        PreparedEpilogue {
            activation: self.activation,
            negative,
            scale,
            mask: self.dropout.map(|d| DropoutMask::new(&d)),
        }
    }
}

/// An [`Epilogue`] ready for many elements. Every activation is `z` above zero and `negative * z` below.
#[derive(Clone, Copy)]
pub(crate) struct PreparedEpilogue {
    pub(crate) activation: Activation,
    pub(crate) negative: f32,
    pub(crate) scale: f32,
    pub(crate) mask: Option<DropoutMask>,
}

impl PreparedEpilogue {
    /// Returns whether the activation rectifies, where it is that or none, without dropout.
    pub(crate) const fn rectifies(&self) -> Option<bool> {
        match (self.activation, &self.mask) {
            (Activation::Identity, None) => Some(false),
            (Activation::Relu, None) => Some(true),
            _ => None,
        }
    }

    /// Returns the value after activation and dropout of one output.
    #[inline(always)]
    pub(crate) fn forward<T: Scalar>(&self, z: T, element: usize) -> T {
        let active = match self.activation {
            Activation::Identity => z,
            // Written as in PyTorch so that NaN stays NaN instead of becoming 0.
            _ if z > T::ZERO => z,
            Activation::Relu => {
                if z <= T::ZERO {
                    T::ZERO
                } else {
                    z
                }
            }
            Activation::LeakyRelu { .. } => T::from_f64(f64::from(self.negative)) * z,
        };
        match &self.mask {
            None => active,
            Some(mask) if mask.keeps(element_index(element)) => active * T::from_f64(f64::from(self.scale)),
            Some(_) => T::ZERO,
        }
    }

    /// Returns the factor from the gradient of the result to the gradient of the convolution's output.
    ///
    /// The sign of the saved result `y` is the sign of the activation's input wherever the element survived.
    /// After ReLU `y > 0` implies that the element survived and was positive, so no mask is drawn.
    #[inline(always)]
    pub(crate) fn derivative<T: Scalar>(&self, y: T, element: usize) -> T {
        // In f64, so that f64 gradients are exact derivatives of the forward pass.
        let (negative, scale) = (f64::from(self.negative), f64::from(self.scale));
        let branch = |positive: bool| if positive { scale } else { negative * scale };
        let factor = match (self.activation, &self.mask) {
            (Activation::Identity, None) => 1.0,
            (Activation::Relu, _) => branch(y > T::ZERO),
            (_, Some(mask)) if !mask.keeps(element_index(element)) => 0.0,
            (Activation::Identity, Some(_)) => scale,
            (Activation::LeakyRelu { .. }, _) => branch(y > T::ZERO),
        };
        T::from_f64(factor)
    }
}

/// The gradient before the epilogue of a run of elements whose first one has this index.
pub(crate) struct Gradients<'a, T> {
    pub(crate) epilogue: PreparedEpilogue,
    pub(crate) first: usize,
    pub(crate) y: &'a [T],
    pub(crate) dy: &'a [T],
    pub(crate) dz: &'a mut [T],
}

impl<T: Scalar> Kernel for Gradients<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let Self { epilogue, first, y, dy, dz } = self;
        if epilogue.mask.is_some() {
            for (element, ((dz, y), dy)) in dz.iter_mut().zip(y).zip(dy).enumerate() {
                *dz = *dy * epilogue.derivative(*y, first + element);
            }
        } else {
            let negative = T::from_f64(f64::from(epilogue.negative));
            for ((dz, y), dy) in dz.iter_mut().zip(y).zip(dy) {
                *dz = *dy * if *y > T::ZERO { T::ONE } else { negative };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worked_example_of_activations_and_their_derivatives() {
        let relu = Epilogue::RELU.prepare();
        assert_eq!([relu.forward(-2.0, 0), relu.forward(0.0, 0), relu.forward(3.0, 0)], [0.0, 0.0, 3.0]);
        assert_eq!([relu.derivative(0.0, 0), relu.derivative(3.0, 0)], [0.0, 1.0]);
        let leaky = Epilogue { activation: Activation::LeakyRelu { slope: 0.25 }, dropout: None }.prepare();
        assert_eq!([leaky.forward(-2.0, 0), leaky.forward(3.0, 0)], [-0.5, 3.0]);
        assert_eq!(
            [leaky.derivative(-0.5, 0), leaky.derivative(0.0, 0), leaky.derivative(3.0, 0)],
            [0.25, 0.25, 1.0]
        );
    }

    #[test]
    fn not_a_number_is_not_hidden_by_the_activation() {
        assert!(Epilogue::RELU.prepare().forward(f64::NAN, 0).is_nan());
    }

    #[test]
    fn the_derivative_agrees_with_differences_of_forward_for_every_pairing() {
        let activations = [Activation::Identity, Activation::Relu, Activation::LeakyRelu { slope: 0.1 }];
        for activation in activations {
            for dropout in [None, Some(Dropout { rate: 0.5, key: 9 })] {
                let epilogue = Epilogue { activation, dropout }.prepare();
                for element in 0..64 {
                    for z in [-1.5_f64, 0.75] {
                        let h = 1e-6;
                        let numeric =
                            (epilogue.forward(z + h, element) - epilogue.forward(z - h, element)) / (2.0 * h);
                        let derivative = epilogue.derivative(epilogue.forward(z, element), element);
                        assert!(
                            (numeric - derivative).abs() < 1e-8,
                            "{activation:?} {dropout:?} element {element} z {z}"
                        );
                    }
                }
            }
        }
    }
}
