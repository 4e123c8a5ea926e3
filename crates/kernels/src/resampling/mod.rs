//! Maps brought to another size: linear maps of the axes, content-aware reassembly, and blocks of positions as channels.

mod axis_map;
mod blocks;
mod reassembly;
mod reassembly_weights;
mod resample;

pub use axis_map::AxisMap;
pub use blocks::{BlockGeometry, BlockOrder, depth_to_space, space_to_depth};
pub use reassembly::{ReassemblyGeometry, reassembly_backward, reassembly_forward};
pub use reassembly_weights::reassembly_weights;
pub use resample::{ChannelMap, ResampleChannels, resample};
