//! A live view of studies and runs: a local web server over run directories, which reads and never writes.
//!
//! 1. [`LiveStudy`] holds the runs of a study as they are on disk, read incrementally; [`StudyProgress`] adds them up.
//! 2. [`Server`] shows all studies of some folders in a browser and sends what changes.
//!
//! The pages are blocks of `allconv-document` within a frame; a script of this crate replaces the sections that the server sends. A page
//! needs the [`Token`] in its address, and the server answers only to names of this machine.
//!
//! # Example
//!
//! ```
//! use std::io::{Read, Write};
//! use std::net::TcpStream;
//!
//! use allconv_serve::{ServeOptions, Server, Token};
//!
//! let runs = tempfile::tempdir().unwrap();
//! let options = ServeOptions {
//!     folders: vec![runs.path().to_path_buf()],
//!     host: "127.0.0.1".to_owned(),
//!     port: 0,
//!     token: Token::random().unwrap(),
//! };
//! let server = Server::bind(&options).unwrap();
//! let address = server.address().to_owned();
//! std::thread::spawn(move || server.run());
//!
//! let (host, path) = address.strip_prefix("http://").unwrap().split_once('/').unwrap();
//! let mut connection = TcpStream::connect(host).unwrap();
//! write!(connection, "GET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
//! let mut page = String::new();
//! connection.read_to_string(&mut page).unwrap();
//! assert!(page.contains("No study has been run here yet."));
//! ```
#![forbid(unsafe_code)]

mod access;
mod analysis;
mod error;
mod events;
mod files;
mod http;
mod live;
mod pages;
mod routes;
mod server;
mod store;

pub use access::Token;
pub use error::ServeError;
pub use live::{LiveRun, LiveStudy, RunRow, StudyProgress};
pub use server::{ServeOptions, Server};
