//! `paper build`: every key computed, the results written where LaTeX reads them, and the lock.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use allconv_record::{create_folder, write_atomically};

use crate::checklist::checklist;
use crate::config::{CONFIG_FILE, PaperConfig, matches};
use crate::error::{PaperError, TextProblem};
use crate::latex;
use crate::library::{Library, Standing};
use crate::lint::{constants, typed_numbers};
use crate::lock::{LOCK_FILE, Lock, LockedCell};
use crate::macros::{Expansion, Macro, expand};
use crate::source::{Source, read_sources};

/// Longest text that the lock holds as it is, in bytes.
const LONGEST_TEXT: usize = 80;

/// A paper with its sources, its studies and their runs.
#[derive(Debug)]
pub struct Paper {
    pub(crate) folder: PathBuf,
    pub(crate) config: PaperConfig,
    pub(crate) library: Library,
    pub(crate) sources: Vec<Source>,
}

/// Everything that follows from a paper's sources and runs.
#[derive(Debug)]
pub(crate) struct Derived {
    /// The lock.
    pub(crate) lock: Lock,
    /// The generated files by path below the paper's folder.
    pub(crate) files: BTreeMap<String, String>,
    /// Keys whose studies are not finished.
    pub(crate) unfinished: usize,
    /// Items of the checklist that wait for the authors.
    pub(crate) open_items: Vec<&'static str>,
}

/// What a build wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// The lock file.
    pub lock: PathBuf,
    /// Numbers, sentences, tables and figures.
    pub cells: usize,
    /// Of these, those that carry the mark of a study that is not finished.
    pub unfinished: usize,
    /// Runs that they rest on.
    pub runs: usize,
    /// Constants that the authors declared to be no results.
    pub constants: Vec<String>,
    /// Items of the checklist that wait for an answer of the authors.
    pub open_items: Vec<&'static str>,
    /// Figures that can be compiled alone, below the paper's folder.
    pub figures: Vec<String>,
}

impl Paper {
    /// Reads `paper.toml`, the sources, the study files and the runs.
    ///
    /// # Errors
    /// [`PaperError`] when one of them is missing or wrong.
    pub fn open(folder: &Path) -> Result<Paper, PaperError> {
        let config = PaperConfig::read(folder)?;
        let sources = read_sources(folder, &config.main)?;
        for pattern in &config.results {
            if !sources.iter().any(|source| matches(pattern, &source.file)) {
                let reason = format!("`results` names {pattern}, which {} does not read", config.main);
                return Err(PaperError::Config { path: folder.join(CONFIG_FILE), reason });
            }
        }
        let library = Library::read(&config, folder)?;
        Ok(Paper { folder: folder.to_path_buf(), config, library, sources })
    }

    /// The paper's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The source that LaTeX is given.
    #[must_use]
    pub fn main(&self) -> &str {
        &self.config.main
    }

    /// Computes the lock and every generated file.
    ///
    /// # Errors
    /// [`PaperError::Text`] with all problems of the sources; [`PaperError`] when a run cannot be read.
    pub(crate) fn derive(&self) -> Result<Derived, PaperError> {
        let mut lock = Lock::of_runs(&self.library)?;
        let mut problems = self.hand_typed();
        let mut expansions: BTreeMap<(Macro, String), Expansion> = BTreeMap::new();
        for source in &self.sources {
            problems.extend(self.expand_all(source, &mut expansions));
        }
        let checklist = checklist(&self.config, &self.library);
        let (checklist, open_items) =
            checklist.map_err(|reason| PaperError::Config { path: self.folder.join(CONFIG_FILE), reason })?;
        if !self.config.draft && !open_items.is_empty() {
            let message = format!(
                "the checklist waits for answers to {}; write them under [checklist]",
                open_items.join(", ")
            );
            problems.push(TextProblem { file: CONFIG_FILE.to_owned(), line: 1, column: 1, message });
        }
        if !problems.is_empty() {
            return Err(PaperError::Text(problems));
        }
        let results = self.sources.iter().filter(|source| self.holds_results(source));
        lock.constants = results.flat_map(constants).collect();
        lock.cells = expansions
            .iter()
            .map(|((command, argument), expansion)| (command.cell(argument), locked(expansion)))
            .collect();
        let unfinished =
            expansions.values().filter(|expansion| expansion.value.standing == Standing::Unfinished).count();
        let mut files: BTreeMap<String, String> =
            expansions.values().flat_map(|expansion| expansion.files.clone()).collect();
        let lock_hash = blake3::hash(lock.to_text().as_bytes()).to_hex().to_string();
        files.insert("generated/checklist.tex".to_owned(), checklist);
        files.insert("generated/values.tex".to_owned(), self.values(&expansions, &lock_hash));
        Ok(Derived { lock, files, unfinished, open_items })
    }

    fn holds_results(&self, source: &Source) -> bool {
        self.config.results.iter().any(|pattern| matches(pattern, &source.file))
    }

    /// Numbers that were typed by hand in the results.
    fn hand_typed(&self) -> Vec<TextProblem> {
        let results = self.sources.iter().filter(|source| self.holds_results(source));
        results.flat_map(|source| typed_numbers(source, &self.config.names)).collect()
    }

    /// Adds what the commands of a source stand for, and says what is wrong with them.
    fn expand_all(
        &self,
        source: &Source,
        expansions: &mut BTreeMap<(Macro, String), Expansion>,
    ) -> Vec<TextProblem> {
        let mut problems = Vec::new();
        for command in source.commands() {
            let Some(kind) = Macro::ALL.into_iter().find(|kind| kind.name() == command.name) else {
                continue;
            };
            let Some(argument) = command.arguments.first() else {
                problems.push(
                    source.problem(command.start, format!("\\{} needs an argument in braces", command.name)),
                );
                continue;
            };
            match self.expand_checked(kind, argument) {
                Ok(expansion) => {
                    expansions.insert((kind, argument.clone()), expansion);
                }
                Err(message) => problems.push(source.problem(command.start, message)),
            }
        }
        problems
    }

    /// What a command stands for, refused where it is not final in a paper that is no draft.
    fn expand_checked(&self, command: Macro, argument: &str) -> Result<Expansion, String> {
        let expansion = expand(&self.library, command, argument)?;
        match (expansion.value.standing, &expansion.value.text) {
            (Standing::Unfinished, _) if !self.config.draft => Err(format!(
                "\\{}{{{argument}}} rests on a study that is not finished; finish it, or write `draft = true` in {CONFIG_FILE}",
                command.name()
            )),
            (Standing::Final, None) => {
                Err(format!("`{argument}` has no value: the study is finished and does not give it"))
            }
            _ => Ok(expansion),
        }
    }

    /// The file that LaTeX reads first: the commands and what they stand for.
    fn values(&self, expansions: &BTreeMap<(Macro, String), Expansion>, lock_hash: &str) -> String {
        let authors: Vec<String> = self.config.authors.iter().map(|author| latex::escaped(author)).collect();
        let draft = if self.config.draft { "#1" } else { "#2" };
        let mut text = format!(
            "% Written by `allconv paper build`; do not edit.\n\\newcommand{{\\papertitle}}{{{}}}\n\\newcommand{{\\paperauthors}}{{{}}}\n\
             \\newcommand{{\\paperdate}}{{{}}}\n\\newcommand{{\\paperlock}}{{{}}}\n\\newcommand{{\\ifdraft}}[2]{{{draft}}}\n{}",
            latex::escaped(&self.config.title),
            authors.join(" \\and "),
            latex::escaped(&self.config.date),
            &lock_hash[..16],
            include_str!("../templates/commands.tex")
        );
        for kind in Macro::ALL {
            let _ = writeln!(text, "\\newcommand{{\\{0}}}[1]{{\\allconvuse{{{0}}}{{#1}}}}", kind.name());
        }
        for ((kind, argument), expansion) in expansions {
            let value = match (&expansion.value.text, expansion.value.standing, kind) {
                (None, ..) => "\\pending{}".to_owned(),
                (Some(text), Standing::Unfinished, Macro::Val) => format!("\\unfinished{{{text}}}"),
                (Some(text), ..) => text.clone(),
            };
            let _ = writeln!(text, "\\allconvdefine{{{}}}{{{argument}}}{{{value}}}", kind.name());
        }
        text
    }
}

/// What the lock keeps of an expansion: a number as it is, of anything longer and of what reads files the hash.
fn locked(expansion: &Expansion) -> LockedCell {
    let text = expansion.value.text.clone().unwrap_or_else(|| "pending".to_owned());
    let is_short = text.len() <= LONGEST_TEXT && !text.contains('\n') && expansion.files.is_empty();
    let whole = || {
        let files = expansion.files.iter().map(|(_, content)| content.as_str());
        let all: Vec<&str> = std::iter::once(text.as_str()).chain(files).collect();
        format!("blake3:{}", blake3::hash(all.join("\n").as_bytes()).to_hex())
    };
    LockedCell { text: if is_short { text.clone() } else { whole() }, of: expansion.value.of.clone() }
}

/// Computes everything, writes the generated files and `paper.lock`.
///
/// # Errors
/// [`PaperError::Text`] with all problems of the sources, before anything is written; [`PaperError`] when a file cannot be read or written.
pub fn build(paper: &Paper) -> Result<Built, PaperError> {
    let derived = paper.derive()?;
    for (path, content) in &derived.files {
        let path = paper.folder.join(path);
        if let Some(parent) = path.parent() {
            create_folder(parent)?;
        }
        write_atomically(&path, content.as_bytes())?;
    }
    let lock = paper.folder.join(LOCK_FILE);
    write_atomically(&lock, derived.lock.to_text().as_bytes())?;
    let figures = derived.files.keys().filter(|path| path.ends_with("-alone.tex")).cloned().collect();
    Ok(Built {
        lock,
        cells: derived.lock.cells.len(),
        unfinished: derived.unfinished,
        runs: derived.lock.run_count(),
        constants: derived.lock.constants,
        open_items: derived.open_items,
        figures,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::small_paper;

    fn problems(paper: &crate::testing::SmallPaper) -> Vec<String> {
        match Paper::open(paper.folder()).and_then(|paper| build(&paper)) {
            Ok(_) => Vec::new(),
            Err(PaperError::Text(problems)) => problems.iter().map(ToString::to_string).collect(),
            Err(other) => vec![other.to_string()],
        }
    }

    #[test]
    fn a_build_writes_values_tables_figures_checklist_and_lock() {
        let paper = small_paper();
        let built = build(&Paper::open(paper.folder()).unwrap()).unwrap();
        assert_eq!((built.runs, built.unfinished), (18, 0));
        let values = std::fs::read_to_string(paper.folder().join("generated/values.tex")).unwrap();
        assert!(values.contains("\\allconvdefine{val}{small/all_conv.difference}{$+3.00$\\,pp}"), "{values}");
        assert!(values.contains("\\allconvdefine{restable}{small}{\\begin{table}"), "{values}");
        let lock = Lock::read(paper.folder()).unwrap();
        assert_eq!(lock.cells["small/all_conv.difference"].of, ["small/all_conv", "small/max_pool"]);
        assert_eq!(lock.runs["small/max_pool"].len(), 6);
        assert_eq!(lock.constants, ["95\\,\\%"]);
        assert_eq!(built.figures, ["generated/figures/small-alone.tex"]);
        // The same sources and runs give the same bytes.
        let first = std::fs::read(&built.lock).unwrap();
        build(&Paper::open(paper.folder()).unwrap()).unwrap();
        assert_eq!(std::fs::read(&built.lock).unwrap(), first);
    }

    #[test]
    fn unknown_keys_and_typed_numbers_are_refused_with_their_places_and_nothing_is_written() {
        let paper = small_paper();
        paper.write("results.tex", "It errs by \\val{small/all_con.difference},\nwhich is 3.00 points.\n");
        let problems = problems(&paper);
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].starts_with("results.tex:2:10: the number 3.00"), "{problems:?}");
        assert!(
            problems[1].starts_with("results.tex:1:12:") && problems[1].contains("did you mean `all_conv`"),
            "{problems:?}"
        );
        assert!(!paper.folder().join(LOCK_FILE).exists());
    }

    #[test]
    fn unfinished_studies_are_refused_unless_the_paper_is_a_draft_and_then_marked() {
        let paper = small_paper();
        paper.remove_run("all_conv", 5);
        assert!(problems(&paper).iter().any(|problem| problem.contains("not finished")));
        paper.edit_config("draft = false", "draft = true");
        let built = build(&Paper::open(paper.folder()).unwrap()).unwrap();
        assert!(built.unfinished > 0);
        let values = std::fs::read_to_string(paper.folder().join("generated/values.tex")).unwrap();
        assert!(values.contains("{small/all_conv.difference}{\\unfinished{$+"), "{values}");
        assert!(values.contains("{small/claims/costs.verdict}{\\pending{}}"), "{values}");
    }

    #[test]
    fn a_checklist_without_the_authors_answers_is_refused_in_a_paper_that_is_no_draft() {
        let paper = small_paper();
        let config = std::fs::read_to_string(paper.folder().join(CONFIG_FILE)).unwrap();
        paper.write(CONFIG_FILE, &config.replace("ethics =", "# ethics ="));
        assert!(problems(&paper).iter().any(|problem| problem.contains("ethics")));
    }

    #[test]
    fn results_that_no_source_reads_are_refused() {
        let paper = small_paper();
        paper.edit_config("results.tex", "reslts.tex");
        assert!(problems(&paper)[0].contains("reslts.tex"));
    }
}
