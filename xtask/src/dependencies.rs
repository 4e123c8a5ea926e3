//! The dependency table of the crates, and its check: dependencies point one way only, and four crates may use Burn.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, ensure};

/// Each crate's folder, the crates of the workspace that it may depend on, and its use of Burn.
const TABLE: &[(&str, &[&str], Burn)] = &[
    ("random", &[], Burn::Hidden),
    ("files", &[], Burn::Hidden),
    ("document", &[], Burn::Hidden),
    ("kernels", &["random"], Burn::Hidden),
    ("data", &["random", "files"], Burn::Hidden),
    ("record", &["files"], Burn::Hidden),
    ("operators", &["random", "kernels"], Burn::Named),
    ("nets", &["random", "kernels", "operators"], Burn::Named),
    ("train", &["random", "files", "record", "data", "kernels", "nets"], Burn::Named),
    ("inspect", &["random", "train", "record", "data", "kernels", "operators", "nets"], Burn::Named),
    ("exchange", &["document", "record", "data", "operators", "nets", "train", "inspect"], Burn::Hidden),
    ("study", &["document", "random", "files", "record"], Burn::Hidden),
    ("paper", &["document", "files", "record", "study"], Burn::Hidden),
    ("serve", &["document", "record", "study"], Burn::Hidden),
    (
        "allconv",
        &[
            "data",
            "document",
            "exchange",
            "inspect",
            "kernels",
            "nets",
            "operators",
            "paper",
            "random",
            "record",
            "serve",
            "study",
            "train",
        ],
        Burn::FeaturesOnly,
    ),
];

/// What a crate may do with Burn.
#[derive(Clone, Copy, PartialEq)]
enum Burn {
    /// Not even as a transitive dependency within the workspace table.
    Hidden,
    /// Uses it.
    Named,
    /// Passes features on to it and chooses devices, nothing else.
    FeaturesOnly,
}

/// Returns the folders of all crates, each after those that it depends on.
pub(crate) fn crates() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|(folder, ..)| *folder)
}

/// Checks every manifest against the table, and that the table names every crate.
pub(crate) fn check(workspace: &Path) -> anyhow::Result<()> {
    let mut folders = BTreeSet::new();
    for entry in std::fs::read_dir(workspace.join("crates"))? {
        folders.insert(entry?.file_name().to_string_lossy().into_owned());
    }
    let listed: BTreeSet<String> = TABLE.iter().map(|(folder, ..)| folder.to_string()).collect();
    ensure!(folders == listed, "crates/ holds {folders:?}, the table of dependencies lists {listed:?}");
    for (folder, allowed, burn) in TABLE {
        let path = workspace.join("crates").join(folder).join("Cargo.toml");
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let problems = violations(&text, allowed, *burn)?;
        ensure!(problems.is_empty(), "{}: {}", path.display(), problems.join("; "));
    }
    Ok(())
}

/// Returns what a manifest's `[dependencies]` and `[build-dependencies]` violate; development dependencies are free.
fn violations(manifest: &str, allowed: &[&str], burn: Burn) -> anyhow::Result<Vec<String>> {
    let manifest: toml::Table = manifest.parse()?;
    let mut problems = Vec::new();
    for section in ["dependencies", "build-dependencies"] {
        let Some(dependencies) = manifest.get(section).and_then(toml::Value::as_table) else { continue };
        for name in dependencies.keys() {
            if let Some(folder) = name.strip_prefix("allconv-")
                && !allowed.contains(&folder)
            {
                problems.push(format!("may not depend on {name}"));
            }
            let is_burn = name == "burn" || name.starts_with("burn-");
            if is_burn && (burn == Burn::Hidden || (burn == Burn::FeaturesOnly && name != "burn")) {
                problems.push(format!("may not name {name}"));
            }
        }
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_keeps_to_the_table() {
        check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap();
    }

    #[test]
    fn a_dependency_against_the_table_is_found() {
        let manifest = "[dependencies]\nallconv-study.workspace = true\nburn.workspace = true\nserde = \"1\"";
        let problems = violations(manifest, &["record"], Burn::Hidden).unwrap();
        assert_eq!(problems, ["may not depend on allconv-study", "may not name burn"]);
        assert!(
            violations("[dev-dependencies]\nallconv-study = \"1\"", &[], Burn::Hidden).unwrap().is_empty()
        );
    }

    #[test]
    fn the_command_line_may_pass_features_to_burn_but_not_use_its_inner_crates() {
        let manifest = "[dependencies]\nburn.workspace = true\nburn-flex.workspace = true";
        assert_eq!(violations(manifest, &[], Burn::FeaturesOnly).unwrap(), ["may not name burn-flex"]);
    }
}
