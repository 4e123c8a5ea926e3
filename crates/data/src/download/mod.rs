//! Downloads: fetching an archive over HTTPS, checking it, and recording the hashes of its files.

pub mod catalogue;
pub mod digest;
pub mod fetch;
pub mod manifest;
pub mod transfer;

pub use digest::Digests;
pub use fetch::{FetchReport, fetch};
pub use transfer::{Progress, RetryLimits};
