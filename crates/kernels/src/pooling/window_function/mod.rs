//! Smooth functions that a pooling window is reduced by, and their gradients.

mod function;
mod lanes;
mod log_sum_exp;
mod p_norm;
mod rank_mean;
mod similarity;
mod soft_mean;
mod square_mean;

pub use function::WindowFunction;
