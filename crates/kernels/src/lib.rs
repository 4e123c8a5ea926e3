//! CPU kernels on plain slices: convolution, pooling, resampling, normalisation, element-wise functions, an optimiser step.
//!
//! Feature maps are `[N, H, W, C]` (NHWC), weights `[C_out, C_in/groups, KH, KW]` (PyTorch's order), both contiguous.
//! Work is split over rayon's current pool in fixed pieces and reduced in a fixed order, so results are
//! bit-identical for any number of threads; `ThreadPool::install` scopes the threads. They are also the same on every instruction set.
//!
//! # Tour
//!
//! An [`Engine`] is the context of every call: instruction set, accuracy class and scratch memory. A convolution is a value: a
//! [`Convolution`] is planned for a geometry, a [`PreparedConvolution`] holds weights as well and computes both passes. Bias, activation
//! and dropout belong to the same pass, see [`Epilogue`].
//!
//! ```
//! use allconv_kernels::{
//!     ConvBackward, ConvForward, ConvGeometry, Convolution, Engine, Epilogue, Padding, PoolGeometry,
//!     max_pool2d_forward,
//! };
//!
//! // One image of 4×4 pixels with one channel, a 3×3 kernel of ones, "same" padding.
//! let geometry = ConvGeometry {
//!     batch: 1, height_in: 4, width_in: 4, channels_in: 1, channels_out: 1,
//!     kernel: [3, 3], stride: [1, 1], padding: Padding::same(1), dilation: [1, 1], groups: 1,
//! };
//! geometry.validate()?;
//! let engine = Engine::detect();
//! let convolution = Convolution::plan(&engine, &geometry);
//! println!("{}: {}", convolution.chosen().algorithm.name(), convolution.chosen().reason);
//!
//! let (x, weight) = (vec![1.0_f32; 16], vec![1.0_f32; 9]);
//! let (mut y, epilogue) = (vec![0.0; geometry.output_len()?], Epilogue::RELU);
//! let prepared = convolution.prepare(&weight);
//! prepared.forward(ConvForward { x: &x, bias: None, epilogue, y: &mut y });
//! assert!((y[0] - 4.0).abs() < 1e-5 && (y[5] - 9.0).abs() < 1e-5);
//!
//! // The gradients of the sum of all outputs: each weight is multiplied by as many inputs as it has positions on the map.
//! let (dy, mut dweight) = (vec![1.0; y.len()], vec![0.0; 9]);
//! prepared.backward(ConvBackward {
//!     x: &x, y: &y, dy: &dy, epilogue, dx: None, dweight: &mut dweight, dbias: None,
//! });
//! assert!((dweight[4] - 16.0).abs() < 1e-4 && (dweight[0] - 9.0).abs() < 1e-4);
//!
//! // Every other kernel is a function of an engine, a geometry and slices.
//! let pool = PoolGeometry {
//!     batch: 1, height_in: 4, width_in: 4, channels: 1, kernel: [2, 2], stride: [2, 2],
//!     padding: Padding::NONE, dilation: [1, 1], ceil_mode: false,
//! };
//! let (mut maxima, mut positions) = (vec![0.0; 4], vec![0; 4]);
//! max_pool2d_forward(&engine, &pool, &y, &mut maxima, &mut positions);
//! assert_eq!(positions, [5, 6, 9, 10]);
//! # Ok::<(), allconv_kernels::GeometryError>(())
//! ```
//!
//! # Element types
//!
//! `f32` takes the fast paths that the engine's [`Accuracy`] admits; `f64` takes the definitions in [`mod@reference`], for gradient checks.
//!
//! # Layers
//!
//! From the bottom: `cpu` (instruction sets and vectors) and `memory`; `numbers` (element types, accuracy classes) and `windows` (padding
//! and the errors of geometries); `engine`; `elementwise`; then `convolution`, `pooling`, `resampling` and `normalisation`. A module
//! imports from the layers beneath it and from its own. The README says how to add a kernel.

mod convolution;
mod cpu;
mod elementwise;
mod engine;
mod memory;
mod normalisation;
mod numbers;
mod peak;
mod pooling;
mod resampling;
mod windows;

pub use convolution::{
    Algorithm, ConvBackward, ConvForward, ConvGeometry, ConvTransposeGeometry, Convolution, Convolve, Plan,
    PreparedConvolution, PreparedTransposedConvolution, Scheme, TransposedConvolution, WeightCache,
    reference,
};
pub use cpu::{Isa, IsaError};
pub use elementwise::{
    Activation, Dropout, Elementwise, Epilogue, MixtureGradients, MixtureMaps, SgdStep, dropout_backward,
    dropout_forward, elementwise_backward, elementwise_forward, mixture_backward, mixture_forward,
    sgd_momentum_step,
};
pub use engine::Engine;
pub use memory::{RecyclingAllocator, unspecified_vec};
pub use normalisation::{
    NormGeometry, NormGradients, NormSharing, NormStatistics, normalise_backward, normalise_forward,
};
pub use numbers::{
    Accuracy, BF16_ERROR_BOUND, BF16_FAST_ERROR_BOUND, EXACT_ERROR_BOUND, Elementary, F32_ERROR_BOUND,
    Scalar, UnknownAccuracy,
};
pub use peak::measured_peak;
pub use pooling::{
    AverageDivisor, Orders, PoolGeometry, RegionLists, WeightedPoolBackward, WindowFunction,
    assign_positions, assign_positions_backward, average_pool2d_backward, average_pool2d_forward,
    drawn_positions, gather_positions, max_pool2d_backward, max_pool2d_forward, max_pool2d_values,
    median_positions, region_max_positions, scatter_positions, weighted_pool2d_backward,
    weighted_pool2d_forward,
};
pub use resampling::{
    AxisMap, BlockGeometry, BlockOrder, ChannelMap, ReassemblyGeometry, ResampleChannels, depth_to_space,
    reassembly_backward, reassembly_forward, reassembly_weights, resample, space_to_depth,
};
pub use windows::{GeometryError, Padding};
