//! `allconv serve`: studies and runs live in a browser.

use allconv_serve::{ServeError, ServeOptions, Server, Token};
use anyhow::bail;

use crate::arguments::ServeArguments;
use crate::exit::UsageError;
use crate::output;

/// Runs the command, which ends with the process.
pub(crate) fn run(arguments: &ServeArguments) -> anyhow::Result<u8> {
    let usage = |error: ServeError| -> anyhow::Error {
        match error {
            ServeError::Folder { .. } | ServeError::Token { .. } => UsageError(error.to_string()).into(),
            other => other.into(),
        }
    };
    let token = match &arguments.token {
        Some(text) => Token::given(text).map_err(usage)?,
        None => Token::random()?,
    };
    let options = ServeOptions {
        folders: arguments.runs.clone(),
        host: arguments.host.clone(),
        port: arguments.port,
        token,
    };
    let server = Server::bind(&options).map_err(usage)?;
    output::print_line(server.address())?;
    output::note("open this address in a browser; the page is read only, Ctrl-C ends it");
    server.run();
    bail!("the server ended");
}
