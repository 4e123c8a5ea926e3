//! Downsampling and upsampling operators: their registry, their settings, and the operations that compute them.
//!
//! - [`OPERATORS`] holds the description of every operator. [`DownsampleConfig`] and [`UpsampleConfig`] are an operator of either direction
//!   with its settings, as a study file writes it.
//! - [`downsample`] and [`upsample`] hold one file an operator: its settings, its description, its properties, which tests measure, its shapes
//!   and costs, and its computation.
//! - [`operations`] compute the operators: kernels on the CPU, compositions of Burn's operations elsewhere.
//!
//! # Example
//!
//! Read an operator from a study file, get its output shape, and compute it:
//!
//! ```
//! use allconv_operators::{DownsampleConfig, Engine, Initialisation, ParameterSource, Part, Pass};
//! use burn::tensor::{Device, Tensor};
//!
//! let operator: DownsampleConfig = toml::from_str("gated_pool = { kernel = 3 }")?;
//! assert_eq!((operator.name(), operator.properties().slot_rule), ("gated_pool", Some(2)));
//!
//! // It is made of one part, itself; a strided convolution would be made of a convolution.
//! let [Part::Reduction(reducer)] = &operator.parts(16)[..] else { panic!("it computes by itself") };
//! assert_eq!(reducer.output_shape([16, 9, 8]), Ok([16, 5, 4]));
//! assert_eq!(reducer.parameter_count([16, 9, 8]), 9);
//!
//! let device = Device::flex();
//! let (initialisation, path) = (Initialisation::He, "features.0".to_owned());
//! let layer = reducer.layer([16, 9, 8], &ParameterSource { initialisation, seed: 0, path, device: &device });
//! let y = layer.forward(Tensor::ones([2, 16, 9, 8], &device), &Pass::evaluate(&Engine::detect()));
//! assert_eq!(y.dims(), [2, 16, 5, 4]);
//! # Ok::<(), toml::de::Error>(())
//! ```
//!
//! # To add an operator
//!
//! Write its file (the newest and plainest is `downsample/decimation.rs`; with parameters `downsample/mixed_pool.rs`), name it in the
//! `mod.rs` next to it, and add its line to the registry. A kernel of its own goes to `allconv-kernels`, and an operation that runs it to
//! [`operations`].

#![forbid(unsafe_code)]

mod axis_maps;
mod convolution_spec;
mod description;
pub mod downsample;
mod error;
mod host;
mod initialise;
mod layer;
pub mod lowering;
pub mod operations;
mod operator;
mod pairing;
mod parameter_source;
pub mod parameters;
mod pass;
mod prelude;
mod registry;
mod settings;
mod shape;
mod signal_rules;
mod switches;
#[cfg(test)]
mod test_support;
pub mod upsample;

pub use allconv_kernels::Engine;
pub use axis_maps::{EdgePadding, Interpolation, ResizeFilter, bicubic_enlargement};
pub use convolution_spec::{Bias, Border, ConvolutionSpec, InitialWeights};
pub use description::{Description, Kind};
pub use downsample::{Downsampling, Following, Part, Reducer, Reduction};
pub use error::{OperatorError, OutOfRange, check_range};
pub use host::to_host;
pub use initialise::Initialisation;
pub use layer::{OperatorLayer, Parameters};
pub use operations::images_to_tensor;
pub use operator::{Operator, Settings};
pub use parameter_source::{ParameterSource, ParameterSpec, Start};
pub use pass::{Draws, Pass};
pub use registry::{Direction, DownsampleConfig, OPERATORS, UpsampleConfig};
pub use shape::Window;
pub use signal_rules::{MaxPoolRule, ReluRule, SignalRules};
pub use switches::{KeptPhases, PhaseWeights, SwitchKind, Switches};
pub use upsample::{Destination, Enlargement, SizeRule, Upsampling};
