//! A fault at one system call after the other: the process is killed there, or the call fails.

use std::collections::BTreeMap;

use super::answers::Answers;
use super::campaign::{Campaign, Ended};
use super::figures::{Figures, Session};
use super::scenarios::{Inputs, Scenario};
use super::strace::{CALLS, Call, calls, require, traced};

/// What the page says of this part.
pub(super) const TEXT: &str = "strace kills the process at one call after the other, or has the call fail with EIO or ENOSPC; then, two days later by the times of files, the same command runs again without a fault. All calls on files of a study \
of three epochs, and of imports, exports, a publication and a paper, in an order in which every kind comes early. A failure is another answer of `eval` or `export`, other files of \
results, a panic, a command that does not end, a file left behind, or an exit code of 0 before the results are whole.";

/// What happens at a call.
const FAULTS: [&str; 3] = ["signal=SIGKILL", "error=EIO", "error=ENOSPC"];

/// One trial.
struct Point {
    scenario: Scenario,
    call: Call,
    fault: &'static str,
}

impl Point {
    /// Its place in the order of trials, which depends on the point alone: a few calls more or less leave the others where they are.
    fn order(&self) -> u64 {
        let name = format!("{:?} {} {} {}", self.scenario, self.call.name, self.call.number, self.fault);
        // FNV-1a.
        name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
    }
}

/// Tries as many points as the scale asks for.
pub(super) fn run(campaign: &Campaign, session: &mut Session<'_>) -> anyhow::Result<()> {
    require()?;
    let inputs = Inputs::make(campaign)?;
    let (mut points, mut references) = (Vec::new(), Vec::new());
    for scenario in Scenario::ALL {
        references.push((scenario, inputs.reference(campaign, scenario)?));
        for call in calls_of(campaign, &inputs, scenario)? {
            points.extend(FAULTS.map(|fault| Point { scenario, call: call.clone(), fault }));
        }
    }
    in_turns(&mut points);
    let all = points.len() as u64;
    session.record().figures.largest.insert("points in all".to_owned(), all as f64);
    let wanted = campaign.scaled(60, all).min(all);
    session.trials(
        campaign,
        2,
        |number, _| number >= wanted,
        |number, figures| {
            let point = &points[number as usize];
            let reference = references.iter().find(|(scenario, _)| *scenario == point.scenario);
            try_point(
                campaign,
                &inputs,
                point,
                &reference.expect("every scenario has one").1,
                number,
                figures,
            )
        },
    )
}

/// Puts the points in the order of trials: training has every second turn until it has none left, the others share the rest.
fn in_turns(points: &mut Vec<Point>) {
    points.sort_by_key(Point::order);
    let mut taken = BTreeMap::new();
    let mut placed: Vec<(u64, Point)> = Vec::new();
    for point in points.drain(..) {
        let turns = if point.scenario == Scenario::Train { 1 } else { Scenario::ALL.len() as u64 - 1 };
        let rank: &mut u64 = taken.entry(point.scenario.name()).or_default();
        placed.push((*rank * turns, point));
        *rank += 1;
    }
    placed.sort_by_key(|(turn, _)| *turn);
    points.extend(placed.into_iter().map(|(_, point)| point));
}

/// Returns the calls of a scenario without a fault.
fn calls_of(campaign: &Campaign, inputs: &Inputs, scenario: Scenario) -> anyhow::Result<Vec<Call>> {
    let out = campaign.scratch.join(format!("traced-{scenario:?}"));
    let trace = out.with_extension("trace");
    inputs.lay_out(scenario, &out)?;
    let mut command = traced(campaign, &campaign.scratch, &trace, &["-e", &format!("trace={CALLS}")]);
    inputs.complete(scenario, &out, &mut command);
    let ended = Ended::of(&mut command)?;
    anyhow::ensure!(ended.code == Some(0), "{}: {}", scenario.name(), ended.told());
    Ok(calls(&std::fs::read_to_string(&trace)?))
}

fn try_point(
    campaign: &Campaign,
    inputs: &Inputs,
    point: &Point,
    wanted: &Answers,
    number: u64,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let Point { scenario, call, fault } = point;
    let out = campaign.scratch.join(format!("point-{number}"));
    let trace = out.with_extension("trace");
    inputs.lay_out(*scenario, &out)?;
    let name = &call.name;
    let injection = format!("inject={name}:{fault}:when={}", call.number);
    let traced_call = format!("trace={name}");
    // Calls of other names run at full speed; strace 6.1 injects no signals in this mode.
    let mode: &[&str] = if fault.starts_with("error") { &["--seccomp-bpf"] } else { &[] };
    let options = [mode, &["-e", &traced_call, "-e", &injection]].concat();
    let mut command = traced(campaign, &campaign.scratch, &trace, &options);
    inputs.complete(*scenario, &out, &mut command);
    let stopped = Ended::of(&mut command)?;
    let (_, kind) = fault.split_once('=').unwrap_or_default();
    figures.count(&format!("{kind} during {}", scenario.name()), 1);
    let code = stopped.code.map_or("by a signal".to_owned(), |code| format!("with {code}"));
    figures.count(&format!("{kind}: ended {code}"), 1);
    let place = format!("{kind} at {name} {} of {}", call.number, scenario.name());
    if stopped.code != Some(0) {
        figures.count(&format!("{kind}: ended the command"), 1);
    }
    if stopped.crashed() {
        figures.fail(format!("{place}: {}", stopped.told()));
    }
    if stopped.code == Some(0)
        && let Some(wrong) = inputs.compare(campaign, *scenario, &out, wanted)
    {
        figures.fail(format!("{place}: ended with 0, and {wrong}"));
    }
    if let Some(wrong) = inputs.repeat(campaign, *scenario, &out, wanted)? {
        figures.fail(format!("{place}: {}; {wrong}", stopped.told()));
    }
    std::fs::remove_dir_all(&out)?;
    std::fs::remove_file(&trace)?;
    Ok(())
}
