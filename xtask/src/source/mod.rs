//! The workspace's Rust sources as syntax trees: which files are product code, their lengths, and their dependencies.

mod cycles;
mod lines;
mod module;
mod names;

pub(crate) use cycles::{check, print};
pub(crate) use lines::print as print_lines;
