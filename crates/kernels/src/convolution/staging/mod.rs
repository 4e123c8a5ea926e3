//! What every fast dense convolution shares: bands of the maps are copied into channel-blocked buffers (with padding,
//! epilogue and channel tails dealt with on the way), and an algorithm works on these.

mod backward;
mod forward;
mod groups;
mod lowering;
mod stage;
mod tiling;
mod transposed;
mod write;

pub(super) use backward::{BackwardOperands, WeightGradient, backward};
pub(super) use forward::{ForwardOperands, OutputBand, forward};
pub(super) use lowering::{ForwardOperand, LiftedBand, Lowering};
pub(super) use stage::{Channels, StageShape};
pub(super) use tiling::{Tiling, TilingRequest};
pub(super) use transposed::{TransposedOperands, transposed_backward};
