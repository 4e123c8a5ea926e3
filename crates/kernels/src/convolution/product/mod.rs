//! The matrix product that every dense convolution is made of, over strided operands.

mod ahead;
mod batch;
mod packed;
mod pairs;
mod shape;
#[cfg(test)]
mod tests;
mod tiles;

pub(super) use packed::{packed_order, packed_panels, pair_packed};
pub(super) use pairs::{pair_at_distance, pair_neighbours, pair_rows};
pub(super) use shape::{LeftStrides, Offsets, Operands, Product, ResultStrides, Right, Store};
