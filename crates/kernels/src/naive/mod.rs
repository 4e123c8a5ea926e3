//! Convolution by its definition: slow, generic over f32 and f64, the judge of every fast path.
//!
//! These functions share no index arithmetic with the fast paths. They also serve `f64` in the public functions, so
//! that gradient checks in f64 pass through the same backward formulas.

mod convolution;

pub use convolution::{bias_gradient, convolve, input_gradient, output_gradient, weight_gradient};
