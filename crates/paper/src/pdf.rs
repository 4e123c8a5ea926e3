//! The PDF of a paper and of its figures, by `latexmk` where it is installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use allconv_record::create_folder;

use crate::building::{Built, Paper};
use crate::error::PaperError;

/// Where LaTeX writes, below the paper's folder.
const OUT: &str = "build";

/// Most lines of LaTeX's log that an error shows.
const MOST_LINES: usize = 20;

/// What came of LaTeX.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LatexOutcome {
    /// The PDF, and what LaTeX warned of that a reader would see: overfull lines.
    Written {
        /// The paper.
        pdf: PathBuf,
        /// The figures, each alone.
        figures: Vec<PathBuf>,
        /// Lines that stick out of the margin by more than a point.
        overfull: Vec<String>,
    },
    /// `latexmk` is not installed.
    NoLatex,
}

/// Compiles the paper and its figures. The same sources give the same bytes: no time enters the file.
///
/// # Errors
/// [`PaperError::Latex`] with the end of the log when LaTeX fails, or a reference or citation is undefined.
pub fn write_pdf(paper: &Paper, built: &Built) -> Result<LatexOutcome, PaperError> {
    let out = paper.folder.join(OUT);
    create_folder(&out)?;
    let Some(log) = compile(&paper.folder, &paper.config.main, OUT)? else {
        return Ok(LatexOutcome::NoLatex);
    };
    let undefined: Vec<&str> = log.lines().filter(|line| line.contains("undefined on input line")).collect();
    if !undefined.is_empty() {
        return Err(PaperError::Latex(undefined.join("\n")));
    }
    let mut figures = Vec::new();
    for figure in &built.figures {
        let path = Path::new(figure);
        let (folder, file) = (path.parent().unwrap_or(Path::new("")), path.file_name().unwrap_or_default());
        let back = format!("../../{OUT}/figures");
        compile(&paper.folder.join(folder), &file.to_string_lossy(), &back)?;
        figures.push(pdf_of(&out.join("figures"), figure));
    }
    let overfull = log.lines().filter(|line| overfull_points(line) > 1.0).map(str::to_owned).collect();
    Ok(LatexOutcome::Written { pdf: pdf_of(&out, &paper.config.main), figures, overfull })
}

fn pdf_of(folder: &Path, source: &str) -> PathBuf {
    let stem = Path::new(source).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    folder.join(format!("{stem}.pdf"))
}

/// Runs LaTeX and gives its log; `None` where it is not installed.
fn compile(folder: &Path, source: &str, out: &str) -> Result<Option<String>, PaperError> {
    let run = Command::new("latexmk")
        .args([
            "-pdf",
            "-interaction=nonstopmode",
            "-halt-on-error",
            "-file-line-error",
            &format!("-outdir={out}"),
            source,
        ])
        .current_dir(folder)
        .env("SOURCE_DATE_EPOCH", "0")
        .env("FORCE_SOURCE_DATE", "1")
        .env("max_print_line", "1000")
        .output();
    let run = match run {
        Ok(run) => run,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(PaperError::Latex(format!("cannot start latexmk: {error}"))),
    };
    let log = pdf_of(&folder.join(out), source).with_extension("log");
    let log =
        std::fs::read(&log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    if run.status.success() {
        return Ok(Some(log));
    }
    let output = format!("{log}\n{}", String::from_utf8_lossy(&run.stderr));
    let lines: Vec<&str> = output.lines().collect();
    let first = lines.iter().position(|line| line.contains(".tex:") || line.starts_with('!'));
    let from = first.unwrap_or(lines.len().saturating_sub(MOST_LINES));
    let shown = lines[from..].iter().take(MOST_LINES).copied().collect::<Vec<_>>().join("\n");
    Err(PaperError::Latex(format!("LaTeX failed on {source}:\n{shown}")))
}

/// By how many points a line sticks out, as LaTeX's log says it; 0 for other lines.
fn overfull_points(line: &str) -> f64 {
    let Some(rest) = line.strip_prefix("Overfull \\hbox (") else { return 0.0 };
    rest.split_once("pt too wide").and_then(|(points, _)| points.parse().ok()).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::building::build;
    use crate::testing::small_paper;

    #[test]
    fn overfull_lines_are_measured() {
        assert_eq!(overfull_points("Overfull \\hbox (12.5pt too wide) in paragraph at lines 3--4"), 12.5);
        assert_eq!(overfull_points("Underfull \\hbox (badness 10000)"), 0.0);
    }

    #[test]
    fn a_paper_compiles_to_the_same_bytes_where_latex_is_installed() {
        let small = small_paper();
        let paper = Paper::open(small.folder()).unwrap();
        let built = build(&paper).unwrap();
        let LatexOutcome::Written { pdf, figures, .. } = write_pdf(&paper, &built).unwrap() else {
            println!("latexmk is not installed: the PDF is not tested");
            return;
        };
        let first = std::fs::read(&pdf).unwrap();
        assert!(first.starts_with(b"%PDF") && figures.iter().all(|figure| figure.is_file()));
        std::fs::remove_dir_all(small.folder().join(OUT)).unwrap();
        write_pdf(&paper, &built).unwrap();
        assert!(std::fs::read(&pdf).unwrap() == first, "the same sources gave other bytes");
        small.write("results.tex", "\\nothing");
        assert!(write_pdf(&paper, &built).unwrap_err().to_string().contains("nothing"));
    }
}
