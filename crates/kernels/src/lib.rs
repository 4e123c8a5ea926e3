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

mod allocator;
mod axis_map;
mod bfloat16;
mod blocked;
mod blocks;
mod channels;
mod convolution;
mod depthwise;
mod direct;
mod dropout;
mod elementary;
mod elementwise;
mod engine;
mod epilogue;
mod fast;
mod geometry;
mod isa;
mod mixture;
pub mod naive;
mod normalise;
mod peak;
mod plan;
mod pooling;
mod prepared;
mod product;
mod reassembly;
mod resample;
mod scalar;
mod scratch;
mod sgd;
mod simd;
mod transposed;
mod unspecified;
mod winograd;

pub use allocator::RecyclingAllocator;
pub use axis_map::AxisMap;
pub use blocks::{BlockGeometry, BlockOrder, depth_to_space, space_to_depth};
pub use convolution::{ConvGradients, conv2d_backward, conv2d_forward, conv2d_forward_owned};
pub use dropout::{Dropout, dropout_backward, dropout_forward};
pub use elementary::Elementary;
pub use elementwise::{Elementwise, elementwise_backward, elementwise_forward};
pub use engine::{
    Accuracy, BF16_ERROR_BOUND, BF16_FAST_ERROR_BOUND, EXACT_ERROR_BOUND, Engine, F32_ERROR_BOUND,
    UnknownAccuracy,
};
pub use epilogue::{Activation, Epilogue};
pub use geometry::{ConvGeometry, GeometryError, Padding};
pub use isa::{Isa, IsaError};
pub use mixture::{MixtureGradients, MixtureMaps, mixture_backward, mixture_forward};
pub use normalise::{
    NormGeometry, NormGradients, NormSharing, NormStatistics, normalise_backward, normalise_forward,
};
pub use peak::measured_peak;
pub use plan::{Algorithm, Plan, candidates, plan};
pub use pooling::average::{AverageDivisor, average_pool2d_backward, average_pool2d_forward};
pub use pooling::cell_choice::{RegionLists, drawn_cells, median_cells, region_max_cells};
pub use pooling::cells::{assign_cells, assign_cells_backward, gather_cells, scatter_cells};
pub use pooling::geometry::PoolGeometry;
pub use pooling::maximum::{max_pool2d_backward, max_pool2d_forward, max_pool2d_values};
pub use pooling::weighted::{Orders, weighted_pool2d_backward, weighted_pool2d_forward};
pub use pooling::window_function::WindowFunction;
pub use prepared::WeightCache;
pub use reassembly::{ReassemblyGeometry, reassembly_backward, reassembly_forward, reassembly_shares};
pub use resample::{ChannelMap, ResampleChannels, resample};
pub use scalar::Scalar;
pub use sgd::{SgdStep, sgd_momentum_step};
pub use transposed::{ConvTransposeGeometry, conv_transpose2d_backward, conv_transpose2d_forward};
pub use unspecified::unspecified_vec;
pub use winograd::Scheme;
