//! The measurements, kept in `docs/performance.json`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde_json::{Map, Value, json};

use super::targets::{Criterion, Target};

/// One comparison: the results of all programs, round by round.
pub(crate) struct Row {
    /// Description of the work.
    pub(crate) what: String,
    /// Unit of the rates.
    pub(crate) unit: String,
    pub(crate) ours: Side,
    /// At least one.
    pub(crate) peers: Vec<Side>,
    pub(crate) criterion: Criterion,
    pub(crate) target: Target,
}

/// The results of one program.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Side {
    pub(crate) name: String,
    /// How it was run; empty where there is nothing to choose.
    pub(crate) mode: String,
    /// One rate per round; larger is better, except where a row is about sizes.
    pub(crate) rates: Vec<f64>,
    /// MiB that the steps took, where it is known.
    pub(crate) memory: Option<u64>,
    /// A note where its arithmetic is not the one that was asked for.
    pub(crate) note: Option<String>,
}

impl Side {
    /// The median of the rounds.
    pub(crate) fn median(&self) -> f64 {
        let mut rates = self.rates.clone();
        rates.sort_by(f64::total_cmp);
        (rates[(rates.len() - 1) / 2] + rates[rates.len() / 2]) / 2.0
    }
}

impl Row {
    /// The peer with the largest median.
    pub(crate) fn fastest(&self) -> &Side {
        let fastest = self.peers.iter().max_by(|a, b| a.median().total_cmp(&b.median()));
        fastest.expect("a row has a peer")
    }

    /// Returns the figure that the target limits.
    pub(crate) fn figure(&self) -> f64 {
        match self.criterion {
            Criterion::Ratio => self.ours.median() / self.fastest().median(),
            Criterion::OursAtMost => self.ours.median(),
        }
    }
}

/// The rows of one section, and what they were measured with.
#[derive(Default)]
pub(crate) struct Measured {
    pub(crate) commit: String,
    pub(crate) versions: String,
    pub(crate) rows: Vec<Row>,
}

/// All sections measured so far, by name.
pub(crate) struct Results {
    path: PathBuf,
    pub(crate) sections: BTreeMap<String, Measured>,
}

impl Results {
    /// Reads the results of earlier runs.
    pub(crate) fn read(workspace: &Path) -> anyhow::Result<Results> {
        let path = workspace.join("docs/performance.json");
        let mut sections = BTreeMap::new();
        if path.exists() {
            let file: Map<String, Value> = serde_json::from_str(&std::fs::read_to_string(&path)?)?;
            for (name, section) in file {
                let read = measured(&section).with_context(|| format!("{}: {name}", path.display()))?;
                sections.insert(name, read);
            }
        }
        Ok(Results { path, sections })
    }

    /// Empties a section.
    pub(crate) fn begin(&mut self, section: &str, commit: &str, versions: &str) {
        let measured =
            Measured { commit: commit.to_owned(), versions: versions.to_owned(), rows: Vec::new() };
        self.sections.insert(section.to_owned(), measured);
    }

    /// Adds a row to a section that was begun, and writes the file.
    pub(crate) fn add(&mut self, section: &str, row: Row) -> anyhow::Result<()> {
        let section = self.sections.get_mut(section).context("a section is begun before rows are added")?;
        section.rows.push(row);
        let file: Map<String, Value> =
            self.sections.iter().map(|(name, section)| (name.clone(), to_json(section))).collect();
        std::fs::write(&self.path, serde_json::to_string_pretty(&file)? + "\n")?;
        Ok(())
    }
}

fn to_json(section: &Measured) -> Value {
    let side = |side: &Side| {
        json!({
            "name": side.name,
            "mode": side.mode,
            "rates": side.rates,
            "memory_mib": side.memory,
            "note": side.note,
        })
    };
    let rows = section.rows.iter().map(|row| {
        json!({
            "what": row.what,
            "unit": row.unit,
            "ours": side(&row.ours),
            "peers": row.peers.iter().map(side).collect::<Vec<_>>(),
            "judged": match row.criterion {
                Criterion::Ratio => "ratio",
                Criterion::OursAtMost => "ours at most",
            },
            "floor": row.target.floor,
            "void_floor": row.target.void_floor,
            "goal": row.target.goal,
        })
    });
    json!({ "commit": section.commit, "versions": section.versions, "rows": rows.collect::<Vec<_>>() })
}

fn measured(section: &Value) -> anyhow::Result<Measured> {
    let rows = section["rows"].as_array().context("no rows")?.iter().map(row);
    Ok(Measured {
        commit: text(&section["commit"])?,
        versions: text(&section["versions"])?,
        rows: rows.collect::<anyhow::Result<_>>()?,
    })
}

fn row(row: &Value) -> anyhow::Result<Row> {
    let peers = row["peers"].as_array().context("no peers")?;
    ensure!(!peers.is_empty(), "no peer");
    Ok(Row {
        what: text(&row["what"])?,
        unit: text(&row["unit"])?,
        ours: side(&row["ours"])?,
        peers: peers.iter().map(side).collect::<anyhow::Result<_>>()?,
        criterion: match text(&row["judged"])?.as_str() {
            "ratio" => Criterion::Ratio,
            "ours at most" => Criterion::OursAtMost,
            other => bail!("a target cannot be about `{other}`"),
        },
        target: Target {
            floor: row["floor"].as_f64(),
            void_floor: row["void_floor"].as_f64(),
            goal: number(&row["goal"])?,
        },
    })
}

fn side(side: &Value) -> anyhow::Result<Side> {
    let rates = side["rates"].as_array().context("no rates")?;
    ensure!(!rates.is_empty(), "no rounds");
    Ok(Side {
        name: text(&side["name"])?,
        mode: text(&side["mode"])?,
        rates: rates.iter().map(number).collect::<anyhow::Result<_>>()?,
        memory: side["memory_mib"].as_u64(),
        note: side["note"].as_str().map(str::to_owned),
    })
}

fn text(value: &Value) -> anyhow::Result<String> {
    value.as_str().map(str::to_owned).context("a text is missing")
}

fn number(value: &Value) -> anyhow::Result<f64> {
    value.as_f64().context("a number is missing")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side_of(name: &str, rates: &[f64]) -> Side {
        Side { name: name.to_owned(), rates: rates.to_vec(), ..Side::default() }
    }

    fn row_of(criterion: Criterion) -> Row {
        let slow =
            Side { mode: "compile".to_owned(), memory: Some(500), ..side_of("PyTorch", &[100.25, 99.0]) };
        let note = Some("computes in f32".to_owned());
        Row {
            what: "infer".to_owned(),
            unit: "images/s".to_owned(),
            ours: Side { memory: Some(400), ..side_of("allconv", &[300.5, 301.5]) },
            peers: vec![slow, Side { note, ..side_of("OpenVINO", &[150.0, 151.0]) }],
            criterion,
            target: Target { floor: Some(2.3), void_floor: Some(2.8), goal: 3.1 },
        }
    }

    #[test]
    fn a_section_that_was_written_is_read_again() {
        for criterion in [Criterion::Ratio, Criterion::OursAtMost] {
            let rows = vec![row_of(criterion)];
            let section = Measured { commit: "abc".to_owned(), versions: "rustc".to_owned(), rows };
            let read = measured(&to_json(&section)).unwrap();
            assert_eq!((read.commit.as_str(), read.versions.as_str()), ("abc", "rustc"));
            let (row, expected) = (&read.rows[0], &section.rows[0]);
            assert_eq!((&row.what, &row.unit), (&expected.what, &expected.unit));
            assert_eq!((&row.ours, &row.peers), (&expected.ours, &expected.peers));
            assert_eq!((row.criterion, row.target), (expected.criterion, expected.target));
        }
        assert!(measured(&json!({ "rows": [{}] })).is_err());
        let without_peers = json!({ "commit": "", "versions": "", "rows": [{ "peers": [] }] });
        assert!(measured(&without_peers).is_err());
    }

    #[test]
    fn the_ratio_is_that_to_the_fastest_peer() {
        let row = row_of(Criterion::Ratio);
        assert_eq!((row.fastest().name.as_str(), row.figure()), ("OpenVINO", 2.0));
        assert_eq!(row_of(Criterion::OursAtMost).figure(), 301.0);
    }

    #[test]
    fn the_median_lies_between_the_middle_two() {
        assert_eq!(side_of("", &[3.0, 1.0, 2.0]).median(), 2.0);
        assert_eq!(side_of("", &[4.0, 1.0, 2.0, 3.0]).median(), 2.5);
    }
}
