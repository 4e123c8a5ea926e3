//! Bands of feature maps in channel-blocked buffers, on which the dense algorithms work. Padding, epilogue and channel tails are dealt
//! with while a band is copied.

mod backward;
mod forward;
mod groups;
mod lowering;
mod shape;
mod stage;
mod tiling;
mod transposed;
mod write;

pub(super) use backward::{BackwardOperands, InputGradient, WeightGradient, backward};
pub(super) use forward::{ForwardOperands, forward};
pub(super) use lowering::{BandLengths, Bands, ForwardOperand, LiftedBand, Lowering, OutputBand};
pub(super) use shape::{Channels, StageShape};
pub(super) use tiling::{Tiling, TilingRequest};
pub(super) use transposed::{TransposedOperands, transposed_backward};
