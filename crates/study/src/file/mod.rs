//! A study file: its syntax, its unknown keys, and where in the text everything stands.

mod document;
mod fields;
mod node;
mod sections;
mod settings;
mod study_file;

pub use document::StudyFileError;
#[cfg(test)]
pub(crate) use document::nearest_name;
pub use settings::{Better, Comparison, Correction, Primary, Seeds, TestKind};
pub use study_file::{Arm, StudyFile};
