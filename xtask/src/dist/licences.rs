//! The licences of the crates that the program is linked with.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::shell;

/// How the names of files with licences begin, in capitals.
const NAMES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE"];

/// Returns name, version, licence and source of each crate that is linked into the program, and the texts that come with it; equal texts once.
pub(super) fn of_dependencies(workspace: &Path) -> anyhow::Result<String> {
    let metadata = ["cargo", "metadata", "--format-version", "1", "--locked"];
    let metadata: Value = serde_json::from_str(&shell::output(workspace, &metadata)?)?;
    let tree = ["cargo", "tree", "--package", "allconv", "--edges", "normal", "--prefix", "none", "--locked"];
    let tree = shell::output(workspace, &[&tree[..], &["--format", "{p}"]].concat())?;
    let linked: BTreeSet<(&str, &str)> = tree.lines().filter_map(name_and_version).collect();
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut list = String::from("The program `allconv` is linked with these crates.\n\n");
    let mut count = 0;
    for package in metadata["packages"].as_array().context("no packages")? {
        let field = |name: &str| package[name].as_str().unwrap_or_default();
        // What has no source is this workspace.
        if package["source"].is_null() || !linked.contains(&(field("name"), field("version"))) {
            continue;
        }
        count += 1;
        let name = format!("{} {}", field("name"), field("version"));
        writeln!(list, "{name}: {} ({})", field("license"), field("repository"))?;
        for path in files(Path::new(field("manifest_path")))? {
            let text = String::from_utf8_lossy(&std::fs::read(&path)?).trim().replace("\r\n", "\n");
            texts.entry(text).or_default().push(name.clone());
        }
    }
    ensure!(count > 0, "cargo tree lists no crates of others");
    for (text, names) in texts {
        writeln!(list, "\n{}\n{}\n\n{text}", "-".repeat(80), names.join(", "))?;
    }
    Ok(list)
}

/// Reads `flate2 v1.1.11`, which may be followed by a source or a mark.
fn name_and_version(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.split_once(" v")?;
    Some((name, rest.split(' ').next()?))
}

/// Returns the files with licences next to a manifest, in the order of their names.
fn files(manifest: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let folder = manifest.parent().context("a manifest without a folder")?;
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        if path.is_file() && NAMES.iter().any(|start| name.starts_with(start)) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_tree_are_read_with_and_without_marks() {
        assert_eq!(name_and_version("flate2 v1.1.11"), Some(("flate2", "1.1.11")));
        assert_eq!(
            name_and_version("serde_derive v1.0.229 (proc-macro) (*)"),
            Some(("serde_derive", "1.0.229"))
        );
        assert_eq!(name_and_version(""), None);
    }
}
