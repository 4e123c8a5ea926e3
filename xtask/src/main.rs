//! Development commands of the workspace: `cargo xtask check` before every push, `cargo xtask release-check` before a release.
#![forbid(unsafe_code)]

mod arrows;
mod bench_peers;
mod check;
mod generated;
mod release_check;
mod shell;

use std::path::PathBuf;

const USAGE: &str = "usage: cargo xtask COMMAND

  check           format, clippy, documentation, dependency arrows, generated files unchanged
  generate        writes the generated files anew
  release-check   the longer campaigns
  bench-peers PYTHON [ROUNDS]
                  throughput beside PyTorch, interleaved; writes docs/performance.md
";

fn main() -> anyhow::Result<()> {
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["check"] => check::run(&workspace),
        ["generate"] => generated::write(&workspace),
        ["bench-peers", python] => bench_peers::run(&workspace, python, 3),
        ["bench-peers", python, rounds] => bench_peers::run(&workspace, python, rounds.parse()?),
        ["release-check"] => release_check::run(&workspace),
        _ => {
            eprint!("{USAGE}");
            std::process::exit(2);
        }
    }
}
