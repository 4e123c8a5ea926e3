//! Studies and runs as they are on disk now, read incrementally.

mod contained;
mod folder;
mod journal;
mod run;
mod series;
mod study;

pub(crate) use contained::is_contained;
pub use run::LiveRun;
pub(crate) use series::Point;
pub use study::{LiveStudy, RunRow, StudyProgress};
