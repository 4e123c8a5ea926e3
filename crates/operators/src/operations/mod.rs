//! The bridge from Burn to the CPU kernels: custom operators with hand-written gradients.
//!
//! Each operator is a trait over Burn's backends with a default body made of Burn's own operations, which is its
//! reference and what runs on a GPU. On the CPU the kernels take its place. The gradient is written once, over any
//! backend, and calls the backward half of the same trait.
//!
//! Tensors are logically `[n, c, h, w]`; on the CPU results lie in memory as `[n, h, w, c]` behind permuted strides,
//! and such inputs are read in place.

mod average_pool;
mod blocks;
mod cells;
mod composed;
mod composed_normalise;
mod convolution;
#[cfg(test)]
mod dense_tests;
mod dropout;
mod elementwise;
mod joining;
mod max_pool;
mod mixture;
pub(crate) mod nhwc;
mod normalise;
mod reassembly;
mod rectifier;
mod separable;
mod stacked;
#[cfg(test)]
mod tests;
mod transposed_convolution;
mod weighted_pool;
mod window;

pub use average_pool::{AveragePoolOps, Divisor, average_pool};
pub use blocks::BlockOps;
pub(crate) use blocks::{blocks_have_kernels, blocks_to_channels, channels_to_blocks};
pub use cells::{CellChoice, CellOps, assigned, gathered, scattered, scatters};
pub use convolution::{ConvolutionOps, ConvolutionSettings, convolution};
pub use dropout::{DropoutOps, dropout};
pub use elementwise::{ElementwiseOps, elementwise};
pub use joining::{JoiningOps, concatenate_channels, sum_of};
pub use max_pool::{MaxPoolOps, max_pool, max_pool_with_indices};
pub use mixture::{MixedGradients, MixtureOps, mixture};
pub use nhwc::images_to_tensor;
pub(crate) use nhwc::{channels_first, channels_last};
pub(crate) use normalise::EPSILON;
pub use normalise::{NormaliseOps, NormaliseSettings, Normalised, normalise};
pub use reassembly::{ReassemblyGradients, ReassemblyOps, reassembled};
pub use rectifier::{RectifierOps, rectifier};
pub use separable::{SeparableMap, SeparableMaps, SeparableOps, Together, separable, separable_together};
pub use stacked::{StackedWindows, cell_counts, picked, stacked_windows};
pub use transposed_convolution::{
    TransposedConvolutionOps, TransposedConvolutionSettings, transposed_convolution,
};
pub use weighted_pool::{
    OrderGradient, WeightedPoolGradients, WeightedPoolOps, WindowedFunction, weighted_pool,
};
pub use window::{PoolBorder, PoolWindow};
