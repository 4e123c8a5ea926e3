//! Lowering of operators to graphs of nodes that other programs have: what an export in the format of another program writes.
//!
//! An operator lowers itself beside its computation. A lowered operator computes what it computes in evaluation: what training draws at
//! random has its expectation there. Nodes are those of ONNX's core that its runtimes have in common.

mod axis_maps;
mod build;
mod graph;
mod switches;
mod windows;

pub(crate) use axis_maps::{lowered_map, lowered_maps};
pub use graph::{BATCH, Binary, Compare, Graph, Node, Op, PadFill, Reduce, ShuffleOrder, Unary, Value};
pub use switches::{LoweredDestination, LoweredSwitches};
pub(crate) use windows::Powers;
