//! `paper init`: the folder of a new paper about some studies.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use allconv_record::{create_folder, write_atomically};
use allconv_study::StudyFile;

use crate::config::CONFIG_FILE;
use crate::error::PaperError;
use crate::latex;

/// What a new paper is about.
#[derive(Clone, Debug)]
pub struct InitOptions<'a> {
    /// Folder to make.
    pub folder: &'a Path,
    /// Study files.
    pub studies: &'a [PathBuf],
    /// Folders in which runs of a study `NAME` may lie, as `NAME` or `NAME/runs` below them.
    pub runs: &'a [PathBuf],
}

/// The files that are the same in every new paper.
const TEMPLATES: [(&str, &str); 8] = [
    ("main.tex", include_str!("../templates/main.tex")),
    ("preamble.tex", include_str!("../templates/preamble.tex")),
    ("body.tex", include_str!("../templates/body.tex")),
    ("references.bib", include_str!("../templates/references.bib")),
    ("sections/abstract.tex", include_str!("../templates/abstract.tex")),
    ("sections/introduction.tex", include_str!("../templates/introduction.tex")),
    ("sections/appendix.tex", include_str!("../templates/appendix.tex")),
    (".gitignore", include_str!("../templates/gitignore")),
];

/// Writes the folder of a new paper and returns the paths written. It builds as it is, as a draft.
///
/// # Errors
/// [`PaperError::Exists`] when the folder holds a paper already; [`PaperError`] when a study file is wrong or a file cannot be written.
pub fn init(options: &InitOptions<'_>) -> Result<Vec<PathBuf>, PaperError> {
    let config = options.folder.join(CONFIG_FILE);
    if config.exists() {
        return Err(PaperError::Exists(config));
    }
    let studies: Vec<StudyFile> =
        options.studies.iter().map(|path| StudyFile::read(path)).collect::<Result<_, _>>()?;
    create_folder(&options.folder.join("sections"))?;
    let mut written = Vec::new();
    let mut write = |name: &str, content: &str| -> Result<(), PaperError> {
        let path = options.folder.join(name);
        write_atomically(&path, content.as_bytes())?;
        written.push(path);
        Ok(())
    };
    for (name, content) in TEMPLATES {
        write(name, content)?;
    }
    write("sections/methods.tex", &methods(&studies))?;
    write("sections/results.tex", &results(&studies))?;
    write(CONFIG_FILE, &config_text(options, &studies))?;
    Ok(written)
}

fn config_text(options: &InitOptions<'_>, studies: &[StudyFile]) -> String {
    let quoted = |text: &str| toml::Value::from(text).to_string();
    let title = studies.first().map_or("A study", |study| study.question.as_str());
    let mut text = format!(
        "# What `allconv paper build` makes of this folder; docs/paper.md of allconv says what can stand here.\ntitle   = {}\nauthors = []\n\n\
         # Studies that are not finished may be cited, and every number of theirs carries a mark.\ndraft = true\n\n\
         # Here every number is a key: numbers typed by hand are refused.\nresults = [\"sections/abstract.tex\", \"sections/results.tex\"]\n\n\
         # Names with digits in them, which are no results.\nnames = []\n",
        quoted(title)
    );
    for (study, path) in studies.iter().zip(options.studies) {
        let runs: Vec<String> = options
            .runs
            .iter()
            .flat_map(|folder| [folder.join(&study.name), folder.join(&study.name).join("runs")])
            .map(|folder| quoted(&relative(options.folder, &folder).display().to_string()))
            .collect();
        let file = quoted(&relative(options.folder, path).display().to_string());
        let _ = write!(text, "\n[studies.{}]\nfile = {file}\nruns = [{}]\n", study.name, runs.join(", "));
    }
    text + "\n# Answers that only the authors can give: [checklist] ITEM = { answer = \"yes\", because = \"…\" }\n[checklist]\n"
}

fn methods(studies: &[StudyFile]) -> String {
    let mut text = "\\section{Methods}\n\\label{sec:methods}\n\n".to_owned();
    for study in studies {
        let _ = writeln!(
            text,
            "\\paragraph{{{}.}} \\studyquestion{{{1}}}\n\\regclaims{{{1}}}\n",
            latex::code(&study.name),
            study.name
        );
    }
    text
}

fn results(studies: &[StudyFile]) -> String {
    let mut text = "\\section{Results}\n\\label{sec:results}\n".to_owned();
    for study in studies {
        let name = &study.name;
        let _ = writeln!(
            text,
            "\n\\subsection{{{}}}\n\\studystate{{{name}}}\n\\studycaveat{{{name}}}\n\\studydisclosures{{{name}}}",
            latex::code(name)
        );
        let compared = (0..study.arms.len()).find(|arm| study.baseline_of(*arm).is_some());
        if let Some(arm) = compared.map(|arm| &study.arms[arm].name) {
            let _ = writeln!(
                text,
                "In \\val{{{name}.metric}}, {} differs from the baseline by \\val{{{name}/{arm}.difference}} (interval\n\\val{{{name}/{arm}.interval}}; \
                 \\val{{{name}/{arm}.verdict}}).",
                latex::code(arm)
            );
        }
        let _ = writeln!(text, "\\claimtable{{{name}}}\n\\restable{{{name}}}\n\\resfigure{{{name}}}");
    }
    text
}

/// A path as it is seen from a folder; the path itself where neither lies below the other's root.
fn relative(folder: &Path, path: &Path) -> PathBuf {
    let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let (folder, path) = (whole(folder), whole(path));
    let (folder, path): (Vec<_>, Vec<_>) = (folder.components().collect(), path.components().collect());
    let shared = folder.iter().zip(&path).take_while(|(one, other)| one == other).count();
    let up = folder[shared..].iter().map(|_| Path::new(".."));
    up.chain(path[shared..].iter().map(|part| Path::new(part.as_os_str()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::building::{Paper, build};
    use crate::testing::small_paper;

    #[test]
    fn a_new_paper_builds_as_it_is_and_none_is_overwritten() {
        let small = small_paper();
        let folder = small.folder().join("nested/new");
        let studies = [small.study_file()];
        let runs = [small.folder().join("runs")];
        let options = InitOptions { folder: &folder, studies: &studies, runs: &runs };
        let written = init(&options).unwrap();
        assert!(written.iter().all(|path| path.is_file()));
        let built = build(&Paper::open(&folder).unwrap()).unwrap();
        assert_eq!((built.runs, built.unfinished), (18, 0));
        assert!(built.open_items.contains(&"limitations"));
        let results = std::fs::read_to_string(folder.join("sections/results.tex")).unwrap();
        assert!(results.contains("\\val{small/strided_1x1.difference}"), "{results}");
        assert!(matches!(init(&options), Err(PaperError::Exists(_))));
    }

    #[test]
    fn paths_are_seen_from_the_papers_folder() {
        assert_eq!(
            relative(Path::new("/a/paper"), Path::new("/a/studies/x.toml")),
            Path::new("../studies/x.toml")
        );
        assert_eq!(relative(Path::new("/a"), Path::new("/a/runs")), Path::new("runs"));
    }
}
