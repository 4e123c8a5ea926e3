//! Pooling over windows, forward and backward: maximum, average, smooth functions, and chosen positions.

mod average;
mod cell_choice;
mod cells;
mod geometry;
mod large_maximum;
mod largest;
mod maximum;
mod rows;
mod weighted;
mod window_function;

pub use average::{AverageDivisor, average_pool2d_backward, average_pool2d_forward};
pub use cell_choice::{RegionLists, drawn_cells, median_cells, region_max_cells};
pub use cells::{assign_cells, assign_cells_backward, gather_cells, scatter_cells};
pub use geometry::PoolGeometry;
pub use maximum::{max_pool2d_backward, max_pool2d_forward, max_pool2d_values};
pub use weighted::{Orders, WeightedPoolBackward, weighted_pool2d_backward, weighted_pool2d_forward};
pub use window_function::WindowFunction;
