//! Pooling over windows: maximum and average, forward and backward.

pub(crate) mod average;
pub(crate) mod cell_choice;
pub(crate) mod cells;
pub(crate) mod geometry;
pub(crate) mod large_maximum;
pub(crate) mod maximum;
mod rows;
pub(crate) mod weighted;
pub(crate) mod window_function;
