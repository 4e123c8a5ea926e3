//! `cargo xtask bench-peers`: throughput beside PyTorch on this machine, ours and PyTorch's in turn, written to `docs/performance.md`.
//!
//! The rows lie in sections, which can be measured one by one: what is measured is kept in `docs/performance.json`, from which the page
//! is written anew after every row.

mod page;
mod programs;
mod results;
mod sections;

use std::path::Path;

use anyhow::Context;

use crate::shell;
use programs::Programs;
use results::{Results, Row};
use sections::{Case, SECTIONS, Section};

/// Measures the sections called `names`, or all where there are none; rows of sections that the targets name one by one `rounds` times.
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
        results.begin(section.name, commit.trim(), &programs.versions()?);
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
    let mut modes = std::collections::BTreeMap::new();
    for case in section.cases {
        let key = (case.model, case.pass, case.peer_precision());
        let mode = match modes.get(&key) {
            Some(mode) => String::clone(mode),
            None => {
                let mode = programs.fastest_mode(case)?;
                modes.insert(key, mode.clone());
                mode
            }
        };
        add(row(programs, case, &mode, rounds)?)?;
    }
    for kind in section.others {
        for row in kind.measure(programs, rounds)? {
            add(row)?;
        }
    }
    Ok(())
}

/// One row: the two sides in turn.
fn row(programs: &Programs<'_>, case: &Case, mode: &str, rounds: usize) -> anyhow::Result<Row> {
    let (mut ours, mut theirs, mut memory) = (Vec::new(), Vec::new(), [None; 2]);
    for _ in 0..rounds {
        let (a, b) = (programs.ours(case, "2")?, programs.theirs(case, mode)?);
        memory = [a.memory, b.memory];
        ours.push(a.rate);
        theirs.push(b.rate);
    }
    Ok(Row {
        what: case.title(),
        unit: "images/s".to_owned(),
        ours,
        theirs,
        peer: mode.to_owned(),
        memory,
        floor: case.floor,
        goal: case.goal,
    })
}
