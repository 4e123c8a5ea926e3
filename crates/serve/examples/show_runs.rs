//! Shows the runs of a folder in a browser until the process ends: `cargo run -p allconv-serve --example show_runs -- runs`.
//!
//! A program that writes run directories by itself can show them so, without the command line.

use std::path::PathBuf;
use std::process::ExitCode;

use allconv_serve::{ServeError, ServeOptions, Server, Token};

fn main() -> ExitCode {
    let mut folders: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if folders.is_empty() {
        folders.push("runs".into());
    }
    let listening = || -> Result<Server, ServeError> {
        Server::bind(&ServeOptions {
            folders,
            host: "127.0.0.1".to_owned(),
            port: 0,
            token: Token::random()?,
        })
    };
    match listening() {
        Ok(server) => {
            println!("{}", server.address());
            server.run();
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
