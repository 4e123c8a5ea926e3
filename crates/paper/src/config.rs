//! `paper.toml`: the studies of a paper, its title, and which of its sources are results.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::PaperError;

/// Name of the file in the paper's folder.
pub(crate) const CONFIG_FILE: &str = "paper.toml";

/// The content of `paper.toml`. Paths are relative to the paper's folder.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaperConfig {
    /// Title.
    pub title: String,
    /// Authors, in their order.
    #[serde(default)]
    pub authors: Vec<String>,
    /// Date as it is printed; nothing is printed without one.
    #[serde(default)]
    pub date: String,
    /// Whether studies that are not finished may be cited; each number of theirs then carries a mark.
    #[serde(default)]
    pub draft: bool,
    /// The source that LaTeX is given.
    #[serde(default = "main_file")]
    pub main: String,
    /// Sources in which no number may be typed by hand; one `*` stands for any characters.
    #[serde(default)]
    pub results: Vec<String>,
    /// Texts with digits that are names or notation, e.g. `CIFAR-10`.
    #[serde(default)]
    pub names: Vec<String>,
    /// The studies by their names.
    pub studies: BTreeMap<String, StudySource>,
    /// Answers of the checklist that the authors give, by the item's name.
    #[serde(default)]
    pub checklist: BTreeMap<String, AuthorAnswer>,
}

/// Where a study and its runs lie.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudySource {
    /// The study file, whose name is that of the study.
    pub file: PathBuf,
    /// Folders of its runs, which may not exist yet.
    pub runs: Vec<PathBuf>,
}

/// An answer in the checklist.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorAnswer {
    /// `yes`, `no` or `na`.
    pub answer: String,
    /// Why, in one or two sentences.
    pub because: String,
}

fn main_file() -> String {
    "main.tex".to_owned()
}

impl PaperConfig {
    /// Reads `paper.toml` in the folder.
    ///
    /// # Errors
    /// [`PaperError::Config`], with line and column where the text is to blame.
    pub fn read(folder: &Path) -> Result<PaperConfig, PaperError> {
        let path = folder.join(CONFIG_FILE);
        let wrong = |reason: String| PaperError::Config { path: path.clone(), reason };
        let text = std::fs::read_to_string(&path)
            .map_err(|error| wrong(format!("{error}; `allconv paper init` makes a paper")))?;
        let config: PaperConfig = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        for (name, source) in &config.studies {
            let stem = source.file.file_stem().unwrap_or_default().to_string_lossy();
            if stem != name.as_str() {
                return Err(wrong(format!(
                    "[studies.{name}] names the file {}; a study is called as its file",
                    source.file.display()
                )));
            }
            if name == "paper" {
                return Err(wrong(
                    "a study cannot be called `paper`, which stands for all studies in keys".to_owned(),
                ));
            }
        }
        if let Some((name, given)) =
            config.checklist.iter().find(|(_, given)| !["yes", "no", "na"].contains(&given.answer.as_str()))
        {
            return Err(wrong(format!(
                "[checklist] {name}: the answer is `{}`; it is yes, no or na",
                given.answer
            )));
        }
        Ok(config)
    }
}

/// Whether a path matches a pattern in which the first `*` stands for any characters.
pub(crate) fn matches(pattern: &str, path: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == path,
        Some((head, tail)) => {
            path.len() >= head.len() + tail.len() && path.starts_with(head) && path.ends_with(tail)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<PaperConfig, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(CONFIG_FILE), text).unwrap();
        PaperConfig::read(folder.path()).map_err(|error| error.to_string())
    }

    #[test]
    fn unknown_keys_and_misnamed_studies_are_refused() {
        assert!(read("title = \"t\"\n[studies.a]\nfile = \"a.toml\"\nruns = []\n").is_ok());
        assert!(read("title = \"t\"\ndratf = true\n[studies]\n").unwrap_err().contains("dratf"));
        assert!(read("title = \"t\"\n[studies.a]\nfile = \"b.toml\"\nruns = []\n").is_err());
        assert!(read("title = \"t\"\n[studies.paper]\nfile = \"paper.toml\"\nruns = []\n").is_err());
        let answer = "title = \"t\"\n[studies]\n[checklist]\nirb = { answer = \"maybe\", because = \"\" }\n";
        assert!(read(answer).unwrap_err().contains("maybe"));
    }

    #[test]
    fn one_star_stands_for_any_characters() {
        assert!(matches("sections/results-*.tex", "sections/results-length.tex"));
        assert!(!matches("sections/results-*.tex", "sections/results.tex"));
        assert!(!matches("ab*ba", "aba"));
    }
}
