//! `cargo xtask bench-peers`: throughput of allconv, PyTorch, ONNX Runtime and OpenVINO on this machine, in turn, written to
//! `docs/performance.md`.
//!
//! Sections of rows can be measured one by one: the measurements are kept in `docs/performance.json`, from which the page
//! is written again after every row.

mod page;
mod peers;
mod programs;
mod results;
mod sections;
mod targets;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;

use crate::shell;
use peers::Peer;
use programs::{Programs, Round};
use results::{Results, Row, Side};
use sections::{Case, SECTIONS, Section};
use targets::Criterion;

/// Measures the sections called `names`, or all where there are none; rows of repeated sections `rounds` times.
pub(crate) fn run(workspace: &Path, python: &str, rounds: usize, names: &[&str]) -> anyhow::Result<()> {
    anyhow::ensure!(rounds > 0, "at least one round is needed");
    let known = || SECTIONS.iter().map(|section| section.name).collect::<Vec<_>>().join(", ");
    let sections = match names {
        [] | ["all"] => SECTIONS.iter().collect(),
        names => names
            .iter()
            .map(|&name| {
                let found = SECTIONS.iter().find(|section| section.name == name);
                found.with_context(|| format!("no section is called {name}; there are {}", known()))
            })
            .collect::<anyhow::Result<Vec<_>>>()?,
    };
    let programs = Programs::build(workspace, python)?;
    let mut results = Results::read(workspace)?;
    let commit = shell::output(workspace, &["git", "describe", "--always", "--dirty", "--abbrev=12"])?;
    for section in sections {
        // All others are compared with PyTorch or Pillow.
        let peers = section.cases.iter().flat_map(Peer::of).copied().chain([Peer::PyTorch]).collect();
        results.begin(section.name, commit.trim(), &programs.versions(&peers)?);
        let rounds = if section.repeated { rounds } else { 1 };
        measure(&programs, section, rounds, &mut |row| {
            results.add(section.name, row)?;
            page::write(workspace, &results)
        })?;
    }
    Ok(())
}

/// Measures the rows of a section, one after the other.
fn measure(
    programs: &Programs<'_>,
    section: &Section,
    rounds: usize,
    add: &mut dyn FnMut(Row) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut modes = BTreeMap::new();
    for case in section.cases {
        if case.pass == "infer" {
            programs.prepare(case)?;
        }
        let mut peers = Vec::new();
        for &peer in Peer::of(case) {
            let key = (peer, case.model, case.pass, case.batch, case.peer_precision());
            let mode = match modes.get(&key) {
                Some(mode) => String::clone(mode),
                None => {
                    let mode = programs.fastest_mode(case, peer)?;
                    modes.insert(key, mode.clone());
                    mode
                }
            };
            peers.push((peer, mode));
        }
        for row in rows(programs, case, &peers, rounds)? {
            add(row)?;
        }
    }
    for kind in section.others {
        for row in kind.measure(programs, rounds)? {
            add(row)?;
        }
    }
    Ok(())
}

/// The rates of a case, all sides in turn, and the memory of its steps where that is a row of its own.
fn rows(
    programs: &Programs<'_>,
    case: &Case,
    peers: &[(Peer, String)],
    rounds: usize,
) -> anyhow::Result<Vec<Row>> {
    let (mut ours, mut theirs) = (Vec::new(), vec![Vec::new(); peers.len()]);
    for _ in 0..rounds {
        ours.push(programs.ours(case, "2")?);
        for (rounds, (peer, mode)) in theirs.iter_mut().zip(peers) {
            rounds.push(programs.theirs(case, *peer, mode)?);
        }
    }
    let sides =
        || peers.iter().zip(&theirs).map(|((peer, mode), rounds)| (peer.name(), mode.as_str(), rounds));
    let mut rows = vec![Row {
        what: case.title(),
        unit: "images/s".to_owned(),
        ours: rates("allconv", "", &ours),
        peers: sides().map(|(name, mode, rounds)| rates(name, mode, rounds)).collect(),
        criterion: Criterion::Ratio,
        target: case.target,
    }];
    if let Some(target) = case.memory {
        let peers = sides().map(|(name, mode, rounds)| sizes(name, mode, rounds));
        rows.push(Row {
            what: format!("memory of the steps, {}", case.title()),
            unit: "MiB".to_owned(),
            ours: sizes("allconv", "", &ours)?,
            peers: peers.collect::<anyhow::Result<_>>()?,
            criterion: Criterion::OursAtMost,
            target,
        });
    }
    Ok(rows)
}

/// The rates of one side, with the memory of its last round.
fn rates(name: &str, mode: &str, rounds: &[Round]) -> Side {
    let last = rounds.last();
    Side {
        name: name.to_owned(),
        mode: mode.to_owned(),
        rates: rounds.iter().map(|round| round.rate).collect(),
        memory: last.and_then(|round| round.memory),
        note: last.and_then(|round| round.note.clone()),
    }
}

/// The MiB that the steps of one side took.
fn sizes(name: &str, mode: &str, rounds: &[Round]) -> anyhow::Result<Side> {
    let sizes = rounds.iter().map(|round| round.memory.map(|mebibytes| mebibytes as f64));
    let rates =
        sizes.collect::<Option<_>>().with_context(|| format!("{name} does not say what its steps took"))?;
    Ok(Side { name: name.to_owned(), mode: mode.to_owned(), rates, ..Side::default() })
}
