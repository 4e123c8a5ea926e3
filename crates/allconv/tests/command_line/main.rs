//! Tests of the built program: one integration binary, a module for each guarantee.
#![forbid(unsafe_code)]

/// A study small enough for tests, and how to run it.
mod tiny_study;

/// Killed and interrupted runs continue to the bits of an uninterrupted one.
mod resume;

/// Studies on many machines.
mod cluster;

/// A stop at any system call of writing a checkpoint loses nothing.
mod failpoints;

/// Results do not depend on threads and loader workers.
mod determinism;

/// Mistakes are refused with the right exit code before any training.
mod refusals;

/// Wrong images, tables, archives and label maps are refused by name.
mod images;

/// Runs on encoded images of different sizes.
mod shard_refusals;
mod shards;

/// Run directories of every earlier format are read.
mod formats;

/// The data that a run keeps, and results without the data set.
mod kept_data;

/// Networks that leave their runs: model folders.
mod model_folder;

/// Networks in the formats of other programs.
mod exports;

/// Failed runs, damaged results, later versions.
mod lost_runs;

/// Dense tasks from import to prediction.
mod dense;

/// Every operator of the registry trains.
mod operators;

/// Results on the terminal, lists, settings beside a file, presets, messages.
mod first_day;

/// The schema of study files.
mod schema;

/// Tables and exports.
mod tables;

/// Messages about GPUs on a machine without one.
mod devices;

/// Every command of the tutorial.
mod tutorial;

/// Reports are reproduced byte for byte; studies are planned and compared.
mod reports;

/// Runs from trained weights.
mod starts;

/// Papers whose numbers are derived from runs.
mod paper;

/// What `predict` keeps of a picture.
mod pictures_out;

/// Explaining and measuring networks.
mod explain_measure;

/// Studies that are followed in a browser and in the terminal.
mod watch;
