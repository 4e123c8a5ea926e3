//! What every part of the campaign uses: the program, a scratch folder, the scale, the time limit.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::shell;

/// How many trials the parts make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// A minute or two for each part.
    Quick,
    /// The numbers of a release.
    Full,
}

impl FromStr for Scale {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Scale> {
        match text {
            "quick" => Ok(Scale::Quick),
            "full" => Ok(Scale::Full),
            other => bail!("--scale {other}: expected quick or full"),
        }
    }
}

/// Programs that were built beforehand.
#[derive(Default)]
pub(super) struct Built {
    /// The program under test.
    pub(super) program: Option<PathBuf>,
    /// The test program of the readers of damaged files.
    pub(super) inputs: Option<PathBuf>,
}

/// Longest time that one call of the program may take; the longest of the campaign takes seconds.
const PATIENCE: Duration = Duration::from_secs(300);

/// The program under test and where it is tested.
pub(super) struct Campaign {
    /// The program.
    pub(super) program: PathBuf,
    /// The test program of the readers of damaged files, if it is built.
    pub(super) inputs: Option<PathBuf>,
    /// The commit that the program was built from, as it states itself.
    pub(super) commit: String,
    /// A folder of this part alone, empty at the start.
    pub(super) scratch: PathBuf,
    /// The root of the repository.
    pub(super) workspace: PathBuf,
    scale: Scale,
    deadline: Option<Instant>,
}

impl Campaign {
    /// Builds the program unless one is given, and empties the scratch folder.
    ///
    /// # Errors
    /// The build fails; the program does not state its commit; the folder cannot be made.
    pub(super) fn new(
        workspace: &Path,
        built: &Built,
        scratch: &Path,
        scale: Scale,
        limit: Option<Duration>,
    ) -> anyhow::Result<Campaign> {
        let program = match &built.program {
            Some(program) => program.clone(),
            None => {
                let build = ["cargo", "build", "--release", "--locked", "--package", "allconv"];
                shell::run(workspace, &build, &[])?;
                shell::target_folder(workspace).join("release/allconv")
            }
        };
        if scratch.exists() {
            std::fs::remove_dir_all(scratch)
                .with_context(|| format!("cannot empty {}", scratch.display()))?;
        }
        std::fs::create_dir_all(scratch).with_context(|| format!("cannot make {}", scratch.display()))?;
        let mut campaign = Campaign {
            program,
            inputs: built.inputs.clone(),
            commit: String::new(),
            scratch: scratch.to_owned(),
            workspace: workspace.to_owned(),
            scale,
            deadline: None,
        };
        let about = campaign.succeed(scratch, &["doctor"])?;
        let stated = about.split_once("(commit ").and_then(|(_, rest)| rest.split_once(')'));
        campaign.commit = stated.context("`allconv doctor` states no commit")?.0.to_owned();
        campaign.deadline = limit.map(|limit| Instant::now() + limit);
        Ok(campaign)
    }

    /// Returns the number for the scale of this campaign.
    pub(super) fn scaled(&self, quick: u64, full: u64) -> u64 {
        match self.scale {
            Scale::Quick => quick,
            Scale::Full => full,
        }
    }

    /// Whether the time limit has passed.
    pub(super) fn is_over(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Reads a study file of the campaign.
    pub(super) fn study(&self, name: &str) -> PathBuf {
        self.workspace.join("xtask/src/reliability/studies").join(format!("{name}.toml"))
    }

    /// The program at low priority in `folder`, not started yet.
    pub(super) fn allconv(&self, folder: &Path) -> Command {
        self.after(folder, &[])
    }

    /// The program as the last arguments of another one, which starts it.
    pub(super) fn after(&self, folder: &Path, starter: &[&str]) -> Command {
        let mut command = Command::new(found("nice"));
        command.args(["-n", "10"]).args(starter).arg(&self.program).current_dir(folder);
        command.env_remove("ALLCONV_DATA").env_remove("RUST_BACKTRACE");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the program to its end.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn call(&self, folder: &Path, arguments: &[&str]) -> anyhow::Result<Ended> {
        Ended::of(self.allconv(folder).args(arguments))
    }

    /// Runs the program, which must succeed, and returns what it printed.
    ///
    /// # Errors
    /// It fails.
    pub(super) fn succeed(&self, folder: &Path, arguments: &[&str]) -> anyhow::Result<String> {
        let ended = self.call(folder, arguments)?;
        if ended.code != Some(0) {
            bail!("allconv {}: {}", arguments.join(" "), ended.told());
        }
        Ok(ended.out)
    }
}

/// How a process ended, and what it wrote.
pub(super) struct Ended {
    /// None after a signal.
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
    /// It was killed because it went on for longer than any call takes.
    pub(super) hung: bool,
}

impl Ended {
    /// Runs a command to its end, or kills it after [`PATIENCE`].
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn of(command: &mut Command) -> anyhow::Result<Ended> {
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))?;
        Ended::wait(child)
    }

    /// Waits for a process whose standard output and error are pipes.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub(super) fn wait(mut child: Child) -> anyhow::Result<Ended> {
        let out = read_all(child.stdout.take());
        let err = read_all(child.stderr.take());
        let began = Instant::now();
        let mut hung = false;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if !hung && began.elapsed() > PATIENCE {
                hung = true;
                child.kill()?;
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let text = |thread: std::thread::JoinHandle<Vec<u8>>| {
            String::from_utf8_lossy(&thread.join().unwrap_or_default()).into_owned()
        };
        Ok(Ended { code: status.code(), out: text(out), err: text(err), hung })
    }

    /// Whether it ended in a way that no fault of its surroundings excuses: a panic, an abort, no end at all.
    pub(super) fn crashed(&self) -> bool {
        self.hung || self.err.contains("panicked at") || matches!(self.code, Some(101 | 134))
    }

    /// The exit code with the last lines of what it wrote to standard error.
    pub(super) fn told(&self) -> String {
        let lines: Vec<&str> = self.err.lines().rev().take(4).collect();
        let told = lines.into_iter().rev().collect::<Vec<_>>().join(" / ");
        match (self.hung, self.code) {
            (true, _) => format!("did not end: {told}"),
            (_, Some(code)) => format!("exit code {code}: {told}"),
            (_, None) => format!("killed: {told}"),
        }
    }
}

/// Reads a pipe to its end on a thread of its own.
fn read_all(pipe: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What could not be read is missing from a message, nothing else.
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}

/// Returns the path of a program of the system, so that it is started whatever the search path of its process; the name where it is not found.
pub(super) fn found(name: &str) -> PathBuf {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let mut paths = std::env::split_paths(&folders).map(|folder| folder.join(name));
    paths.find(|path| path.is_file()).unwrap_or_else(|| PathBuf::from(name))
}

/// Returns numbers between 0 and 1 that fill the interval evenly, the same for the same index.
pub(super) fn fraction(index: u64) -> f64 {
    (index as f64 * 0.618_033_988_749_894_9 + 0.37).fract()
}
