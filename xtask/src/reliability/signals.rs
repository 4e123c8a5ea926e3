//! Signals that ask a run to end: a checkpoint, exit code 75, soon.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::ensure;
use rustix::process::{Pid, Signal, kill_process};

use super::answers::{Answers, differences, of_runs, runs};
use super::campaign::{Campaign, Ended, fraction};
use super::figures::{Figures, Session};

/// What the page says of this part.
pub(super) const TEXT: &str = "SIGTERM, SIGINT, SIGHUP, SIGUSR1 and SIGUSR2 in turn, at instants spread over a training whose checkpoints are a minute apart. A failure is another exit code than 75, more than 10 s until \
the process is gone, or other results when the same command runs again.";

const SIGNALS: [(&str, Signal); 5] = [
    ("SIGTERM", Signal::TERM),
    ("SIGINT", Signal::INT),
    ("SIGHUP", Signal::HUP),
    ("SIGUSR1", Signal::USR1),
    ("SIGUSR2", Signal::USR2),
];

/// Longest time from a signal to the end.
const LIMIT: Duration = Duration::from_secs(10);

/// Sends as many signals as the scale asks for.
pub(super) fn run(campaign: &Campaign, session: &mut Session<'_>) -> anyhow::Result<()> {
    let out = campaign.scratch.join("reference");
    let began = Instant::now();
    let ended = Ended::of(&mut command(campaign, &out))?;
    ensure!(ended.code == Some(0), "{}", ended.told());
    let (wanted, duration) = (of_runs(campaign, &out, &campaign.scratch)?, began.elapsed());
    let signals = campaign.scaled(15, 100);
    session.trials(
        campaign,
        1,
        |_, figures| SIGNALS.iter().map(|(name, _)| figures.counted(name)).sum::<u64>() >= signals,
        |number, figures| send_one(campaign, &wanted, duration, number, figures),
    )
}

fn command(campaign: &Campaign, out: &Path) -> std::process::Command {
    let mut command = campaign.allconv(&campaign.scratch);
    command.args(["study", "run"]).arg(campaign.study("classifier")).arg("--out").arg(out);
    command.args(["--progress", "none", "--threads", "1"]);
    command
}

fn send_one(
    campaign: &Campaign,
    wanted: &Answers,
    duration: Duration,
    number: u64,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let (name, signal) = SIGNALS[(number % SIGNALS.len() as u64) as usize];
    let out = campaign.scratch.join(format!("signal-{number}"));
    let mut child = command(campaign, &out).spawn()?;
    // Before the run exists there is nothing to keep, and the process just ends.
    while child.try_wait()?.is_none() && runs(&out)?.is_empty() {
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(duration.mul_f64(0.4 * fraction(number)));
    if child.try_wait()?.is_some() {
        figures.count("ended before the signal", 1);
    } else {
        let began = Instant::now();
        kill_process(Pid::from_child(&child), signal)?;
        let ended = Ended::wait(child)?;
        let lasted = began.elapsed();
        figures.keep_largest("seconds from the signal to the end", lasted.as_secs_f64());
        match ended.code {
            Some(75) if lasted <= LIMIT => figures.count(name, 1),
            Some(0) => figures.count("had already finished the run", 1),
            _ => figures.fail(format!("{name}: after {lasted:?} {}", ended.told())),
        }
    }
    let again = Ended::of(&mut command(campaign, &out))?;
    let differing = match again.code {
        Some(0) => differences(wanted, &of_runs(campaign, &out, &campaign.scratch)?),
        _ => vec![again.told()],
    };
    if !differing.is_empty() {
        figures.fail(format!("{name} {number}: {differing:?} differ"));
    }
    std::fs::remove_dir_all(&out)?;
    Ok(())
}
