//! Tests of the server over sockets, on run directories that are written here.
#![forbid(unsafe_code)]

/// Studies and run directories, and a client.
mod support;

/// What the pages show, and how they follow the runs.
mod pages;

/// Who is answered, and what no request can reach or change.
mod security;

/// A thousand runs.
mod scale;
