//! What every fast dense convolution shares: bands of the maps are copied into channel-blocked buffers (with padding,
//! epilogue and channel tails dealt with on the way), and an algorithm works on these.

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
pub(super) use lowering::{Bands, ForwardOperand, LiftedBand, Lowering, OfBoth, OutputBand};
pub(super) use shape::{Channels, StageShape};
pub(super) use tiling::{Tiling, TilingRequest};
pub(super) use transposed::{TransposedOperands, transposed_backward};
