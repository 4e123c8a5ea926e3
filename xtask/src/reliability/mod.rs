//! `cargo xtask reliability`: the program is killed, starved of disk space, fed damaged input and run many times at once, from outside.
//!
//! Each part runs by itself and continues where it stopped; its figures are kept in `docs/reliability.json`, from which
//! `docs/reliability.md` is written.

mod answers;
mod campaign;
mod disks;
mod failpoints;
mod figures;
mod formats;
mod images;
mod inputs;
mod kills;
mod operations;
mod page;
mod power;
mod replay;
mod requirements;
mod scenarios;
mod signals;
mod steady;
mod strace;
mod watch;
mod workers;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use campaign::{Built, Campaign, Scale};
use figures::{Ledger, Session};

/// A part of the campaign.
struct Part {
    /// The name on the command line and in the figures.
    name: &'static str,
    /// The heading on the page.
    title: &'static str,
    /// What is done and what counts as a failure.
    text: &'static str,
    run: fn(&Campaign, &mut Session) -> anyhow::Result<()>,
}

/// All parts in the order in which they run.
const PARTS: &[Part] = &[
    Part { name: "kills", title: "Kills", text: kills::TEXT, run: kills::run },
    Part {
        name: "failpoints",
        title: "System calls that fail",
        text: failpoints::TEXT,
        run: failpoints::run,
    },
    Part { name: "power", title: "Losses of power", text: power::TEXT, run: power::run },
    Part { name: "disks", title: "Full disks", text: disks::TEXT, run: disks::run },
    Part { name: "formats", title: "Formats", text: formats::TEXT, run: formats::run },
    Part { name: "signals", title: "Signals", text: signals::TEXT, run: signals::run },
    Part { name: "workers", title: "Many workers", text: workers::TEXT, run: workers::run },
    Part { name: "steady", title: "Memory, descriptors and threads", text: steady::TEXT, run: steady::run },
    Part { name: "inputs", title: "Damaged files", text: inputs::TEXT, run: inputs::run },
];

/// The options of the command.
pub(crate) const USAGE: &str = "  reliability [PART ...] [--scale quick|full] [--seconds N] [--program PATH] [--inputs PATH] [--scratch FOLDER]
                  kills, failing system calls, power loss, full disks, many workers, damaged input, memory: all parts or those
                  named, each continued where it stopped for at most N seconds; writes docs/reliability.md. Some parts need
                  Linux, root and strace. The program and the tests of damaged files are built unless a PATH names them; FOLDER is best
                  on a tmpfs
";

/// What the command line asks for.
struct Options {
    parts: Vec<&'static Part>,
    scale: Scale,
    limit: Option<Duration>,
    built: Built,
    scratch: PathBuf,
}

/// Runs the parts that the arguments name, or all of them.
///
/// # Errors
/// Wrong arguments; a part that cannot be run on this machine; failures of the program that a part found.
pub(crate) fn run(workspace: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let options = options(workspace, arguments)?;
    let mut ledger = Ledger::read(workspace)?;
    let mut failures = 0;
    for part in &options.parts {
        let scratch = options.scratch.join(part.name);
        let campaign = Campaign::new(workspace, &options.built, &scratch, options.scale, options.limit)?;
        println!("{}: {}", part.name, campaign.program.display());
        let mut session = ledger.session(part.name, &campaign)?;
        (part.run)(&campaign, &mut session).with_context(|| format!("part {}", part.name))?;
        failures += session.finish();
        page::write(workspace, &Ledger::read(workspace)?)?;
    }
    ensure!(failures == 0, "{failures} failures; they are listed in docs/reliability.md");
    Ok(())
}

fn options(workspace: &Path, arguments: &[&str]) -> anyhow::Result<Options> {
    let scratch = workspace.join("target/reliability");
    let mut options =
        Options { parts: Vec::new(), scale: Scale::Full, limit: None, built: Built::default(), scratch };
    let mut left = arguments.iter();
    while let Some(argument) = left.next() {
        let mut value = || left.next().with_context(|| format!("{argument} needs a value"));
        match *argument {
            "--scale" => options.scale = value()?.parse()?,
            "--seconds" => {
                let seconds = value()?.parse().context("--seconds: expected whole seconds")?;
                options.limit = Some(Duration::from_secs(seconds));
            }
            "--program" => options.built.program = Some(existing(value()?)?),
            "--inputs" => options.built.inputs = Some(existing(value()?)?),
            "--scratch" => options.scratch = std::path::absolute(value()?)?,
            name => match PARTS.iter().find(|part| part.name == name) {
                Some(part) => options.parts.push(part),
                None => {
                    let names: Vec<&str> = PARTS.iter().map(|part| part.name).collect();
                    bail!("no part `{name}`; the parts are {}", names.join(", "));
                }
            },
        }
    }
    if options.parts.is_empty() {
        options.parts.extend(PARTS);
    }
    Ok(options)
}

/// The absolute path of a file that must exist.
fn existing(path: &str) -> anyhow::Result<PathBuf> {
    Path::new(path).canonicalize().with_context(|| format!("there is no {path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_parts_and_options_are_read_and_others_refused() {
        let read = options(Path::new("/w"), &["kills", "--scale", "quick", "--seconds", "9"]).unwrap();
        assert_eq!(read.parts.len(), 1);
        assert_eq!((read.parts[0].name, read.scale), ("kills", Scale::Quick));
        assert_eq!(read.limit, Some(Duration::from_secs(9)));
        assert_eq!(options(Path::new("/w"), &[]).unwrap().parts.len(), PARTS.len());
        for (arguments, told) in [
            (&["kill"][..], "the parts are kills"),
            (&["--scale"], "--scale needs a value"),
            (&["--scale", "tiny"], "quick or full"),
            (&["--seconds", "many"], "whole seconds"),
        ] {
            let error = options(Path::new("/w"), arguments).err().unwrap();
            assert!(format!("{error:#}").contains(told), "{error:#}");
        }
    }
}
