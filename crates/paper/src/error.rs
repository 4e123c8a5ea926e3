//! Why a paper cannot be built or verified.

use std::path::PathBuf;

use allconv_files::FileError;
use allconv_record::RecordError;
use allconv_study::StudyError;

/// Something wrong in a source of the paper, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextProblem {
    /// The source, relative to the paper's folder.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong, and how it is mended.
    pub message: String,
}

impl std::fmt::Display for TextProblem {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
    }
}

/// A paper that cannot be built or verified.
#[derive(Debug, thiserror::Error)]
pub enum PaperError {
    /// `paper.toml` or `paper.lock` is missing or wrong.
    #[error("{}: {reason}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The sources hold keys that do not exist, numbers typed by hand, or studies that are not finished.
    #[error("{}", joined(.0))]
    Text(Vec<TextProblem>),
    /// There is already something where a paper was to be made.
    #[error("{} exists; name another folder, or remove it", .0.display())]
    Exists(PathBuf),
    /// No published run has the name, or it cannot be trained again.
    #[error("{0}")]
    Run(String),
    /// LaTeX failed.
    #[error("{0}")]
    Latex(String),
    /// A study file or its runs cannot be read.
    #[error(transparent)]
    Study(#[from] StudyError),
    /// A file cannot be read or written.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl From<FileError> for PaperError {
    fn from(error: FileError) -> PaperError {
        RecordError::from(error).into()
    }
}

impl PaperError {
    /// Makes the closure that `map_err` wants for a file that cannot be read.
    pub(crate) fn read(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> PaperError {
        let path = path.to_path_buf();
        move |source| FileError::of("read", &path)(source).into()
    }
}

fn joined(problems: &[TextProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
