//! What was measured, kept in `docs/performance.json`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde_json::{Map, Value, json};

/// One comparison: rates of both sides, round by round, the larger the better.
pub(crate) struct Row {
    /// What is done, in words.
    pub(crate) what: String,
    /// Unit of the rates.
    pub(crate) unit: String,
    pub(crate) ours: Vec<f64>,
    pub(crate) theirs: Vec<f64>,
    /// The mode of the peer, or its name.
    pub(crate) peer: String,
    /// MiB that the steps took, ours and the peer's, where it is known.
    pub(crate) memory: [Option<u64>; 2],
    /// The ratio of rates that must be reached, and the one that is aimed at.
    pub(crate) floor: f64,
    pub(crate) goal: f64,
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
    /// Reads what earlier runs have left.
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
    let rows = section.rows.iter().map(|row| {
        json!({
            "what": row.what,
            "unit": row.unit,
            "ours": row.ours,
            "theirs": row.theirs,
            "peer": row.peer,
            "memory_mib": row.memory,
            "floor": row.floor,
            "goal": row.goal,
        })
    });
    json!({ "commit": section.commit, "versions": section.versions, "rows": rows.collect::<Vec<_>>() })
}

fn measured(section: &Value) -> anyhow::Result<Measured> {
    let text = |value: &Value| value.as_str().map(str::to_owned).context("a text is missing");
    let number = |value: &Value| value.as_f64().context("a number is missing");
    let rows = section["rows"].as_array().context("no rows")?.iter().map(|row| {
        let rates = |key: &str| -> anyhow::Result<Vec<f64>> {
            let rates = row[key].as_array().context("no rates")?;
            ensure!(!rates.is_empty(), "no rounds");
            rates.iter().map(number).collect()
        };
        Ok(Row {
            what: text(&row["what"])?,
            unit: text(&row["unit"])?,
            ours: rates("ours")?,
            theirs: rates("theirs")?,
            peer: text(&row["peer"])?,
            memory: [0, 1].map(|side| row["memory_mib"][side].as_u64()),
            floor: number(&row["floor"])?,
            goal: number(&row["goal"])?,
        })
    });
    Ok(Measured {
        commit: text(&section["commit"])?,
        versions: text(&section["versions"])?,
        rows: rows.collect::<anyhow::Result<_>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_that_was_written_is_read_again() {
        let row = Row {
            what: "train".to_owned(),
            unit: "images/s".to_owned(),
            ours: vec![300.5, 301.0],
            theirs: vec![100.25, 99.0],
            peer: "compile".to_owned(),
            memory: [Some(400), None],
            floor: 2.3,
            goal: 2.8,
        };
        let section = Measured { commit: "abc".to_owned(), versions: "rustc".to_owned(), rows: vec![row] };
        let read = measured(&to_json(&section)).unwrap();
        let row = &read.rows[0];
        assert_eq!(
            (read.commit.as_str(), read.versions.as_str(), row.what.as_str()),
            ("abc", "rustc", "train")
        );
        assert_eq!((&row.ours[..], &row.theirs[..]), (&[300.5, 301.0][..], &[100.25, 99.0][..]));
        assert_eq!((row.memory, row.floor, row.goal), ([Some(400), None], 2.3, 2.8));
        assert!(measured(&json!({ "rows": [{}] })).is_err());
    }
}
