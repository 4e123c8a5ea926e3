//! Command-line arguments of `serve`.

use std::path::PathBuf;

use clap::Args;

/// `allconv serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// Folders of runs, or of studies with runs.
    #[arg(default_value = "runs")]
    pub(crate) runs: Vec<PathBuf>,
    /// Port to listen at; 0 for a free one.
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
    /// Name or address to listen at, for other machines to read: 0.0.0.0 for all of them. What is sent is not encrypted.
    #[arg(long, default_value = "127.0.0.1", requires = "token")]
    pub(crate) host: String,
    /// Token of the address, of 16 to 128 letters, digits, - and _ [default: a random one].
    #[arg(long, env = "ALLCONV_SERVE_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
}
