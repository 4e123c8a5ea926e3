//! The errors of the server.

use std::path::PathBuf;

/// The reason why studies are not served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A folder cannot be shown.
    #[error("cannot show the runs in {path}: {reason}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// A token that is too short, too long, or has other characters than an address takes.
    #[error(
        "a token has {least} to {most} letters, digits, - and _, for instance from `openssl rand -hex 16`; this one {defect}"
    )]
    Token {
        /// The least number of characters.
        least: usize,
        /// The largest number.
        most: usize,
        /// The defect.
        defect: String,
    },
    /// A host name or address that is none of this machine, or a port that is taken.
    #[error("cannot listen at {address}: {source}")]
    Listen {
        /// Host and port.
        address: String,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The operating system has no random numbers.
    #[error("cannot draw a token: {0}; name one with --token")]
    Random(String),
}
