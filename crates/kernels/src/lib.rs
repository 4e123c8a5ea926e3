//! CPU convolution, pooling and training kernels on plain slices.
//!
//! Activations are `[N, H, W, C]` (NHWC), weights `[C_out, C_in/groups, KH, KW]` (PyTorch's order), both contiguous.
//! Work is split over rayon's current pool in fixed pieces and reduced in a fixed order, so results are
//! bit-identical for any number of threads; `ThreadPool::install` scopes the threads.
//!
//! `f32` takes the fast paths that [`Engine`] selects; `f64` takes the naive code, for gradient checks.
//!
//! ```
//! use allconv_kernels::{ConvGeometry, Engine, Epilogue, Padding, conv2d_forward};
//!
//! let geometry = ConvGeometry {
//!     batch: 1, height_in: 4, width_in: 4, channels_in: 1, channels_out: 1,
//!     kernel: [3, 3], stride: [1, 1], padding: Padding::same(1), dilation: [1, 1], groups: 1,
//! };
//! let (x, weight) = (vec![1.0_f32; 16], vec![1.0_f32; 9]);
//! let mut y = vec![0.0; geometry.output_len()?];
//! conv2d_forward(&Engine::detect(), &geometry, &x, &weight, None, &Epilogue::IDENTITY, &mut y);
//! assert!((y[0] - 4.0).abs() < 1e-5 && (y[5] - 9.0).abs() < 1e-5);
//! # Ok::<(), allconv_kernels::GeometryError>(())
//! ```

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
    Algorithm, ConvGeometry, ConvGradients, ConvTransposeGeometry, Plan, Scheme, WeightCache, candidates,
    conv_transpose2d_backward, conv_transpose2d_forward, conv2d_backward, conv2d_forward,
    conv2d_forward_owned, plan, reference,
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
    AverageDivisor, Orders, PoolGeometry, RegionLists, WindowFunction, assign_cells, assign_cells_backward,
    average_pool2d_backward, average_pool2d_forward, drawn_cells, gather_cells, max_pool2d_backward,
    max_pool2d_forward, max_pool2d_values, median_cells, region_max_cells, scatter_cells,
    weighted_pool2d_backward, weighted_pool2d_forward,
};
pub use resampling::{
    AxisMap, BlockGeometry, BlockOrder, ChannelMap, ReassemblyGeometry, ResampleChannels, depth_to_space,
    reassembly_backward, reassembly_forward, reassembly_shares, resample, space_to_depth,
};
pub use windows::{GeometryError, Padding};
