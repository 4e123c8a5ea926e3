//! Losses of power: after every operation of a trace, what was not synchronised is lost.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};

use super::answers::Answers;
use super::campaign::{Campaign, Ended};
use super::figures::{Figures, Session};
use super::operations::{OPTIONS, operations};
use super::replay::{Disk, Snapshot, View, materialise};
use super::scenarios::{Inputs, Scenario};
use super::strace::{require, traced};

/// What the page says of this part.
pub(super) const TEXT: &str = "The writes of a training of three epochs, of imports, exports, a publication and a paper are traced and replayed. After every operation the disk is left with what was synchronised \
by then, in three ways: contents and names that were not synchronised are lost; names are kept and contents lost; names and lengths are kept and contents read as zeros. Different \
contents of the disk are tried once each: the same command runs again, two days later by the times of files, and must come to the same results and no other files. After the last operation nothing may be lost that the command has reported as \
written. A failure is another result, or a panic.";

/// What a loss of power leaves.
struct Loss {
    scenario: Scenario,
    view: View,
    snapshot: Snapshot,
    /// The command had ended.
    is_last: bool,
}

/// Tries the scale's number of losses.
pub(super) fn run(campaign: &Campaign, session: &mut Session<'_>) -> anyhow::Result<()> {
    require()?;
    let inputs = Inputs::make(campaign)?;
    let (mut losses, mut references) = (Vec::new(), Vec::new());
    for scenario in Scenario::ALL {
        references.push((scenario, inputs.reference(campaign, scenario)?));
        losses.extend(losses_of(campaign, &inputs, scenario)?);
    }
    let all = losses.len() as u64;
    session.record().figures.largest.insert("different contents of the disk".to_owned(), all as f64);
    // The last of each scenario come first, then evenly spaced ones where not all are tried.
    losses.sort_by_key(|loss| !loss.is_last);
    let wanted = campaign.scaled(60, all).min(all);
    let step = (all / wanted.max(1)).max(1);
    session.trials(
        campaign,
        2,
        |number, _| number >= wanted,
        |number, figures| {
            let loss = &losses[(number * step) as usize];
            let reference = references.iter().find(|(scenario, _)| *scenario == loss.scenario);
            try_loss(
                campaign,
                &inputs,
                loss,
                &reference.context("every scenario has one")?.1,
                number,
                figures,
            )
        },
    )
}

/// Returns what is left of a scenario after each of its operations, each content once.
fn losses_of(campaign: &Campaign, inputs: &Inputs, scenario: Scenario) -> anyhow::Result<Vec<Loss>> {
    let out = campaign.scratch.join(format!("traced-{scenario:?}"));
    let trace = out.with_extension("trace");
    inputs.lay_out(scenario, &out)?;
    let mut disk = Disk::of(&out)?;
    let mut command = traced(campaign, &campaign.scratch, &trace, &OPTIONS);
    inputs.complete(scenario, &out, &mut command);
    let folder = command.get_current_dir().context("a command has a folder")?.to_owned();
    let ended = Ended::of(&mut command)?;
    ensure!(ended.code == Some(0), "{}: {}", scenario.name(), ended.told());
    let (mut losses, mut seen) = (Vec::new(), BTreeSet::new());
    for operation in operations(&std::fs::read_to_string(&trace)?, &folder)? {
        disk.apply(&operation).with_context(|| format!("{}: {operation:?}", scenario.name()))?;
        for view in View::ALL {
            let snapshot = disk.snapshot(view);
            if seen.insert(snapshot.clone()) {
                losses.push(Loss { scenario, view, snapshot, is_last: false });
            }
        }
    }
    for view in View::ALL {
        losses.push(Loss { scenario, view, snapshot: disk.snapshot(view), is_last: true });
    }
    Ok(losses)
}

fn try_loss(
    campaign: &Campaign,
    inputs: &Inputs,
    loss: &Loss,
    wanted: &Answers,
    number: u64,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let out = campaign.scratch.join(format!("loss-{number}"));
    materialise(&loss.snapshot, &out)?;
    let scenario = loss.scenario;
    let view = match loss.view {
        View::Strict => "contents and names lost",
        View::NamesKept => "contents lost",
        View::Zeroed => "contents zeroed",
    };
    figures.count(view, 1);
    figures.count(&format!("during {}", scenario.name()), 1);
    let place = format!("{view}, {} (trial {number})", scenario.name());
    let wrong = if loss.is_last {
        inputs
            .compare(campaign, scenario, &out, wanted)
            .map(|wrong| format!("after the end of the command: {wrong}"))
    } else {
        inputs.repeat(campaign, scenario, &out, wanted)?
    };
    if let Some(wrong) = wrong {
        figures.fail(format!("{place}: {wrong}"));
    }
    std::fs::remove_dir_all(&out)?;
    Ok(())
}
