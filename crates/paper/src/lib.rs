//! Papers whose numbers are keys into published runs: their sources, values, tables, figures, lock file and verification.
//!
//! A paper is a folder with LaTeX sources and a `paper.toml` that names studies. [`build`] computes every key that the sources use from the
//! study files and run directories, writes the results where LaTeX reads them, and writes `paper.lock`. [`verify`] computes all of it again
//! and compares. [`retrain`] trains runs again through [`Retrain`], which whoever knows tensors implements. This crate knows no tensor and
//! no terminal.
#![forbid(unsafe_code)]
#![expect(clippy::disallowed_methods, reason = "places in figures, not numbers of runs")]

mod building;
mod checklist;
mod claims_text;
mod config;
mod difference;
mod error;
mod figure;
mod figure_forest;
mod figure_trend;
mod init;
mod key;
mod latex;
mod library;
mod lint;
mod lock;
mod macros;
mod pdf;
mod resolve;
mod resolve_arm;
mod resolve_study;
mod retrain;
mod show;
mod source;
mod study_table;
mod study_text;
#[cfg(test)]
mod testing;
mod value;
mod verify;

pub use building::{Built, Paper, build};
pub use config::{AuthorAnswer, PaperConfig, StudySource};
pub use difference::{Difference, DifferenceKind};
pub use error::{PaperError, TextProblem};
pub use init::{InitOptions, init};
pub use lock::{LOCK_SCHEMA, Lock, LockedCell, LockedRun, LockedStudy};
pub use pdf::{LatexOutcome, write_pdf};
pub use retrain::{Choice, Retrain, Retrained, Retraining, retrain};
pub use verify::{Verification, verify};
