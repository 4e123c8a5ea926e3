//! The check of the links between the pages of the repository.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

/// Checks the relative links of all Markdown pages outside generated results.
///
/// # Errors
/// Names the page and the first link that leads nowhere.
pub(crate) fn check(workspace: &Path) -> anyhow::Result<()> {
    for page in pages(workspace)? {
        let text =
            std::fs::read_to_string(&page).with_context(|| format!("cannot read {}", page.display()))?;
        let folder = page.parent().unwrap_or(workspace);
        for link in links(&text) {
            ensure!(folder.join(link).exists(), "{}: the link `{link}` leads to no file", page.display());
        }
    }
    Ok(())
}

/// The pages at the root, in `docs`, and in the folders of the crates.
fn pages(workspace: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut folders = vec![workspace.to_owned(), workspace.join("docs"), workspace.join("docs/decisions")];
    for entry in std::fs::read_dir(workspace.join("crates"))? {
        folders.push(entry?.path());
    }
    let mut pages = Vec::new();
    for folder in folders {
        for entry in
            std::fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?
        {
            pages.push(entry?.path());
        }
    }
    pages.retain(|path| path.extension().is_some_and(|ending| ending == "md"));
    Ok(pages)
}

/// The targets of `[text](target)` that are paths, without what follows `#`.
fn links(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut is_code = false;
    for line in text.lines() {
        is_code ^= line.trim_start().starts_with("```");
        for after in line.split("](").skip(1).filter(|_| !is_code) {
            let target = after.split([')', ' ']).next().unwrap_or_default();
            let path = target.split('#').next().unwrap_or_default();
            if !path.is_empty() && !path.contains("://") && !path.starts_with("mailto:") {
                found.push(path);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_link_of_the_repository_leads_to_a_file() {
        check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap();
    }

    #[test]
    fn paths_are_found_and_addresses_anchors_and_code_are_not() {
        let text = "[a](docs/a.md#part) ![b](b.png) [c](https://x.org/y) [d](#here)\n```\n[e](absent)\n```\n";
        assert_eq!(links(text), ["docs/a.md", "b.png"]);
    }
}
