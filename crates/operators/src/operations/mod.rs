//! The operations that compute operators and networks: kernels on the CPU, compositions of Burn's operations elsewhere.
//!
//! Each file holds one operation: a public function over Burn's tensors; its kernels' halves, forward and backward, generic over the
//! number type; and its composition of Burn's operations, the reference of the kernels, which runs where there are no kernels.
//! `place` decides between the two by one rule, `differentiable` is the one bridge to Burn's autodiff. A composition is
//! differentiated by Burn, unless its gradient is written by hand because it needs less memory.
//!
//! A kernel for a GPU goes into a file next to the operation's, as one more arm of its `placed!`.
//!
//! Tensors are logically `[n, c, h, w]`; on the CPU results lie in memory as `[n, h, w, c]` behind permuted strides,
//! and such inputs are read in place.

mod activation;
mod average_pool;
mod blocks;
mod convolution;
mod differentiable;
mod dropout;
mod elementwise;
mod joining;
mod layout;
mod max_pool;
mod mixture;
mod normalise;
mod place;
mod positions;
mod reassembly;
mod rectifier;
mod separable;
mod stacked;
#[cfg(test)]
mod tests;
mod transposed_convolution;
mod weighted_pool;
mod window;

pub use activation::activated;
pub use average_pool::{Divisor, average_pool};
pub use blocks::{blocks_to_channels, channels_to_blocks};
pub use convolution::{ConvolutionSettings, convolution, convolution_keeping_weights};
pub use dropout::dropout;
pub use elementwise::elementwise;
pub use joining::{concatenate_channels, sum_of};
pub use layout::{channels_first, channels_last, images_to_tensor};
pub use max_pool::{max_pool, max_pool_with_indices};
pub use mixture::mixture;
pub use normalise::{EPSILON, NormaliseSettings, Normalised, normalise};
pub use positions::{PositionChoice, assigned, gathered, scattered};
pub use reassembly::reassembled;
pub use rectifier::rectifier;
pub use separable::{SeparableMap, Together, separable, separable_together};
pub use stacked::{StackedWindows, picked, position_counts, stacked_windows};
pub use transposed_convolution::{TransposedConvolutionSettings, transposed_convolution};
pub use weighted_pool::weighted_pool;
pub use window::{PoolBorder, PoolWindow};
