//! Downsampling operators, one file each, for the slot of a network.
//!
//! # The rule of the slot
//!
//! Unless its description says otherwise, an operator of stride `s` maps a height or width `h ≥ 1` to `ceil(h / s)`, for every kernel.
//! One that mixes channels by learned weights is followed by the net's activation, the others are not; then comes dropout.

mod ada_pool;
mod adaptive_polyphase;
mod antialiased_resize;
mod average_blur_pool;
mod average_pool;
mod blur_pool;
mod conv_blur_pool;
mod conv_pool;
mod conv_unshuffle;
mod decimation;
mod depthwise_conv;
mod diff_stride;
mod dilation;
mod downsampling;
mod folded_stride;
mod fractional_max_pool;
mod gated_pool;
mod gem_pool;
mod haar_low_pass;
mod haar_wavelet;
mod learned_p_norm_pool;
mod learned_polyphase;
mod local_importance_pool;
mod log_sum_exp_pool;
mod max_average_pool;
mod max_blur_pool;
mod max_pool;
mod median_pool;
mod mixed_pool;
mod p_norm_pool;
mod patch_merging;
mod pixel_unshuffle;
mod polyphase;
mod properties;
mod reduction;
mod sharing;
mod soft_pool;
mod spectral_pool;
mod stochastic_pool;
mod strided_conv;
mod windowed;

pub use ada_pool::AdaPool;
pub use adaptive_polyphase::{AdaptivePolyphase, PhaseNorm};
pub use antialiased_resize::AntialiasedResize;
pub use average_blur_pool::AverageBlurPool;
pub use average_pool::{AveragePool, Divisor};
pub use blur_pool::BlurPool;
pub use conv_blur_pool::ConvBlurPool;
pub use conv_pool::ConvPool;
pub use conv_unshuffle::ConvUnshuffle;
pub use decimation::Decimation;
pub use depthwise_conv::DepthwiseConv;
pub use diff_stride::DiffStride;
pub use dilation::Dilation;
pub use downsampling::{Downsampling, Following, Part};
pub use folded_stride::FoldedStride;
pub use fractional_max_pool::{FractionalMaxPool, RegionDraw, Regions};
pub use gated_pool::GatedPool;
pub use gem_pool::GemPool;
pub(crate) use haar_low_pass::HAAR_BANDS;
pub use haar_low_pass::HaarLowPass;
pub use haar_wavelet::HaarWavelet;
pub use learned_p_norm_pool::LearnedPNormPool;
pub use learned_polyphase::LearnedPolyphase;
pub use local_importance_pool::{ImportanceGate, LocalImportancePool};
pub use log_sum_exp_pool::LogSumExpPool;
pub use max_average_pool::{Combine, MaxAveragePool};
pub use max_blur_pool::MaxBlurPool;
pub use max_pool::MaxPool;
pub use median_pool::{EvenMedian, MedianPool};
pub use mixed_pool::MixedPool;
pub use p_norm_pool::{NormForm, PNormPool};
pub use patch_merging::PatchMerging;
pub use pixel_unshuffle::{PhaseOrder, PixelUnshuffle, Projection};
pub use properties::Properties;
pub use reduction::{Reducer, Reduction};
pub use sharing::Sharing;
pub use soft_pool::SoftPool;
pub use spectral_pool::{SpectralPool, SpectralWindow};
pub use stochastic_pool::StochasticPool;
pub use strided_conv::StridedConv;
