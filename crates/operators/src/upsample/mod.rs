//! Upsampling operators, one file each, which enlarge what a downsampling operator reduced.
//!
//! # The rule
//!
//! An operator takes a map to a given height and width: those of the map that its paired downsampling operator reduced, odd ones included.
//! Where it needs more than the reduced map, the downsampling operator gives it as [`Switches`](crate::Switches);
//! [`UpsampleConfig::check_pair`](crate::UpsampleConfig::check_pair) decides which operators can. One that mixes channels by learned
//! weights is followed by the net's activation, the others are not.
//!
//! ```
//! use allconv_operators::{DownsampleConfig, UpsampleConfig};
//!
//! let unpool = &UpsampleConfig::named("max_unpool")?[0];
//! assert!(unpool.check_pair(&DownsampleConfig::named("max_pool")?[0]).is_ok());
//! let refusal = unpool.check_pair(&DownsampleConfig::named("strided_conv")?[0]).unwrap_err();
//! assert!(refusal.to_string().ends_with("it can be paired with max_pool, conv_pool"));
//! # Ok::<(), allconv_operators::OperatorError>(())
//! ```

mod blur_upsample;
mod carafe;
mod inverse_haar;
mod max_unpool;
mod pixel_shuffle;
mod polyphase_unpool;
mod properties;
mod resize_conv;
mod spectral_upsample;
mod transposed_conv;
mod upsampling;

pub use blur_upsample::BlurUpsample;
pub use carafe::Carafe;
pub use inverse_haar::InverseHaar;
pub use max_unpool::{Duplicates, MaxUnpool};
pub use pixel_shuffle::PixelShuffle;
pub use polyphase_unpool::PolyphaseUnpool;
pub use properties::Properties;
pub use resize_conv::ResizeConv;
pub use spectral_upsample::SpectralUpsample;
pub use transposed_conv::TransposedConv;
pub use upsampling::{Destination, Enlargement, SizeRule, Upsampling};
