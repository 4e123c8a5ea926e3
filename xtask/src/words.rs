//! The field's terms: coined words that the glossary replaced do not come back.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

/// A word that the field does not use in this sense.
struct Coined {
    /// The word or words, singular and in lower case.
    word: &'static str,
    /// The terms to use instead.
    instead: &'static str,
    /// Files and folders where the word is right in its plain sense.
    allowed: &'static [&'static str],
}

/// `side` alone is too common in its plain senses (one-sided, side by side) to be checked.
const COINED: &[Coined] = &[
    Coined {
        word: "cell",
        instead: "element or position",
        allowed: &[
            // Of tables, and of what a paper names by keys.
            "crates/document/",
            "crates/study/",
            "crates/allconv/",
            "crates/exchange/",
            "crates/paper/",
            "crates/serve/",
            "xtask/",
            "docs/studies.md",
            "docs/decisions/0023-reports-are-blocks.md",
            // Of tissue.
            "crates/data/src/import/",
            "crates/train/src/settings/data.rs",
            "crates/train/src/task/segmentation.rs",
            "docs/dense-tasks.md",
            // A stored name.
            "crates/operators/src/operations/average_pool.rs",
            "crates/operators/src/downsample/average_pool.rs",
            // Of the standard library.
            "crates/inspect/src/measure/frequency_sensitivity.rs",
        ],
    },
    Coined { word: "learned value", instead: "parameter", allowed: &[] },
    Coined { word: "likeness", instead: "similarity", allowed: &[] },
    Coined {
        word: "promise",
        instead: "property or guarantee",
        // A key of the JSON output.
        allowed: &["crates/allconv/src/commands/operator_page.rs"],
    },
    Coined { word: "judge", instead: "evaluate, test or decide", allowed: &[] },
    Coined {
        word: "judged",
        instead: "evaluated, tested or decided",
        // A key of its results.
        allowed: &["xtask/src/bench_peers/results.rs"],
    },
    Coined {
        word: "card",
        instead: "description",
        // Model cards.
        allowed: &[
            "crates/exchange/",
            "crates/allconv/tests/command_line/model_folder.rs",
            "docs/take-it-with-you.md",
        ],
    },
    Coined { word: "spelling", instead: "notation, name or variant", allowed: &[] },
];

/// Checks names, comments and messages of all Rust files, and the hand-written pages.
///
/// # Errors
/// Names each file, line and word, and the term to use instead.
pub(crate) fn check(workspace: &Path) -> anyhow::Result<()> {
    let mut faults = Vec::new();
    for path in files(workspace)? {
        let name = path.strip_prefix(workspace).unwrap_or(&path).display().to_string();
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {name}"))?;
        if name == "xtask/src/words.rs" || text.contains("Written by `") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let found = COINED.iter().filter(|coined| contains(line, coined.word));
            for coined in found.filter(|coined| !coined.allowed.iter().any(|place| name.starts_with(place))) {
                faults.push(format!("{name}:{}: `{}`: write {}", number + 1, coined.word, coined.instead));
            }
        }
    }
    ensure!(faults.is_empty(), "words that docs/glossary.md replaced:\n{}", faults.join("\n"));
    Ok(())
}

/// Returns whether the words of a line contain these words one after another; the last may be in the plural.
fn contains(line: &str, words: &str) -> bool {
    let text = format!(" {} ", separated(line));
    text.contains(&format!(" {words} ")) || text.contains(&format!(" {words}s "))
}

/// Returns the words of identifiers and prose in lower case, separated by spaces: `PosCells of_x` becomes `pos cells of x`.
fn separated(line: &str) -> String {
    let mut text = String::new();
    let mut was_lower = false;
    for character in line.chars() {
        if !character.is_alphanumeric() || (character.is_uppercase() && was_lower) {
            text.push(' ');
        }
        was_lower = character.is_lowercase();
        text.extend(character.to_lowercase().filter(|lower| lower.is_alphanumeric()));
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the Rust files of the crates and of xtask, and the pages at the root, in `docs` and of the crates.
fn files(workspace: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut folders = ["crates", "xtask", "docs"].map(|folder| workspace.join(folder)).to_vec();
    let mut files =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].map(|page| workspace.join(page)).to_vec();
    while let Some(folder) = folders.pop() {
        for entry in
            std::fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?
        {
            let path = entry?.path();
            if path.is_dir() && !path.ends_with("results") {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs" || ending == "md") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_uses_the_terms_of_the_glossary() {
        check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap();
    }

    #[test]
    fn words_are_found_in_names_and_prose_and_not_within_other_words() {
        for line in ["struct MeasureCard;", "fn gather_cards()", "// The cards of it.", "a card"] {
            assert!(contains(line, "card"), "{line}");
        }
        for line in ["discarded", "cardinal", "wildcard"] {
            assert!(!contains(line, "card"), "{line}");
        }
        assert!(contains("as many learned  values as `strided_conv`", "learned value"));
    }
}
