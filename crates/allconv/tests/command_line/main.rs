//! The built program as its users meet it: one integration binary, a module for each promise.
#![forbid(unsafe_code)]

/// A study small enough for tests, and how to run it.
mod tiny_study;

/// Killed and interrupted runs continue to the bits of an undisturbed one.
mod resume;

/// A stop at any system call of writing a checkpoint costs nothing.
mod failpoints;

/// Threads and loader workers do not show in the result.
mod determinism;

/// What is wrong is said, with the right exit code, before any training.
mod refusals;

/// Run directories of every format are read for ever.
mod formats;

/// What a run keeps of its data, and answers without them.
mod kept_data;

/// Failed runs, damaged results, later versions.
mod lost_runs;

/// Tasks over maps from import to prediction.
mod dense;

/// Every operator of the registry trains.
mod operators;

/// Tables and exports.
mod tables;

/// What is said of GPUs, without one.
mod devices;

/// Every command of the tutorial.
mod tutorial;

/// Reports come back byte for byte; studies are planned and compared.
mod reports;

/// Runs from trained weights.
mod starts;

/// Explaining and measuring networks.
mod asking;
