//! Papers whose numbers are keys into published runs: their sources, values, tables, figures, lock file and verification.
//!
//! A paper is a folder with LaTeX sources and a `paper.toml` that names studies. [`build`] computes every key that the sources use from the
//! study files and run directories, writes the results where LaTeX reads them, and writes `paper.lock`. [`verify()`] computes all of it again
//! and compares. [`retrain()`] trains runs again through [`Retrain`], which whoever knows tensors implements. This crate knows no tensor and
//! no terminal.
//!
//! A registered study becomes a draft, in which every number waits for its runs:
//!
//! ```
//! use allconv_paper::{InitOptions, Paper, build, init, verify};
//!
//! let place = tempfile::tempdir()?;
//! let study = place.path().join("pooling.toml");
//! std::fs::write(
//!     &study,
//!     r#"question = "Which?"
//! primary = { metric = "error", split = "test", better = "lower" }
//! compare = { baseline = "max_pool" }
//! seeds = { from = 0, count = 5 }
//! [base.data]
//! dataset = "synthetic"
//! [base.net]
//! architecture = { springenberg = { base = "c" } }
//! [base.train]
//! epochs = 1
//! [arms.max_pool.net.downsample]
//! max_pool = { kernel = 3 }
//! [arms.strided.net.downsample]
//! strided_conv = { kernel = 3 }
//! "#,
//! )?;
//! let folder = place.path().join("paper");
//! let runs = [place.path().join("runs")];
//! init(&InitOptions { folder: &folder, studies: &[study], runs: &runs })?;
//! let built = build(&Paper::open(&folder)?)?;
//! assert_eq!((built.runs, built.unfinished > 0), (0, true));
//! assert_eq!(verify(&Paper::open(&folder)?)?.differences, []);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
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
