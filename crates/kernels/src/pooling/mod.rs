//! Pooling over windows, forward and backward: maximum, average, smooth functions, and chosen positions.

mod average;
mod geometry;
mod large_maximum;
mod largest;
mod maximum;
mod position_choice;
mod positions;
mod rows;
mod weighted;
mod window_function;

pub use average::{AverageDivisor, average_pool2d_backward, average_pool2d_forward};
pub use geometry::PoolGeometry;
pub use maximum::{max_pool2d_backward, max_pool2d_forward, max_pool2d_values};
pub use position_choice::{RegionLists, drawn_positions, median_positions, region_max_positions};
pub use positions::{assign_positions, assign_positions_backward, gather_positions, scatter_positions};
pub use weighted::{Orders, WeightedPoolBackward, weighted_pool2d_backward, weighted_pool2d_forward};
pub use window_function::WindowFunction;
