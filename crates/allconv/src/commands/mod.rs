//! One file a command.

pub(crate) mod bench;
pub(crate) mod bench_conv;
pub(crate) mod bench_map;
mod bench_operators;
mod bench_slot;
pub(crate) mod data;
mod data_augment;
pub(crate) mod doctor;
pub(crate) mod eval;
pub(crate) mod explain;
mod explain_page;
pub(crate) mod export;
pub(crate) mod measure;
pub(crate) mod models;
mod operator_card;
pub(crate) mod operators;
pub(crate) mod predict;
pub(crate) mod shell;
pub(crate) mod study;
mod study_bench;
mod study_compare;
mod study_plan;
mod study_status;
pub(crate) mod train;
pub(crate) mod try_operation;
