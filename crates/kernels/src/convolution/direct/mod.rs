//! Direct convolution: matrix products that read the staged maps in place, without a transform or a copy of taps.
//!
//! Forward, the rows of the product are output pixels and its inner dimension runs over taps and input channels. For
//! the input's gradient every tap is one product added to a shifted window; for the weight gradient the inner dimension
//! runs over pixels.

mod forward;
mod lowering;
mod packing;
mod pieces;
mod sizes;

pub(super) use sizes::Direct;
