//! Downloads: fetching an archive over HTTPS, checking it, and remembering the hashes of what it held.

pub mod manifest;
